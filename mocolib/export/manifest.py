"""What a page must know of its graphs: names, shapes, and how the weights start."""

import math
from dataclasses import asdict

from mocolib import augment, evaluate
from mocolib.probe import MEASURES

TYPES = {1: "float32", 2: "uint8"}  # onnx.TensorProto


def values(listed) -> list[dict]:
    """Inputs or outputs of an ONNX graph as plain values."""
    return [
        {
            "name": value.name,
            "type": TYPES[value.type.tensor_type.elem_type],
            "shape": [d.dim_value for d in value.type.tensor_type.shape.dim],
        }
        for value in listed
    ]


def parameters(layout, model) -> list[dict]:
    """Each parameter's place, shape and the distribution that it starts from."""
    named = dict(model.named_parameters())
    return [
        {
            "name": s.name,
            "offset": s.offset,
            "size": s.size,
            "shape": list(s.shape),
            "init": start_of(s, named[s.name]),
        }
        for s in layout.segments
    ]


def start_of(segment, parameter) -> dict:
    """How `mocolib.vit` and torch draw a parameter; the tests compare."""
    if segment.name.endswith("class_token"):
        return {"kind": "normal", "mean": 0.0, "std": 1e-6}
    if parameter.ndim < 2:  # biases are 0, norms 1
        return {"kind": "constant", "value": parameter.flatten()[0].item()}
    outside, inside = segment.shape
    if "projector" in segment.name or "predictor" in segment.name:
        bound = 1 / math.sqrt(inside)
    elif segment.name.endswith("qkv.weight"):
        bound = math.sqrt(6 / (2 * inside))
    else:
        bound = math.sqrt(6 / (inside + outside))
    return {"kind": "uniform", "low": -bound, "high": bound}


def manifest(name: str, recipe, layout, model, data) -> dict:
    """All but the files."""
    return {
        "name": name,
        "recipe": asdict(recipe),
        "id": recipe.id,
        "batch": recipe.batch_size,
        "layers": list(layout.layers),
        "parameters": parameters(layout, model),
        "size": layout.size,
        "key": [[0, layout.key_size]],  # where in the query vector it is a copy of
        "projection": [layout.projection.start, layout.projection.stop],
        "mean": data.mean.tolist(),
        "std": data.std.tolist(),
        "strengths": [asdict(s) for s in augment.STRENGTHS[recipe.augmentation]],
        "measures": list(MEASURES),
        "draw": {"chunk": augment.CHUNK, "tries": augment.TRIES},
        "knn": {"neighbours": evaluate.NEIGHBOURS, "sharpness": evaluate.SHARPNESS},
    }
