"""mocolib: MoCo v3 small enough to read, with the probes that show why it shakes.

The way of the data, one direction: recipe -> data -> augment -> moco and its relatives
(vit) -> train (optim, probe, evaluate) -> record -> runs -> sweep -> measures -> claims
-> figures, lab. Beside it: replay and causes (a run once more, with one change),
completeness (what a random projection keeps) and curvature, and tables of them.

    import mocolib
    recipe = mocolib.named_recipe("mini", base_lr=4e-3, patch_projection="fixed")
    data = mocolib.load(recipe.dataset)
    for step in mocolib.train(recipe, data):
        if step.knn is not None:
            print(step.index, step.loss, step.knn, step.grad_inf["blocks.0.qkv"])
"""

from mocolib.execution.process import sleep_early

sleep_early()

from mocolib.data import load  # noqa: E402
from mocolib.errors import BadInput  # noqa: E402
from mocolib.presets import named_recipe  # noqa: E402
from mocolib.recipe import Recipe  # noqa: E402
from mocolib.train import train  # noqa: E402

__version__ = "0.1.0"
__all__ = ["BadInput", "Recipe", "load", "named_recipe", "train"]
