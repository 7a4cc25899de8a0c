"""The commands about a backbone: knn, probe, finetune, export.

mocolib knn 3f2a                                        a run of yours
mocolib probe vit-s.pth.tar --data folder:imagenet      the authors' weights
mocolib finetune 3f2a --data cifar10 -o tuned/model.safetensors
mocolib export 3f2a --to timm -o out/model.safetensors
"""

import contextlib
import sys
from pathlib import Path

import torch

from mocolib import runs, weights
from mocolib.cli.fields import add_fields, given
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.weights import model_card, transfer

ENDINGS = (".safetensors", ".pth", ".pt", ".tar", ".bin")
ABOUT_FILE = ("heads", "image_size")
ABOUT_TRAINING = ("batch_size", "base_lr", "seed")


def add_commands(command, folder):
    """Register the four; `command` and `folder` are those of `mocolib.__main__`."""
    texts = {
        "knn": (_knn, "kNN accuracy of a checkpoint or run"),
        "probe": (_probe, "linear classifier on frozen features, by SGD"),
        "finetune": (_finetune, "train a checkpoint or run on with labels"),
        "export": (_export, "write weights under timm's or torchvision's names"),
    }
    for name, (run, help) in texts.items():
        parser = command(name, run, help, folder)
        parser.add_argument(
            "source", metavar="CHECKPOINT|RUN", help="a file of weights, or a run's id"
        )
        sides = dict(choices=("query", "key"), default="query")
        parser.add_argument("--side", **sides, help="which encoder (default: query)")
        add_fields(parser, names=ABOUT_FILE)
        if name != "export":
            parser.add_argument(
                "--data", metavar="NAME", help="a data set (default: the run's own)"
            )
        if name in ("probe", "finetune"):
            add_fields(parser, names=ABOUT_TRAINING)
            default = 50 if name == "probe" else 10
            parser.add_argument(
                "--epochs",
                default=str(default),
                help="passes over the images (default: %(default)s)",
            )
        if name in ("finetune", "export"):
            parser.add_argument(
                "-o", "--output", type=Path, required=name == "export", metavar="FILE",
                help="a .safetensors file; its model card goes beside it",
            )  # fmt: skip
        if name == "export":
            parser.add_argument(
                "--to", choices=("timm", "torchvision"), required=True, metavar="NAME",
                help="whose names: timm or torchvision",
            )  # fmt: skip


def _source(options) -> tuple[weights.Loaded, runs.Run | None]:
    """The backbone that the command is about, and the run that it is from, if one."""
    path, fields = Path(options.source), given(options, names=ABOUT_FILE)
    if path.is_file() or path.suffix in ENDINGS:
        return weights.load(path, side=options.side, **fields), None
    if fields:
        name, value = next(iter(fields.items()))
        raise BadInput(f"{name} is {value}, but must be left out: a run tells it.")
    whole = (path / "recipe.json").exists()
    run = runs.Run(path) if whole else runs.read(options.source, options.runs)
    return weights.of_run(run, options.side), run


def _opened(options):
    """Backbone and data set of a command, the report printed."""
    torch.set_num_threads(1)  # as a run is trained: the same bits anywhere
    loaded, run = _source(options)
    print(loaded.report)
    name = options.data or (run.recipe.dataset if run else None)
    if name is None:
        raise BadInput("data is missing, but must be given: a file names no data set.")
    data = load(name, loaded.recipe.image_size)
    if run and not options.data:
        runs.check_data(run, data, "bring those images back, or name others by --data")
    print(data.report)
    transfer.check_channels(loaded, data)
    return loaded, data


def _knn(options) -> int:
    loaded, data = _opened(options)
    print(f"kNN {transfer.knn(loaded, data):.3f} on {data.name}")
    return 0


def _probe(options) -> int:
    loaded, data = _opened(options)
    recipe = _plan(options, transfer.PROBE, data)
    accuracy = transfer.linear_probe(loaded, data, recipe)
    print(f"linear probe {accuracy:.3f} on {data.name}")
    return 0


def _finetune(options) -> int:
    if options.output:
        model_card.checked_place(options.output)
    loaded, data = _opened(options)
    to = "timm" if loaded.recipe.backbone == "vit" else "torchvision"
    if options.output:
        weights.check_names(loaded, to)  # before the work, and not behind it
    recipe = _plan(options, transfer.FINETUNE, data, warmup=1)
    head, kept = transfer.new_head(loaded, data, recipe.seed), "nothing is kept"
    try:
        for epoch, loss, accuracy in transfer.finetune(loaded, head, data, recipe):
            if options.output:
                beside = _keep(options, loaded, to, head, data, accuracy)
                kept = f"{options.output} has the weights of epoch {epoch}"
            # where nobody listens any more, the file is wanted all the same
            with contextlib.suppress(*[BrokenPipeError] if options.output else []):
                told = f"epoch {epoch}  loss {loss:.3f}  accuracy {accuracy:.3f}"
                print(told, flush=True)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; {kept}.") from None
    if options.output and isinstance(beside, BadInput):
        raise BadInput(f"{str(beside)[:-1]}; {kept} all the same.")
    if options.output:
        _written(options.output, beside)
    return 0


def _keep(options, loaded, to: str, head, data, accuracy: float) -> Path | BadInput:
    """Write the weights as they are, then their card: its place, or why it has none."""
    model_card.save(loaded, options.output, to, head)
    facts = [f"fine-tuned on {data.name}, test accuracy {accuracy:.3f}"]
    told = dict(facts=facts, moments=_moments(data), classes=data.classes)
    try:
        source = f"`{options.source}`"
        return model_card.write(loaded, options.output, to, source, head, **told)
    except BadInput as error:
        return error


def _moments(data) -> tuple:
    return data.mean.tolist(), data.std.tolist()


def _written(output: Path, beside: Path):
    print(f"The model card is {beside}.", file=sys.stderr)
    print(output)


def _plan(options, settings: dict, data, warmup: int = 0):
    """The recipe of a training with labels; few images may ask for a smaller batch."""
    text = options.epochs
    if not text.isdecimal():
        raise BadInput(
            f"epochs is {text!r}, but must be a whole number 1 to {transfer.LONGEST}."
        )
    changes = given(options, names=ABOUT_TRAINING)
    batch, images = settings["batch_size"], len(data.train_images)
    smaller = "batch_size" not in changes and batch > images
    if smaller:
        changes["batch_size"] = 2 ** (images.bit_length() - 1)
    plan = transfer.plan(settings, data, int(text), warmup, **changes)
    if smaller:  # said of a plan that holds
        print(
            f"{data.name} has {images} training images: batch_size is "
            f"{plan.batch_size} in place of {batch}.",
            file=sys.stderr,
        )
    return plan


def _export(options) -> int:
    model_card.checked_place(options.output)
    loaded, run = _source(options)
    facts, moments = [], None
    if run is not None:
        made = ("date", "mocolib", "torch", "data_name", "data")
        facts += [f"{key}: {run.provenance.get(key)}" for key in made]
        ends = ("knn", "linear_probe")
        facts += [f"{key} at the end: {run.end.get(key)}" for key in ends]
        moments = _recorded_moments(run)
    source = f"run {run.id} of mocolib" if run else f"`{options.source}`"
    told = dict(facts=facts, moments=moments)
    beside = model_card.export(loaded, options.output, options.to, source, **told)
    print(loaded.report)
    _written(options.output, beside)
    return 0


def _recorded_moments(run: runs.Run) -> tuple | None:
    """Mean and deviation of a run's images; an older record does not tell them."""
    if {"mean", "deviation"} <= run.provenance.keys():
        return run.provenance["mean"], run.provenance["deviation"]
    with contextlib.suppress(BadInput):  # its images may be elsewhere, or others
        data = load(run.recipe.dataset, run.recipe.image_size)
        runs.check_data(run, data)
        return _moments(data)
    return None
