"""python -m tools.bench_peers [--write]: medians of interleaved repetitions.

A repetition of a case is a process of its own: mocolib's in .venv, a peer's in
.venv-peers. --write keeps the result in data/tables/bench_peers.json, machine named.
"""

import argparse
import datetime
import json
import subprocess
import sys

from tools import ROOT
from tools.bench import medians
from tools.bench_peers import BATCH, CASES, PARTS

PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
RESULT = ROOT / "data" / "tables" / "bench_peers.json"


def one(name: str, steps: int) -> dict:
    """One repetition, in this process."""
    if name == "mocolib":
        from tools.bench_peers.ours import measure

        return measure(steps)
    from tools.bench_peers import peers

    return peers.measure(name, steps)


def all_cases(repeats: int, steps: int) -> dict:
    """{case: {part: median seconds a step}}, every case once before any twice."""
    readings: dict = {name: [] for name in CASES}
    for turn in range(repeats):
        for name in CASES:
            print(f"  {turn + 1} of {repeats}: {name}", file=sys.stderr, flush=True)
            python = sys.executable if name == "mocolib" else PEERS_PYTHON
            command = [python, "-W", "ignore", "-m", "tools.bench_peers", "--one", name]
            answer = subprocess.run(
                [*command, "--steps", str(steps)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            readings[name].append(json.loads(answer.stdout.splitlines()[-1]))
    return medians(readings)


def table(found: dict) -> str:
    ours = found["mocolib"]["step"]
    width = max(len(part) for part in PARTS) + 2
    head = "".join(part.rjust(width) for part in PARTS)
    lines = [f"{'':12}images/s   ours is{head}   (ms a step)"]
    for name, row in found.items():
        parts = "".join(f"{1000 * row[part]:{width}.0f}" for part in PARTS)
        ratio = f"{row['step'] / ours:.2f}x"
        lines.append(f"{name:12}{BATCH / row['step']:8.0f}{ratio:>10}{parts}")
    return "\n".join([*lines, "", *(f"{name}: {CASES[name]}." for name in found)])


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.bench_peers")
    parser.add_argument("--one", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.steps)))
        return
    found = all_cases(options.repeats, options.steps)
    print(table(found))
    if options.write:
        import torch

        from mocolib.runs.provenance import processor

        result = {
            "machine": processor(),
            "seconds are": "processor seconds a step, one thread",
            "torch": torch.__version__,
            "date": datetime.date.today().isoformat(),
            "batch": BATCH,
            "cases": CASES,
            "seconds": found,
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(RESULT)


if __name__ == "__main__":
    main()
