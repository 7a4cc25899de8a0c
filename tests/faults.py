"""Two hundred and more bad inputs: what is damaged, and the command that meets it.

Each case is a function of a `Ground`, a folder of its own to damage; it returns what
is typed. The right answer to all of them is one sentence and exit code 2.
"""

import json
import os
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mocolib.recipe import FIELDS
from tests.tiny import flags, tiny


class Trap:
    """Unpickling it leaves a folder SPRUNG behind."""

    def __reduce__(self):
        return os.mkdir, ("SPRUNG",)


@dataclass(frozen=True)
class Ground:
    """Where a case may break things: the test's working folder."""

    here: Path
    images: Path  # good images, not to be touched
    whole: Path  # a finished run of them, a copy
    half: Path  # the same recipe stopped in the middle, a copy
    weights: Path  # timm's names

    def train(self, runs="new", **changes):
        recipe = tiny(**{"dataset": f"folder:{self.images}", **changes})
        return ["train", "--runs", str(runs), *flags(recipe)]

    def written(self, name: str, content: bytes | str) -> str:
        raw = content.encode() if isinstance(content, str) else content
        (self.here / name).write_bytes(raw)
        return name


CASES: dict = {}


def case(name):
    def keep(function):
        assert name not in CASES, name
        CASES[name] = function
        return function

    return keep


# ---- the command line: every field, wrong in every way its type knows

HUGE = "9" * 400
BY_TYPE = {
    int: ("fast", "1.5", "nan", "-9999999999", HUGE, "1e3", "0x10", "True"),
    float: ("fast", "nan", "inf", "-1e30", "1e999", "1,5", "[1]"),
    bool: ("maybe", "1", "[]"),
}
for field in FIELDS.values():
    values = BY_TYPE.get(field.type, ("none such", "[1]", "nan"))
    if field.type is str and not field.metadata["choices"]:
        values = ("none such", "folder:", "folder:~nobody/x", "folder:\x00")
    for value in values:
        flag = "--" + field.name.replace("_", "-")
        verb = "train" if field.name == "dataset" else "info"

        @case(f"{field.name} = {value[:20]!r}")
        def _(ground, words=(verb, f"{flag}={value}")):
            return [*words, *(["--runs", "new"] if words[0] == "train" else [])]


WORDS = {
    "threads below one": ["train", "--threads", "-1"],
    "threads beyond all": ["train", "--threads", HUGE],
    "workers in words": ["sweep", "lr", "--workers", "many", "--dry-run"],
    "no sweep of that name": ["sweep", "none such", "--dry-run"],
    "a sweep that is a path": ["sweep", "../sweeps/lr", "--dry-run"],
    "a table of that name": ["tables", "make", "none such"],
    "a run of that name": ["runs", "show", "none such"],
    "all runs at once": ["plot", ""],
    "no recipe file": ["info", "none.toml"],
    "a recipe with a null byte": ["info", "a\x00.toml"],
    "a recipe that is a folder": ["info", "/tmp/.toml"],
    "steps fewer than warmup": ["info", "--steps", "3", "--warmup-steps", "4"],
    "a flag twice over": ["info", "--seed"],
}
for name, words in WORDS.items():
    CASES[name] = lambda ground, words=words: words


# ---- recipe and sweep files

RECIPES = {
    "list.json": "[1, 2]",
    "number.json": "3",
    "null.json": "null",
    "nested.json": '{"seed": {"seed": 1}}',
    "null field.json": '{"seed": null}',
    "text field.json": '{"seed": "3"}',
    "float for int.json": '{"seed": 1.0}',
    "int for bool.json": '{"qk_norm": 1}',
    "bool for int.json": '{"seed": true}',
    "nan.json": '{"base_lr": NaN}',
    "infinite.json": '{"base_lr": -Infinity}',
    "huge.json": '{"steps": %s}' % ("9" * 5000),
    "huge float.json": '{"base_lr": 1e400}',
    "deep.json": "[" * 100_000,
    "cut.json": '{"seed": 1',
    "unknown.json": '{"speed": 1}',
    "not utf-8.json": b'{"dataset": "\xff\xfe"}',
    "empty.json": "",
    "pickle.json": pickle.dumps(Trap()),
    "cut.toml": "seed = ",
    "twice.toml": "seed = 1\nseed = 2",
    "table.toml": "[seed]\nx = 1",
    "date.toml": "seed = 1979-05-27",
    "list.toml": "seed = [1]",
    "not utf-8.toml": b"dataset = '\xff'",
    "null byte.toml": "seed = 1\x00",
    "unknown.toml": "speed = 1",
    "inf.toml": "temperature = inf",
    "pickle.toml": pickle.dumps(Trap()),
}
for name, content in RECIPES.items():

    @case(f"recipe {name}")
    def _(ground, name=name, content=content):
        return ["info", ground.written(name, content)]


SWEEPS = {
    "recipe is a list": "recipe = [1]",
    "recipe is a table": "[recipe]\nseed = 1",
    "grid is a number": "grid = 1",
    "grid of numbers": "[grid]\nseed = 1",
    "grid of tables": "[grid]\nseed = [{a = 1}]",
    "grid of a billion": "[grid]\n"
    + "\n".join(f"{n} = [{'0.5, ' * 1000}]" for n in ("base_lr", "momentum", "beta1")),
    "points is a table": "[points]\nseed = 1",
    "points of numbers": "points = [1, 2]",
    "points of lists": "points = [[1]]",
    "points is a text": "points = 'all'",
    "an unknown field": "[[points]]\nspeed = 1",
    "a wrong value": "[grid]\nseed = [-1]",
    "empty grid": "[grid]\nseed = []",
    "no points": "points = []",
    "unknown entry": "colour = 'red'",
    "cut": "[grid",
    "not utf-8": b"title = '\xff'",
    "pickle": pickle.dumps(Trap()),
}
for name, content in SWEEPS.items():

    @case(f"sweep: {name}")
    def _(ground, content=content):
        return ["sweep", ground.written("s.toml", content), "--dry-run"]


# ---- folders of images


def image(path: Path, size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size[::-1], 3), np.uint8)).convert(mode).save(path)


def truncated(folder):
    image(folder / "ant" / "000.png", (64, 64))
    file = folder / "ant" / "000.png"
    file.write_bytes(file.read_bytes()[:60])


def bomb(folder):
    """A header that promises a picture of 16 gigabytes."""
    file = folder / "ant" / "000.png"
    raw = bytearray(file.read_bytes())
    raw[16:24] = (90_000).to_bytes(4, "big") * 2
    file.write_bytes(raw)


def loop(folder):
    (folder / "ant" / "000.png").unlink()
    (folder / "ant" / "000.png").symlink_to(folder / "ant" / "000.png")


def two_splits(folder):
    for split, names in (("train", ("ant", "bee")), ("test", ("ant", "cow"))):
        for name in names:
            image(folder / split / name / "0.png")


def few(folder):
    for name in ("bee", "cow"):
        shutil.rmtree(folder / name)
    for file in sorted((folder / "ant").iterdir())[2:]:
        file.unlink()


IMAGES = {
    "a file in its place": lambda f: (shutil.rmtree(f), f.write_text("x")),
    "nothing": shutil.rmtree,
    "empty": lambda f: [shutil.rmtree(d) for d in f.iterdir()],
    "an empty class": lambda f: (f / "dog").mkdir(),
    "a class of texts": lambda f: ((f / "dog").mkdir(), (f / "dog/a.txt").touch()),
    "an empty image": lambda f: (f / "ant/000.png").write_bytes(b""),
    "text for an image": lambda f: (f / "ant/000.png").write_text("not an image"),
    "a pickle for an image": lambda f: (f / "ant/000.png").write_bytes(
        pickle.dumps(Trap())
    ),
    "a truncated image": truncated,
    "a bomb": bomb,
    "a folder for an image": lambda f: (f / "ant/zzz.png").mkdir(),
    "a link to nowhere": lambda f: (f / "ant/zzz.png").symlink_to("/nowhere"),
    "a link to itself": loop,
    "splits of other classes": two_splits,
    "two images": few,
}
for name, damage in IMAGES.items():

    @case(f"images: {name}")
    def _(ground, damage=damage):
        folder = ground.here / "images"
        shutil.copytree(ground.images, folder)
        damage(folder)
        return ground.train(dataset=f"folder:{folder}")


CASES["images: a batch beyond them"] = lambda g: g.train(batch_size=41)


# ---- folders of runs, by the command that meets the damage


def cut(file: Path):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def garbage(file: Path):
    file.write_bytes(b"\xff\x00" * 300)


def trap(file: Path):
    file.write_bytes(pickle.dumps(Trap()))


def instead(file: Path):
    file.unlink()
    file.mkdir()


def wrong_json(file: Path):
    file.write_text("[]")


def empty_json(file: Path):
    file.write_text("{}")


def odd_json(file: Path):
    values = json.loads(file.read_text())
    file.write_text(json.dumps({name: [None] for name in values}))


DAMAGES = (cut, garbage, trap, instead)
JSON_DAMAGES = (*DAMAGES, wrong_json, odd_json)
for name, damages, verbs in (
    ("recipe.json", JSON_DAMAGES, ("show", "list")),
    ("end.json", (*JSON_DAMAGES, empty_json), ("show", "list", "train")),
    ("provenance.json", (*DAMAGES, wrong_json), ("show",)),
    ("steps.parquet", DAMAGES, ("plot",)),
    ("weights.safetensors", DAMAGES, ("knn", "probe", "export")),
):
    for damage in damages:
        for verb in verbs:

            @case(f"{verb} with {name}: {damage.__name__}")
            def _(ground, name=name, damage=damage, verb=verb):
                damage(ground.whole / name)
                where = ["--runs", str(ground.whole.parent)]
                words = {
                    "show": ["runs", "show", *where],
                    "list": ["runs", "list", *where],
                    "train": ground.train(ground.whole.parent),
                    "plot": ["plot", ground.whole.name, *where],
                    "export": [
                        "export",
                        str(ground.whole),
                        "--to=timm",
                        "-oo.safetensors",
                    ],
                }
                return words.get(verb, [verb, str(ground.whole)])


for name in ("recipe.json", "provenance.json", "checkpoint.safetensors"):
    for damage in (*DAMAGES, *((wrong_json, odd_json) if "json" in name else ())):

        @case(f"going on with {name}: {damage.__name__}")
        def _(ground, name=name, damage=damage):
            damage(ground.half / name)
            return ground.train(ground.half.parent)


@case("going on with lines lost")
def _(ground):
    (ground.half / "steps.jsonl").write_bytes(b"")
    return ground.train(ground.half.parent)


@case("going on with other images")
def _(ground):
    folder = ground.here / "images"
    shutil.copytree(ground.images, folder)
    image(folder / "ant" / "000.png")
    (ground.half / "recipe.json").unlink()
    recipe = tiny(dataset=f"folder:{folder}")
    shutil.move(ground.half, ground.half.parent / recipe.id)
    return ground.train(ground.half.parent, dataset=f"folder:{folder}")


@case("runs in a file")
def _(ground):
    return ground.train(ground.written("new", "not a folder"))


@case("a plot into nowhere")
def _(ground):
    where = ["--runs", str(ground.whole.parent)]
    inside = ground.whole / "end.json" / "c.png"  # a file where a folder should be
    return ["plot", ground.whole.name, *where, "-o", str(inside)]


# ---- files of weights


def saved(content):
    return lambda path: torch.save(content, path)


WEIGHTS = {
    "cut": cut,
    "garbage": garbage,
    "trap": trap,
    "a trap in an archive": saved({"state_dict": Trap()}),
    "a trap as arch": saved({"arch": Trap(), "state_dict": {}}),
    "empty": lambda f: f.write_bytes(b""),
    "a folder": instead,
    "an empty archive": saved({}),
    "a list": saved([torch.ones(3)]),
    "numbers for tensors": saved({"conv1.weight": 3}),
    "numbered tensors": saved({1: torch.ones(3)}),
    "other names": saved({"encoder.weight": torch.ones(3, 3)}),
    "a scalar kernel": saved({"patch_embed.proj.weight": torch.tensor(1.0)}),
    "an empty kernel": saved({"patch_embed.proj.weight": torch.ones(0, 3, 4, 4)}),
    "a kernel alone": saved({"patch_embed.proj.weight": torch.ones(8, 3, 4, 4)}),
    "a scalar conv": saved(
        {"conv1.weight": torch.tensor(1.0), "layer1.0.conv1.weight": torch.ones(1)}
    ),
    "a header that lies": lambda f: f.write_bytes(b"\xff" * 7 + b"\x7f{}"),
    "a billion claimed": lambda f: f.write_bytes(
        (62).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,4]}}'
    ),
}
for name, damage in WEIGHTS.items():

    @case(f"weights: {name}")
    def _(ground, damage=damage):
        damage(ground.weights)
        return ["knn", str(ground.weights), "--data", "fashion-mnist", "--heads", "2"]
