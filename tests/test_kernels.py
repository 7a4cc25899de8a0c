"""Kernels that are forks: each has a process and names of its own, and ends."""

import asyncio
import importlib
import os
import subprocess
import sys

import nbformat
import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, DeadKernelError

from mocolib import claims
from mocolib.claims import register
from tools import chapters, kernels

if sys.platform != "linux":
    pytest.skip("forks are for Linux", allow_module_level=True)


@pytest.fixture(scope="module")
def forked():
    """What manages them."""
    return kernels.start()


def said(forked, folder, *cells: str, **environment) -> list[str]:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    chapters.run(notebook, folder, forked, **environment)
    return ["".join(o.get("text", "") for o in c.outputs) for c in notebook.cells]


ASKED = """import os, sys, mocolib, matplotlib
print(os.getpid(), os.getcwd(), os.environ["TOLD"])
print("left" in globals(), hasattr(mocolib, "left"))
print(matplotlib.get_backend(), "torch" in sys.modules)
left = mocolib.left = 1"""


def test_each_is_a_process_of_its_own_with_nothing_of_the_one_before(forked, tmp_path):
    heard = [
        said(forked, tmp_path, ASKED, TOLD=word)[0].split() for word in ("one", "two")
    ]
    ids = [int(one[0]) for one in heard]
    assert len({*ids, os.getpid()}) == 3
    assert [one[1:-2] for one in heard] == [
        [str(tmp_path), "one", "False", "False"],
        [str(tmp_path), "two", "False", "False"],
    ]
    assert all(one[-2].endswith("inline") and one[-1] == "True" for one in heard)
    assert not any(psutil.pid_exists(id) for id in ids)


def test_what_is_no_chapter_is_started_as_before(forked, monkeypatch):
    """In the same process: Colab's kernel has another interpreter."""
    assert not {*kernels.READ} - {"OMP_NUM_THREADS"} & {*os.environ}
    manager = AsyncKernelManager(kernel_name="python3")
    monkeypatch.setattr(kernels, "Fork", None)  # would fail
    asyncio.run(_started_and_ended(manager))


def test_many_are_forks_of_one_that_has_judged_the_claims(monkeypatch):
    given = []
    monkeypatch.setattr(kernels.forkserver, "set_forkserver_preload", given.append)
    monkeypatch.setattr(kernels.forkserver, "ensure_running", lambda: None)
    kernels.start()
    kernels.start(many=True)
    few, many = given
    assert many == [*few, "tools.judged"]
    for name in many:
        importlib.import_module(name)
    asked = register._of_record.cache_info().misses
    claims.ledger()
    assert register._of_record.cache_info().misses == asked


async def _started_and_ended(manager):
    await manager.start_kernel()
    assert isinstance(manager.provisioner.process, subprocess.Popen)
    await manager.shutdown_kernel(now=True)


def test_a_failing_cell_and_a_dead_kernel_are_told(forked, tmp_path):
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        said(forked, tmp_path, "1 / 0")
    with pytest.raises(DeadKernelError):
        said(forked, tmp_path, "import os; os._exit(3)")


async def _interrupted(manager) -> str:
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    client.execute("import time; print('on'); time.sleep(600)")
    heard = []
    while "error" not in heard:
        message = await client.get_iopub_msg(timeout=60)
        heard.append(message["msg_type"])
        if heard[-1] == "stream":
            await manager.interrupt_kernel()
    client.stop_channels()
    await manager.shutdown_kernel(now=True)
    return message["content"]["ename"]


def test_it_can_be_interrupted(forked):
    assert (
        asyncio.run(_interrupted(forked(kernel_name="python3"))) == "KeyboardInterrupt"
    )
