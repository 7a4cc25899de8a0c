"""Claims on parts and relatives, on runs whose truth is planted."""

import math

import pytest

from mocolib.claims import CLAIMS, findings
from mocolib.claims.parts import HARD, LIGHT
from mocolib.claims.verdicts import FEW, HOLDS, OPPOSITE, VOID
from mocolib.sweep.design import BELOW, MINI, PARTS, REMEDIES, SHORT
from tests.planted import falling, group, plant

OUTCOMES = {1: HOLDS, -1: OPPOSITE}
TRUTH = pytest.mark.parametrize("truth", [1, -1])
SEEDS = range(3)


@TRUTH
def test_c3_negatives(tmp_path, truth):
    found = negatives(tmp_path, truth, bank_loss=5.0)
    verdict = CLAIMS["C3"](found)
    assert verdict.outcome == OUTCOMES[truth]
    assert not verdict.effects["rival"].void


def negatives(root, truth, bank_loss):
    """Runs of the three mechanisms, each better with more negatives if that is so."""
    found = []
    for keys, counts in {
        "queue": (16, 256, 8192),
        "memory_bank": (16, 256, 8192),
        "end_to_end": (16, 255),
    }.items():
        for place, count in enumerate(counts):
            for seed in SEEDS:
                knn = falling(0, 0.0005, seed) + (0.03 + 0.001 * seed) * place * truth
                loss = bank_loss if keys == "memory_bank" else 3.0
                settings = dict(framework="moco_v1", keys=keys, negatives=count)
                found.append(plant(root, knn, loss=loss, seed=seed, **settings))
    return found


def test_a_bank_that_guesses_is_no_rival(tmp_path):
    found = negatives(tmp_path, 1, bank_loss=math.log(8193) + 0.1)
    verdict = CLAIMS["C3"](found)
    assert verdict.effects["rival"].outcome == VOID
    assert "memory bank" not in findings.sentence(verdict)
    assert "still guesses" in findings.remark(verdict, "bank")


@TRUTH
def test_c3_the_leak(tmp_path, truth):
    found = []
    for groups, shuffled in (
        (1, False),
        (8, False),
        (8, True),
        (32, False),
        (32, True),
    ):
        leaks = groups > 1 and not shuffled
        found += group(
            tmp_path,
            0.4 - 0.02 * truth * leaks,
            loss=3 - 0.2 * truth * leaks,
            framework="moco_v1",
            bn_groups=groups,
            shuffle_bn=shuffled,
        )
    verdict = CLAIMS["C3-bn"](found)
    assert verdict.outcome == OUTCOMES[truth]
    for key in ("accuracy", "repair", "closed", "fewer"):
        assert verdict.effects[key].mean * truth > 0


@TRUTH
def test_c8_a_projection_with_room_is_free(tmp_path, truth):
    found, size = [], {"image_size": 24, "patch_size": 6}  # 36 numbers in a patch
    costs = {12: 0.03, 36: 0.001, 72: 0.001}
    if truth < 0:
        costs = {12: 0.0, 36: 0.03, 72: 0.03}
    for width, cost in costs.items():
        found += group(tmp_path, width=width, **size)
        fixed = {"patch_projection": "fixed", **size}
        found += group(tmp_path, 0.4 - cost, width=width, **fixed)
    orthogonal = {**size, "width": 36, "patch_projection": "fixed"}
    orthogonal |= {"patch_projection_start": "orthogonal"}
    found += group(tmp_path, 0.41, **orthogonal)
    verdict = CLAIMS["C8"](found)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.primary.mean == pytest.approx(0.4 if truth > 0 else -2.5)
    assert verdict.effects["condition"].holds


@TRUTH
def test_c10_the_temperature(tmp_path, truth):
    changed = stepped(tmp_path, truth, MINI.calm) + stepped(tmp_path, truth, BELOW)
    plain = dict(base_lr=BELOW, steps=240)
    changed += group(tmp_path, 0.42, temperature=0.05, loss_factor="one", **plain)
    changed += stepped(tmp_path, -truth, BELOW, "2tau", ("step",))
    others = stepped(tmp_path, 1, BELOW, "2tau", ("constant",))
    others += group(tmp_path, beta2=0.9, **plain)  # no plain run: not asked
    verdict = CLAIMS["C10"](changed, others, [])
    assert verdict.outcome == OUTCOMES[truth]
    means = {key: effect.mean for key, effect in verdict.effects.items()}
    for key in ("fall", "calm", "ramp"):
        assert means[key] == pytest.approx(3.1 * truth)  # of 3, 3.1 and 3.2
    assert means["scaled"] == pytest.approx(-3.1 * truth)
    assert means["factor"] == pytest.approx(6.2 * truth)
    assert means["accuracy"] == pytest.approx(2 * truth)
    assert means["value"] == pytest.approx(2)
    assert verdict.effects["warmup"].outcome == FEW


def stepped(root, truth, rate, factor="one", kinds=("constant", "step", "ramp")):
    """Runs; those with a step of the temperature fall behind it and end low."""
    step = dict(temperature_end=0.05, temperature_step=120)
    place = dict(base_lr=rate, loss_factor=factor, steps=240)
    found = []
    for kind in kinds:
        for seed in SEEDS:
            knn, falls = falling(0, 0.001, seed), kind == "step"
            if falls:  # readings every 5 steps: from step 125 on
                knn[24:] -= (0.03 + 0.001 * seed) * truth
            own = dict(temperature_schedule=kind) | (step if kind != "constant" else {})
            probe = 0.4 - 0.02 * truth * falls
            found.append(plant(root, knn, probe, seed=seed, **own, **place))
    return found


@TRUTH
def test_c11_the_relatives(tmp_path, truth):
    found, shaking = [], {"simclr": 0.05, "byol": 0.01}
    for framework, rate in shaking.items():
        for base_lr, sign in ((1e-3, -1), (rate, 1)):  # the calm one is not asked
            place = {"framework": framework, "base_lr": base_lr}
            found += group(tmp_path, **place)
            better = 0.4 + 0.02 * truth * sign
            found += group(tmp_path, better, patch_projection="fixed", **place)
    verdict = CLAIMS["C11"](found)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["byol_accuracy"].mean == pytest.approx(2 * truth)


@TRUTH
def test_c12_short_of_freezing(tmp_path, truth):
    falls = {HARD: 0.01, LIGHT: 0.05} if truth > 0 else {HARD: 0.05, LIGHT: 0.01}
    found = []
    for rate in (SHORT.shaky, SHORT.calm):
        for remedy, change in REMEDIES.items():
            size = {"image_size": 32, "patch_size": 8, "base_lr": rate}
            found += group(tmp_path, fall=falls.get(remedy, 0.05), **change, **size)
    verdict = CLAIMS["C12"](found, [])
    assert verdict.outcome == OUTCOMES[truth]
    for key in ("light", "slow", "batch", "weight", "all"):
        assert verdict.effects[f"{key}_price"].mean == pytest.approx(0.5)


@TRUTH
def test_c13_ablations(tmp_path, truth):
    found = group(tmp_path, 0.4)
    for change in PARTS.values():
        found += group(tmp_path, 0.4 - 0.03 * truth, **change)
    verdict = CLAIMS["C13"](found)
    assert verdict.outcome == OUTCOMES[truth]
    assert len(verdict.effects) == 9
    assert {e.outcome for e in verdict.effects.values()} == {verdict.outcome}
