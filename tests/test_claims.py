"""Claims on runs whose truth is planted: both words come out, each where it should."""

import numpy as np
import pandas as pd
import pytest

from mocolib.claims import CLAIMS, contrasts
from tests.planted import LAYERS, SEEDS, events, plant, shaking

WORDS = ("not at this scale", "reproduced")  # by whether a claim is true
RATES = (1e-3, 4e-3, 1.6e-2, 4.8e-2)
BATCHES = (64, 256, 1024)
LEVELS = (0.001, 0.002, 0.003, 0.006)  # of jitter
ARCH = (0.35, 0.40, 0.38, 0.33)  # accuracies


def family(root, by, values, levels, probes=None, losses=None, **settings):
    """A run for each value and seed, with the jitter and accuracy planted there."""
    probes, losses = probes or [0.4] * len(values), losses or [3.0] * len(values)
    rows = zip(values, levels, probes, losses, strict=False)
    return [
        plant(
            root,
            shaking(level, seed),
            # what differs between seeds, not between settings
            probe=probe + 0.002 * seed,
            loss=loss + 0.01 * seed,
            **{"batch_size": 512, "seed": seed, **settings, by: value},
        )
        for value, level, probe, loss in rows
        for seed in SEEDS
    ]


@pytest.mark.parametrize("true", [True, False])
def test_c1_the_batch(tmp_path, true):
    levels = LEVELS if true else [0.002] * 3
    probes = ARCH[:2] + ARCH[3:] if true else None
    runs = family(tmp_path, "batch_size", BATCHES, levels, probes)
    assert CLAIMS["C1"](runs).word == WORDS[true]


def test_c1_partly_where_accuracy_only_rises(tmp_path):
    runs = family(tmp_path, "batch_size", BATCHES, LEVELS, [0.3, 0.35, 0.4])
    verdict = CLAIMS["C1"](runs)
    assert verdict.word == "partly"
    assert verdict.effects[-1].mean == 0  # the largest batch is the best


@pytest.mark.parametrize("true", [True, False])
def test_c1b_the_rate_or_the_batch(tmp_path, true):
    # the truth: jitter depends on the rate alone, or on the batch alone
    scaled = family(tmp_path / "a", "batch_size", BATCHES, (0.001, 0.003, 0.006))
    level = [0.003] * 3 if true else (0.001, 0.003, 0.006)
    fixed = family(tmp_path / "b", "batch_size", BATCHES, level, base_lr=7e-3)
    assert CLAIMS["C1b-rate"](scaled, fixed).word == WORDS[true]
    assert CLAIMS["C1b-batch"](fixed).word == WORDS[not true]


@pytest.mark.parametrize("true", [True, False])
def test_c2_the_lazy_monitor(tmp_path, true):
    probes, losses = (ARCH, None) if true else (None, (2, 3, 4, 5))
    lists = []
    for by, values in (("batch_size", (500, 512, 600, 700)), ("base_lr", RATES)):
        runs = []
        for i, value in enumerate(values):
            for seed in SEEDS:
                knn = shaking(0.001, seed)
                if true and i:
                    knn[[10, 22, 33]] -= 0.05  # none of them the end of an epoch
                place = {"batch_size": 500, by: value, "seed": seed}
                score = (probes[i] if probes else 0.4) + 0.002 * seed
                loss = (losses[i] if losses else 3) + 0.01 * seed
                runs.append(plant(tmp_path / by, knn, score, loss, **place))
        lists.append(runs)
    verdict = CLAIMS["C2"](*lists)
    assert verdict.word == WORDS[true]


@pytest.mark.parametrize("true", [True, False])
def test_c4_the_rate(tmp_path, true):
    levels, probes = (LEVELS, ARCH) if true else ([0.002] * 4, None)
    runs = family(tmp_path, "base_lr", RATES, levels, probes)
    assert CLAIMS["C4"](runs).word == WORDS[true]


@pytest.mark.parametrize("true", [True, False])
def test_c5_lamb(tmp_path, true):
    calm, rough = ([0.001] * 4, LEVELS) if true else (LEVELS, [0.001] * 4)
    probes = (0.38, 0.38, 0.4, 0.3) if true else (0.4, 0.36, 0.36, 0.4)
    adamw = (0.38, 0.4, 0.3, 0.3) if true else (0.38, 0.38, 0.38, 0.4)
    lamb = family(tmp_path, "base_lr", RATES, calm, probes, optimizer="lamb")
    adam = family(tmp_path, "base_lr", RATES, rough, adamw)
    assert CLAIMS["C5"](lamb, adam).word == WORDS[true]


def _spiking(root, true, **settings):
    """Runs in which the first layer leads by three steps and kNN then falls, or not."""
    found, readings = [], np.arange(5, 241, 5)
    for rate in RATES[-2:]:
        for seed in SEEDS:
            first = events(seed)
            echo = np.roll(first, 3 if true else -3)
            norms = dict.fromkeys(LAYERS, echo) | {"patch_projection": first}
            knn = shaking(0.002, seed)
            for begin in range(51 + seed, 216, 40):
                behind = (readings >= begin) & (readings < begin + 20)
                knn[behind] -= 0.03 if true else -0.03
            place = {"base_lr": rate, "seed": seed, **settings}
            found.append(plant(root, knn, norms=norms, **place))
    return found


@pytest.mark.parametrize("true", [True, False])
def test_c6_the_first_layer_first(tmp_path, true):
    light = _spiking(tmp_path, true, augmentation="light")
    verdict = CLAIMS["C6"](light, _spiking(tmp_path, true))
    assert verdict.word == WORDS[true]
    assert all(len(e.values) == 5 for e in verdict.effects)


def test_c6_needs_spikes_to_speak_of_falls(tmp_path):
    light = _spiking(tmp_path, True, augmentation="light")
    calm = family(tmp_path, "base_lr", RATES, [0.002] * 4)
    with np.errstate(invalid="ignore"):  # constant norms correlate with nothing
        verdict = CLAIMS["C6"](light, calm)
    assert verdict.word == "too few runs"


@pytest.mark.parametrize("true", [True, False])
def test_c7_freezing(tmp_path, true):
    runs = family(tmp_path, "base_lr", RATES, LEVELS, ARCH)
    levels, gain = (
        ([0.001] * 4, (0.004, 0.006, 0.01, 0.02)) if true else (LEVELS, (0,) * 4)
    )
    probes = np.add(ARCH, gain).tolist()
    freeze = {"patch_projection": "fixed"}
    runs += family(tmp_path, "base_lr", RATES, levels, probes, **freeze)
    assert CLAIMS["C7"](runs).word == WORDS[true]


@pytest.mark.parametrize("true", [True, False])
def test_c9_freezing_only_alleviates(tmp_path, true):
    lists = []
    for views in ("full", "light"):
        runs = [
            plant(
                tmp_path,
                shaking(0.006 if true and rate == max(RATES) else 0.001, seed),
                norms={"blocks.0.qkv": events(seed)}
                if true and rate == max(RATES)
                else None,
                **{"base_lr": rate, "seed": seed, "patch_projection": "fixed"},
                augmentation=views,
            )
            for rate in RATES
            for seed in SEEDS
        ]
        lists.append(runs)
    assert CLAIMS["C9"](*lists).word == WORDS[true]


def test_the_best_setting_is_never_chosen_on_its_own_seed():
    # settings that differ by luck alone: chosen on themselves, the best always wins
    gains = []
    for seed in range(200):
        table = pd.DataFrame(np.random.default_rng(seed).normal(size=(5, 4)))
        gains.append((contrasts.best(table) - table.mean(axis=1)).mean())
    assert np.mean(gains) < 0.05
    assert contrasts.best(table.head(1)).empty


def test_a_seed_waits_for_all_its_settings(tmp_path):
    runs = family(tmp_path, "base_lr", RATES, LEVELS)
    half = [r for r in runs if r.recipe.seed < 4 or r.recipe.base_lr < 0.01]
    seen = contrasts.by_seed(half, lambda run: run.recipe.base_lr)
    assert seen.index.tolist() == [0, 1, 2, 3]
    assert contrasts.by_seed([], len).empty
    assert (
        len(contrasts.growth(contrasts.grid(half, "jitter", "base_lr")).dropna()) == 4
    )
