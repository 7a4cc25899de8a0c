"""The page in examples/ stands alone, trains, and is mocolib's MoCo v3."""

import pytest
import torch

from examples import moco_v3_in_one_page as page
from mocolib import named_recipe, optim, schedules
from mocolib.moco import MoCo
from mocolib.weights.conversion import from_timm
from tests.near import SAME, distance
from tools import ROOT

FILE = ROOT / "examples" / "moco_v3_in_one_page.py"
SIZES = (page.SIDE, page.PATCH, page.CHANNELS, page.WIDTH, page.DEPTH, page.HEADS)
EACH = pytest.mark.parametrize("kind", ["learned", "fixed"])


def plain(kind, monkeypatch):
    """The page's model, in float64; its warmup is short, so that weights move."""
    monkeypatch.setattr(page, "FIXED", kind == "fixed")
    monkeypatch.setattr(page, "WARMUP", 2)
    torch.manual_seed(0)
    return page.MoCo(*SIZES).double()


def ours(tensors: dict) -> dict:
    """Tensors of the page's model, or their gradients, by mocolib's names."""
    found = {}
    for side in ("query", "key"):
        vit, head = f"{side}.0.", f"{side}.1."
        inside = {n.removeprefix(vit): v for n, v in tensors.items() if vit in n}
        _, inside = from_timm(inside, heads=page.HEADS, image_size=page.SIDE)
        found |= {f"{side}.backbone.{n}": v for n, v in inside.items()}
        heads = {n.removeprefix(head): v for n, v in tensors.items() if head in n}
        found |= {f"{side}.projector.{n}": v for n, v in heads.items()}
    return found | {n: v for n, v in tensors.items() if n.startswith("predictor")}


def mini(kind, **changes):
    return named_recipe("mini", patch_projection=kind, **changes)


def same(kind, model) -> MoCo:
    """mocolib's model in the state of the page's."""
    twin = MoCo(mini(kind), page.CHANNELS).double()
    twin.load_state_dict(ours(model.state_dict()))
    return twin


def batches(count, n=32):
    generator = torch.Generator().manual_seed(0)
    shape = (count, 2, n, page.CHANNELS, page.SIDE, page.SIDE)
    return torch.randn(shape, generator=generator).double()


@EACH
def test_from_one_state_the_losses_and_gradients_are_mocolibs(kind, monkeypatch):
    model = plain(kind, monkeypatch)
    twin, [views] = same(kind, model), batches(1)
    loss, output = model(*views), twin(views, page.TAU, page.M)
    assert distance(loss, output.loss) < SAME
    loss.backward()
    output.loss.backward()
    zero = torch.zeros_like
    named = model.named_parameters()
    gradients = ours({n: zero(p) if p.grad is None else p.grad for n, p in named})
    moved = {n: p.grad for n, p in twin.named_parameters() if p.grad is not None}
    assert ("query.backbone.patch_projection.weight" in moved) == (kind == "learned")
    assert moved.keys() <= gradients.keys()
    for name, gradient in gradients.items():
        expected = moved.get(name, zero(gradient)).double()
        # what BatchNorm takes away has no gradient but rounding
        close = torch.allclose(gradient.double(), expected, rtol=1e-9, atol=1e-14)
        assert close, name


@EACH
def test_step_after_step_it_trains_as_mocolib_does(kind, monkeypatch):
    model, views = plain(kind, monkeypatch), batches(5)
    twin, recipe = same(kind, model), mini(kind, warmup_steps=2)
    optimizer = optim.build_optimizer(recipe, optim.trainable(twin))
    for step, loss in enumerate(page.train(model, views)):
        now = schedules.at(recipe, step)
        optim.set_hyperparameters(optimizer, recipe, now.rate)
        expected = twin(views[step], now.temperature, now.momentum).loss
        assert loss == pytest.approx(expected.item(), rel=1e-9)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()


def test_it_starts_from_the_same_distributions(monkeypatch):
    """Deviation of each weight; the class token's is next to nothing in both."""
    starts = ours(plain("learned", monkeypatch).state_dict())
    for name, weight in MoCo(mini("learned"), page.CHANNELS).named_parameters():
        if weight.ndim == 2:
            assert starts[name].std() == pytest.approx(weight.std().item(), rel=0.15)
        elif "class_token" not in name:
            assert torch.equal(starts[name], weight.double())


def test_its_rate_is_minis():
    recipe = mini("learned")
    for step in (0, 50, 99, 100, 101, 900, 1599):
        assert page.rate(step) == pytest.approx(schedules.rate(recipe, step))
    assert recipe.batch_size == page.BATCH
    assert recipe.steps == page.STEPS


def test_its_command_trains(capsys):
    """Fewer and smaller steps; the loss falls below the one of chance, 4 tau ln B."""
    text, numbers = FILE.read_text(), "BATCH, STEPS, WARMUP = 256, 1600, 100"
    assert numbers in text
    short = text.replace(numbers, "BATCH, STEPS, WARMUP = 64, 40, 10")
    torch.manual_seed(0)
    exec(compile(short, FILE, "exec"), {"__name__": "__main__", "__file__": str(FILE)})
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("step   20  loss ")
    assert float(last.split()[3]) < 3.0
