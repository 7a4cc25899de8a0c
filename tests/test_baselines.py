"""What accuracies are held against, on images whose truth is known."""

import pytest
import torch

from mocolib.analysis import baselines
from mocolib.evaluate import knn_accuracy
from mocolib.train import train
from tests.tiny import blobs, tiny


@pytest.fixture(scope="module")
def read():
    return baselines.measured(tiny(knn_memory_size=96), blobs())


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


def test_lines_are_the_mean_over_starts(monkeypatch):
    class Run:
        def __init__(self, seed):
            self.recipe = tiny(seed=seed)

    values = {0: 0.5, 1: 0.7}
    monkeypatch.setattr(
        baselines,
        "_of_start",
        lambda start: {"untrained": {"knn": values[start.seed], "linear_probe": 0.6}},
    )
    mean = baselines.lines([Run(0), Run(1), Run(1)])["untrained"]
    assert mean["knn"] == pytest.approx(0.6)
    assert baselines.lines([]) == {}
