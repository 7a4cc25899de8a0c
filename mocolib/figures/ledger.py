"""The ledger in one picture, and what chance alone writes into a ledger."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mocolib.claims import findings
from mocolib.claims.verdicts import Effect, Verdict
from mocolib.figures import style
from mocolib.figures.style import GREY, KINDS
from mocolib.words import said, value

EDGE = 4  # further out than this is drawn at the edge
HELD, NOT_HELD = KINDS[0][1], KINDS[1][1]
LOOKS = {  # mark, edge and face by outcome
    "holds": ("o", HELD, HELD),
    "open": ("s", NOT_HELD, "white"),
    "opposite": ("D", NOT_HELD, NOT_HELD),
}


def reach(effect: Effect) -> float:
    """An effect's distance from zero in half-lengths of its interval.

    Above 1 exactly where the effect holds; below -1 where its opposite would.
    """
    low, high = effect.interval
    half = effect.mean - low if effect.mean >= 0 else high - effect.mean
    if half == 0:
        return float(np.sign(effect.mean)) * np.inf if effect.mean else 0.0
    return effect.mean / half


@style.figure
def ledger_map(verdicts: list[Verdict]) -> Figure:
    """A row a claim, a mark an effect: right of the line it holds.

    Filled circles hold, hollow squares are open, filled diamonds opposite; at an edge
    an arrow: further out.
    """
    figure, ax = plt.subplots(figsize=(7.2, 1 + 0.27 * len(verdicts)))
    ax.axvspan(1, EDGE + 0.4, color="#e8f1f8", zorder=0)
    ax.axvline(0, color=GREY, linewidth=1)
    for row, verdict in enumerate(verdicts):
        for effect in verdict.effects.values():
            if effect.outcome in LOOKS:
                _mark(ax, reach(effect), row, *LOOKS[effect.outcome])
    ax.set_yticks(range(len(verdicts)), list(map(_named, verdicts)), fontsize=9)
    ax.set(xlim=(-EDGE - 0.4, EDGE + 0.4), ylim=(len(verdicts) - 0.5, -0.5))
    ax.set_xticks([-4, -1, 0, 1, 4])
    ax.set_xlabel("mean effect, in half-lengths\nof its interval")
    ax.set_ylabel("claim and verdict")
    return figure


def _named(verdict: Verdict) -> str:
    told = {"title": findings.title(verdict.id), "word": value(verdict.word)}
    return said("{title}: {word}", **told)


def _mark(ax, x: float, row: int, mark: str, colour: str, fill: str):
    if abs(x) > EDGE:
        mark = ">" if x > 0 else "<"
    place = float(np.clip(x, -EDGE, EDGE))
    ax.plot([place], [row], mark, color=colour, markerfacecolor=fill, markersize=6)


@style.figure
def chance_chart(values: np.ndarray, size: float) -> Figure:
    """The intervals of made-up effects [count, seeds]; dots their means."""
    effects = [Effect(values=tuple(row)) for row in values]
    figure, ax = plt.subplots(figsize=(5.6, 2.4))
    for held, colour, mark in ((False, NOT_HELD, "s"), (True, HELD, "o")):
        x = [i for i, effect in enumerate(effects) if effect.holds == held]
        ends = [(*effects[i].interval, np.nan) for i in x]
        # one line with gaps: a fifth of the bytes of as many lines
        ax.plot(np.repeat(x, 3), np.ravel(ends), color=colour, linewidth=1.5)
        means = [effects[i].mean for i in x]
        ax.plot(x, means, mark, color=colour, markersize=4)
    ax.axhline(0, color=GREY, linewidth=1)
    ax.axhline(size, color=GREY, linewidth=1, linestyle=":")
    ax.set(xticks=[], ylim=(-3.2, 4.2), ylabel="effect, in SDs")
    ax.set_xlabel("one made-up effect each")
    return figure
