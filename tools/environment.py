"""Make .venv and install what requirements.txt pins: python3 -m tools.environment

Runs before anything is installed, so it uses the standard library only.
"""

import re
import subprocess
import sys
import venv
from collections import deque

from tools import ROOT

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP_INSTALL = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
LARGE_DOWNLOAD = re.compile(r"\s*Downloading \S+ \(\d+\.\d [MG]B\)")


def stop(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(2)


def make_venv() -> None:
    if PYTHON.exists():
        return
    print("Making the virtual environment .venv", flush=True)
    try:
        venv.create(VENV, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        stop("Python's venv is missing here; on Debian: apt-get install python3-venv.")


def pip_install(*arguments: str) -> None:
    """Run pip, showing a line for each large package instead of all its talk."""
    recent: deque[str] = deque(maxlen=30)
    command = [*PIP_INSTALL, "--progress-bar", "off", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as pip:
        for line in pip.stdout:
            recent.append(line)
            if LARGE_DOWNLOAD.match(line):
                print(line.rstrip(), flush=True)
            elif line.startswith("Installing collected packages"):
                print("  Unpacking everything", flush=True)
    if pip.returncode:
        print("".join(recent), file=sys.stderr)
        stop(f"pip could not install {' '.join(arguments)}; its last words are above.")


def main() -> None:
    if sys.version_info < (3, 10):  # noqa: UP036, runs on the system's Python
        found = ".".join(str(part) for part in sys.version_info[:2])
        stop(f"Python is {found} here; the book needs 3.10 or newer.")
    make_venv()
    print("Installing what requirements.txt pins (some minutes the first time)")
    pip_install("-r", "requirements.txt")
    print("Installing mocolib from this folder", flush=True)
    pip_install("--no-deps", "--editable", ".")


if __name__ == "__main__":
    main()
