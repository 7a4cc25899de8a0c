"""Runs on this machine: worker processes that train one run after another."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from mocolib import recipe as recipes
from mocolib.data import load
from mocolib.recipe import Recipe
from mocolib.runs.record import record


def one_line(error: Exception) -> str:
    """An exception as a report names it."""
    return " ".join(f"{type(error).__name__}: {error}".split())


class Worker:
    """One training process; its answers arrive in a shared queue of events."""

    def __init__(self, root: Path, threads: int, events):
        self.command = [
            sys.executable,
            "-m",
            "mocolib.sweep.local",
            str(root),
            str(threads),
        ]
        self.events = events
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.id = None
        self.listener = threading.Thread(
            target=self._listen, args=[self.process], daemon=True
        )
        self.listener.start()

    def give(self, recipe: Recipe | None) -> bool:
        """Hand over the next run; False where there is none."""
        if recipe is None:
            return False
        self.id = recipe.id
        try:
            self.process.stdin.write(json.dumps(vars(recipe)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died; the listener says so
        return True

    def _listen(self, process):
        for line in process.stdout:
            event = json.loads(line)
            if "done" in event or "failed" in event:
                self.id = None
            self.events.put((self, event))
        if self.id is not None:  # died with a run in its hands
            code = process.wait()
            reason = f"its process ended with status {code}"
            self.events.put((self, {"id": self.id, "failed": reason, "dead": True}))

    def stop(self):
        self.id = None
        self.process.terminate()
        self.process.wait()
        self.listener.join()
        self._close()

    def _close(self):
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _work(root: Path, threads: int):
    """A worker's life: a recipe a line comes in, events go out."""
    inbox: queue.Queue = queue.Queue()

    def listen():
        for line in sys.stdin:
            inbox.put(line)
        os._exit(0)  # the sweep is over or gone

    threading.Thread(target=listen, daemon=True).start()
    sets: dict = {}
    while True:
        recipe = recipes.from_dict(json.loads(inbox.get()))
        try:
            key = (recipe.dataset, recipe.image_size)
            if key not in sets:
                sets[key] = load(*key)
            for step in record(recipe, sets[key], root, threads):
                if step.index % 10 == 0:
                    _say(id=recipe.id, samples=10 * recipe.batch_size)
            _say(id=recipe.id, done=True)
        except Exception as error:  # named in the report; the rest goes on
            _say(id=recipe.id, failed=one_line(error))


def _say(**event):
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]))
