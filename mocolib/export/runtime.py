"""Graphs run by onnxruntime for Python: what a page does, without the page.

step = Graph(export(recipe, data).step)
out = step(inputs_of(training, layout, state_of(training, layout)))
"""

import math

import numpy as np
import torch

from mocolib import schedules
from mocolib.errors import BadInput
from mocolib.export.inputs import inputs_of, scalars, state_of
from mocolib.export.layout import Layout
from mocolib.export.step import MEASURES, STATE
from mocolib.train import Step, Training


class Graph:
    """A graph as a function of named tensors; what it does not know it drops."""

    def __init__(self, model, threads: int = 1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        raw = model if isinstance(model, bytes) else model.SerializeToString()
        self.session = onnxruntime.InferenceSession(raw, options)
        self.inputs = [i.name for i in self.session.get_inputs()]
        self.outputs = [o.name for o in self.session.get_outputs()]

    def __call__(self, given: dict) -> dict:
        feed = {name: np.asarray(given[name]) for name in self.inputs}
        return dict(zip(self.outputs, self.session.run(None, feed), strict=True))


class GraphTraining(Training):
    """A run like any other, but its steps are those of a graph.

    Start, batches, views and monitor are mocolib's for the same recipe.
    """

    def __init__(self, recipe, data, step: Graph, features: Graph):
        super().__init__(recipe, data)
        self.layout = Layout(self.model)
        self.vectors = state_of(self, self.layout)
        self.step_graph, self.features_graph = step, features
        self.projection_steps = 0
        self.monitor.features = self._graph_features

    def change(self, **fields):
        """As in any run, but for the betas, whose moments lie elsewhere."""
        for name in {"beta1", "beta2"} & fields.keys():
            raise BadInput(f"{name} cannot change in mid-run where a graph trains.")
        super().change(**fields)

    def _step(self) -> Step:
        recipe = self.recipe
        fixed = recipe.patch_projection == "fixed"
        self.projection_steps += not fixed
        index = self.done
        given = inputs_of(self, self.layout, self.vectors)
        # our optimizer never counted
        given |= scalars(recipe, index, max(1, self.projection_steps))
        out = self.step_graph(given)
        loss = float(out["loss"])
        if math.isfinite(loss):
            self.vectors = {n: torch.from_numpy(out[f"next_{n}"]) for n in STATE}
        self.done += 1
        table = {name: self._by_layer(out[name], fixed) for name in MEASURES}
        return self.told(schedules.at(recipe, index), loss, table)

    def _by_layer(self, values, fixed: bool) -> dict:
        table = dict(zip(self.layout.layers, values.tolist(), strict=True))
        return table | ({"patch_projection": None} if fixed else {})

    def _graph_features(self, images) -> torch.Tensor:
        """Normalized features of clean images [n, d], from the features graph."""
        size = self.features_graph.session.get_inputs()[0].shape[0]
        data, query = self.data, self.vectors["query"]
        given = {"pixel_mean": data.mean, "pixel_std": data.std, "query": query}
        found = []
        for part in images.split(size):
            whole = torch.zeros(size, *part.shape[1:], dtype=torch.uint8)
            whole[: len(part)] = part  # the graph takes so many and no fewer
            features = self.features_graph(given | {"images": whole})["features"]
            found.append(torch.from_numpy(features[: len(part)]))
        return torch.cat(found)
