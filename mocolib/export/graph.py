"""A function of named tensors as an ONNX graph of standard operators.

torch traces and translates; onnxruntime folds constants. The optimizer that comes with
the translation is left out: it takes constants up to 1e-8 for zero and deletes them,
and Adam's epsilon is one of them.
"""

import itertools
import tempfile
import warnings
from pathlib import Path

import torch
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

OPSET = 18
TINY = 1e-6  # constants below are counted before and after


def split(tensor, sizes, dim=0):
    """torch's split as slices; the translation would make it a sequence."""
    stops = list(itertools.accumulate(sizes))
    starts = [0, *stops[:-1]]
    cut = torch.ops.aten.slice.Tensor
    return [cut(tensor, dim, a, b) for a, b in zip(starts, stops, strict=True)]


def to_onnx(function, given: dict):
    """An onnx ModelProto whose inputs are those of `given`, outputs the function's."""
    names = list(given)
    outputs = list(function(given))

    def positional(*tensors):
        return tuple(function(dict(zip(names, tensors, strict=True))).values())

    table = core_aten_decompositions()
    table[torch.ops.aten.split_with_sizes.default] = split
    traced = make_fx(positional, decomposition_table=table)(*given.values())
    program = translate(traced, tuple(given.values()), names, outputs)
    model = folded(program.model_proto)
    check(traced, model, names, outputs)
    return model


def translate(traced, tensors, names, outputs):
    with warnings.catch_warnings():
        # the modules are in training mode on purpose
        warnings.filterwarnings("ignore", "Exporting a model while it is in training")
        return torch.onnx.export(
            traced,
            tensors,
            input_names=names,
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )


def folded(model):
    """The same graph after onnxruntime's basic, value-preserving clean-up."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    basic = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.graph_optimization_level = basic
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "folded.onnx")
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options)
        model = onnx.load(path)
    for node in model.graph.node:  # notes of where a node came from, paths among them
        del node.metadata_props[:]
    standard = [o for o in model.opset_import if o.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    return model


def check(traced, model, names, outputs):
    """Nothing may be lost on the way: no input, no output, no tiny constant."""
    import onnx

    onnx.checker.check_model(model, full_check=True)  # refuses all but standard ops
    there = ([v.name for v in model.graph.input], [v.name for v in model.graph.output])
    if there != (names, outputs):
        raise RuntimeError(f"the graph has {there}, but must have {names, outputs}.")
    missing = tiny_in_trace(traced) - tiny_in_graph(model)
    if missing:
        raise RuntimeError(f"the exporter dropped the constants {sorted(missing)}.")


def tiny_in_trace(traced) -> set:
    """All numbers other than 0 below `TINY` in a traced module, as float32."""
    found = set()
    for node in traced.graph.nodes:
        values = [*node.args, *node.kwargs.values()]
        found |= {v for v in values if isinstance(v, float) and 0 < abs(v) < TINY}
    return {torch.tensor(v).item() for v in found}


def tiny_in_graph(model) -> set:
    """All numbers other than 0 below `TINY` among a graph's constants."""
    from onnx import numpy_helper

    found = set()
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant).ravel()
        if values.dtype.kind == "f":
            found |= {v for v in values.tolist() if 0 < abs(v) < TINY}
    for node in model.graph.node:
        found |= {a.f for a in node.attribute if 0 < abs(a.f) < TINY}
    return found
