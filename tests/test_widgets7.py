"""The same panels under the ipywidgets that Colab has, 7.7."""

import os
import subprocess
import sys

from tests.conftest import WIDGETS7
from tools import ROOT

TESTS = ("tests/test_lab.py", "tests/test_frames.py")


def test_the_panel_under_ipywidgets_7(widgets7):
    asked = {"PYTHONPATH": str(widgets7), "MOCOLIB_WIDGETS": WIDGETS7}
    environment = {**os.environ, **asked}
    # it asks IPython for its shell in a way that IPython has begun to warn about
    quiet = ["-W", "ignore::DeprecationWarning", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *quiet, *TESTS]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
