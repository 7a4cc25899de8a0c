"""The command line for a process that a test starts and ends."""

import os
import sys

from mocolib.__main__ import main


def run_quietly(arguments: list[str]):
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.exit(main(arguments))
