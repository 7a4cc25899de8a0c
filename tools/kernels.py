"""Kernels that begin where importing has ended: each is a fork of one process.

To import torch, pandas and matplotlib was half of what executing a chapter took. A
chapter still has a process of its own, in which nothing but imports has happened; one
of them, where many chapters are due, has judged the claims that they tell of.
"""

import multiprocessing
import os
import sys
from multiprocessing import forkserver

from jupyter_client.manager import AsyncKernelManager

IMPORTED = [
    *("ipykernel.kernelapp", "matplotlib_inline.backend_inline", "matplotlib.pyplot"),
    *("ipywidgets", "torchvision.transforms.v2", "mocolib.figures", "mocolib.lab"),
    "torch._dynamo",  # torch imports it for the first optimizer
]
JUDGED = "tools.judged"
READ = {  # while they are imported: what a kernel draws with, and its one thread
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
}


def serve(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """What the fork does: be a kernel, until it is told to end or its parent has."""
    os.setsid()  # Ctrl-C is for the build
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, "")  # as any kernel has it
    from ipykernel.kernelapp import launch_new_instance

    from mocolib.execution.process import tune_malloc

    tune_malloc()
    # its default was read from the environment of the process that imported it
    launch_new_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])


class Fork:
    """A forked process as `subprocess.Popen` would show it."""

    stdin = stdout = stderr = None

    def __init__(self, *given):
        forks = multiprocessing.get_context("forkserver")
        self.process = forks.Process(target=serve, args=given)
        self.process.start()
        self.pid = self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class ForkManager(AsyncKernelManager):
    """Starts a kernel as a fork instead of a command."""

    async def _async_launch_kernel(self, kernel_cmd, *, env, cwd=".", **_):
        arguments = kernel_cmd[kernel_cmd.index("-f") :]
        self.provisioner.process = Fork(arguments, cwd, env)
        self._reconcile_connection_info(self.provisioner.connection_info)


def start(many: bool = False) -> type[AsyncKernelManager]:
    """Start the process to fork, where it is not there; what then manages a kernel.

    It has judged the claims where `many` kernels will be asked for. Only on Linux:
    elsewhere a process that has imported torch may not be forked.
    """
    if sys.platform != "linux":
        return AsyncKernelManager
    forkserver.set_forkserver_preload([*IMPORTED, JUDGED] if many else IMPORTED)
    before = {name: os.environ.get(name) for name in READ}
    os.environ.update(READ)
    forkserver.ensure_running()
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value
    return ForkManager
