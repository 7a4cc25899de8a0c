"""Falls and accuracy against weight decay, drawn from planted runs."""

import pytest

from mocolib import figures
from tests.planted import THREE, group
from tests.test_claims import DIPS

pytestmark = pytest.mark.usefixtures("an_untrained_network")


def test_decays_stand_side_by_side_with_a_line_for_each_kind_of_projection(tmp_path):
    depths, runs = {0.0: 0.03, 0.1: 0.05, 0.3: 0.08}, []
    for decay, fall in depths.items():
        for kind in ("learned", "fixed"):
            place = {**DIPS, "weight_decay": decay, "patch_projection": kind}
            runs += group(tmp_path, level=0.001, fall=fall, **place)
    falls, probes = figures.over_decays(runs).axes
    for ax in (falls, probes):
        assert [word.get_text() for word in ax.get_xticklabels()] == ["0", "0.1", "0.3"]
    lines = [line for line in falls.lines if line.get_linestyle() == "-"]
    assert [line.get_label() for line in lines] == ["learned", "fixed"]
    for line in lines:
        means = line.get_ydata()
        assert means == pytest.approx(list(depths.values()), abs=0.01)
    dots = [line for line in falls.lines if line.get_linestyle() == "None"]
    assert [len(line.get_xdata()) for line in dots] == [3 * len(THREE)] * 2
