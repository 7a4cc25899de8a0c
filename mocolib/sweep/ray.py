"""A sweep over the machines of a Ray cluster; needs the extra: mocolib[ray].

    mocolib sweep lr --ray local              two processors of this machine, say
    mocolib sweep lr --ray auto --runs /nfs   the cluster that this machine belongs to

Ray finds a machine for each run and starts a run again whose process or machine died.
It then goes on from its last checkpoint, so the folder of runs must be one that all
machines share. mocolib must be installed on each.
"""

import contextlib
import json
import os
import socket
import sys
import threading
from pathlib import Path

from mocolib.errors import BadInput
from mocolib.sweep.worker import one_line, train_one

RETRIES = 10  # of a run whose process died; one that fails by itself is not repeated
PATIENCE = 20.0  # seconds for a cluster to answer; to start one of its own takes longer
REACHED = 5.0  # seconds for a machine to take a connection


def train(address: str, missing, root: Path, workers: int, threads: int):
    """A sweep's backend on the cluster at `address`: local, auto or HOST:PORT.

    At most `workers` runs go on at once, or all that the cluster has room for.
    """
    ray = _connected(address, workers, threads)
    root = str(Path(root).absolute())
    task = ray.remote(num_cpus=threads, max_retries=RETRIES)(train_one)
    todo, given = list(reversed(missing)), {}
    room = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
    try:
        while todo or given:
            while todo and len(given) < (workers or len(missing)):
                recipe = todo.pop()
                given[task.remote(json.dumps(vars(recipe)), root, threads)] = recipe
            yield "running", None, min(room, len(given))
            for reference in ray.wait(list(given), timeout=2)[0]:
                yield _outcome(ray, reference, given.pop(reference).id)
        yield "running", None, 0
    finally:
        for reference in given:
            ray.cancel(reference, force=True)
        ray.shutdown()


def _outcome(ray, reference, id: str) -> tuple:
    try:
        ray.get(reference)
        return "done", id, None
    except Exception as error:  # named in the report; the rest goes on
        # what the run itself raised, where Ray wraps it
        return "failed", id, one_line(getattr(error, "cause", None) or error)


def _connected(address: str, workers: int, threads: int):
    """The module ray, connected."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")  # a busy machine
    try:
        import ray
    except ImportError:
        raise BadInput(
            f"ray is {address!r}, but must be installed: pip install 'mocolib[ray]'."
        ) from None
    try:
        _reach(address)
        if address == "local":
            cores = workers * threads if workers else os.cpu_count()
            own = dict(num_cpus=cores, num_gpus=0, include_dashboard=False)
            _init(ray, address, **own)
        else:
            with _silent():
                _within(PATIENCE, lambda: _init(ray, address))
    except Exception as error:  # Ray raises all kinds, bare ones too
        raise BadInput(
            f"ray is {address!r}, but must be local, auto or HOST:PORT of a cluster "
            f"that answers: {one_line(error)[:120]}."
        ) from None
    return ray


def _init(ray, address: str, **own):
    ray.init(address, logging_level="ERROR", log_to_driver=False, **own)


def _reach(address: str):
    """OSError where nothing listens at HOST:PORT; Ray itself would ask for minutes."""
    if address in ("local", "auto"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        raise ValueError("it names no port")
    with contextlib.closing(socket.create_connection((host, port), REACHED)):
        pass


@contextlib.contextmanager
def _silent():
    """Ray's own log goes to the process's stderr; what there is to say, we say."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def _within(seconds: float, call):
    """What `call` raises; TimeoutError where it has not come back by then."""
    raised = []

    def tried():
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=tried, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer in {seconds:.0f} seconds")
    if raised:
        raise raised[0]
