"""Runs on this machine: worker processes that train one run after another."""

import contextlib
import json
import multiprocessing
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from mocolib.execution.process import SLEEPS_SOON
from mocolib.recipe import Recipe


def train(missing, root: Path, workers: int, threads: int):
    """A sweep's backend for this machine, by default with all its cores.

    When the sweep's process dies, its workers see their channel end, and end too.
    """
    todo, events = iter(missing), queue.Queue()
    count = workers or max(1, (os.cpu_count() or 1) // threads)
    crew = [Worker(root, threads, events) for _ in range(min(count, len(missing)))]
    try:
        busy = sum(worker.give(next(todo, None)) for worker in crew)
        while busy:
            yield "running", None, busy
            worker, event = events.get()
            yield event
            if event[0] in ("done", "failed"):
                if worker.dead:
                    worker.restart()
                busy += worker.give(next(todo, None)) - 1
        yield "running", None, 0
    finally:
        for worker in crew:
            worker.stop()


class Worker:
    """One training process; what it says arrives in a shared queue of events."""

    def __init__(self, root: Path, threads: int, events):
        self.root, self.threads, self.events = root, threads, events
        self.start()

    def start(self):
        self.channel, theirs = multiprocessing.Pipe()
        options = [str(theirs.fileno()), str(self.root), str(self.threads)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mocolib.sweep.worker", *options],
            stdin=subprocess.DEVNULL,
            stdout=sys.__stderr__ or subprocess.DEVNULL,  # ours is for what we say
            env={**SLEEPS_SOON, **os.environ},
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the sweep, which ends its workers
        )
        theirs.close()
        self.id, self.dead = None, False
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def give(self, recipe: Recipe | None) -> bool:
        """Hand over the next run; False where there is none."""
        if recipe is None:
            return False
        self.id = recipe.id
        try:
            self.channel.send_bytes(json.dumps(vars(recipe)).encode())
        except OSError:  # it died between two runs
            self.listener.join()
            self._died()
        return True

    def _listen(self):
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, value = json.loads(self.channel.recv_bytes())
                id = self.id
                if kind != "samples":
                    self.id = None
                self.events.put((self, (kind, id, value)))
        self._died()

    def _died(self):
        """Says so of a run that it had in its hands."""
        self.dead = True
        if self.id is not None:
            code, id, self.id = self.process.wait(), self.id, None
            reason = f"its process ended with status {code}"
            self.events.put((self, ("failed", id, reason)))

    def stop(self):
        self.id = None
        self.process.kill()  # a run stands a kill at any moment
        self.process.wait()
        self.listener.join()
        self.channel.close()

    def restart(self):
        self.stop()
        self.start()
