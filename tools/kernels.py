"""Kernels that begin where importing has ended: each is a fork of one process.

To import torch, pandas and matplotlib was half of what executing a chapter took. A
chapter still has a process of its own, in which nothing but imports has happened.
"""

import multiprocessing
import os
import sys
from importlib.metadata import EntryPoint

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

IMPORTED = [
    *("ipykernel.kernelapp", "matplotlib_inline.backend_inline", "matplotlib.pyplot"),
    *("ipywidgets", "torchvision.transforms.v2", "mocolib.figures", "mocolib.lab"),
]
INLINE = "module://matplotlib_inline.backend_inline"  # what a kernel draws with


def serve(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """What the fork does: be a kernel, until it is told to end or its parent has."""
    os.setsid()  # Ctrl-C is for the build
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, "")  # as any kernel has it
    from ipykernel.kernelapp import launch_new_instance

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


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel as a fork instead of a command."""

    async def launch_kernel(self, cmd, *, env, cwd=".", **_):
        self.process = Fork(cmd[cmd.index("-f") :], cwd, env)
        self.pid = self.process.pid
        return self.connection_info


def use_forks() -> None:
    """From now on a kernel that this process starts is a fork, on Linux.

    Elsewhere a process that has imported torch may not be forked, or none at all.
    """
    if sys.platform != "linux":
        return
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(IMPORTED)
    # read while they are imported
    os.environ.update(MPLBACKEND=INLINE, OMP_NUM_THREADS="1")
    factory = KernelProvisionerFactory.instance()
    own = EntryPoint("fork", f"{__name__}:ForkProvisioner", factory.GROUP_NAME)
    factory.provisioners[own.name] = own
    factory.default_provisioner_name = own.name
