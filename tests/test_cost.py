"""What a run costs, against torch's own counter of operations."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mocolib import cost, named_recipe
from mocolib.errors import BadInput
from mocolib.frameworks import build_model
from tests.tiny import tiny

BATCH = 8


def counted(recipe, channels: int) -> float:
    """Operations for one image of a step, as torch counts its matrix products."""
    side = recipe.image_size
    with torch.device("meta"):
        model = build_model(recipe, channels, 100)
        views = torch.empty(2, BATCH, channels, side, side)
    with FlopCounterMode(display=False) as counter:
        model(views, recipe.temperature, recipe.momentum).loss.backward()
    return counter.get_total_flops() / BATCH


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("changes", [{}, {"depth": 3, "width": 16}, {"patch_size": 2}])
def test_the_textbook_counts_what_torch_does(changes, channels):
    recipe = tiny(pool="average", **changes)  # where mocolib skips nothing
    p, patches = recipe.patch_size, (recipe.image_size // recipe.patch_size) ** 2
    # two differences, both exact: no gradient flows into the pixels, and the textbook
    # leaves out the loss' own products, forward and back to the queries
    pixels = 2 * 2 * patches * channels * p**2 * recipe.width
    loss = 2 * (2 + 2) * BATCH * recipe.head_dim
    expected = cost.flops(recipe, channels) - pixels + loss
    assert counted(recipe, channels) == pytest.approx(expected)


def test_without_a_predictor_there_is_less():
    less = cost.flops(tiny()) - cost.flops(tiny(predictor=False))
    assert less == 2 * 6 * 2 * 16 * 8


def test_images_and_parameters_are_those_of_a_run(data):
    recipe = tiny()
    assert cost.images(recipe) == recipe.steps * recipe.batch_size
    backbone = build_model(recipe, data.channels, 100).query.backbone
    own = sum(p.numel() for p in backbone.parameters())
    assert cost.parameters(recipe, data.channels) == own


def test_a_batch_costs_what_its_images_do():
    assert cost.flops(named_recipe("vit_b", batch_size=512)) == cost.flops(
        named_recipe("vit_b")
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(stem="conv"), "stem 'conv', but must be vit with stem patch"),
        (dict(framework="byol"), "framework is 'byol', but must be moco_v3"),
    ],
)
def test_what_is_not_counted_is_one_sentence(changes, words):
    with pytest.raises(BadInput, match=words):
        cost.flops(tiny(**changes))


def test_the_table_of_sizes_reads_in_words():
    table = cost.table("mini", "vit_b")
    assert list(table) == ["mini", "vit_b"]
    assert table.loc["operations a run", "vit_b"] == "1 × 10²⁰"
    assert table.loc["images a step", "vit_b"] == "4,096"
    assert table.loc["numbers in the backbone", "vit_b"] == "85,797,888"


def test_a_table_has_the_rows_that_are_asked_for():
    rows = {"D": cost.inside, "T": lambda recipe, _: cost.patches(recipe)}
    table = cost.table("mini", "vit_b", rows=rows)
    assert table.to_dict() == {
        "mini": {"D": 49, "T": 16},
        "vit_b": {"D": 768, "T": 196},
    }
