"""A sweep over the machines of a Ray cluster; needs the extra: mocolib[ray].

    mocolib sweep lr --ray local              two processors of this machine, say
    mocolib sweep lr --ray auto --runs /nfs   the cluster that this machine belongs to

Ray finds a machine for each run and starts a run again whose process or machine died.
It then goes on from its last checkpoint, so the folder of runs must be one that all
machines share. mocolib must be installed on each.
"""

import functools
import json
import os
from pathlib import Path

from mocolib import recipe as recipes
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.runs.record import record
from mocolib.sweep import missing_of
from mocolib.sweep.local import one_line

RETRIES = 10  # of a run whose process died; one that fails by itself is not repeated


def sweep(wanted, root: Path, address: str, workers: int = 0, threads: int = 1):
    """As `sweep.sweep`, on the cluster at `address`: local, auto or HOST:PORT."""
    ray = _connected(address, workers, threads)
    root = Path(root).absolute()
    missing, progress = missing_of(wanted, root)
    yield progress
    task = ray.remote(num_cpus=threads, max_retries=RETRIES)(train_one)
    given = {task.remote(json.dumps(vars(r)), str(root), threads): r for r in missing}
    try:
        while given:
            ended, _ = ray.wait(list(given), timeout=2)
            for reference in ended:
                recipe = given.pop(reference)
                try:
                    ray.get(reference)
                    progress.done += 1
                except Exception as error:  # named in the report; the rest goes on
                    progress.failed += ((recipe.id, one_line(_cause(error))),)
            progress.running = len(given)
            yield progress
    finally:
        for reference in given:
            ray.cancel(reference, force=True)
        ray.shutdown()


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
    own = {}
    if address == "local":
        cores = workers * threads if workers else os.cpu_count()
        own = dict(num_cpus=cores, num_gpus=0, include_dashboard=False)
    try:
        ray.init(address, logging_level="ERROR", log_to_driver=False, **own)
    except Exception as error:  # Ray raises all kinds, bare ones too
        raise BadInput(
            f"ray is {address!r}, but must be local, auto or HOST:PORT of a cluster "
            f"that answers: {one_line(error)[:120]}."
        ) from None
    return ray


def _cause(error):
    """What the run itself raised, where Ray wraps it."""
    return getattr(error, "cause", None) or error


@functools.lru_cache(maxsize=2)
def _data(dataset: str, size: int):
    return load(dataset, size)  # kept by a process for its next run


def train_one(text: str, root: str, threads: int):
    """One run from where it stands to its end."""
    recipe = recipes.from_dict(json.loads(text))
    for _ in record(recipe, _data(recipe.dataset, recipe.image_size), root, threads):
        pass
