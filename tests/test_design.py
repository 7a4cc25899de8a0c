"""The design and the sweeps agree; what is asked for comes plain in all the rest."""

import pytest

from mocolib import named_recipe, sweep
from mocolib.analysis.alike import check_groups
from mocolib.claims.contrasts import chosen
from mocolib.errors import BadInput
from mocolib.sweep import design
from mocolib.sweep.design import (
    CIFAR10,
    DESIGNS,
    MINI,
    PARTS,
    REMEDIES,
    SCREENED,
    SHORT,
    only,
)
from mocolib.words import value
from tests.planted import plant


def settings(name: str) -> set:
    return {recipe.replace(seed=0) for recipe in sweep.read(name).recipes}


def test_the_plain_runs_are_named_recipes_at_a_shaking_rate():
    assert SHORT.plain == named_recipe("short")
    assert MINI.plain == named_recipe("mini")
    for one in (SHORT, MINI):
        assert one.plain.base_lr == one.shaky
        assert one.smallest < one.calm < one.shaking[0] < one.hopeless


@pytest.mark.parametrize(
    ("name", "own"), [("lr", SHORT), ("rates", MINI), ("cifar10_lr", CIFAR10)]
)
def test_a_sweep_has_the_rates_of_its_design(name, own):
    rates = {recipe.base_lr for recipe in sweep.read(name).recipes}
    assert {own.smallest, own.calm, *own.shaking, own.hopeless} <= rates


def test_each_remedy_and_part_is_a_point_of_its_sweep_and_the_other_way_round():
    made = {
        SHORT.plain.replace(base_lr=rate, **way)
        for rate in (SHORT.shaky, SHORT.calm)
        for way in REMEDIES.values()
    }
    hard = SHORT.plain.replace(**REMEDIES["projection_clipped_hard"])
    assert settings("remedies") == made - {hard, hard.replace(base_lr=SHORT.calm)}
    assert settings("clip") == {hard}
    calm = SHORT.plain.replace(base_lr=SHORT.calm)
    parts = {calm.replace(**way) for way in PARTS.values()}
    assert settings("ablations") == {calm, *parts}


def test_points_that_change_the_same_settings_stand_together():
    ways = list(map(set, REMEDIES.values()))
    assert ways == sorted(ways, key=ways.index)
    assert list(REMEDIES)[3:5] == [
        f"projection_clipped_{x}" for x in ("lightly", "hard")
    ]


def test_each_remedy_and_part_has_its_words():
    assert not any("_" in value(name) for name in (*REMEDIES, *SCREENED, *PARTS))


@pytest.mark.parametrize(("name", "own"), [("lr", SHORT), ("headline", MINI)])
def test_recorded_runs_know_their_design(name, own):
    assert {design.of([run]).shaky for run in sweep.recorded(name)} == {own.shaky}
    assert design.of([]) in DESIGNS


@pytest.mark.parametrize("way", REMEDIES)
def test_a_remedy_comes_with_no_other(way):
    runs = only(sweep.recorded("remedies", "clip"), **REMEDIES[way])
    assert {r.recipe.replace(seed=0) for r in runs} == {
        SHORT.plain.replace(**REMEDIES[way])
    }
    check_groups(runs)


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("remedies", ("beta2", "qk_norm")),
        ("ablations", ("momentum",)),
        ("ablations", ("position",)),
        ("headline", ("weight_decay", "patch_projection")),
    ],
)
def test_what_is_free_alone_varies(name, free):
    runs = only(sweep.recorded(name), *free)
    check_groups(runs, *free)
    assert all(len({getattr(r.recipe, n) for r in runs}) > 1 for n in free)


def test_what_all_runs_share_may_be_another_but_for_what_the_design_changes(tmp_path):
    own = dict(dataset="folder:own", width=8, steps=10, warmup_steps=1)
    fixed = plant(tmp_path, [0.1] * 2, patch_projection="fixed", **own)
    assert only([fixed], patch_projection="fixed") == [fixed]
    assert only([fixed]) == []
    calm = plant(tmp_path, [0.1] * 2, base_lr=SHORT.calm, **own)
    shaky = plant(tmp_path, [0.1] * 2, base_lr=SHORT.shaky, **own)
    both = [calm, shaky]
    assert only(both) == [shaky]
    assert only(both, "base_lr") == both
    assert only(both, base_lr=SHORT.calm) == chosen(both, base_lr=SHORT.calm) == [calm]


def test_an_unknown_setting_is_refused():
    for asked in ({"free": ("bta2",)}, {"where": {"bta2": 0.9}}):
        with pytest.raises(BadInput, match="setting is 'bta2'"):
            only([], *asked.get("free", ()), **asked.get("where", {}))
