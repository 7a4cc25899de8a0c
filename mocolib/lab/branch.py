"""A run that can go back, and branch: mocolib's training with states to return to."""

import threading
from collections import deque

import torch

from mocolib import optim
from mocolib.data import Dataset
from mocolib.probe import Probe
from mocolib.recipe import Recipe
from mocolib.runs import checkpoint
from mocolib.train import CHANGEABLE, Step, train

THREADS = 1  # a step this small gains nothing from more, and the kernel has other work
KEEP, RING = 5, 24  # steps between two states that are kept, and how many are
BUILDING = threading.Lock()  # start values come from torch's one generator


class Branch:
    """One of a panel's runs, with the states that it can go back to."""

    def __init__(self, recipe: Recipe, data: Dataset, keeps: bool = True):
        self.keeps = keeps  # whether it is to go back at all
        self.past = ()  # (steps done, recipe, tensors, values), the oldest first
        self._start(recipe, data)

    def _start(self, recipe: Recipe, data: Dataset):
        with BUILDING:
            self.training = train(recipe, data, THREADS)
        monitor, seen = self.training.monitor, deque(maxlen=2)
        read = monitor.features

        def remembered(images):
            seen.append(read(images))
            return seen[-1]

        monitor.features = remembered
        monitor.pauses = len(data.classes) < 2  # then there is no kNN to read
        self.seen = seen  # features of the memory and of the tests, at the last reading

    @property
    def goes_on(self) -> bool:
        return self.training.outcome == "running"

    def step(self, settings: dict) -> Step:
        """A step under these settings, which may have changed since the last one."""
        self._keep()
        self._obey(settings)
        return next(self.training)

    def _keep(self):
        """Every few steps the state before a step, the oldest making room."""
        training = self.training
        known = self.past and self.past[-1][0] == training.done
        if not self.keeps or training.done % KEEP or known:
            return
        tensors, values = checkpoint.state(training)
        tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        values["changes"] = []  # the recipe has them
        now = training.done, training.recipe, tensors, values
        self.past = (*self.past, now)[-RING:]

    def _obey(self, settings: dict):
        """Bring the run to these settings; what the loop cannot change is done here."""
        training = self.training
        own = vars(training.recipe)
        news = {n: value for n, value in settings.items() if own[n] != value}
        rest = {n: news.pop(n) for n in {*news} - {*CHANGEABLE}}
        if rest:
            training.recipe = training.recipe.replace(**rest)
        if news:
            training.change(**news)
        if "optimizer" in rest:
            exchange_optimizer(training)

    def _until(self, steps: int) -> tuple:
        """The past up to so many steps back at least, or to the oldest that is kept."""
        early = [kept for kept in self.past if kept[0] <= self.training.done - steps]
        return tuple(early) or self.past[:1]

    def rewind(self, steps: int):
        """Back there, where a state is kept."""
        if past := self._until(steps):
            self._resume(past)

    def fork(self, steps: int) -> "Branch":
        """Another run that goes on from there, while this one stays as it is."""
        twin = Branch(self.training.recipe, self.training.data)
        if past := self._until(steps):
            twin._resume(past)
        return twin

    def _resume(self, past: tuple):
        self.past = past
        _, recipe, tensors, values = past[-1]
        self._start(recipe, self.training.data)
        checkpoint.restore(self.training, tensors, values)


def exchange_optimizer(training):
    """Go on with the recipe's optimizer; the moments stay, and what was counted."""
    old = training.optimizer
    new = optim.build_optimizer(training.recipe, optim.trainable(training.model))
    by_parameter = isinstance(new, torch.optim.AdamW)  # timm counts by group
    counts = [0.0]
    for group in old.param_groups:
        for parameter in group["params"]:
            if state := old.state.get(parameter):
                counts.append(optim.steps_averaged(group, state))
                own = {name: state[name] for name in ("exp_avg", "exp_avg_sq")}
                own |= {"step": torch.tensor(counts[-1])} if by_parameter else {}
                new.state[parameter] = own
    if not by_parameter:
        for group in new.param_groups:
            group["step"] = torch.tensor(max(counts))
    training.optimizer, training.probe = new, Probe(training.model, new)
