"""The long forms of the fault tests, with their figures: python -m tools.campaign

200 bad inputs and more, in this process and every tenth in one of its own; recipes and
files made up by Hypothesis by the thousand; 100 kills of a training and 100 of a sweep
at random moments; the pages' graphs step by step, also where state stays on an imitated
card; a cluster that never answers; all chapters once more. `make test` has the short
forms of the same tests, but for the card's second step, LAMB on it, and the mute
cluster.
"""

import os
import re
import subprocess
import sys
import time

from tools import ROOT

PARTS = {
    "bad inputs": ["tests/test_faults.py", "-k", "bad_input and not process"],
    "bad inputs, own process": ["tests/test_faults.py", "-k", "in_a_process"],
    "made-up recipes and files": ["tests/test_faults.py", "-k", "sound or any_bytes"],
    "no room, no right": ["tests/test_faults.py", "-k", "room or full or may_not"],
    "others' weights": ["tests/test_weights.py"],
    "100 kills of a training": ["tests/test_runs.py", "-k", "killed"],
    "100 kills of a sweep": ["tests/test_sweep.py", "-k", "killed"],
    "50 steps of the graphs": ["tests/test_export.py", "-k", "its_steps"],
    "50 steps in a browser": ["tests/test_inpage_parity.py"],
    "steps on an imitated card": ["tests/test_inpage_webgpu.py", "-k", "losses"],
    "a cluster that is mute": ["tests/test_ray.py", "-k", "mute"],
    "chapters in JupyterLab's kernel": ["tests/test_notebooks.py", "-k", "as_it_is"],
}


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, pytest's last line, and all that it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, "MOCOLIB_CAMPAIGN": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = done.stdout.strip().splitlines()[-1]
    return done.returncode, re.sub(r" in [\d.]+s.*", "", last), done.stdout


def main() -> int:
    failed = 0
    for name, arguments in PARTS.items():
        start = time.monotonic()
        code, last, said = run(arguments)
        failed += code != 0
        print(f"{name:28} {last}, {time.monotonic() - start:.0f} s", flush=True)
        if code:
            print(said)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
