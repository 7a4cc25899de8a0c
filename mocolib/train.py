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

import hashlib
import math
from dataclasses import dataclass

import torch

from mocolib import augment, evaluate, optim
from mocolib.data import Dataset
from mocolib.data.decode import Ahead
from mocolib.errors import BadInput
from mocolib.evaluate import Queue
from mocolib.execution import PLAIN, Execution, distributed, prepared
from mocolib.execution.process import keep_memory
from mocolib.frameworks import build
from mocolib.probe import Probe
from mocolib.recipe import Recipe

# What may change while a run goes on.
CHANGEABLE = (
    *("base_lr", "weight_decay", "beta1", "beta2"),
    *("temperature", "momentum", "grad_clip"),
    *("patch_projection", "patch_projection_clip"),
)


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

    def row(self) -> dict:
        """Flat: `step`, `loss`, ..., `grad_inf/patch_projection`, ..."""
        flat = {}
        for name, value in vars(self).items():
            if isinstance(value, dict):
                flat |= {f"{name}/{layer}": v for layer, v in value.items()}
            else:
                flat["step" if name == "index" else name] = value
        return flat


class Training:
    """A run under way: an iterator of `Step`, with a state to save and restore."""

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        threads: int = 1,
        execution: Execution = PLAIN,
    ):
        check(recipe, data, threads, execution)
        self.recipe, self.data, self.threads = recipe, data, threads
        self.execution = execution
        self.done, self.outcome, self.changes = 0, "running", []
        keep_memory()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_seed(recipe, "weights"))
            model = build(recipe, data.channels, len(data.train_images))
        self.model = prepared(model, execution)
        self.optimizer = optim.build_optimizer(recipe, optim.trainable(self.model))
        self.probe = Probe(self.model, self.optimizer)
        self.queue = Queue(recipe.knn_memory_size, self.model.query.backbone.width)
        self.queue.to(execution.place)
        self._order, self._averaging = (None, None), None
        images = data.train_images
        held = torch.is_tensor(images)
        self._ahead = None if held else Ahead(images, self._own, recipe.steps)

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
            learned = self.recipe.patch_projection == "learned"
            self.model.query.backbone.patch_projection.requires_grad_(learned)
            self._averaging = None  # other parameters than before

    def reseed(self, seed: int):
        """Other images in other views from here on; the weights stay."""
        self.recipe = self.recipe.replace(seed=seed)
        self._order = (None, None)

    def _step(self) -> Step:
        recipe, index = self.recipe, self.done
        optim.set_hyperparameters(self.optimizer, recipe, index)
        views, labels = self._batch(index)
        m = optim.momentum(recipe, index)
        if self._averaging is None:
            self._averaging = distributed.averaging(self.model)
        output = self._averaging(
            views.to(self.execution.dtype),
            optim.temperature(recipe, index),
            m,
            images=self._chosen(index),
            generator=_generator(recipe, "keys", index),
        )
        self.optimizer.zero_grad()
        output.loss.backward()
        loss = distributed.mean(output.loss.detach()).item()
        self.probe.before()
        optim.clip(self.model, recipe)
        if math.isfinite(loss):  # a broken step leaves the weights alone
            self.optimizer.step()
        table = self.probe.after()
        self.queue.push(output.features, labels)
        self.done += 1
        return Step(
            index=self.done,
            samples=self.done * recipe.batch_size,
            lr=optim.rate(recipe, index),
            temperature=_plain(output.temperature),
            momentum=m,
            loss=loss,
            knn=self.knn() if self._knn_is_due() else None,
            **table,
        )

    def _chosen(self, index: int) -> torch.Tensor:
        """Which images a step sees, [B]; each epoch in a new order."""
        recipe = self.recipe
        size, images = recipe.batch_size, len(self.data.train_images)
        epoch, place = divmod(index, images // size)
        if self._order[0] != epoch:
            order = torch.randperm(images, generator=_generator(recipe, "order", epoch))
            self._order = (epoch, order)
        return self._order[1][place * size : (place + 1) * size]

    def _own(self, index: int) -> torch.Tensor:
        """Those of them that are this process's share, [b]."""
        chosen = self._chosen(index)
        return chosen[distributed.share(len(chosen))]

    def _batch(self, index: int):
        """Views [2, b, C, S, S] of this process's share, labels [B] of all."""
        recipe, data, how = self.recipe, self.data, self.execution
        chosen = self._chosen(index)
        held = self._ahead is None
        images = data.train_images[self._own(index)] if held else self._ahead(index)
        views = augment.two_views(
            images.to(how.place),
            recipe.augmentation,
            recipe.image_size,
            data.mean,
            data.std,
            _generator(recipe, "views", index),
            distributed.share(len(chosen)).start,
            len(chosen),
        )
        return views, data.train_labels[chosen]

    def _knn_is_due(self) -> bool:
        every = self.recipe.knn_every
        return every > 0 and (self.done % every == 0 or self.done == self.recipe.steps)

    def features(self, images) -> torch.Tensor:
        """The query backbone's features of clean uint8 images, [N, d].

        Each process computes a share of them, and has all.
        """
        data, backbone = self.data, self.model.query.backbone
        own = images[distributed.share(len(images))]
        found = evaluate.features(
            backbone, own, self.recipe.image_size, data.mean, data.std
        )
        return distributed.gathered(found, len(images))

    def knn(self, memory: str | None = None) -> float:
        """kNN accuracy on the full test split, against the recipe's memory."""
        data = self.data
        if (memory or self.recipe.knn_memory) == "queue":
            stored, labels = self.queue.read()
        else:
            generator = _generator(self.recipe, "memory")
            order = torch.randperm(len(data.train_images), generator=generator)
            chosen = order[: self.recipe.knn_memory_size]
            stored = self.features(data.train_images[chosen])
            labels = data.train_labels[chosen]
        tests = self.features(data.test_images)
        classes = len(data.classes)
        here = tests.device
        return evaluate.knn_accuracy(
            stored.to(tests),
            labels.to(here),
            tests,
            data.test_labels.to(here),
            classes,
        )

    def linear_probe(self) -> float:
        """Accuracy of a linear classifier on the features as they are now."""
        data, here = self.data, self.execution.place
        return evaluate.linear_probe(
            self.features(data.train_images),
            data.train_labels.to(here),
            self.features(data.test_images),
            data.test_labels.to(here),
            len(data.classes),
        )

    def state(self) -> tuple[dict, dict]:
        """All that a later process needs: named tensors, and plain values."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"queue.{k}": v for k, v in self.queue.state().items()}
        saved = self.optimizer.state_dict()
        scalars = {}
        for index, entries in saved["state"].items():
            for key, value in entries.items():
                kept = tensors if torch.is_tensor(value) else scalars
                kept[f"optimizer.{index}.{key}"] = value
        groups = [
            {k: v.item() if torch.is_tensor(v) else v for k, v in group.items()}
            for group in saved["param_groups"]
        ]
        values = {"done": self.done, "outcome": self.outcome, "changes": self.changes}
        values |= {"scalars": scalars, "groups": groups, "tensors": len(tensors)}
        return tensors, values

    def restore(self, tensors: dict, values: dict):
        """Continue from what `state` gave, for the same recipe and data."""
        if len(tensors) != values["tensors"]:
            raise ValueError(f"{len(tensors)} tensors of {values['tensors']} are there")
        own = {k.removeprefix("model."): v for k, v in tensors.items() if k[0] == "m"}
        self.model.load_state_dict(own)
        self.queue.restore({k[6:]: v for k, v in tensors.items() if k[0] == "q"})
        for change in values["changes"]:  # the moments that follow have seen them
            self.change(**{k: v for k, v in change.items() if k != "step"})
        entries: dict = {}
        for name, value in (*tensors.items(), *values["scalars"].items()):
            if name.startswith("optimizer."):
                _, index, key = name.split(".", 2)
                own_value = value.clone() if torch.is_tensor(value) else value
                entries.setdefault(int(index), {})[key] = own_value
        groups = [  # a group's step count is a tensor in every optimizer that has one
            {k: torch.tensor(v) if k == "step" else v for k, v in group.items()}
            for group in values["groups"]
        ]
        self.optimizer.load_state_dict({"state": entries, "param_groups": groups})
        self.changes = list(values["changes"])
        self.done, self.outcome = values["done"], values["outcome"]


def train(
    recipe: Recipe, data: Dataset, threads: int = 1, execution: Execution = PLAIN
) -> Training:
    """Start a run; iterate over what comes back. BadInput where the two don't fit."""
    return Training(recipe, data, threads, execution)


def check(
    recipe: Recipe, data: Dataset, threads: int = 1, execution: Execution = PLAIN
):
    """BadInput where a run could not begin, said before it is tried."""
    execution.check(recipe)
    if recipe.batch_size > len(data.train_images):
        raise BadInput(
            f"batch_size is {recipe.batch_size}, but must be at most "
            f"{len(data.train_images)}, the training images of {data.name}."
        )
    if threads < 1:
        raise BadInput(f"threads is {threads}, but must be at least 1.")


def _seed(recipe: Recipe, *purpose) -> int:
    text = "/".join(str(p) for p in (recipe.seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _generator(recipe: Recipe, *purpose) -> torch.Generator:
    return torch.Generator().manual_seed(_seed(recipe, *purpose))


def _plain(value) -> float:
    return value.item() if torch.is_tensor(value) else value
