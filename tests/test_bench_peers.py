"""The bench against peers: its clock adds up, its table divides as it says."""

import pytest
import torch

from tools import bench_peers
from tools.bench_peers.__main__ import table
from tools.bench_peers.clock import Clock
from tools.bench_peers.ours import measure


def work(n=200_000):
    return sum(range(n))


def test_a_part_within_a_part_counts_once():
    class Model:
        def outer(self):
            work()
            self.inner()

        def inner(self):
            work()

    model, clock = Model(), Clock()
    clock.wrap(model, "outer", "forward")
    clock.wrap(model, "inner", "update", out_of="forward")
    found = clock.measure(model.outer, 20)
    assert found["forward"] == pytest.approx(found["update"], rel=0.5)
    assert sum(found[p] for p in bench_peers.PARTS) == pytest.approx(found["step"])


def test_our_own_step_has_every_part(monkeypatch):
    monkeypatch.setattr("tools.bench_peers.BATCH", 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "backward", torch.Tensor.backward)  # put back
        found = measure(2)
    assert all(found[part] > 0 for part in bench_peers.PARTS)
    assert sum(found[p] for p in bench_peers.PARTS) == pytest.approx(found["step"])


def test_the_table_gives_ratios():
    parts = dict.fromkeys(bench_peers.PARTS, 0.1)
    text = table({"mocolib": {"step": 0.5, **parts}, "plain": {"step": 1.0, **parts}})
    assert "512     1.00x" in text
    assert "256     2.00x" in text
