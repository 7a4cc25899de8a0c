"""mocolib: MoCo v3 small enough to read, with the probes that show why it shakes.

The algorithm stands in this folder, in the order in which it is read: recipe (fields,
rules, presets), augment, vit (resnet), moco, optim, schedules, probe, evaluate, batches
and train; frameworks are its relatives, cost counts what a run takes. Around it are
rooms, and tests/test_rooms.py holds who may import whom:

    data, execution    what is trained on, and how: device, precision, processes
    weights, export    backbones as files, a step as a graph for the pages
    runs               records of runs, their checkpoints, and their replay
    sweep              many runs from one file
    analysis           measures of curves and runs, causes, curvature, completeness
    claims             what was predicted, and what came of it
    figures, lab, cli  pictures, panels of the book, the command line

    import mocolib
    recipe = mocolib.named_recipe("mini", base_lr=4e-3, patch_projection="fixed")
    data = mocolib.load(recipe.dataset)
    for step in mocolib.train(recipe, data):
        if step.knn is not None:
            print(step.index, step.loss, step.knn, step.grad_inf["blocks.0.qkv"])
"""

from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.presets import named_recipe
from mocolib.recipe import Recipe
from mocolib.train import train

__version__ = "0.1.0"
__all__ = ["BadInput", "Recipe", "load", "named_recipe", "train"]
