"""The panel that goes through a spike step by step shows the run's own numbers."""

import re

import numpy as np
import pytest

from mocolib import lab
from mocolib.analysis import measures
from tests.planted import plant, shaking
from tests.told import frame, told


@pytest.fixture
def run(tmp_path):
    """Spikes at 100 and 150, and one at 235 whose end was not recorded."""
    norms = np.ones(240)
    for start in (100, 150, 235):
        norms[start - 1 : start + 2] = (4, 6, 2)
    return plant(tmp_path, shaking(0.001, 0), norms={"patch_projection": norms})


def test_a_moment_is_that_of_the_run(run):
    panel = lab.spikes(run, question="Move.").data
    spikes, offsets = told(panel)["axes"]
    assert spikes["words"] == ["100", "150"]
    assert offsets["words"] == [str(i) for i in range(-8, 16)]
    _, words = frame(panel)
    assert "Step 100: patch projection ×4.0, projector 1 ×1.0" in words
    drawn, words = frame(panel, spike_at_step=1, steps_from_it=9)
    assert "Step 151: patch projection ×6.0" in words
    read = run.steps.set_index("step")["knn"].loc[150]
    assert f"kNN was last read as {read:.1%}" in words
    layers = ["patch projection", "block 1, qkv", "projector 1", "predictor 2"]
    assert [drawn.index(name) for name in layers] == sorted(map(drawn.index, layers))
    curves = told(drawn)
    assert [mark["at"] for mark in curves["marks"]] == [150, 151]
    assert (curves["x"]["since"], curves["x"]["until"]) == (110, 190)


def test_bars_are_logarithmic(run):
    drawn, _ = frame(lab.spikes(run).data)
    bars = re.findall(r"M([\d.]+) \d+H([\d.]+)v7", drawn)
    (one, first), (_, second) = [tuple(map(float, bar)) for bar in bars[:2]]
    assert first - one == pytest.approx(2 * 48 / 4)  # x 4: two doublings
    assert second == one  # x 1


def test_a_panel_holds_every_step_of_every_spike(run):
    data = told(lab.spikes(run).data)
    assert data["start"] == [0, 8]  # where the first spike begins
    assert len(data["frames"]) == 2 * 24 == len({*map(tuple, data["frames"])})
    said = [re.match(r"Step (\d+)", words)[1] for words in data["spoken"][:24]]
    assert said == [str(step) for step in range(92, 116)]


def test_a_run_without_spikes_says_so(tmp_path):
    calm = plant(tmp_path, shaking(0.001, 0))
    assert not len(measures.spike_steps(calm))
    assert "no spike" in lab.spikes(calm).data


def test_a_chapter_may_choose_among_the_spikes(run):
    spikes, _ = told(lab.spikes(run, only=(150, 235)).data)["axes"]
    assert spikes["words"] == ["150"]
