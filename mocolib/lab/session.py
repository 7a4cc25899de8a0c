"""One training off the interface's thread, and how often it may be drawn."""

import queue
import threading
import time
from collections import deque

from mocolib.errors import BadInput

WAIT = 0.3  # seconds between two pictures, at least
RATIO = 25  # ... and this many times what the last one took: 4 % at most

_current: "Session | None" = None  # one in a kernel: it uses all cores


def start(begin, on_step, on_end) -> "Session":
    """Train in a new thread, after whatever trained before has stopped.

    `begin()` gives the training; `on_step(step)` is called for each step and
    `on_end(outcome, trouble)` once, with a sentence where something went wrong.
    """
    global _current
    stop()
    _current = Session(begin, on_step, on_end, before=_current)
    _current.start()
    return _current


def stop():
    """Stop what trains in this kernel, if anything does."""
    if _current is not None:
        _current.stopped.set()


class Session(threading.Thread):
    """Consumes a training; stops after the step that it is in."""

    def __init__(self, begin, on_step, on_end, before):
        super().__init__(daemon=True, name="mocolib-live")
        self.begin, self.on_step, self.on_end = begin, on_step, on_end
        self.before, self.stopped = before, threading.Event()
        self.changes = queue.SimpleQueue()  # settings to be changed in mid-run

    def run(self):
        if self.before:
            self.before.join()
            self.before = None  # or every session since the first would be kept
        outcome, trouble = "failed", ""
        try:
            outcome = self._consume()
        except BadInput as error:
            trouble = str(error)
        except Exception as error:  # whatever it is, the reader is told
            reason = " ".join(str(error).split())[:200] or "no reason given"
            trouble = f"The training failed: {reason} ({type(error).__name__})."
        self.on_end(outcome, trouble)

    def _consume(self) -> str:
        training = self.begin()
        for step in training:
            self.on_step(step)
            while not self.changes.empty():
                training.change(**self.changes.get())
            if self.stopped.is_set():
                break
        return "stopped" if training.outcome == "running" else training.outcome


class Pace:
    """How often to draw, and how fast the training goes."""

    def __init__(self):
        self.next = 0.0  # the first step is shown at once
        self.drawing = 0.0  # seconds so far
        self.seen = deque(maxlen=50)

    def step(self, samples: int):
        self.seen.append((time.perf_counter(), samples))

    def due(self) -> bool:
        return time.perf_counter() >= self.next

    def took(self, seconds: float):
        self.drawing += seconds
        self.next = time.perf_counter() + max(WAIT, RATIO * seconds)

    @property
    def rate(self) -> float:
        """Images a second over the last steps; 0 while unknown."""
        if len(self.seen) < 2:
            return 0.0
        (start, first), (end, last) = self.seen[0], self.seen[-1]
        return (last - first) / max(end - start, 1e-9)
