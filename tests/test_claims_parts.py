"""Claims on parts and relatives, on runs whose truth is planted."""

import pandas as pd
import pytest

from mocolib.claims import CLAIMS
from tests.planted import group, plant, shaking

WORDS = ("not at this scale", "reproduced")  # by whether a claim is true
TRUE = pytest.mark.parametrize("true", [True, False])
SEEDS = range(3)


@TRUE
def test_c3_negatives(tmp_path, true):
    better = 0.05 if true else -0.05
    found = []
    for keys, most in (("queue", 4096), ("memory_bank", 4096), ("end_to_end", 255)):
        worth = {"queue": 2.0, "memory_bank": 1.0, "end_to_end": 1.0}[keys]
        for negatives, times in ((16, 0.5), (most, 1.5)):
            found += group(
                tmp_path,
                0.4 + better * worth * times,
                framework="moco_v1",
                keys=keys,
                negatives=negatives,
            )
    assert CLAIMS["C3"](found).word == WORDS[true]


@TRUE
def test_c3_the_leak(tmp_path, true):
    found = []
    for groups in (8, 32):
        for shuffle in (False, True):
            repaired = (1 if true else -1) * (1 if shuffle else -1)
            found += group(
                tmp_path,
                0.4 + 0.02 * repaired,
                loss=3 + 0.2 * repaired,
                framework="moco_v1",
                bn_groups=groups,
                shuffle_bn=shuffle,
            )
    verdict = CLAIMS["C3-bn"](found)
    assert verdict.word == WORDS[true]
    assert len(verdict.effects) == 4


@TRUE
def test_c8_complete_projections(tmp_path, true):
    errors = {12: 0.3, 48: 0.0, 96: 0.0} if true else {12: 0.0, 48: 0.1, 96: 0.1}
    table = pd.DataFrame(
        [
            {"width": width, "inside": 48, "seed": seed, "error_random": error}
            for width, error in errors.items()
            for seed in range(5)
        ]
    )
    costs = {12: 0.05, 48: 0.0, 96: 0.0} if true else {12: 0.0, 48: 0.05, 96: 0.05}
    found, colour = [], {"image_size": 16, "patch_size": 4}  # 48 numbers in a patch
    for width, cost in costs.items():
        found += group(tmp_path, width=width, **colour)
        fixed = {"patch_projection": "fixed", **colour}
        found += group(tmp_path, 0.4 - cost, width=width, **fixed)
    verdict = CLAIMS["C8"](table, found)
    assert verdict.word == WORDS[true]
    assert len(verdict.effects) == 5


@TRUE
def test_c10_the_temperature(tmp_path, true):
    base = dict(temperature_end=0.05, temperature_step=120, steps=240)
    found = group(tmp_path, level=0.001)
    found += group(tmp_path, level=0.02 if true else 0, temperature=0.05)  # not asked
    for schedule in ("step", "ramp", "learned"):
        level = {"step": 0.004, "ramp": 0.001, "learned": 0.004}[schedule]
        if not true:
            level = {"step": 0.0005, "ramp": 0.001, "learned": 0.0005}[schedule]
        for seed in SEEDS:
            knn = shaking(level, seed)
            if schedule == "step":  # readings every 5 steps: from step 125 on
                knn[24:] += -0.03 if true else 0.03
            settings = {"seed": seed, "temperature_schedule": schedule}
            found.append(plant(tmp_path, knn, **settings, **base))
    assert CLAIMS["C10"](found).word == WORDS[true]


@TRUE
def test_c11_the_relatives(tmp_path, true):
    sign, found = (1 if true else -1), []
    for framework in ("moco_v3", "simclr", "byol"):
        found += group(tmp_path, level=0.003, framework=framework)
        found += group(
            tmp_path,
            0.4 + 0.02 * sign,
            0.001 if true else 0.005,
            framework=framework,
            patch_projection="fixed",
        )
    assert CLAIMS["C11"](found).word == WORDS[true]


@TRUE
def test_c12_clipping(tmp_path, true):
    calm, rough = (0.001, 0.004) if true else (0.004, 0.001)
    found = group(tmp_path, 0.4, rough)
    found += group(tmp_path, 0.4, calm, patch_projection="fixed")
    found += group(tmp_path, 0.4, rough, patch_projection_norm="batch")
    for limit, level in ((1e-8, calm), (1e-3, rough), (0.3, rough)):
        probe = 0.4 + ((0.02 if true else -0.02) if limit == 1e-8 else 0)
        found += group(tmp_path, probe, level, patch_projection_clip=limit)
    verdict = CLAIMS["C12"](found)
    assert verdict.word == WORDS[true]
    assert len(verdict.effects) == 5


@TRUE
def test_c13_ablations(tmp_path, true):
    worse = -0.03 if true else 0.03
    heads = group(tmp_path / "heads", 0.4)
    without = [
        *({"position": other} for other in ("learned", "none")),
        *({"pool": other} for other in ("average", "average_without_norm")),
        *({"head_norm": "none"}, {"predictor": False}),
    ]
    for change in without:
        heads += group(tmp_path / "heads", 0.4 + worse, **change)
    momenta = group(tmp_path / "momenta", 0.4)
    for m in (0.0, 0.9, 0.999):
        momenta += group(tmp_path / "momenta", 0.4 + worse, momentum=m)
    verdict = CLAIMS["C13"](heads, momenta)
    assert verdict.word == WORDS[true]
    assert len(verdict.effects) == 9
