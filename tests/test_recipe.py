"""What a run is: round trips, ids, and a sentence for every bad value."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocolib.errors import BadInput
from mocolib.fields import accepted as accepted_words
from mocolib.fields import from_text
from mocolib.presets import NAMED, named_recipe
from mocolib.recipe import FIELDS, Recipe, from_dict, from_file
from mocolib.rules import OWN
from tests.tiny import tiny

NAN_AND_INFINITY = (math.nan, math.inf, -math.inf)

PROJECTION = [name for name in FIELDS if name.startswith("patch_projection")]


def values(field) -> st.SearchStrategy:
    """Values that a field accepts on its own."""
    rule = field.metadata
    if rule["choices"]:
        return st.sampled_from(rule["choices"])
    if field.type is bool:
        return st.booleans()
    if field.type is str:  # any text but lone surrogates, which no file can hold
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    if field.type is int:
        return st.integers(rule["low"], rule["high"])
    low, high = (rule[k] if rule[k] is not None else rule[o] for k, o in BOUNDS)
    return st.floats(
        low, high, exclude_min=rule["low"] is None, exclude_max=rule["high"] is None
    )


BOUNDS = (("low", "above"), ("high", "below"))


@st.composite
def any_recipe(draw) -> Recipe:
    settings = {name: draw(values(field)) for name, field in FIELDS.items()}
    grid, power = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    head = draw(st.integers(1, 8))
    settings |= {
        "patch_size": 2**power,
        "image_size": max(4, 2**power * grid),
        "heads": head,
        "width": 4 * head * draw(st.integers(1, 16)),
        "warmup_steps": draw(st.integers(0, settings["steps"])),
        "frozen": draw(st.sampled_from(["none", "blocks.0", "projector"])),
        **draw(keys_for(settings["framework"], settings["batch_size"])),
    }
    if settings["backbone"] != "vit":  # it has no projection
        settings |= {name: FIELDS[name].default for name in PROJECTION}
    elif settings["stem"] == "conv":  # nor has this a matrix
        settings["patch_projection_start"] = "xavier"
        settings["patch_projection_norm"] = draw(st.sampled_from(["none", "batch"]))
    return Recipe(**settings)


@st.composite
def keys_for(draw, framework: str, batch: int) -> dict:
    """What one framework alone knows, as the batch allows; else the defaults."""
    others = [
        name for kind, names in OWN.items() if kind != framework for name in names
    ]
    own = {name: FIELDS[name].default for name in others}
    if framework != "moco_v1":
        return own
    groups = [1, batch // 2] if batch % 2 == 0 else [1]
    return own | {
        "negatives": draw(st.integers(1, batch - 1)),
        "bn_groups": draw(st.sampled_from(groups)),
    }


@given(any_recipe())
def test_every_spelling_gives_the_recipe_back(tmp_path_factory, recipe):
    folder = tmp_path_factory.mktemp("recipe")
    for suffix, text in (("toml", recipe.to_toml()), ("json", recipe.to_json())):
        file = folder / f"r.{suffix}"
        file.write_text(text, encoding="utf-8")
        assert from_file(file) == recipe
    assert from_dict(json.loads(recipe.to_json())).id == recipe.id
    assert from_dict(recipe.changed()) == recipe


@given(st.data())
def test_the_command_line_spells_every_value(data):
    field = data.draw(st.sampled_from(list(FIELDS.values())))
    value = data.draw(values(field))
    typed = str(value).lower() if field.type is bool else str(value)
    assert from_text(field, typed) == value


def test_ids_stay_as_they_were():
    """A changed id would orphan every run recorded under it."""
    assert Recipe().id == "44136fa355b3"  # of {}
    assert Recipe(base_lr=4e-3, patch_projection="fixed").id == "b89d0c473e1f"
    assert Recipe(dataset="folder:图片", seed=7, qk_norm=True).id == "1636fbc6daf1"


def test_the_id_knows_neither_order_nor_defaults():
    settings = {"base_lr": 4e-3, "seed": 3, "dataset": "cifar10"}
    recipe = from_dict(settings)
    assert from_dict(dict(reversed(settings.items()))).id == recipe.id
    assert from_dict({**settings, "depth": FIELDS["depth"].default}).id == recipe.id
    assert from_dict({**settings, "base_lr": 4.0000001e-3}).id != recipe.id
    assert Recipe(base_lr=1).id == Recipe(base_lr=1.0).id


def test_the_rate_grows_with_the_batch():
    assert Recipe(base_lr=1e-4, batch_size=4096).lr == pytest.approx(1.6e-3)
    assert NAMED["vit_b"].lr == pytest.approx(2.4e-3)


def wrong_values():
    """Every field with each kind of value it must refuse."""
    for name, field in FIELDS.items():
        rule, kind = field.metadata, field.type
        wrong = [None, [], {}, b"x", *NAN_AND_INFINITY]
        wrong += ["", 1, True] if kind is str else ["1", "true"]
        wrong += ["other"] if rule["choices"] else []
        wrong += [0, 1, 1.0] if kind is bool else []
        if kind in (int, float):
            wrong += [True, 10**400]
            wrong += [rule["low"] - 1] if rule["low"] is not None else []
            wrong += [rule["high"] + 1] if rule["high"] is not None else []
            wrong += [rule[k] for k in ("above", "below") if rule[k] is not None]
        wrong += [rule["low"] + 0.5] if kind is int else []
        yield from ((name, value) for value in wrong)


@pytest.mark.parametrize(("name", "value"), wrong_values())
def test_a_bad_value_is_one_sentence(name, value):
    with pytest.raises(BadInput) as refused:
        Recipe(**{name: value})
    accepted = accepted_words(FIELDS[name])
    assert str(refused.value) == f"{name} is {value!r}, but must be {accepted}."


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        *(("depth", t) for t in ("4.0", "four", "", "nan", "1e3", "0x4")),
        *(("base_lr", t) for t in ("nan", "inf", "-1", "1,5", "", "fast")),
        *(("qk_norm", t) for t in ("1", "yes", "")),
        ("backbone", "ViT"),
        ("dataset", ""),
    ],
)
def test_a_bad_word_on_the_command_line_is_named(name, typed):
    with pytest.raises(BadInput, match=f"^{name} is .*, but must be .*\\.$"):
        from_text(FIELDS[name], typed)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"warmup_steps": 13}, ("warmup_steps", "steps")),
        (
            {"backbone": "resnet8", "patch_projection": "fixed"},
            ("patch_projection", "resnet8"),
        ),
        ({"patch_size": 3}, ("patch_size", "image_size")),
        ({"heads": 3}, ("heads", "width")),
        ({"width": 6}, ("width", "sin-cos")),
        ({"patch_size": 1, "stem": "conv"}, ("patch_size", "stem")),
        *(
            ({"backbone": "resnet8", **changed}, (*changed, "resnet8"))
            for changed in (
                {"patch_projection_start": "orthogonal"},
                {"patch_projection_lr": 0.2},
                {"patch_projection_norm": "batch"},
                {"patch_projection_clip": 0.1},
            )
        ),
        *(
            ({"stem": "conv", **changed}, (*changed, "conv stem"))
            for changed in (
                {"patch_projection_start": "orthogonal"},
                {"patch_projection_norm": "weight"},
            )
        ),
    ],
)
def test_two_fields_must_fit(changes, names):
    with pytest.raises(BadInput) as refused:
        tiny(**changes)
    sentence = str(refused.value)
    assert all(name in sentence for name in names)
    assert re.findall(r"\.(?!\d)", sentence) == ["."]
    assert sentence.startswith(f"{names[0]} is ")


def test_what_only_a_vit_needs_is_not_asked_of_a_resnet():
    assert tiny(backbone="resnet18", patch_size=3, heads=3, width=6).width == 6


@pytest.mark.parametrize("name", ["base_lrr", "baselr", "", "a\nb"])
def test_an_unknown_field_is_named(name):
    with pytest.raises(BadInput) as refused:
        Recipe().replace(**{name: 1})
    assert "\n" not in str(refused.value)
    assert "base_lr" in str(refused.value)


FAULTY_FILES = {
    "binary.toml": b"\xff\xfe\x00\x81",
    "binary.json": b"\x80\x81",
    "broken.toml": b"base_lr = = 3",
    "broken.json": b'{"base_lr": 1,',
    "deep.json": b"[" * 200_000,
    "list.json": b"[1, 2]",
    "null.json": b"null",
    "nan.json": b'{"base_lr": NaN}',
    "nan.toml": b"base_lr = nan",
    "nested.toml": b"[base_lr]\nvalue = 1",
    "nested.json": b'{"seed": {"a": [1]}}',
    "date.toml": b"seed = 2020-01-01",
    "unknown.toml": b"speed = 3",
    "long.json": b'{"seed": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", FAULTY_FILES)
def test_a_faulty_file_is_one_sentence(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(FAULTY_FILES[name])
    with pytest.raises(BadInput, match=r"\.$") as refused:
        from_file(file)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadInput, match=re.escape(str(path))):
            from_file(path)


def test_fields_left_out_of_a_file_keep_their_defaults(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text("base_lr = 4e-3\n")
    assert from_file(file) == Recipe(base_lr=4e-3)


def test_named_recipes():
    assert named_recipe("mini", seed=3).seed == 3
    assert all(name in named_recipe.__doc__ for name in NAMED)
    with pytest.raises(BadInput, match=r"^recipe is 'huge', but must be one of mini"):
        named_recipe("huge")
    paper = NAMED["vit_b"]
    assert (paper.width, paper.depth, paper.heads) == (768, 12, 12)
    assert paper.batch_size == 4096
    assert paper.patch_size**2 * 3 == paper.width  # the projection is complete


def test_numbers_of_numpy_are_numbers_and_zero_has_no_sign():
    plain = Recipe(base_lr=1e-3, steps=40)
    assert Recipe(base_lr=np.float64(1e-3), steps=np.int64(40)) == plain
    assert Recipe(weight_decay=-0.0).id == Recipe(weight_decay=0).id
