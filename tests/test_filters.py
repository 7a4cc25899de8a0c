"""The patch projection step by step: its effective rank, its states around a fall."""

import numpy as np
import pandas as pd
import pytest
import torch

from mocolib.analysis import filters, halves
from mocolib.analysis.completeness import project
from mocolib.runs import Run
from mocolib.runs.record import record
from tests.planted import plant
from tests.tiny import tiny


def test_the_effective_rank_of_what_is_known():
    assert filters.effective_rank(torch.eye(6)) == pytest.approx(6)
    one = torch.outer(torch.arange(1.0, 5), torch.ones(7))
    assert filters.effective_rank(one) == pytest.approx(1)
    halves = torch.diag(torch.tensor([2.0, 2.0, 0.0]))
    assert filters.effective_rank(halves) == pytest.approx(2)


def test_the_projection_is_seen_behind_every_step(tmp_path, data):
    recipe = tiny(base_lr=0.1)
    list(record(recipe, data, tmp_path))
    run = Run(tmp_path / recipe.id)
    table = filters.along(run, data, keep=(0, 12))
    assert table["step"].tolist() == list(range(13))
    assert table["cosine"][0] == pytest.approx(1)
    assert table["cosine"].is_monotonic_decreasing
    kept = table.dropna(subset="weight").set_index("step")["weight"]
    start, end = (filters.matrix(kept[step], recipe.width) for step in (0, 12))
    assert torch.equal(start, project(recipe, data.channels).half().float())
    assert filters.effective_rank(end) == pytest.approx(table["rank"][12], rel=1e-3)
    assert table.attrs["departures"] == []


def test_the_states_around_a_fall_are_its_ends(tmp_path):
    knn = np.linspace(0.3, 0.4, 48)
    knn[30:33] -= 0.1  # steps 155 to 165; the reading before is step 150's
    run = plant(tmp_path, knn)
    assert filters.around_fall(run) == [0, 150, 152, 155, 240]


def test_halves_are_read_where_the_run_was_read(tmp_path, data):
    recipe = tiny(knn_every=4)
    list(record(recipe, data, tmp_path))
    run = Run(tmp_path / recipe.id)
    table = halves.along(run, data)
    whole = run.steps.set_index("step")["knn"].dropna()
    assert table["step"].tolist() == whole.index.tolist() == [4, 8, 12]
    both = (table["first"] + table["second"]) / 2  # 15 images each
    assert both.to_numpy() == pytest.approx(whole.astype(float).to_numpy())
    noise = halves.noise(table.assign(base_lr=recipe.base_lr))
    assert noise.index.tolist() == [recipe.base_lr]


def test_the_most_sudden_loss_of_rank():
    rank = pd.Series([9.0, 9, 8, 3, 3, 3, 2], index=range(20, 27))
    assert filters.sudden(rank, within=2) == (23, 6.0)
