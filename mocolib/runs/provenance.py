"""Where what is made now comes from: code, libraries, images, machine, day."""

import contextlib
import datetime
import functools
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from mocolib.data import Dataset

LIBRARIES = ("torch", "numpy", "timm", "torch-optimi")
STATUS = ("git", "status", "--porcelain=v2", "--branch", "--untracked-files=normal")


def facts(data: Dataset, threads: int) -> dict:
    """Versions, commit, images, machine, date: the provenance of what is made now."""
    from mocolib import __version__

    return {
        "mocolib": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "data": data.fingerprint,
        "data_name": data.name,
        "images": len(data.train_images),
        "mean": data.mean.tolist(),
        "deviation": data.std.tolist(),
        "threads": threads,
        "machine": f"{platform.system()} {platform.machine()}, {processor()}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


@functools.cache  # a process goes on with the code that it has loaded
def commit(checkout: Path = Path(__file__).parents[2]) -> str | None:
    """The git commit of mocolib's code, with a + where the code was changed since.

    None where it comes from no checkout, or where git does not say.
    """
    if not (checkout / ".git").exists():  # installed, maybe into another's checkout
        return None
    plain = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        told = subprocess.run(
            [*STATUS, "--", "mocolib"],
            cwd=checkout,
            env=plain | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = told.stdout.splitlines()
    head = [line.split()[-1].decode() for line in lines if b"# branch.oid" in line]
    changed = any(not line.startswith(b"#") for line in lines)
    return head[0] + "+" * changed if head and head[0] != "(initial)" else None


def processor() -> str:
    """The processor's name, as a provenance has it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or "unknown processor"
