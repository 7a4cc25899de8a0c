"""Graphs run by onnxruntime for Python: what a page does, without the page.

step = Player(graphs.step)
out = step(inputs_of(training, layout, state_of(training, layout)))
"""

import numpy as np
import torch

from mocolib import evaluate
from mocolib.export.given import inputs_of, state_of
from mocolib.export.layout import Layout
from mocolib.export.step import STATE
from mocolib.train import Queue, train


class Player:
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


class Played:
    """A whole run on a graph: an iterator of (loss, kNN accuracy or None).

    Batches, views and start are those of mocolib's run of the same recipe.
    """

    def __init__(self, recipe, data, step: Player, features: Player):
        self.training = train(recipe, data)  # lends batches and views, takes no step
        self.layout = Layout(self.training.model)
        self.state = state_of(self.training, self.layout)
        self.step, self.features = step, features
        self.queue = Queue(recipe.knn_memory_size, recipe.width)

    def __iter__(self):
        return self

    def __next__(self):
        training, recipe = self.training, self.training.recipe
        if training.done == recipe.steps or training.outcome != "running":
            raise StopIteration
        given = inputs_of(training, self.layout, self.state)
        given["projection_step"] = given["step"]
        out = self.step(given)
        labels = training.data.train_labels[training._chosen(training.done)]
        self.queue.push_means(torch.from_numpy(out["features"]), labels)
        training.done += 1
        if not np.isfinite(out["loss"]):
            training.outcome = f"diverged at step {training.done}"
        else:
            self.state = {name: torch.from_numpy(out[f"next_{name}"]) for name in STATE}
        return float(out["loss"]), self.knn() if training._knn_is_due() else None

    def knn(self) -> float:
        """kNN accuracy on the test split against the queue, from the features graph."""
        data = self.training.data
        size = self.features.session.get_inputs()[0].shape[0]
        given = {"pixel_mean": data.mean, "pixel_std": data.std, **self.state}
        found = []
        for part in data.test_images.split(size):
            whole = torch.zeros(size, *part.shape[1:], dtype=torch.uint8)
            whole[: len(part)] = part  # the graph takes so many and no fewer
            features = self.features(given | {"images": whole})["features"]
            found.append(torch.from_numpy(features[: len(part)]))
        memory, labels = self.queue.read()
        classes = len(data.classes)
        return evaluate.knn_accuracy(
            memory, labels, torch.cat(found), data.test_labels, classes
        )
