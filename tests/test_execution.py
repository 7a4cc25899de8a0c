"""How a run is carried out changes what it costs, not what comes of it."""

import subprocess
import sys

import pytest
import torch

from mocolib import augment, evaluate
from mocolib.errors import BadInput
from mocolib.execution import PLAIN, Execution
from mocolib.runs import checkpoint
from mocolib.train import train
from tests.tiny import random_images, rows, tiny
from tools import ROOT

pytestmark = pytest.mark.numeric

CPU = dict(device="cpu")


def trained(data, steps=3, execution=PLAIN, **changes):
    training = train(tiny(batch_size=40, **changes), data, execution=execution)
    return training, rows(training, steps)


def largest_difference(one, other) -> float:
    ours, theirs = checkpoint.state(one)[0], checkpoint.state(other)[0]
    assert ours.keys() == theirs.keys()
    return max((ours[k] - theirs[k]).abs().max().item() for k in ours)


# ---- memory


@pytest.mark.parametrize("again", ["blocks", "chunks"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"framework": "simclr"}, {"patch_projection_norm": "weight"}],
    ids=["moco_v3", "simclr", "normed weight"],
)
def test_what_is_computed_again_is_the_same_to_the_last_bit(data, again, changes):
    how = Execution(**CPU, activation_checkpointing=again)
    plain, expected = trained(data, **changes)
    again, got = trained(data, **changes, execution=how)
    assert got == expected
    assert largest_difference(plain, again) == 0


def test_chunks_of_a_batch_make_the_step_of_the_whole(data):
    """The loss compares all images, however few a backbone sees at once."""
    whole, expected = trained(data, execution=Execution(**CPU, precision="fp64"))
    small = Execution(
        **CPU, precision="fp64", chunk=7, activation_checkpointing="chunks"
    )
    chunks, got = trained(data, execution=small)
    assert [r["loss"] for r in got] == pytest.approx([r["loss"] for r in expected])
    assert largest_difference(whole, chunks) < 1e-6


def test_recomputing_keeps_less(data):
    """Bytes kept for the way back, of views and weights apart."""

    def kept(how) -> int:
        training = train(tiny(batch_size=80, depth=4), data, execution=how)
        held = []  # the tensors themselves: no address is used twice

        def pack(tensor):
            held.append(tensor)
            return tensor

        views = training.batches.batch(0)[0]
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            training.model.query(views)
        sizes = {t.data_ptr(): t.nbytes for t in held if not t._is_view()}
        given = [views, *training.model.parameters()]
        return sum(
            v for k, v in sizes.items() if k not in {t.data_ptr() for t in given}
        )

    by_chunks = kept(Execution(**CPU, chunk=16, activation_checkpointing="chunks"))
    by_blocks = kept(Execution(**CPU, activation_checkpointing="blocks"))
    assert by_chunks < by_blocks < kept(PLAIN) / 2


# ---- precision


def test_mixed_precision_keeps_gradients_and_loss_in_single(data):
    _, (expected,) = trained(data, 1)
    mixed, (got,) = trained(data, 1, execution=Execution(**CPU, precision="bf16"))
    assert got["loss"] != expected["loss"]  # it was used
    assert got["loss"] == pytest.approx(expected["loss"], rel=0.02)
    for name in ("grad_l2/blocks.0.fc1", "grad_l2/projector.2"):
        # eight bits, some thirty roundings on the way: each up to 2^-9
        assert got[name] == pytest.approx(expected[name], rel=0.2)
        assert got[name] != torch.tensor(got[name]).bfloat16().item()
    grads = [p.grad for p in mixed.model.parameters() if p.grad is not None]
    assert {g.dtype for g in grads} == {torch.float32}
    assert {p.dtype for p in mixed.model.parameters()} == {torch.float32}
    output = mixed.model(mixed.batches.batch(1)[0], 0.2, 0.99)
    assert output.loss.dtype == output.features.dtype == torch.float32


def test_double_precision_is_double_throughout(data):
    training, _ = trained(data, 1, execution=Execution(**CPU, precision="fp64"))
    tensors = checkpoint.state(training)[0]
    kinds = {v.dtype for k, v in tensors.items() if k.startswith("model.") and v.ndim}
    assert kinds == {torch.float64}


# ---- shares and devices


@pytest.mark.parametrize("shares", [2, 4, 7])
def test_a_share_has_the_views_of_its_place_in_the_batch(data, shares):
    """Random numbers belong to the batch; a chunk of it may end inside a share."""
    images = random_images(140)

    def views(part, **place):
        generator = torch.Generator().manual_seed(3)
        given = {"mean": data.mean, "std": data.std, "generator": generator}
        return augment.two_views(images[part], "full", 8, **given, **place)

    whole, each = views(slice(0, 140)), 140 // shares
    for first in range(0, 140, each):
        part = slice(first, first + each)
        own = views(part, first=first, whole=140)
        torch.testing.assert_close(own, whole[:, part], rtol=1e-5, atol=1e-5)


def test_no_tensor_is_made_on_another_device(data):
    """What is made without a device lands on meta here, and could not be mixed."""
    recipe = tiny(image_size=64, patch_size=16, batch_size=16)
    training = train(recipe, data)
    views, _ = training.batches.batch(0)
    side = (8, 8)
    params = augment.draw(augment.STRENGTHS["full"][1], 16, side, torch.Generator())
    with torch.device("meta"):
        made = augment.apply(data.train_images[:16], params, 64)  # large enough to blur
        assert made.device.type == "cpu"
        output = training.model(views, 0.2, 0.99)
        output.loss.backward()
        training.optimizer.step()
        features = evaluate.features(
            training.model.query.backbone, data.test_images, 64, data.mean, data.std
        )
        tests = data.test_labels
        evaluate.knn_accuracy(features, tests, features, tests, 3)
        evaluate.linear_probe(features, tests, features, tests, 3)


# ---- what is refused


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (dict(device="tpu"), "device is 'tpu', but must be one of auto"),
        (dict(device="cuda"), "device is 'cuda', but must be one that is here"),
        (dict(device="mps"), "device is 'mps', but must be one that is here"),
        (dict(precision="fp8"), "precision is 'fp8', but must be one of auto"),
        (dict(chunk=0), "chunk is 0, but must be a whole number at least 1"),
        (dict(workers=-1), "workers is -1, but must be"),
        (dict(timeout=0.0), "timeout is 0.0, but must be a number above 0"),
        (dict(compile=True), "compile is True, but must be False on cpu"),
    ],
)
def test_settings_out_of_range_are_one_sentence(settings, sentence, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(BadInput, match=sentence):
        Execution(**{**CPU, **settings})


@pytest.mark.parametrize(
    ("changes", "again", "part"),
    [
        (dict(backbone="resnet8"), "blocks", "none for a resnet8"),
        (dict(patch_projection_norm="batch"), "chunks", "none or blocks"),
        (dict(framework="moco_v1"), "chunks", "none or blocks"),
    ],
)
def test_what_must_see_its_whole_batch_is_refused(data, changes, again, part):
    how = Execution(**CPU, activation_checkpointing=again)
    told = f"^activation_checkpointing is '{again}', .* {part}"
    with pytest.raises(BadInput, match=told):
        train(tiny(**changes), data, execution=how)


# ---- a reader's process


WATCHED = """
import ctypes, os, sys
before, asked, own = dict(os.environ), [], ctypes.CDLL
ctypes.CDLL = lambda *given, **named: asked.append(given[0]) or own(*given, **named)
{code}
print("libc.so.6" in asked, dict(os.environ) == before)
"""
TRAINS = """
import torch, mocolib
from mocolib.data import Dataset
images, labels = torch.zeros(8, 1, 8, 8, dtype=torch.uint8), torch.arange(8) % 2
data = Dataset(name="none", train_images=images, train_labels=labels,
               test_images=images, test_labels=labels, classes=("a", "b"))
recipe = mocolib.Recipe(image_size=8, patch_size=4, batch_size=4, steps=1,
                        warmup_steps=0, width=8, depth=1, knn_every=0)
next(mocolib.train(recipe, data))
"""
COMMANDS = "from mocolib.__main__ import main\nmain(['info', 'mini'])"


@pytest.mark.parametrize(("code", "tunes"), [(TRAINS, False), (COMMANDS, True)])
def test_only_the_command_line_tunes_its_process(code, tunes):
    """Importing mocolib or making a run leaves allocator and environment alone."""
    command = [sys.executable, "-c", WATCHED.format(code=code)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout.split()[-2:] == [str(tunes), "True"], said.stderr
