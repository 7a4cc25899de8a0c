"""The numeric tests as on other processors: fewer instructions, one thread or two.

What a library may use is settled when it is loaded, so each case has a process. Bit for
bit is promised within one; between two, the bounds of tests/near.py hold.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.campaign import LONG
from tests.conftest import THREADS
from tools import ROOT

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
KINDS = {
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", **AVX2},
    "DEFAULT": {"ATEN_CPU_CAPABILITY": "default", **AVX2, "MKL_CBWR": "COMPATIBLE"},
}
CASES = [("AVX2", 2), ("DEFAULT", 1)]  # each of them once
if LONG:
    CASES = [(kind, threads) for kind in KINDS for threads in (1, 2)]
NUMERIC = [
    str(path)
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if "pytestmark = pytest.mark.numeric" in path.read_text().splitlines()
]


def numbers_on(kind: str, threads: int) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "numeric",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(
        [*command, *NUMERIC],
        cwd=ROOT,
        env={**os.environ, **KINDS[kind], THREADS: str(threads)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def outcomes():
    """What comes of each case; two at a time."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("this processor has no AVX2 to be held to")
    with ThreadPoolExecutor(2) as pool:
        yield {case: pool.submit(numbers_on, *case) for case in CASES}


@pytest.mark.parametrize(("kind", "threads"), CASES)
def test_the_numbers_hold_on(outcomes, kind, threads):
    done = outcomes[kind, threads].result()
    assert f"torch computes on {kind}, threads: {threads}" in done.stdout
    assert done.returncode == 0, done.stdout[-5000:]
