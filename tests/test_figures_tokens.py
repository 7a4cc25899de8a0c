"""Figures of patches, tokens and filters: they show the numbers they were given."""

import numpy as np
import pytest

from mocolib import figures
from mocolib.figures.tokens import mosaic
from mocolib.vit import sincos_positions
from tests.test_figures import labelled

RNG = np.random.default_rng(0)


def test_the_third_panel_is_the_sum_of_the_first_two():
    tokens, codes = RNG.normal(size=(2, 16, 8))
    figure = figures.token_sum(tokens, codes)
    labelled_but_for_shared(figure)
    first, second, third = (
        ax.collections[0].get_array().reshape(16, 8) for ax in figure.axes[:3]
    )
    assert np.allclose(first, tokens)
    assert np.allclose(first + second, third)
    scales = {ax.collections[0].get_clim() for ax in figure.axes[:3]}
    assert len(scales) == 1  # one scale, or the eye could not add


def labelled_but_for_shared(figure):
    """Panels that share an axis name it once."""
    for ax in figure.axes[1:3]:
        ax.set_ylabel("shared")
    labelled(figure)


def test_position_codes_and_their_likeness():
    figure = figures.position_codes(3, 8)
    codes = figure.axes[0].collections[0].get_array().reshape(9, 8)
    assert np.allclose(codes, sincos_positions(3, 8))
    [picture] = figure.axes[1].images
    maps = picture.get_array()
    assert maps.shape == (11, 11)
    for i in range(3):  # each position is most like itself
        place = i * 4 + i
        assert maps[place, place] == pytest.approx(1)
        part = maps[i * 4 : i * 4 + 3, i * 4 : i * 4 + 3]
        assert part.max() == pytest.approx(1)
    assert np.ma.masked_invalid(maps).mask[3].all()  # the gap between maps


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mosaic_shows_each_filter_around_mid_grey(channels):
    weight = np.zeros((5, channels * 4))
    weight[1, 0] = 2  # one channel's first pixel
    weight[2, -1] = -3  # the last channel's last
    weight[[0, 3, 4]] = 1
    picture = mosaic(weight, 2, columns=3)
    assert picture.shape == (5, 8, 3)
    assert picture[0, 3, 0] == 1  # the largest entry, red or grey
    assert picture[1, 7, 2] == 0
    assert picture[1, 3].tolist() == [0.5] * 3  # zero
    assert (picture[3:, 6:] == 1).all()  # no sixth filter
