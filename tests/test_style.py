"""What `make lint` asks for holds: code and chapters in one style, stored clean."""

import subprocess

from tools import ROOT


def test_make_lint_is_content():
    lint = subprocess.run(
        ["make", "--no-print-directory", "-o", ".venv/ready", "lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
