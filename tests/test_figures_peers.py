"""The bench against peers as a picture: its bars add up, its ratios are of steps."""

import pytest

from mocolib import figures
from mocolib.analysis import tables
from mocolib.files import read_json
from tools import bench_peers


def test_a_bar_is_a_step_and_says_how_many_times_ours():
    ours = {"step": 0.4, "augmentation": 0.1, "forward": 0.2, "backward": 0.1}
    plain = {"step": 1.0, "augmentation": 0.5, "forward": 0.3, "backward": 0.2}
    bench = {"batch": 256, "seconds": {"mocolib": ours, "plain": plain}}
    (ax,) = figures.peers(bench).axes
    ends = [max(bar.get_x() + bar.get_width() for bar in row) for row in rows(ax)]
    assert ends == pytest.approx([400, 1000])  # ms
    told = [text.get_text().strip() for text in ax.texts]
    assert told == ["640 images/s", "256 images/s, 2.5×"]


def rows(ax):
    """The bars of each library."""
    return zip(*ax.containers, strict=True)


def test_the_recorded_bench_is_of_the_cases_that_there_are():
    bench = read_json(tables.root() / "bench_peers.json")
    assert bench["cases"] == bench_peers.CASES
    assert list(bench["seconds"]) == list(bench_peers.CASES)
    for row in bench["seconds"].values():
        parts = sum(row[part] for part in bench_peers.PARTS)
        assert parts == pytest.approx(row["step"], rel=0.05)  # medians, part by part
