"""The one loop. Notebook, command line, sweep, panel and test iterate over it:

    training = train(recipe, load(recipe.dataset))
    for step in training:
        print(step.index, step.loss, step.knn)
    training.outcome            # "finished", or "diverged at step n"

Every random number comes from (seed, purpose, step), never from a generator that
runs on. So a step depends on the weights and its own index alone, and a run that
was stopped continues bit for bit. So do many processes (`distributed`): each draws
the numbers of the whole batch and computes its share.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch

from mocolib import evaluate, frameworks, optim, schedules
from mocolib.batches import Batches, generator_of, seed_of
from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.evaluate import Monitor
from mocolib.execution import PLAIN, Execution, distributed, prepared
from mocolib.moco import Output
from mocolib.presets import nearest
from mocolib.probe import Probe
from mocolib.recipe import Recipe
from mocolib.schedules import At

# What may change while a run goes on.
CHANGEABLE = (
    *("base_lr", "weight_decay", "beta1", "beta2"),
    *("temperature", "momentum", "grad_clip"),
    *("patch_projection", "patch_projection_clip"),
)


EMPTY = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Step:
    """The record of one step; the tables by layer are those of `probe.MEASURES`."""

    index: int  # steps done, 1 for the first
    samples: int  # training images seen
    lr: float  # the main one; the patch projection may have a multiple of it
    temperature: float
    momentum: float
    loss: float
    knn: float | None  # accuracy 0..1, None where it was not read
    grad_inf: dict
    grad_l2: dict
    adam_rms: dict
    update: dict
    cosine: dict
    monitors: dict  # what the framework watches, such as DINO's entropies

    def __repr__(self) -> str:
        knn = "" if self.knn is None else f", kNN {self.knn:.3f}"
        first = next(iter(self.grad_inf.items()), None)
        gradient = f", gradient of {first[0]} {first[1]:.2g}" if first else ""
        told = f"loss {self.loss:.4g}{knn}, rate {self.lr:.3g}{gradient}"
        return f"<Step {self.index}: {told}>"

    def row(self) -> dict:
        """Flat: `step`, `loss`, ..., `grad_inf/patch_projection`, ..."""
        flat = {}
        for name, value in vars(self).items():
            if isinstance(value, Mapping):
                flat |= {f"{name}/{layer}": v for layer, v in value.items()}
            else:
                flat["step" if name == "index" else name] = value
        return flat


class Training:
    """A run under way: an iterator of `Step`.

    `batches` says what a step sees, `monitor` reads kNN and the probe at the end,
    `runs.checkpoint` takes its state and puts it back.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        threads: int = 1,
        execution: Execution = PLAIN,
    ):
        check(recipe, data, threads, execution)
        self.batches = Batches(recipe, data, execution)
        self.recipe, self.data, self.threads = recipe, data, threads
        self.execution = execution
        self.done, self.outcome, self.changes = 0, "running", []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(recipe, "weights"))
            images = len(data.train_images)
            model = frameworks.build_model(recipe, data.channels, images)
        self.model = prepared(model, execution)
        self.optimizer = optim.build_optimizer(recipe, optim.trainable(self.model))
        self.probe = Probe(self.model, self.optimizer)
        where = execution.torch_device
        # not bound to this object: what refers to itself is let go late
        backbone, size = self.model.query.backbone, recipe.image_size
        read = partial(evaluate.shared_features, backbone, data, size)
        self.monitor = Monitor(recipe, data, backbone.width, read, where)
        self._averaging = None

    def __repr__(self) -> str:
        where = f"{self.done} of {self.recipe.steps} steps, {self.outcome}"
        return f"<Training {nearest(self.recipe)}: {where}>"

    def __iter__(self):
        return self

    def __next__(self) -> Step:
        if self.outcome != "running":
            raise StopIteration
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        step = self._step()
        if not math.isfinite(step.loss):
            self.outcome = f"diverged at step {step.index}"
        elif self.done == self.recipe.steps:
            self.outcome = "finished"
        return step

    def change(self, **fields):
        """Change rate, tau, momentum, betas or the projection's freeze in mid-run."""
        for name in fields:
            if name not in CHANGEABLE:
                raise BadInput(
                    f"{name} cannot change in mid-run, but one of "
                    f"{', '.join(CHANGEABLE)} can."
                )
        before, self.recipe = self.recipe, self.recipe.replace(**fields)  # may refuse
        optim.carry_moments(self.optimizer, before, self.recipe)
        self.changes.append({"step": self.done, **fields})
        if "patch_projection" in fields and self.recipe.backbone == "vit":
            self.model.query.backbone.set_projection(self.recipe.patch_projection)
            self._averaging = None  # other parameters than before

    def reseed(self, seed: int):
        """Other images in other views from here on; weights and readings stay."""
        self.recipe = self.recipe.replace(seed=seed)
        self.batches = Batches(self.recipe, self.data, self.execution)

    def forward(self, index: int, now: At, views, model=None) -> Output:
        """The loss of step `index` on its views, by the run's model or by a copy."""
        return (self.model if model is None else model)(
            views,
            now.temperature,
            now.momentum,
            images=self.batches.places(index),
            generator=generator_of(self.recipe, "keys", index),
        )

    def _step(self) -> Step:
        now = schedules.at(self.recipe, self.done)
        optim.set_hyperparameters(self.optimizer, self.recipe, now.rate)
        views, labels = self.batches.batch(self.done)
        if self._averaging is None:
            self._averaging = distributed.data_parallel(self.model)
        views = views.to(self.execution.dtype)
        output = self.forward(self.done, now, views, self._averaging)
        self.optimizer.zero_grad()
        output.loss.backward()
        loss = distributed.mean(output.loss.detach()).item()
        self.probe.before()
        optim.clip(self.model, self.recipe)
        if math.isfinite(loss):  # a broken step leaves the weights alone
            self.optimizer.step()
        table = self.probe.after()
        self.monitor.queue.push(output.features, labels)
        self.done += 1
        now = now._replace(temperature=_plain(output.temperature))
        return self.told(now, loss, table, output.monitors)

    def told(self, now: At, loss: float, table: dict, monitors: dict = EMPTY) -> Step:
        """The record of the step that has just been made, with kNN where it is due."""
        return Step(
            index=self.done,
            samples=self.done * self.recipe.batch_size,
            lr=now.rate,
            temperature=now.temperature,
            momentum=now.momentum,
            loss=loss,
            knn=self.monitor.knn() if self.monitor.due(self.done) else None,
            monitors=monitors,
            **table,
        )

    @property
    def features(self):
        """The query backbone's features of clean uint8 images: images -> [N, d]."""
        return self.monitor.features


def train(
    recipe: Recipe, data: Dataset, threads: int = 1, execution: Execution = PLAIN
) -> Training:
    """Start a run (Chen et al., 2104.02057, algorithm 1); iterate, a `Step` a step.

    `threads` are torch's and decide last digits; `execution` says where and in which
    precision. Nothing is written: `runs.record.record` does that. After the last step
    `outcome` is "finished" or "diverged at step n". BadInput where recipe, data and
    execution don't fit.
    """
    return Training(recipe, data, threads, execution)


def check(
    recipe: Recipe, data: Dataset, threads: int = 1, execution: Execution = PLAIN
):
    """BadInput where a run could not begin, said before it is tried."""
    execution.check(recipe)
    frameworks.check(recipe, execution)
    if recipe.batch_size > len(data.train_images):
        raise BadInput(
            f"batch_size is {recipe.batch_size}, but must be at most "
            f"{len(data.train_images)}, the training images of {data.name}."
        )
    if threads < 1:
        raise BadInput(f"threads is {threads}, but must be at least 1.")


def _plain(value) -> float:
    return value.item() if torch.is_tensor(value) else value
