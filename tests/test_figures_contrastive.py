"""Where the loss starts, how old keys are, what leaks: known truths, then the marks."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mocolib import figures
from mocolib.analysis.negatives import expected_start, key_ages
from mocolib.frameworks import MoCoV1
from mocolib.moco import contrast
from mocolib.recipe import Recipe
from tests.planted import plant, shaking
from tests.test_figures import labelled

DIM = 64


@pytest.mark.parametrize(("tau", "batch"), [(0.2, 1024), (0.2, 256), (0.1, 1024)])
def test_random_directions_start_where_expected(tau, batch):
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randn(4, 2, batch, DIM, generator=generator)
    measured = np.mean([2 * contrast(*pair, tau).item() for pair in pairs])
    recipe = Recipe(temperature=tau, batch_size=batch, head_dim=DIM)
    assert expected_start(recipe) == pytest.approx(measured, rel=0.03)


def test_equal_directions_start_at_4_tau_ln_n():
    same = torch.ones(512, DIM)
    recipe = Recipe(temperature=0.2, batch_size=512, head_dim=10**4)
    start = expected_start(recipe)
    assert start == pytest.approx(2 * contrast(same, same, 0.2).item(), rel=1e-3)


def test_the_queues_ages_are_those_of_the_model():
    """Keys that carry the number of their step, pushed by the model itself."""
    recipe = Recipe(
        framework="moco_v1", backbone="resnet8", negatives=24, head_dim=2, batch_size=8
    )
    model, steps = MoCoV1(recipe, 1, 100), 7
    for step in range(steps):
        model.enqueue(torch.full((8, 2), float(step)))
    ages = steps - model.queue[:, 0]
    expected = key_ages("queue", 24, 8, 100)
    assert sorted(ages.tolist()) == sorted(expected.tolist())


def test_a_banks_ages_are_those_of_images_seen_once_an_epoch():
    batch, images, epochs = 8, 8 * 50, 40
    rng, seen, ages = np.random.default_rng(1), np.zeros(images), []
    for epoch in range(epochs):
        for place, chosen in enumerate(rng.permutation(images).reshape(-1, batch)):
            if epoch and place == 25:
                ages.append(epoch * 50 + place - seen)
            seen[chosen] = epoch * 50 + place
    ours = key_ages("memory_bank", 20_000, batch, images)
    assert ours.mean() == pytest.approx(np.mean(ages), rel=0.03)
    assert (ours.min(), ours.max()) == (np.min(ages), np.max(ages))


def test_a_batch_has_no_more_than_its_other_images():
    assert key_ages("end_to_end", 4096, 256, 50_000).tolist() == [0] * 255


def test_an_age_chart_counts_every_key():
    ages = key_ages("queue", 1000, 10, 50_000)
    figure = figures.age_chart(ages, 300, 4000)
    labelled(figure)
    assert figure.axes[0].patches[0].get_data().values.max() == 100


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three mechanisms, two K, two seeds; the loss planted, the probe by mechanism."""
    root = tmp_path_factory.mktemp("runs")
    probes = {"queue": 0.5, "memory_bank": 0.4, "end_to_end": 0.45}
    return [
        plant(
            *(root, shaking(0.001, seed), probe + 0.001 * k),
            **{"keys": keys, "negatives": k, "seed": seed, "framework": "moco_v1"},
        )
        for keys, probe in probes.items()
        for k in (16, 64)
        for seed in range(2)
    ]


def test_negatives_are_every_runs_linear_probe(runs):
    figure = figures.negatives(runs)
    labelled(figure)
    drawn = {y for line in figure.axes[0].lines for y in line.get_ydata()}
    assert {run.end["linear_probe"] for run in runs} <= drawn


def test_figures_of_moco_v1_wait_for_their_runs():
    for draw in (figures.negatives, figures.leak, figures.first_losses):
        draw([]).canvas.draw()


def test_a_leak_is_a_mark_a_run(tmp_path):
    runs = [
        plant(
            *(tmp_path, shaking(0.001, 0), probe, loss),
            **{"bn_groups": groups, "shuffle_bn": shuffled, "framework": "moco_v1"},
        )
        for groups, shuffled, probe, loss in (
            *((1, False, 0.5, 4.0), (8, False, 0.3, 2.0)),
            (8, True, 0.45, 3.9),
        )
    ]
    figure = figures.leak(runs)
    labelled(figure)
    marks = {
        line.get_label(): (line.get_xdata()[0], line.get_ydata()[0])
        for line in figure.axes[0].lines
    }
    assert marks["one device"] == (4.0, 0.5)
    assert marks["8 devices, in order"] == (2.0, 0.3)
    assert marks["8 devices, shuffled"] == (3.9, 0.45)


def test_first_losses_are_the_first_rows(tmp_path):
    runs = [
        plant(tmp_path, shaking(0.001, 0), loss=loss, batch_size=batch, steps=240)
        for batch, loss in ((64, 3.5), (256, 4.6))
    ]
    figure = figures.first_losses(runs)
    labelled(figure)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [3.5, 4.6]
    dotted = figure.axes[0].lines[1]
    expected = 0.8 * np.log(dotted.get_xdata())
    assert dotted.get_ydata() == pytest.approx(expected)


def test_a_cosine_scatters_by_one_over_its_dimensions():
    """What the second term of the start rests on."""
    generator = torch.Generator().manual_seed(0)
    pair = F.normalize(torch.randn(2, 20_000, DIM, generator=generator), dim=-1)
    assert (pair[0] * pair[1]).sum(1).var().item() == pytest.approx(1 / DIM, rel=0.05)
