"""What a backbone is worth, by command: knn, probe, finetune, export."""

import io
import re

import pytest
import safetensors.torch
import torch
from torch import nn

from mocolib import __main__ as cli
from mocolib import evaluate, runs, weights
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.vit import build_backbone
from mocolib.weights import transfer
from tests.near import assert_same_function
from tests.tiny import blobs, flags, random_images, three_classes, tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of images, a run on it, and the folder of the run."""
    root = tmp_path_factory.mktemp("trained")
    three_classes(root / "images")
    recipe = tiny(dataset=f"folder:{root / 'images'}")
    assert cli.main(["train", "--runs", str(root / "runs"), *flags(recipe)]) == 0
    return root / "images", runs.Run(root / "runs" / recipe.id)


def loaded(**changes) -> weights.Loaded:
    torch.manual_seed(0)
    recipe = tiny(**changes)
    return weights.Loaded(
        backbone=build_backbone(recipe, 3), recipe=recipe, channels=3, report=None
    )


def said(capsys, *words) -> str:
    assert cli.main([str(w) for w in words]) == 0
    return capsys.readouterr().out


# ---- the library


class Brightness(nn.Module):
    """Features that tell the blobs apart: mean brightness and two numbers of noise."""

    width = 3

    def forward(self, images):
        noise = images[:, 0, 0, :2] * 0.1
        return torch.cat([images.mean((1, 2, 3))[:, None], noise], 1), {}


def test_the_probe_finds_what_the_features_hold(data):
    given = weights.Loaded(
        backbone=Brightness(), recipe=tiny(), channels=3, report=None
    )
    recipe = transfer.plan(transfer.PROBE, data, 30, batch_size=32, base_lr=1.0)
    assert transfer.linear_probe(given, data, recipe) == 1
    assert transfer.knn(given, data) > 0.9


def test_the_probe_agrees_with_the_exact_solver(data):
    given = loaded()
    recipe = transfer.plan(transfer.PROBE, data, 200, batch_size=32, base_lr=1.0)
    by_sgd = transfer.linear_probe(given, data, recipe)
    train, test = transfer.features(given, data)
    exact = evaluate.linear_probe(train, data.train_labels, test, data.test_labels, 3)
    assert by_sgd == pytest.approx(exact, abs=0.07)
    assert by_sgd == transfer.linear_probe(given, data, recipe)  # nothing is drawn


def test_the_probe_is_the_papers_sgd(data):
    recipe = transfer.plan(transfer.PROBE, data, 3, batch_size=32)
    optimizer = transfer.optim.build_optimizer(recipe, [("w", nn.Parameter())])
    (group,) = optimizer.param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.9, 0)
    assert recipe.steps == 3 * (96 // 32)


@pytest.mark.parametrize("changes", [{}, dict(backbone="resnet8")])
def test_fine_tuning_trains_all_but_the_positions(data, changes):
    given = loaded(**changes, image_size=8, position="sincos")
    before = {k: v.clone() for k, v in given.backbone.state_dict().items()}
    recipe = transfer.plan(transfer.FINETUNE, data, 6, 1, batch_size=32, base_lr=0.03)
    head = transfer.new_head(given, data, 0)
    epochs, losses, accuracies = zip(
        *transfer.finetune(given, head, data, recipe), strict=True
    )
    assert epochs == (1, 2, 3, 4, 5, 6)
    assert losses[-1] < losses[0]
    assert accuracies[-1] > 0.5
    after = given.backbone.state_dict()
    kept = {k for k in before if torch.equal(before[k], after[k])}
    assert kept == ({"position"} if not changes else set())


def test_a_fixed_patch_projection_is_freed(data):
    given = loaded(patch_projection="fixed")
    before = given.backbone.patch_projection.weight.clone()
    recipe = transfer.plan(transfer.FINETUNE, data, 1, batch_size=32)
    list(transfer.finetune(given, transfer.new_head(given, data, 0), data, recipe))
    assert not torch.equal(before, given.backbone.patch_projection.weight)


@pytest.mark.parametrize(
    ("words", "changes", "epochs"),
    [
        ("epochs is 0, but must be 1 to 10000", {}, 0),
        ("batch_size is 97, but must be at most 96", dict(batch_size=97), 1),
        ("base_lr is -1", dict(base_lr=-1.0), 1),
    ],
)
def test_a_plan_that_cannot_be(data, words, changes, epochs):
    with pytest.raises(BadInput, match=words):
        transfer.plan(transfer.PROBE, data, epochs, **changes)


def test_colours_must_fit():
    with pytest.raises(BadInput, match="has 1 colour channels, but must have 3"):
        transfer.features(loaded(), blobs(channels=1))


def test_a_loss_that_breaks_is_named(data):
    given = loaded()
    recipe = transfer.plan(transfer.FINETUNE, data, 60, batch_size=32, base_lr=1e4)
    head = transfer.new_head(given, data, 0)
    with torch.no_grad():
        head.weight.fill_(torch.inf)
    with pytest.raises(BadInput, match=r"base_lr is 10000.0, but must be lower"):
        list(transfer.finetune(given, head, data, recipe))


# ---- the commands


def test_knn_and_probe_of_a_run(capsys, trained):
    _, run = trained
    where = ["--runs", run.folder.parent]
    by_id = said(capsys, "knn", run.id[:5], *where)
    assert said(capsys, "knn", run.folder) == by_id
    data = load(run.recipe.dataset, 8)
    accuracy = transfer.knn(weights.of_run(run), data)
    assert f"kNN {accuracy:.3f} on folder:" in by_id
    assert "0 missing, 0 unexpected" in by_id
    probe = said(capsys, "probe", run.id, *where, "--epochs", "5", "--batch-size", "8")
    assert re.search(r"linear probe 0\.\d{3} on folder:", probe)
    other = said(capsys, "knn", run.folder, "--side", "key")
    assert "kNN" in other


@pytest.mark.parametrize("changes", [{}, dict(pool="average"), dict(qk_norm=True)])
def test_an_export_loads_as_its_card_says(capsys, trained, tmp_path, changes):
    images, run = trained
    if changes:
        recipe = tiny(dataset=f"folder:{images}", steps=2, **changes)
        assert cli.main(["train", "--runs", str(tmp_path), *flags(recipe)]) == 0
        run = runs.Run(tmp_path / recipe.id)
    file = tmp_path / "out" / "vit.safetensors"
    said(capsys, "export", run.folder, "--to", "timm", "-o", file)
    theirs = as_the_card_says(file)
    ours = weights.of_run(run).backbone
    x = random_images(4) / 128 - 1
    assert_same_function(ours, theirs, x)
    again = said(capsys, "knn", file, "--data", f"folder:{images}")
    assert again.splitlines()[1] == said(capsys, "knn", run.folder).splitlines()[1]
    card = (tmp_path / "out" / "README.md").read_text()
    assert run.id in card
    assert run.provenance["date"] in card
    assert "mean: [" in card


def as_the_card_says(file):
    """Run the card's code where it stands; the model in evaluation mode."""
    code = re.search(
        r"```python\n(.*?)```", (file.parent / "README.md").read_text(), re.S
    )
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(file.parent)
        exec(code[1], names)
    return names["model"].eval()


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("side", [32, 96])
def test_a_resnet_exports_to_torchvision(tmp_path, channels, side):
    recipe = tiny(backbone="resnet18", image_size=side)
    given = weights.Loaded(
        backbone=build_backbone(recipe, channels).eval(),
        recipe=recipe,
        channels=channels,
        report=None,
    )
    file = tmp_path / "r.safetensors"
    cli.weights.model_card.export(given, file, "torchvision", "a test")
    x = random_images(2, channels, side) / 128 - 1
    assert_same_function(given.backbone, as_the_card_says(file), x)


def test_fine_tuned_weights_are_written_with_their_head(capsys, trained, tmp_path):
    images, run = trained
    file = tmp_path / "tuned.safetensors"
    words = ["--epochs", "2", "--batch-size", "8", "-o", file]
    out = said(capsys, "finetune", run.folder, *words)
    model = as_the_card_says(file)
    data = load(f"folder:{images}", 8)
    x = evaluate.normalize(evaluate.resized(data.test_images, 8), data.mean, data.std)
    right = (model(x).argmax(1) == data.test_labels).float().mean().item()
    last = out.splitlines()[-2]
    assert last.startswith("epoch 2  loss ")
    assert last.endswith(f"accuracy {right:.3f}")
    assert safetensors.torch.load_file(file)["head.weight"].shape == (3, 8)


# ---- what is kept of a training with labels


def tuned(run, file, *more) -> list[str]:
    words = ["finetune", run.folder, "--epochs", "3", "--batch-size", "8"]
    return [str(word) for word in (*words, *more, *(["-o", file] if file else []))]


@pytest.fixture
def breaking(monkeypatch):
    """Fine-tuning that is broken off behind its second epoch; what it had by then."""

    def broken(error):
        seen = {}

        def two(loaded, head, data, recipe):
            for epoch, loss, accuracy in whole(loaded, head, data, recipe):
                if epoch == 3:
                    raise error
                seen.update({k: v.clone() for k, v in head.state_dict().items()})
                yield epoch, loss, accuracy

        whole = transfer.finetune
        monkeypatch.setattr(transfer, "finetune", two)
        return seen

    return broken


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "stopped; {} has the weights of epoch 2."),
        (OSError(28, "No space left on device"), 2, "No space left on device."),
        (BadInput("base_lr is 9, but must be lower."), 2, "base_lr is 9, but must be"),
        (MemoryError(), 2, "the memory is too small for this"),
    ],
)
def test_each_epochs_weights_are_kept_whole(
    capsys, trained, tmp_path, breaking, error, code, told
):
    _, run = trained
    file, seen = tmp_path / "tuned.safetensors", breaking(error)
    assert cli.main(tuned(run, file)) == code
    assert told.format(file) in capsys.readouterr().err.splitlines()[-1]
    state = safetensors.torch.load_file(file)
    assert torch.equal(state["head.weight"], seen["weight"])
    as_the_card_says(file)
    assert "test accuracy" in (tmp_path / "README.md").read_text()


def test_a_stop_says_that_nothing_is_kept_where_nothing_is(capsys, trained, breaking):
    breaking(KeyboardInterrupt())
    assert cli.main(tuned(trained[1], None)) == 130
    assert capsys.readouterr().err.splitlines()[-1] == (
        "mocolib: stopped; nothing is kept."
    )


RESUMED = {"train": "mocolib.cli.training.load", "sweep": "mocolib.sweep.read"}
STOPPED = {
    "knn": "mocolib.cli.weights.load",
    "probe": "mocolib.cli.weights.load",
    "export": "mocolib.weights.of_run",
    "plot": "mocolib.figures.curves",
    "claims": "mocolib.claims.ledger",
    "runs verify": "mocolib.runs.publish.verify",
}


@pytest.mark.parametrize("command", [*STOPPED, *RESUMED])
def test_only_what_goes_on_is_said_to_go_on(
    capsys, trained, tmp_path, monkeypatch, command
):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    _, run = trained
    where = ["--runs", str(run.folder.parent)]
    more = {
        **{name: [run.id, *where] for name in ("knn", "probe", "plot")},
        "export": [
            run.id,
            *where,
            "--to",
            "timm",
            "-o",
            str(tmp_path / "w.safetensors"),
        ],
        "claims": where,
        "runs verify": where,
        "train": [*where, *flags(run.recipe.replace(seed=9))],
        "sweep": ["lr", *where],
    }[command]
    monkeypatch.setattr({**STOPPED, **RESUMED}[command], stopped)
    assert cli.main([*command.split(), *more]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    goes_on = "mocolib: stopped; the same command continues the run."
    assert said == (goes_on if command in RESUMED else "mocolib: stopped.")


def test_a_card_that_may_not_stand_keeps_no_weights_back(
    capsys, trained, tmp_path, monkeypatch
):
    """A README of the user's that came while the work was going on."""
    file, whole = tmp_path / "w.safetensors", transfer.finetune

    def meanwhile(*given):
        (tmp_path / "README.md").write_text("mine")
        yield from whole(*given)

    monkeypatch.setattr(transfer, "finetune", meanwhile)
    assert cli.main(tuned(trained[1], file)) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "without a README.md of yours" in said
    assert said.endswith(f"{file} has the weights of epoch 3 all the same.")
    assert (tmp_path / "README.md").read_text() == "mine"
    assert safetensors.torch.load_file(file)["head.weight"].shape == (3, 8)


def test_the_file_is_written_though_nobody_listens(trained, tmp_path, monkeypatch):
    class Closed(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    file = tmp_path / "w.safetensors"
    monkeypatch.setattr("sys.stdout", Closed())
    assert cli.main(tuned(trained[1], file)) == 141
    monkeypatch.undo()
    assert "head.weight" in safetensors.torch.load_file(file)


def test_what_cannot_be_written_is_said_before_the_work(
    capsys, trained, tmp_path, monkeypatch
):
    images, _ = trained
    recipe = tiny(dataset=f"folder:{images}", stem="conv", steps=2, warmup_steps=0)
    where = ["--runs", str(tmp_path)]
    assert cli.main(["train", *where, *flags(recipe)]) == 0
    monkeypatch.setattr(transfer, "finetune", None)
    file = str(tmp_path / "w.safetensors")
    assert cli.main(["finetune", recipe.id, *where, "-o", file]) == 2
    assert "must be timm for a ViT with one linear" in capsys.readouterr().err


# ---- the card


def numbers(card: str, name: str) -> list[float]:
    return [float(x) for x in re.search(rf"{name}: \[(.*?)\]", card)[1].split(", ")]


@pytest.mark.parametrize("command", ["finetune", "export"])
def test_a_card_tells_how_images_go_in(capsys, trained, tmp_path, command):
    images, run = trained
    file, data = tmp_path / "w.safetensors", load(f"folder:{images}", 8)
    words = tuned(run, file) if command == "finetune" else None
    words = words or ["export", str(run.folder), "--to", "timm", "-o", str(file)]
    assert cli.main(words) == 0
    card = (tmp_path / "README.md").read_text()
    assert numbers(card, "mean") == pytest.approx(data.mean.tolist(), rel=1e-5)
    assert numbers(card, "deviation") == pytest.approx(data.std.tolist(), rel=1e-5)
    classes = "- classes, as the head has them: ant, bee, cow\n"
    assert (classes in card) == (command == "finetune")


def test_a_card_says_where_the_numbers_are_not_known(capsys, trained, tmp_path):
    """Of a file that is exported once more they are not."""
    once, twice = (tmp_path / n / "w.safetensors" for n in ("one", "two"))
    where = ["--to", "timm", "-o"]
    assert cli.main(["export", str(trained[1].folder), *where, str(once)]) == 0
    assert cli.main(["export", str(once), *where, str(twice)]) == 0
    card = twice.with_name("README.md").read_text()
    assert "does not tell these numbers" in " ".join(card.split())
    assert "deviation: [" not in card


def test_a_readme_of_others_is_never_overwritten(capsys, trained, tmp_path):
    _, run = trained
    (tmp_path / "README.md").write_text("mine")
    file = tmp_path / "vit.safetensors"
    words = ["export", str(run.folder), "--to", "timm", "-o", str(file)]
    assert cli.main(words) == 2
    assert "without a README.md of yours" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "mine"
    assert not file.exists()


BAD = {
    "no data": (["knn", "FILE"], "data is missing"),
    "no such data": (["knn", "FILE", "--data", "mnizt"], "dataset is 'mnizt'"),
    "no such file": (["knn", "none.pth", "--data", "mnist"], "none.pth"),
    "no such run": (["knn", "zz"], "run is 'zz'"),
    "no such side": (["knn", "RUN", "--side", "left"], "left"),
    "heads of a run": (["knn", "RUN", "--heads", "2"], "heads is 2, but must be left"),
    "heads in words": (["knn", "FILE", "--heads", "two"], "heads is 'two'"),
    "key of a file": (["knn", "FILE", "--side", "key"], "side is 'key'"),
    "grey": (["knn", "FILE", "--data", "fashion-mnist"], "1 colour channels"),
    "epochs in words": (["probe", "RUN", "--epochs", "x"], "epochs is 'x'"),
    "no epochs": (["probe", "RUN", "--epochs", "0"], "epochs is 0"),
    "batch": (["probe", "RUN", "--batch-size", "1000"], "batch_size is 1000"),
    "rate": (["finetune", "RUN", "--base-lr", "nan"], "base_lr is nan"),
    "ending": (["finetune", "RUN", "-o", "x.pth"], "must end in .safetensors"),
    "no output": (["export", "RUN", "--to", "timm"], "-o"),
    "no names": (["export", "RUN", "--to", "jax", "-o", "x.safetensors"], "jax"),
    "other names": (
        ["export", "RUN", "--to", "torchvision", "-o", "x.safetensors"],
        "to is 'torchvision', but must be timm for",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_one_sentence(capsys, trained, tmp_path, monkeypatch, fault):
    monkeypatch.chdir(tmp_path)
    _, run = trained
    given = weights.of_run(run)
    weights.save(given, "vit.safetensors", "timm")
    there = {"FILE": "vit.safetensors", "RUN": str(run.folder)}
    words, part = BAD[fault]
    assert cli.main([there.get(word, word) for word in words]) == 2
    err = capsys.readouterr().err
    assert part in err
    assert err.count("\n") == 1
    assert {f.name for f in tmp_path.iterdir()} == {"vit.safetensors"}
