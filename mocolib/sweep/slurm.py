"""A sweep as a job array of Slurm; needs the extra: mocolib[slurm].

    mocolib sweep lr --slurm gpu --runs /nfs/runs    in the partition gpu
    mocolib sweep lr --slurm local                   processes of this machine, to try

A task of the array trains one run. A task that was preempted, or ran out of its time,
goes back into the queue and on from its last checkpoint. So the folder of runs must be
one that all machines share; what the tasks print lies in its folder .slurm. All else
that Slurm should know goes into its own variables: SBATCH_GRES=gpu:1, SBATCH_ACCOUNT.
"""

import json
import os
import time
from pathlib import Path

from mocolib.errors import BadInput
from mocolib.sweep.worker import one_line, train_one

EVERY = 2.0  # seconds between two looks at the tasks; submitit asks Slurm less often
MINUTES = 12 * 60  # of a task, before it goes back into the queue
DIED = "its task ended without a result"


def train(partition: str, missing, root: Path, workers: int, threads: int):
    """A sweep's backend on Slurm; at most `workers` tasks at once, or all."""
    root = Path(root).absolute()
    executor = _executor(root / ".slurm", partition, workers, threads)
    # Slurm holds back what has no place; as processes of this machine all would start
    here = workers or max(1, (os.cpu_count() or 1) // threads)
    most = here if partition == "local" else len(missing)
    todo, given = list(missing), {}
    try:
        while todo or given:
            next_ones = todo[: most - len(given)]
            if next_ones:
                todo = todo[len(next_ones) :]
                jobs = _submitted(executor, next_ones, root, threads)
                given |= dict(zip(jobs, next_ones, strict=True))
            for job in [job for job in given if job.done()]:
                yield _outcome(job, given.pop(job).id)
            yield "running", None, sum(job.state == "RUNNING" for job in given)
            time.sleep(EVERY if given else 0)
    finally:
        for job in given:
            job.cancel()


def _outcome(job, id: str) -> tuple:
    failed = DIED if job.exception() else job.result()
    return ("failed", id, failed) if failed else ("done", id, None)


def _executor(folder: Path, partition: str, workers: int, threads: int):
    """submitit's executor for tasks of one process and `threads` processors each."""
    try:
        import submitit
    except ImportError:
        raise BadInput(
            f"slurm is {partition!r}, but must be installed: pip install "
            "'mocolib[slurm]'."
        ) from None
    cluster = "local" if partition == "local" else "slurm"
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster)
    except RuntimeError:  # no srun
        raise BadInput(
            f"slurm is {partition!r}, but must be local, or a partition on a machine "
            "with Slurm's commands."
        ) from None
    executor.update_parameters(
        name="mocolib",
        timeout_min=MINUTES,
        cpus_per_task=threads,
        slurm_partition=partition,
        **({"slurm_array_parallelism": workers} if workers else {}),
    )
    return executor


def _submitted(executor, missing, root: Path, threads: int) -> list:
    """A job a recipe, all of one array."""
    try:
        with executor.batch():
            return [
                executor.submit(_task(), json.dumps(vars(recipe)), str(root), threads)
                for recipe in missing
            ]
    except Exception as error:  # what sbatch answers, in submitit's wrapping
        partition = executor.parameters.get("partition", "local")
        raise BadInput(
            f"slurm is {partition!r}, but must be a partition that takes the tasks: "
            f"{one_line(error)[-160:]}."
        ) from None


def _task():
    """What a task calls: one run to its end; what went wrong, or None."""
    from submitit.helpers import Checkpointable

    class Task(Checkpointable):  # goes back into the queue with the same arguments
        def __call__(self, text: str, root: str, threads: int):
            try:
                train_one(text, root, threads)
            except Exception as error:
                return one_line(error)

    return Task()
