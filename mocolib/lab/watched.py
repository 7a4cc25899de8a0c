"""What a piece of code does while it runs: the lines it goes through, what parts give.

with watched.lines() as ran, watched.outputs(model, "query") as given:
    model(views, temperature, momentum)
"""

import sys
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import mocolib

HOME = str(Path(mocolib.__file__).parent)


@contextmanager
def lines():
    """The (file, line) pairs of mocolib that are executed meanwhile."""
    ran, before = set(), sys.gettrace()

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(HOME):
            return None
        ran.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        yield ran
    finally:
        sys.settrace(before)


@contextmanager
def outputs(model, *names: str):
    """What some parts of a model give meanwhile: {name: [output of each call]}."""
    given = defaultdict(list)

    def keep(name):
        return lambda module, inputs, out: given[name].append(out)

    hooks = [getattr(model, n).register_forward_hook(keep(n)) for n in names]
    try:
        yield given
    finally:
        for hook in hooks:
            hook.remove()
