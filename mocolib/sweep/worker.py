"""One run to its end, in a process that a sweep has started.

As a program it is a worker of `sweep.local`: recipes come in and events go out over a
channel of their own. So a worker may print what it likes, and so may any library.
"""

import functools
import json
import os
import queue
import sys
import threading
from multiprocessing.connection import Connection

from mocolib import recipe as recipes
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.execution.process import tune_malloc
from mocolib.runs.record import record


def one_line(error: BaseException) -> str:
    """An exception as a report names it; what is said to the reader stays as it is."""
    kind = "" if isinstance(error, BadInput) else f"{type(error).__name__}: "
    return " ".join(f"{kind}{error}".split())


@functools.lru_cache(maxsize=2)
def _data(dataset: str, size: int):
    return load(dataset, size)  # kept by a process for its next run


def train_one(text: str, root: str, threads: int, heard=lambda samples: None):
    """One run from where it stands to its end; `text` is its recipe in JSON."""
    recipe = recipes.from_dict(json.loads(text))
    data = _data(recipe.dataset, recipe.image_size)
    for step in record(recipe, data, root, threads):
        if step.index % 10 == 0:
            heard(10 * recipe.batch_size)


def work(channel: Connection, root: str, threads: int):
    """A worker's life: a recipe a message comes in, events go out."""
    tune_malloc()
    inbox: queue.Queue = queue.Queue()

    def listen():
        try:
            while True:
                inbox.put(channel.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)  # the sweep is over or gone

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            train_one(inbox.get(), root, threads, lambda n: _say(channel, "samples", n))
            _say(channel, "done", None)
        except Exception as error:  # named in the report; the rest goes on
            _say(channel, "failed", one_line(error))


def _say(channel: Connection, kind: str, value):
    channel.send_bytes(json.dumps([kind, value]).encode())


if __name__ == "__main__":
    work(Connection(int(sys.argv[1])), sys.argv[2], int(sys.argv[3]))
