"""The same panel under the ipywidgets that Colab has, 7.7.

It is installed into a folder of its own, once, and stands before the newer one on the
path; everything else is shared.
"""

import os
import subprocess
import sys

import pytest

from tools import ROOT

VERSION = "7.7.1"
FOLDER = ROOT / ".cache" / "widgets7"
# the two packages alone: their other requirements are what a browser needs
PACKAGES = [f"ipywidgets=={VERSION}", "ipython_genutils==0.2.0"]


@pytest.fixture(scope="module")
def older() -> str:
    """The folder that holds ipywidgets 7, filled if it is not."""
    if not (FOLDER / f"ipywidgets-{VERSION}.dist-info").exists():
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
        command = [*pip, "--quiet", "--no-deps", "--target", str(FOLDER), *PACKAGES]
        subprocess.run(command, check=True)
    return str(FOLDER)


def test_the_panel_under_ipywidgets_7(older: str) -> None:
    environment = {**os.environ, "PYTHONPATH": older, "MOCOLIB_WIDGETS": VERSION}
    # it asks IPython for its shell in a way that IPython has begun to warn about
    quiet = ["-W", "ignore::DeprecationWarning", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *quiet, "tests/test_lab.py"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
