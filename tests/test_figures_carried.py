"""Critical rates over sizes, drawn from planted runs."""

import numpy as np
import pytest

from mocolib import figures
from mocolib.claims import scale
from mocolib.sweep.design import MINI, RAMP, VIT_B
from tests.planted import THREE
from tests.test_claims_scale import ramp


def test_a_size_has_its_runs_and_the_plane_and_the_paper_lies_where_it_is(tmp_path):
    rates = scale.critical(ramp(tmp_path, 0.0, THREE))
    width, _, _, _, corners, far = figures.carried(rates).axes
    means, dots, plane = width.lines  # the dashed one is the plane
    assert means.get_xdata().tolist() == [16, 32, 64, 128]
    assert len(dots.get_xdata()) == 4 * len(THREE)
    assert plane.get_ydata() == pytest.approx(means.get_ydata(), rel=0.1)
    *found, alike = corners.lines
    assert len(found) == 3
    assert alike.get_xdata().tolist() == alike.get_ydata().tolist()
    for line in found:  # planted on the plane
        assert line.get_ydata() == pytest.approx(line.get_xdata(), rel=0.1)
    dots, *papers = far.lines
    planes = scale.fitted(np.log2(rates))
    assert dots.get_ydata() == pytest.approx(
        2 ** scale.height(planes, scale.sizes(VIT_B[0]))
    )
    plain = 2 ** np.log2(rates[scale.sizes(RAMP)]).mean() / MINI.calm
    levels = [line.get_ydata()[0] for line in papers]
    assert levels == pytest.approx([*(one.lr for one in VIT_B), plain * VIT_B[0].lr])
    assert figures.carried(rates[:0]) is None
