"""What trains behind a panel in a kernel: mocolib's loop, asked as a page's worker is.

Messages in, as assets/inpage/worker.js takes them: begin, train, pause, step, change,
rewind. Out: ready, step, paused, rewound, done, trouble; `part` says which of the runs.
How they travel is `wire`'s affair.
"""

import functools
import threading
import time
from collections import deque

import torch

from mocolib import optim
from mocolib.data import IN_PAGE, Dataset, few, load
from mocolib.errors import BadInput
from mocolib.lab.learned import look, own_pictures
from mocolib.probe import Probe
from mocolib.recipe import Recipe, from_dict
from mocolib.runs import checkpoint
from mocolib.runs.record import facts
from mocolib.train import CHANGEABLE, Step, train

THREADS = 1  # a step this small gains nothing from more, and the kernel has other work
KEEP, RING = 5, 24  # steps between two states that are kept, and how many are
BUILDING = threading.Lock()  # start values come from torch's one generator


@functools.cache
def images(name: str) -> Dataset:
    """Those that a page trains on, so that both speak of the same thing."""
    return few(load(name), *IN_PAGE)


class Run:
    """One of a panel's runs, with the states that it can go back to."""

    def __init__(self, recipe: Recipe, data: Dataset):
        self.past: list[tuple] = []
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
        if training.done % KEEP or (self.past and self.past[-1][0] == training.done):
            return
        tensors, values = checkpoint.state(training)
        tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        values["changes"] = []  # the recipe has them
        now = training.done, training.recipe, tensors, values
        self.past = [*self.past, now][-RING:]

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

    def rewind(self, steps: int) -> int:
        """Back by so many steps at least, where that is kept; how many are left."""
        until = self.training.done - steps
        if self.past:
            early = [kept for kept in self.past if kept[0] <= until]
            self.past = early or self.past[:1]
            _, recipe, tensors, values = self.past[-1]
            self._start(recipe, self.training.data)
            checkpoint.restore(self.training, tensors, values)
        return self.training.done


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


class Engine:
    """Trains what a panel asks for, in a thread that lives only while there is work.

    `say(message)` hears of it; `rest()` is called when nothing is left to do.
    """

    def __init__(self, say, rest):
        self._say, self._rest = say, rest
        self.runs, self.wanted = [], []  # by part: what trains, and its settings
        self.turn = (
            0  # counts what is asked; a training goes on until something else is
        )
        self.number = None  # of the training that messages are about
        self.jobs, self.lock, self.thread = deque(), threading.Lock(), None

    @property
    def busy(self) -> bool:
        return self.thread is not None

    def hear(self, message: dict):
        """Take a message and return at once; what takes time is done in the thread."""
        do = message["do"]
        if do == "change":
            for wanted in self.wanted[message["part"] :][:1]:
                wanted.update(message["settings"])
            return
        self.turn += 1
        if do == "begin":
            runs = message["runs"]
            self.wanted = [{**one["settings"], "seed": one["seed"]} for one in runs]
        if do == "pause":
            return
        with self.lock:
            self.jobs.append((do, message, self.turn))
            if self.thread is None:
                self.thread = threading.Thread(
                    target=self._work, name="mocolib-panel", daemon=True
                )
                self.thread.start()

    def stop(self, seconds: float = 0.0):
        """No step after the one that is being made; wait so long for its end."""
        with self.lock:
            self.jobs.clear()
            self.turn += 1
            thread = self.thread
        if thread and seconds:
            thread.join(seconds)

    def _next(self):
        with self.lock:
            if self.jobs:
                return self.jobs.popleft()
            self.thread = None
            return None

    def _work(self):
        before = torch.get_num_threads()
        while job := self._next():
            do, message, turn = job
            try:
                getattr(self, f"_{do}")(message, turn)
            except BadInput as error:
                self._trouble(str(error))
            except Exception as error:  # whatever it is, the reader is told
                reason = " ".join(str(error).split())[:200] or "no reason given"
                self._trouble(
                    f"The training failed: {reason} ({type(error).__name__})."
                )
        torch.set_num_threads(before)
        self._rest()

    def say(self, what: str, **more):
        self._say({"is": what, "run": self.number, **more})

    def _trouble(self, sentence: str):
        self.turn += 1
        self.say("trouble", sentence=sentence)

    def _begin(self, message: dict, _turn):
        """The start of each of the runs [{seed, settings}]."""
        self.runs, self.number = [], message["run"]
        recipes = [from_dict(wanted) for wanted in self.wanted]
        given = message.get("images")
        data = own_pictures(given) if given else images(recipes[0].dataset)
        self.runs = [Run(recipe, data) for recipe in recipes]
        self.say(
            "ready",
            layers=list(self.runs[0].training.probe.layers),
            about=facts(data, THREADS) | {"trained_in": "kernel"},
            data={
                "own": bool(given),
                "failed": given["failed"] if given else 0,
                "train": len(data.train_images),
                "test": len(data.test_images),
                "classes": list(data.classes),
            },
        )

    def _train(self, _message, turn: int):
        while self.turn == turn and any(run.goes_on for run in self.runs):
            self._step_all(alone=False)
        if any(run.goes_on for run in self.runs):
            self.say("paused")

    def _step(self, _message, _turn):
        self._step_all(alone=True)

    def _step_all(self, alone: bool):
        """One step of every run; looked at where it is alone, or has a reading."""
        for part, run in enumerate(self.runs):
            if not run.goes_on:
                continue
            start = time.perf_counter()
            step = run.step(dict(self.wanted[part]))
            took = 1000 * (time.perf_counter() - start)
            due = alone or run.training.monitor.due(step.index)
            seen = look(run.training, run.seen) if due else None
            self.say("step", part=part, row=step.row(), took=took, look=seen)
            if not run.goes_on:
                self.say("done", part=part, outcome=run.training.outcome)

    def _rewind(self, message: dict, _turn):
        """Every run goes back so many steps, or as far as its states are kept."""
        for part, run in enumerate(self.runs):
            left = run.rewind(message["steps"])
            seen = look(run.training, run.seen)
            self.say("rewound", part=part, left=left, look=seen)
