"""What is checked once, before the first worker starts: data are there, recipes fit."""

from mocolib.data import Dataset, load
from mocolib.errors import BadInput
from mocolib.recipe import Recipe
from mocolib.train import check


def fitted(
    wanted, scale: bool = False, told=lambda report: None
) -> tuple[list[Recipe], str]:
    """The recipes as their data allow, and a sentence where they had to be changed.

    With `scale` a batch that is larger than its data is divided, and all others by the
    same. `told` hears of each data set what it holds. BadInput where data are missing,
    or a recipe does not fit them.
    """
    sentence = ""
    sets: dict = {}
    for recipe in wanted:
        key = (recipe.dataset, recipe.image_size)
        if key not in sets:
            sets[key] = load(*key)
            told(sets[key].report)
    smallest = min(sets.values(), key=lambda data: len(data.train_images))
    if scale:
        wanted, sentence = _scaled(list(wanted), smallest)
    for recipe in wanted:
        try:
            check(recipe, sets[recipe.dataset, recipe.image_size])
        except BadInput as error:
            raise BadInput(f"{str(error)[:-1]} (run {recipe.id}).") from None
    return list(wanted), sentence


def _scaled(wanted: list, data: Dataset) -> tuple[list[Recipe], str]:
    """Every batch by the same power of two, so that the largest fits the data."""
    largest, images = max(r.batch_size for r in wanted), len(data.train_images)
    by = 1
    while largest > images * by:
        by *= 2
    if by == 1:
        return wanted, ""
    smaller = [r.replace(batch_size=r.batch_size // by) for r in wanted]
    return list(dict.fromkeys(smaller)), (
        f"{data.name} has {images} training images: batches are divided by {by}, "
        f"{largest} becomes {largest // by}, and the rates with them."
    )
