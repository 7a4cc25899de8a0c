"""Claims on what makes a spike, on runs and tables whose truth is planted."""

import numpy as np
import pandas as pd
import pytest

from mocolib import runs
from mocolib.analysis import causes
from mocolib.claims import CLAIMS, mechanism
from tests.planted import LAYERS, events, group, plant, shaking

WORDS = ("not at this scale", "reproduced")  # by whether a claim is true
TRUE = pytest.mark.parametrize("true", [True, False])
SEEDS = range(3)


def test_only_the_steps_before_an_event_count(tmp_path):
    ratio = np.ones(240)
    ratio[[99, 109]] = 100  # the events' own steps, 100 and 110
    ratio[101:109] = 4  # steps 102 to 109: the eight before the second
    run = plant(tmp_path, shaking(0.002, 0), columns={"adam_rms/x": ratio})
    assert mechanism.before_events(run, "adam_rms/x", [100]) == 0
    assert mechanism.before_events(run, "adam_rms/x", [110]) == 3
    assert mechanism.before_events(run, "adam_rms/x", [110], np.log2) == 2
    assert mechanism.before_events(run, "adam_rms/x", [100, 110]) == 1.5
    assert np.isnan(mechanism.before_events(run, "adam_rms/x", []))


def spiking(root, rms=1.0, lead=True, level=0.002, **settings):
    """Runs with planted spikes, of the loss too; sqrt(g^2/v) is `rms` before each."""
    found = []
    for seed in SEEDS:
        norms = events(seed)
        ratio, loss = np.ones(len(norms)), 3 + 0.01 * np.log(norms)
        for begin in range(50 + seed, 215, 40):  # where `events` rise
            ratio[begin - 8 : begin] = rms
            loss[begin : begin + 3] = 3.4
        later = dict.fromkeys(LAYERS, np.roll(norms, 3 if lead else -3))
        found.append(
            plant(
                root,
                shaking(level, seed),
                norms=later | {"patch_projection": norms},
                columns={"adam_rms/patch_projection": ratio, "loss": loss},
                **{"base_lr": 1.6e-2, "seed": seed, **settings},
            )
        )
    return found


@TRUE
def test_c14_the_two_stories(tmp_path, true):
    under = 2.0 if true else 0.5
    light = spiking(tmp_path, under, augmentation="light")
    full = spiking(tmp_path, under)
    calm = events(9)[:50].tolist() * 5
    shorter = [
        plant(
            tmp_path,
            shaking(0.002, seed),
            norms={"patch_projection": calm[:240] if true else events(seed, every=25)},
            **{"base_lr": 1.6e-2, "seed": seed, "beta2": 0.95},
        )
        for seed in SEEDS
    ]
    stable = group(
        tmp_path, 0.4, 0.001 if true else 0.004, base_lr=1.6e-2, optimizer="stableadamw"
    )
    verdict = CLAIMS["C14-under"](light, full, full + shorter + stable)
    assert verdict.word == WORDS[true]
    above = 0.5 if true else 2.0  # of the limit: the opposite story
    curvature = pd.DataFrame(
        [
            {"run": f"r{seed}", "seed": seed, "kind": kind, "ratio": ratio}
            for seed in SEEDS
            for kind, ratio in (("before a spike", above), ("calm", 1.0))
        ]
    )
    assert CLAIMS["C14-over"](light, full, curvature).word == WORDS[not true]


@TRUE
def test_c14_the_edge(true):
    ratio = 1.2 if true else 0.1
    table = pd.DataFrame({"seed": [0, 1, 2], "ratio": [ratio] * 3})
    assert CLAIMS["C14-edge"](table).word == WORDS[true]


@TRUE
def test_c14b_beta2_closes_the_gap(tmp_path, true):
    place = {"base_lr": 1.6e-2}
    found = group(tmp_path, level=0.006, **place)
    fixed = 0.002 if true else 0.008
    found += group(tmp_path, level=fixed, patch_projection="fixed", **place)
    found += group(tmp_path, level=0.003 if true else 0.009, beta2=0.95, **place)
    assert CLAIMS["C14b-beta2"](found).word == WORDS[true]


@TRUE
def test_c14b_clipping_the_update(tmp_path, true):
    place = {"base_lr": 1.6e-2}
    levels = (0.008, 0.001) if true else (0.001, 0.008)
    found = group(tmp_path, level=0.001, base_lr=1e-3)
    found += group(tmp_path, level=levels[0], **place)
    found += group(tmp_path, level=levels[1], optimizer="stableadamw", **place)
    assert CLAIMS["C14b-clip"](found).word == WORDS[true]


@TRUE
def test_c14b_the_cosine(tmp_path, true):
    lists = []
    for views in ("light", "full"):
        found = []
        for seed in SEEDS:
            knn, cosine = shaking(0.0005, seed), np.full(240, 0.6)
            for reading in (15, 30):
                knn[reading] -= 0.1
                step = 5 * (reading + 1)
                cosine[step - 9 : step - 1] = 0.2 if true else 0.9
            columns = {"cosine/patch_projection": cosine}
            place = {"seed": seed, "base_lr": 1.6e-2, "augmentation": views}
            found.append(plant(tmp_path, knn, columns=columns, **place))
        lists.append(found)
    assert CLAIMS["C14b-cosine"](*lists).word == WORDS[true]


@TRUE
def test_c14b_qk_norm(tmp_path, true):
    found = []
    for rate, probe in ((1e-3, 0.4), (4.8e-2, 0.3)):
        found += group(tmp_path, probe, base_lr=rate)
        flat = 0.4 if true else (0.4 if rate < 0.01 else 0.2)
        found += group(tmp_path, flat, base_lr=rate, qk_norm=True)
    assert CLAIMS["C14b-qk"](found).word == WORDS[true]


@TRUE
def test_c14b_the_stem(tmp_path, true):
    size = {"image_size": 32, "patch_size": 8}
    found = spiking(tmp_path, lead=true, **size)
    found += spiking(tmp_path, lead=not true, stem="conv", **size)
    assert CLAIMS["C14b-stem"](found).word == WORDS[true]


@TRUE
def test_c15_rewind(tmp_path, monkeypatch, true):
    monkeypatch.setattr(runs, "public_root", lambda: tmp_path)
    rows = []
    for run in spiking(tmp_path):
        for change in ("nothing", "other images", "beta2 .95", "projection fixed"):
            comes = (change in ("nothing", "other images")) == true
            for step in range(81, 111):
                rise = 6.0 if comes and 91 <= step < 94 else 1.0
                row = {"run": run.id, "seed": run.recipe.seed, "spike": 91}
                row |= {"change": change, "step": step, "loss": 3.0, "knn": np.nan}
                rows.append(row | {"first": rise, "last": rise})
    table = pd.DataFrame(rows)
    assert CLAIMS["C15"](table).word == WORDS[true]
    run = runs.Run(tmp_path / table["run"].iloc[0])
    told = causes.responses(run, table[table["run"] == run.id])
    assert told["comes"].tolist() == [true, true, not true, not true]
