"""The panels that open chapters show what the library computes."""

import re

import numpy as np
import pytest
import torch

from mocolib import cost
from mocolib.analysis import completeness
from mocolib.lab import heroes
from mocolib.recipe import Recipe
from mocolib.vit import sincos_positions
from tests.tiny import blobs, tiny
from tests.told import frame


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_cut_and_projected(channels):
    data, recipe = blobs(channels), tiny()
    image = heroes.tokenise(recipe, data, number=3)
    pixels = data.test_images[3].movedim(0, -1).squeeze(-1).numpy()
    assert np.array_equal(image.image, pixels)
    assert np.array_equal(image.patches[1], pixels[:4, 4:])  # the second of 2 x 2
    assert torch.equal(image.codes, sincos_positions(2, recipe.width))
    assert torch.equal(image.layer(image.input)[0], image.tokens)


def test_a_patch_is_shown_with_its_token(data):
    image = heroes.tokenise(tiny(), data, number=0)
    picture, words = frame(heroes.patch_to_token(image, start=3).data)
    assert "Row 2, column 2. 48 numbers" in words
    assert "become 8" in words
    size = float(image.tokens[3].square().mean().sqrt())
    assert f"size is {size:.2f}" in words
    assert picture.count("<svg") == 1


def test_an_image_is_rebuilt_at_each_width(data):
    table = completeness.reconstruction(data, [3, 12], seeds=(0,), patch_size=2)
    panel = heroes.rebuilt(data, table.set_index("width"), {"a": 0, "b": 1}).data
    picture, words = frame(panel, width=1)
    assert picture.count("<img") == 3
    assert "12 numbers a token" in words
    assert "off by 0% of a patch (root mean square), that from the best" in words
    sources = re.findall(r'src="([^"]+)"', picture)
    assert len(set(sources)) == 1  # all three are the image itself


def test_the_bill_is_that_of_the_recipe():
    recipe = Recipe(batch_size=64, steps=100)
    panel = heroes.bill(recipe, 6400, recipe, width=[64, 128], epochs=[1, 2]).data
    picture, words = frame(panel)
    assert "As many operations as 1 runs" in words
    assert "6,400" in picture
    picture, words = frame(panel, width=1, epochs=1)
    wide = recipe.replace(width=128, steps=200)
    times = 2 * cost.flops(wide) / cost.flops(recipe)
    assert f"As many operations as {times:,.0f} runs" in words
    assert f"{cost.parameters(wide):,}" in picture
