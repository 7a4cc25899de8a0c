"""What trains behind a panel in a kernel: mocolib's loop, asked as a page's worker is.

Messages in, as assets/inpage/worker.js takes them: begin, train, pause, step, change,
rewind, fork. Out: ready, step, paused, rewound, forked, done, trouble; `part` says of
which run. How they travel is `wire`'s affair.
"""

import functools
import threading
import time
from collections import deque

import torch

from mocolib.data import IN_PAGE, Dataset, few, load
from mocolib.errors import BadInput
from mocolib.lab.branch import THREADS, Branch
from mocolib.lab.learned import look, own_pictures
from mocolib.recipe import from_dict
from mocolib.runs.record import facts


@functools.cache
def images(name: str) -> Dataset:
    """Those that a page trains on, so that both speak of the same thing."""
    return few(load(name), *IN_PAGE)


class Engine:
    """Trains what a panel asks for, in a thread that lives only while there is work.

    `say(message)` hears of it; `rest()` is called when nothing is left to do.
    """

    def __init__(self, say, rest):
        self._say, self._rest = say, rest
        self.runs, self.wanted = [], []  # by part: what trains, and its settings
        self.axes = {}  # by seed, along which the test images are shown
        self.turn = 0  # counts what is asked; a training ends when it moves
        self.number = None  # of the training that messages are about; of none, no word
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
        """No step after the one that is being made, and no word; wait for its end.

        A kernel that goes must not have its panel say that a training is paused.
        """
        with self.lock:
            self.jobs.clear()
            self.turn += 1
            self.number = None
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
        if self.number is not None:
            self._say({"is": what, "run": self.number, **more})

    def _trouble(self, sentence: str):
        self.turn += 1
        self.say("trouble", sentence=sentence)

    def _begin(self, message: dict, _turn):
        """The start of each of the runs [{seed, settings}]."""
        self.runs, self.number, self.axes = [], message["run"], {}
        recipes = [from_dict(wanted) for wanted in self.wanted]
        given = message.get("images")
        data = own_pictures(given) if given else images(recipes[0].dataset)
        keeps = message.get("keeps", True)
        self.runs = [Branch(recipe, data, keeps) for recipe in recipes]
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

    def _train(self, message: dict, turn: int):
        """All go on; with `until`, step counts by part, each as far as there."""
        until = message.get("until")

        def due(part: int) -> bool:
            run = self.runs[part]
            return run.goes_on and (not until or run.training.done < until[part])

        while self.turn == turn and any(map(due, range(len(self.runs)))):
            self._step_all(due)
        if any(run.goes_on for run in self.runs):
            self.say("paused")

    def _step(self, _message, _turn):
        self._step_all(lambda part: self.runs[part].goes_on, alone=True)

    def _step_all(self, due, alone: bool = False):
        """One step of every run that is due; looked at if alone, or with a reading."""
        for part, run in enumerate(self.runs):
            if not due(part):
                continue
            start = time.perf_counter()
            step = run.step(dict(self.wanted[part]))
            took = 1000 * (time.perf_counter() - start)
            read = alone or run.training.monitor.due(step.index)
            seen = look(run.training, run.seen, self.axes) if read else None
            self.say("step", part=part, row=step.row(), took=took, look=seen)
            if not run.goes_on:
                self.say("done", part=part, outcome=run.training.outcome)

    def _rewind(self, message: dict, _turn):
        """A run goes back so many steps, or as far as its states are kept."""
        part = message["part"]
        self.runs[part].rewind(message["steps"])
        self._say_back("rewound", part)

    def _fork(self, message: dict, _turn):
        """Another run begins that far back in one, which stays as it is."""
        origin, part = message["part"], len(self.runs)
        self.runs.append(self.runs[origin].fork(message["steps"]))
        self.wanted.append(dict(self.wanted[origin]))
        self._say_back("forked", part, {"from": origin})

    def _say_back(self, what: str, part: int, more: dict | None = None):
        run = self.runs[part]
        seen = look(run.training, run.seen, self.axes)
        left = run.training.done
        self.say(what, part=part, left=left, look=seen, **(more or {}))
