"""The states of the edge stand where they should; batches and parts are told apart."""

import numpy as np
import pandas as pd
import pytest

from mocolib.analysis import edge
from mocolib.analysis.curvature import preconditioned_sharpness
from mocolib.runs import Run
from mocolib.runs.record import record
from mocolib.runs.replay import replay
from tests.planted import plant, shaking
from tests.tiny import blobs, tiny


def spiking(root, *steps):
    """A run of 240 steps, 40 of them warmup, whose projection spikes at these."""
    norms = np.ones(240)
    norms[np.array(steps, int) - 1] = 6
    settings = {"norms": {"patch_projection": norms}, "warmup_steps": 40}
    return plant(root, shaking(0.002, 0), steps=240, **settings)


LEFT = {"patch_projection": 0.95, "blocks.0": 0.8, "blocks.1": 0.9, "heads": 0.6}


def at_the_edge(truth=1) -> pd.DataFrame:
    """A table: 1 in calm, 1.5 (or 1 over it) before a spike, on another batch 1.2.

    With a part held constant LEFT of it is left; seeds scatter by a percent or two.
    """
    rows = []
    for seed in range(3):
        more = 1 + 0.01 * seed
        place = {"seed": seed, "run": f"r{seed}", "constant": edge.NOTHING}
        for batch, rise in ((edge.OWN, 1.5), (edge.OTHER, 1.2)):
            ratio = rise**truth * more
            rows += [
                {**place, "batch": batch, "kind": edge.CALM, "ratio": 1.0},
                {**place, "batch": batch, "kind": edge.BEFORE, "ratio": ratio},
            ]
        for part, left in LEFT.items():
            ratio = 1.5**truth * more * left * (1 - 0.01 * seed)
            own = {"batch": edge.OWN, "kind": edge.BEFORE, "ratio": ratio}
            rows.append({**place, **own, "constant": part})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("spikes", "states"),
    [
        ((120,), {edge.CALM: 105, edge.BEFORE: 117}),
        ((100, 120), {edge.CALM: 85, edge.BEFORE: 97}),  # the first one
        # the first with a calm one
        ((70, 90, 150), {edge.CALM: 135, edge.BEFORE: 147}),
        ((70,), {}),
        ((), {}),
    ],
)
def test_the_states_are_ahead_of_a_spike_and_far_from_any(tmp_path, spikes, states):
    assert edge.states(spiking(tmp_path, *spikes)) == states


def test_a_recorded_run_has_each_look_at_both_states(tmp_path, monkeypatch):
    data, recipe = blobs(), tiny(depth=2, steps=24)
    for _ in record(recipe, data, tmp_path):
        pass
    run = Run(tmp_path / recipe.id)
    monkeypatch.setattr(edge, "states", lambda run: {edge.CALM: 4, edge.BEFORE: 8})
    table = edge.along(run, data, iterations=5)
    assert table.attrs["departures"] == []
    looks = table.set_index(["kind", "batch", "constant"])["sharpness"]
    assert len(looks) == looks.nunique() == 2 * (2 + len(edge.PARTS))
    training = replay(run, 8, data).training
    last = {"later": 2 + edge.LATER, "iterations": 5}
    expected = preconditioned_sharpness(training, **last)
    assert looks[edge.BEFORE, edge.OTHER, edge.NOTHING] == expected
    assert table["ratio"].equals(table["sharpness"] / table["threshold"])
