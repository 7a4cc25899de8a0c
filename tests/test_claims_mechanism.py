"""Claims on what makes a spike, on runs and tables whose truth is planted."""

import numpy as np
import pandas as pd
import pytest

from mocolib import runs
from mocolib.analysis import causes
from mocolib.claims import CLAIMS, findings, mechanism
from mocolib.claims.verdicts import HOLDS, OPPOSITE, VOID
from mocolib.sweep.design import REMEDIES, SHORT
from tests.planted import LAYERS, events, group, plant, shaking
from tests.test_edge import at_the_edge
from tests.test_kicks import planted

OUTCOMES = {1: HOLDS, -1: OPPOSITE}
TRUTH = pytest.mark.parametrize("truth", [1, -1])
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


def spiking(root, rms=1.0, **settings):
    """Runs with planted spikes, of the loss too; sqrt(g^2/v) is near `rms` before."""
    found = []
    for seed in SEEDS:
        norms = events(seed)
        ratio, loss = np.ones(len(norms)), 3 + 0.01 * np.log(norms)
        for begin in range(50 + seed, 215, 40):  # where `events` rise
            ratio[begin - 8 : begin] = rms * (1 + 0.01 * seed)
            loss[begin : begin + 3] = 3.4
        later = dict.fromkeys(LAYERS, np.roll(norms, 3))
        columns = {"adam_rms/patch_projection": ratio, "loss": loss}
        columns |= {"cosine/patch_projection": np.full(len(norms), 0.6)}
        found.append(
            plant(
                root,
                shaking(0.002, seed),
                norms=later | {"patch_projection": norms},
                columns=columns,
                **{"base_lr": SHORT.shaky, "seed": seed, **settings},
            )
        )
    return found


@TRUTH
def test_c14_the_two_stories(tmp_path, truth):
    found = spiking(tmp_path, 2.0**truth)
    rows = [
        {"run": f"r{seed}", "seed": seed, "kind": kind, "ratio": ratio + 0.01 * seed}
        for seed in SEEDS
        for kind, ratio in (("before_a_spike", 1.3), ("calm", 1.1))
    ]
    verdict = CLAIMS["C14"](found, pd.DataFrame(rows))
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["edge"].holds
    without = CLAIMS["C14"](found, pd.DataFrame()).effects
    assert set(without) == {"spike", "loss", "lone"}


def test_a_lone_spike_has_no_other_shortly_before_it(monkeypatch):
    monkeypatch.setattr(causes, "spike_steps", lambda run: [20, 28, 37, 60])
    assert causes.lone_spikes(None, mechanism.AHEAD + 1) == [20, 37, 60]


@TRUTH
def test_c14b_a_shorter_memory(tmp_path, truth):
    falls = {"nothing": 0.06, "projection_fixed": 0.01}
    falls["beta2_95"] = 0.02 if truth > 0 else 0.055
    found, size = [], {"image_size": 32, "patch_size": 8, "base_lr": SHORT.shaky}
    for remedy, change in REMEDIES.items():
        found += group(tmp_path, fall=falls.get(remedy, 0.04), **change, **size)
    with np.errstate(invalid="ignore"):  # constant norms correlate with nothing
        verdict = CLAIMS["C14b"](found, [])
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["qk"].mean > 0


def test_c14b_has_no_gap_to_close_where_freezing_does_nothing(tmp_path):
    found, size = [], {"image_size": 32, "patch_size": 8, "base_lr": SHORT.shaky}
    for change in REMEDIES.values():
        found += group(tmp_path, fall=0.04, **change, **size)
    with np.errstate(invalid="ignore"):
        verdict = CLAIMS["C14b"](found, [])
    assert verdict.outcome == VOID
    assert "no gap to close" in findings.sentence(verdict)


def test_c14b_the_cosine_before_a_dip(tmp_path):
    found = []
    for seed in SEEDS:
        knn, cosine = shaking(0.0005, seed), np.full(240, 0.6)
        for reading in (15, 30):
            knn[reading] -= 0.1
            step = 5 * (reading + 1)
            cosine[step - 9 : step - 1] = 0.2 + 0.01 * seed
        columns = {"cosine/patch_projection": cosine}
        place = {"seed": seed, "base_lr": SHORT.shaky}
        found.append(plant(tmp_path, knn, columns=columns, **place))
    assert CLAIMS["C14b"]([], found).effects["cosine"].holds


@TRUTH
def test_c15_rewind(tmp_path, monkeypatch, truth):
    monkeypatch.setattr(runs, "public_root", lambda: tmp_path)
    rows = []
    for run in spiking(tmp_path):
        for change in (
            *("nothing", causes.OTHER_IMAGES, causes.MEMORY, causes.FIXED),
            *(causes.HALF, causes.CLIPPED),
        ):
            with_placebo = change in ("nothing", causes.OTHER_IMAGES)
            for spike in (91 + run.recipe.seed, 131 + run.recipe.seed):
                comes = with_placebo == (truth > 0)
                if run.recipe.seed == 0 and spike < 100:
                    comes = True  # seeds differ
                for step in range(spike - 10, spike + 20):
                    rise = 6.0 if comes and spike <= step < spike + 3 else 1.0
                    row = {"run": run.id, "seed": run.recipe.seed, "spike": spike}
                    row |= {"change": change, "step": step, "loss": 3.0, "knn": np.nan}
                    rows.append(row | {"first": rise, "last": rise})
    table = pd.DataFrame(rows)
    verdict = CLAIMS["C15"](table)
    assert verdict.outcome == OUTCOMES[truth]
    run = runs.Run(tmp_path / table["run"].iloc[-1])
    told = causes.responses(run, table[table["run"] == run.id])
    by_change = told.groupby("change")["comes"].agg(list)
    assert by_change[causes.OTHER_IMAGES] == [truth > 0] * 2
    assert by_change[causes.FIXED] == [truth < 0] * 2


@TRUTH
def test_c16_the_first_layer(truth):
    end = {1: 20.0, -1: 31.0}[truth]
    rows = [
        {"run": f"{base_lr}{seed}", "seed": seed, "base_lr": base_lr, "step": step}
        | {"rank": 28.0 if step == 0 or base_lr < 0.02 else end + seed}
        for base_lr in (SHORT.calm, SHORT.shaky)
        for seed in SEEDS
        for step in (0, 1, 400)
    ]
    assert CLAIMS["C16"](pd.DataFrame(rows[::-1])).outcome == OUTCOMES[truth]


@TRUTH
def test_c20_the_weak_spot(truth):
    fall = {"patch_projection": 1 + 0.5 * truth, "blocks.1": 1.0, "projector.0": 0.2}
    verdict = CLAIMS["C20"](planted(fall, left=0.1, random=0.3))
    assert verdict.outcome == OUTCOMES[truth]
    found = verdict.effects
    assert found["fall"].levels[1] == pytest.approx(1.075)  # the weakest of the others
    assert found["loss"].mean == pytest.approx(0.1 * found["fall"].mean)
    assert found["largest"].mean == pytest.approx(2 * found["fall"].mean)
    assert found["back"].levels[1] == pytest.approx(0.1 * found["back"].levels[0])
    assert found["random"].holds
    assert not CLAIMS["C20"](pd.DataFrame()).effects


@TRUTH
def test_c21_the_edge(truth):
    verdict = CLAIMS["C21"](at_the_edge(truth)[::-1])
    assert verdict.outcome == OUTCOMES[truth]
    found = verdict.effects
    assert found["batch"].mean == pytest.approx(truth * np.log2(1.25))
    assert found["little"].levels == pytest.approx((10, 5.95))
    assert found["heads"].levels[0] == pytest.approx(40.6)
    assert found["heads"].holds
    assert found["little"].holds
    assert not CLAIMS["C21"](pd.DataFrame()).effects
