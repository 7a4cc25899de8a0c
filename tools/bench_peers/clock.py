"""Seconds by part of a step.

Processor seconds of this one-thread process: on an idle core those of the wall clock,
on a busy one still what the work costs.
"""

import contextlib
import time
from collections import defaultdict

from tools.bench_peers import PARTS


class Clock:
    """Adds up what each part takes; `rest` is the step less its parts."""

    def __init__(self):
        self.spent = defaultdict(float, dict.fromkeys(PARTS, 0.0))

    @contextlib.contextmanager
    def part(self, name: str):
        start = time.process_time()
        yield
        self.spent[name] += time.process_time() - start

    def wrap(self, thing, name: str, part: str, out_of: str | None = None):
        """Let a method count as `part`, and no longer as the part it lies within."""
        method = getattr(thing, name)

        def timed(*args, **kwargs):
            start = time.process_time()
            result = method(*args, **kwargs)
            took = time.process_time() - start
            self.spent[part] += took
            if out_of:
                self.spent[out_of] -= took
            return result

        setattr(thing, name, timed)

    def measure(self, step, count: int) -> dict:
        """Seconds a step, by part and in all; a first step does not count."""
        step()
        self.spent.update(dict.fromkeys(PARTS, 0.0))
        start = time.process_time()
        for _ in range(count):
            step()
        whole = time.process_time() - start
        self.spent["rest"] = whole - sum(self.spent.values())
        return {"step": whole / count, **{k: v / count for k, v in self.spent.items()}}
