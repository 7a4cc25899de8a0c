"""mocolib's training step as ONNX graphs, for a page that trains by itself.

    graphs = export(named_recipe("page"), load("fashion-mnist"))
    graphs.step, graphs.features          # onnx.ModelProto
    graphs.manifest                       # what a page must know of them

Needs onnx, onnxscript and onnxruntime, which mocolib itself does not.
"""

from dataclasses import dataclass

from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.export.graph import to_onnx
from mocolib.export.inputs import inputs_of, state_of
from mocolib.export.layout import Layout
from mocolib.export.manifest import manifest, values
from mocolib.export.step import Features, Step
from mocolib.export.update import UNUSED, UPDATES
from mocolib.recipe import FIELDS, Recipe
from mocolib.train import train

# What step and page do whatever the value, and what they do for some values. Every
# other field must stay at its default, those of a later release among them.
ANY = {
    *("dataset", "image_size", "augmentation", "seed"),
    *("patch_size", "width", "depth", "heads", "patch_projection", "pool", "qk_norm"),
    *("head_hidden", "head_dim", "head_norm", "predictor"),
    *("temperature", "momentum", "base_lr", "batch_size", "steps", "warmup_steps"),
    *("schedule", "weight_decay", "beta1", "beta2", "eps"),
    *("knn_every", "knn_memory_size"),
}
ONLY = {
    "position": ("sincos", "none"),
    "optimizer": tuple(UPDATES),
    "knn_memory": ("clean",),
}
FEATURES_BATCH = 100  # images that the features graph takes at once


@dataclass(frozen=True, kw_only=True)
class Graphs:
    """One recipe's graphs (onnx.ModelProto) and their description."""

    step: object
    features: object
    manifest: dict


def export(recipe: Recipe, data: Dataset, name: str = "", features=True) -> Graphs:
    """Trace and translate; 20 s a recipe. BadInput for what a page cannot train."""
    check(recipe, data)
    training = train(recipe, data)  # for its model and the inputs of a first step
    layout = Layout(training.model)
    about = manifest(name, recipe, layout, training.model, data)
    given = inputs_of(training, layout, state_of(training, layout))
    given = {n: t for n, t in given.items() if n not in UNUSED[recipe.optimizer]}
    step = to_onnx(Step(training.model, recipe), given)
    about["step"] = described(step)
    if features:
        images = data.train_images[:1].expand(FEATURES_BATCH, -1, -1, -1)
        names = ("pixel_mean", "pixel_std", "query")
        given = {"images": images, **{name: given[name] for name in names}}
        features = to_onnx(Features(training.model, recipe), given)
        about["features"] = {**described(features), "batch": FEATURES_BATCH}
    return Graphs(step=step, features=features, manifest=about)


def described(model) -> dict:
    return {"inputs": values(model.graph.input), "outputs": values(model.graph.output)}


def check(recipe: Recipe, data: Dataset):
    """BadInput for a recipe or images that the step is not written for."""
    for name, field in FIELDS.items():
        value, choices = getattr(recipe, name), ONLY.get(name, (field.default,))
        if name not in ANY and value not in choices:
            accepted = " or ".join(map(repr, choices))
            raise BadInput(f"{name} is {value!r}, but must be {accepted} in a page.")
    if recipe.knn_every < 1:
        raise BadInput(
            f"knn_every is {recipe.knn_every}, but must be at least 1 in a page."
        )
    if data.channels != 1 or recipe.image_size >= 64:
        raise BadInput(
            f"dataset {data.name} has {data.channels} channels and image_size is "
            f"{recipe.image_size}, but must be grey and below 64 to train in a page."
        )
