"""Logs whose truth is planted, and tests/data/logs: what is to be said of them.

`python -m tests.planted_logs` writes the files anew: of each log its text, and what it
was judged to be. Noise is that of `chance.white`, which any language makes.
"""

import json

import numpy as np

from mocolib import logs
from mocolib.logs.chance import white
from tools import ROOT

FOLDER = ROOT / "tests" / "data" / "logs"
SIGMA = 0.004  # of a reading
STEPS = np.arange(1, 401)
READ = STEPS % 4 == 0  # 100 readings
WARM = 40


def rising(end: float = 0.72, start: float = 0.55) -> np.ndarray:
    """The accuracy of a calm run, step by step."""
    way = 1 - np.exp(-STEPS / 80)
    return start + (end - start) * way + SIGMA * white(len(STEPS), 1)


def falling(curve, at: int, depth: float, lasts: int) -> np.ndarray:
    """The same with a fall that comes back on a line, or never within the run."""
    since = STEPS - at
    inside = (since >= 0) & (since < lasts)
    return curve - np.where(inside, depth * (1 - since / lasts), 0)


def loss(spikes=()) -> np.ndarray:
    curve = 3 + 2 * np.exp(-STEPS / 100) + 0.02 * white(len(STEPS), 2)
    for at in spikes:
        curve[at - 1 : at + 2] += (0.8, 0.5, 0.3)
    return curve


def norm(level: float, seed: int, spikes=()) -> np.ndarray:
    curve = level * np.exp(0.3 * white(len(STEPS), seed))
    for at in spikes:
        curve[at - 1 : at + 2] *= (8, 6, 3)
    return curve


def rate() -> np.ndarray:
    """Warmup, a peak, and a decay from the middle on."""
    return 1e-3 * np.minimum(STEPS / WARM, np.clip(2 - STEPS / 200, 0.05, 1))


def text(accuracy, *, spikes=(), layers=None, read=READ) -> str:
    columns = {"step": STEPS, "lr": rate(), "loss": loss(spikes)}
    columns |= {f"grad_norm/{name}": curve for name, curve in (layers or {}).items()}
    if accuracy is not None:
        columns["knn"] = np.where(read, accuracy, np.nan)
    rows = [",".join(columns)]
    for values in zip(*columns.values(), strict=True):
        rows.append(",".join("" if np.isnan(v) else f"{v:.5g}" for v in values))
    return "\n".join(rows) + "\n"


def planted() -> dict[str, str]:
    """The text of each log, by its name."""
    calm, spikes = rising(), (150, 230, 310)
    dips = calm
    for at in spikes:
        dips = falling(dips, at + 2, 0.06, 40)
    first = {"patch_embed": norm(0.1, 3, [at - 2 for at in spikes])}
    layers = first | {"head": norm(0.02, 4)}
    chased = {"patch_embed": norm(0.1, 3), "head": np.roll(norm(0.1, 3), 2) / 5}
    ruined = np.where(STEPS < 30, calm, 0.5 + SIGMA * white(len(STEPS), 6))
    return {
        "calm": text(calm, layers={"patch_embed": norm(0.1, 3), "head": norm(0.02, 4)}),
        "dips": text(dips, spikes=spikes, layers=layers),
        "dip_without_spike": text(falling(calm, 150, 0.06, 40)),
        "lasting": text(falling(calm, 150, 0.06, 10**6)),
        "late": text(falling(calm, 150, 0.08, 180)),
        "collapse": text(falling(calm, 200, 0.15, 10**6)),
        "collapse_in_warmup": text(ruined),
        "lead": text(None, layers=chased),
        "sparse": text(calm, read=STEPS % 40 == 0),
        "few": text(calm, read=STEPS % 100 == 0),
        "no_accuracy": text(None, spikes=spikes),
        "noise": text(0.6 + SIGMA * white(len(STEPS), 5)),
    }


def case(name: str, written: str) -> dict:
    """A log as it is kept: its text, and what is said of it."""
    path = FOLDER / name  # only to be read once
    path.write_text(written)
    try:
        (log,) = logs.read(path)
    finally:
        path.unlink()
    return {"text": written, "judged": logs.judge(log).as_json()}


if __name__ == "__main__":
    for name, written in planted().items():
        kept = json.dumps(case(name, written), indent=1)
        (FOLDER / f"{name}.json").write_text(kept + "\n")
        print(name)
