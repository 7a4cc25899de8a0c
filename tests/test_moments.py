"""The panel that goes through a spike step by step shows the run's own numbers."""

import json
import re

import numpy as np
import pytest

from mocolib.analysis import measures
from mocolib.lab import moments
from mocolib.lab.recorded import PAGE
from tests.planted import plant, shaking


@pytest.fixture
def run(tmp_path):
    """Spikes at 100 and 150, and one at 235 whose end was not recorded."""
    norms = np.ones(240)
    for start in (100, 150, 235):
        norms[start - 1 : start + 2] = (4, 6, 2)
    return plant(tmp_path, shaking(0.001, 0), norms={"patch_projection": norms})


def test_a_moment_is_that_of_the_run(run, monkeypatch):
    monkeypatch.delenv(PAGE, raising=False)
    panel = moments(run, caption="Move.")
    spikes, offsets = panel.axes
    assert spikes.values == (100, 150)
    assert offsets.values == tuple(range(-8, 16))
    assert "Step 100: patch projection ×4.0, projector 1 ×1.0" in panel.words.value
    panel.controls[0].value = 1
    panel.controls[1].value += 1
    assert "Step 151: patch projection ×6.0" in panel.words.value
    read = run.steps.set_index("step")["knn"].loc[150]
    assert f"kNN was last read as {read:.1%}" in panel.words.value
    drawn = panel.picture.value
    layers = ["patch projection", "block 1, qkv", "projector 1", "predictor 2"]
    assert [drawn.index(name) for name in layers] == sorted(map(drawn.index, layers))
    assert drawn.count("<svg") == 2


def test_bars_are_logarithmic(run, monkeypatch):
    monkeypatch.delenv(PAGE, raising=False)
    drawn = moments(run, caption="").picture.value
    bars = re.findall(r"M([\d.]+) \d+H([\d.]+)v7", drawn)
    (one, first), (_, second) = [tuple(map(float, bar)) for bar in bars[:2]]
    assert first - one == pytest.approx(2 * 48 / 4)  # x 4: two doublings
    assert second == one  # x 1


def test_a_page_holds_every_step_of_every_spike(run, monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    shown = moments(run, caption="Move.").data
    data = json.loads(re.search(r"json\">(.*?)</script>", shown, re.S)[1])
    assert data["start"] == [0, 8]  # where the first spike begins
    assert len(data["frames"]) == 2 * 24 == len(set(data["frames"]))
    said = [re.match(r"Step (\d+)", words)[1] for words in data["spoken"][:24]]
    assert said == [str(step) for step in range(92, 116)]


def test_a_run_without_spikes_says_so(tmp_path):
    calm = plant(tmp_path, shaking(0.001, 0))
    assert not len(measures.spike_steps(calm))
    assert "no spike" in moments(calm, caption="Move.").data
