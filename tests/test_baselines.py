"""What accuracies are held against, on images whose truth is known."""

import pandas as pd
import pytest
import torch

from mocolib.analysis import baselines
from mocolib.evaluate import knn_accuracy
from mocolib.train import train
from tests.tiny import blobs, tiny


@pytest.fixture(scope="module")
def read():
    recipe, kinds = tiny(knn_memory_size=96), (baselines.start_of, baselines.images_of)
    rows = pd.concat([baselines.measured(kind(recipe), blobs()) for kind in kinds])
    return rows.set_index("kind")[baselines.READINGS].to_dict("index")


def test_the_untrained_network_is_the_runs_own_start(read):
    """Whatever its steps will be: rate, framework and length do not matter."""
    training = train(tiny(knn_memory_size=96, base_lr=0.0, knn_memory="clean"), blobs())
    next(training)  # at a rate of zero the weights stay
    assert read["untrained"]["knn"] == training.monitor.final_knn()
    assert read["untrained"]["linear_probe"] == training.monitor.linear_probe()
    other = tiny(knn_memory_size=96, steps=50, framework="simclr", weight_decay=0.0)
    assert baselines.start_of(other) == baselines.start_of(tiny(knn_memory_size=96))


def test_pixels_are_the_images_as_the_network_sees_them(read):
    data = blobs()
    flat = baselines.pixels(data.test_images, data, 8)
    assert flat.shape == (30, 3 * 8 * 8)
    train_flat = baselines.pixels(data.train_images, data, 8)
    assert abs(train_flat.mean()) < 1e-5  # its own mean is taken out
    known = knn_accuracy(train_flat, data.train_labels, flat, data.test_labels, 3)
    assert read["pixels"]["knn"] == pytest.approx(known)


def test_components_keep_what_lies_in_few_directions():
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(60, 60, generator=generator)).Q
    scales = torch.cat([torch.full((32,), 3.0), torch.full((28,), 1e-3)])
    points = torch.randn(400, 60, generator=generator) * scales @ basis.T
    kept = baselines.components(points, lambda x: x)(points)
    assert kept.shape == (400, 32)
    lost = 1 - kept.square().sum() / (points - points.mean(0)).square().sum()
    assert lost < 1e-5


class Run:
    def __init__(self, **settings):
        self.recipe = tiny(**settings)


@pytest.fixture
def table(monkeypatch):
    """Two seeds of one network, and one of another width, on the same images."""
    rows = []
    for start, kind, knn in (
        (baselines.start_of(tiny(seed=0)), "untrained", 0.5),
        (baselines.start_of(tiny(seed=1)), "untrained", 0.7),
        (baselines.images_of(tiny()), "pixels", 0.8),
    ):
        place = dict(part=start.id, dataset=start.dataset, kind=kind)
        rows.append(dict(place, knn=knn, linear_probe=knn + 0.1))
    monkeypatch.setattr(baselines, "_recorded", lambda: pd.DataFrame(rows))


def test_lines_are_the_mean_over_the_seeds_of_the_runs(table):
    runs = [Run(seed=0), Run(seed=1), Run(seed=1, base_lr=0.1)]
    assert baselines.lines(runs)["untrained"]["knn"] == pytest.approx(0.6)
    assert baselines.lines(runs[:1])["untrained"]["linear_probe"] == pytest.approx(0.6)
    assert baselines.named(runs, "knn") == [
        (pytest.approx(0.6), "untrained network"),
        (pytest.approx(0.8), "pixels"),
    ]


def test_networks_that_are_unlike_or_unknown_have_the_lines_of_their_images_only(table):
    for runs in ([Run(seed=0), Run(seed=1, qk_norm=True)], [Run(seed=5)]):
        assert set(baselines.lines(runs)) == {"pixels"}
    assert baselines.lines([Run(image_size=16)]) == {}
    assert baselines.lines([]) == {}


def test_lines_that_lie_close_share_their_words(monkeypatch):
    near = {"pixels": {"knn": 0.78}, "components": {"knn": 0.79}}
    monkeypatch.setattr(baselines, "lines", lambda runs: near)
    assert baselines.named([], "knn") == [
        (0.78, ""),
        (0.79, "pixels, 32 principal components"),
    ]
