"""One function a figure, from recorded runs alone; seaborn on matplotlib.

Ordered settings get an ordered palette, dark to light, that stays ordered in grey; a
fixed projection is dashed or square, so no figure needs colour to be read. Figures
carry a white ground, which reads in the dark theme too.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mocolib import measures
from mocolib.data import data_root
from mocolib.recipe import FIELDS
from mocolib.runs import Run

STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "font.size": 10,
}
NAMES = {
    "base_lr": "base rate",
    "batch_size": "batch",
    "patch_projection": "patch projection",
    "temperature": "τ",
    "momentum": "m",
}
KINDS = (("learned", "#0173b2", "o"), ("fixed", "#de8f05", "s"))
GREY = "#555555"
SETS = {
    "folder:cifar10": "JPEG re-encode of CIFAR-10",
    "fashion-mnist": "Fashion-MNIST subset",
}


def settings(runs: list[Run]) -> list[str]:
    """The recipe fields in which runs differ, the seed left out."""
    return [
        name
        for name in FIELDS
        if name != "seed" and len({getattr(run.recipe, name) for run in runs}) > 1
    ]


def title(name: str) -> str:
    """A field's name as a figure prints it."""
    return NAMES.get(name, name.replace("_", " "))


def long_table(runs: list[Run]) -> pd.DataFrame:
    """All steps of all runs under each other, each row with its run's settings."""
    parts = []
    for run in runs:
        steps, layer = run.steps, measures.first_layer(run)
        part = steps[["step", "samples", "knn", "loss"]].copy()
        part["gradient"] = steps[f"grad_inf/{layer}"]
        for name in [*settings(runs), "seed"]:
            part[name] = getattr(run.recipe, name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def caption(runs: list[Run]) -> str:
    """What was run, how often and where: a line for under a figure."""
    recipe, seeds = runs[0].recipe, len({run.recipe.seed for run in runs})
    data = SETS.get(recipe.dataset, recipe.dataset)
    batch = "" if "batch_size" in settings(runs) else f", batch {recipe.batch_size}"
    return (
        f"{data}, ViT of width {recipe.width} and depth {recipe.depth}{batch}; "
        f"{len(runs)} run{'s' * (len(runs) > 1)}, {seeds} seed{'s' * (seeds > 1)}"
    )


def curves(runs: list[Run], x: str = "step") -> Figure:
    """Dense kNN, loss and first-layer gradient over steps (or `samples`).

    A line is one real run, that of the first seed: a mean over seeds would smooth the
    dips away. The band reaches from the lowest to the highest seed.
    """
    table, varied = long_table(runs), settings(runs)
    hue = next((n for n in varied if n != "patch_projection"), None)
    style = "patch_projection" if "patch_projection" in varied else None
    hue = hue or style
    count = table[hue].nunique() if hue else 1
    table = table.rename(columns={n: title(n) for n in varied})
    first = table[table["seed"] == table["seed"].min()]
    options = dict(
        x=x,
        hue=hue and title(hue),
        style=style and title(style),
        palette=sns.color_palette("viridis", count + 1)[:count] if hue else None,
    )
    rows = {
        "knn": "kNN accuracy",
        "loss": "loss",
        "gradient": "first layer: largest\ngradient entry",
    }
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(3, sharex=True, figsize=(7.2, 7.6))
        for ax, (column, label) in zip(axes, rows.items(), strict=True):
            legend = "full" if ax is axes[0] and hue else False
            sns.lineplot(
                table, y=column, ax=ax, linewidth=0, dashes=False,
                legend=False, errorbar=("pi", 100), **options,
            )  # fmt: skip
            sns.lineplot(
                first, y=column, ax=ax, linewidth=1.3, legend=legend, **options
            )
            ax.set_ylabel(label)
        axes[2].set_yscale("log")
        axes[2].set_xlabel({"step": "training step", "samples": "images seen"}[x])
        axes[0].set_title(caption(runs), fontsize=9, loc="left", color=GREY)
        if hue:
            sns.move_legend(axes[0], "upper left", bbox_to_anchor=(1, 1))
    plt.close(figure)
    return figure


def paper_numbers(*sweeps: str) -> pd.DataFrame:
    """The paper's numbers of some sweeps, with their standing (data/paper.csv)."""
    table = pd.read_csv(data_root() / "paper.csv")
    return table[table["sweep"].isin(sweeps)]


def accuracy(runs: list[Run], by: str, paper: tuple = ()) -> Figure:
    """Linear probe against the swept setting, beside the paper's own numbers.

    Ours: a dot a seed, a line through the means. The paper's (one number a setting):
    filled where it stands in the text, hollow where it was derived from the text.
    """
    table = measures.summary(runs)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            ncols=1 + bool(paper), figsize=(7.4, 3.4), squeeze=False
        )
        ours = axes[0, 0]
        for kind, colour, mark in KINDS:
            part = table[table["patch_projection"] == kind]
            mean = part.groupby(by)["linear_probe"].mean()
            ours.plot(mean.index, mean, color=colour, marker=mark, label=kind)
            ours.plot(part[by], part["linear_probe"], ".", color=colour, alpha=0.4)
        ours.set(xscale="log", xlabel=title(by), ylabel="linear probe, accuracy")
        ours.set_title("this book: " + SETS[runs[0].recipe.dataset], fontsize=9)
        ours.legend(title=title("patch_projection"))
        if paper:
            _paper_panel(axes[0, 1], paper, by)
    plt.close(figure)
    return figure


def _paper_panel(ax, sweeps: tuple, by: str):
    for name, (_, colour, mark) in zip(sweeps, KINDS, strict=False):
        rows = paper_numbers(name)
        x = rows["value"].astype(float)
        ax.plot(x, rows["accuracy"], color=colour)
        for standing, fill in (("T", colour), ("D", "white")):
            part = rows["status"] == standing
            ax.plot(
                x[part],
                rows["accuracy"][part],
                mark,
                color=colour,
                markerfacecolor=fill,
            )
    ticks = sorted(set(x))
    ax.set(xlabel=title(by), ylabel="linear probe, %", xticks=ticks)
    ax.set_xticklabels([f"{value:.1e}".replace("e-0", "e-") for value in ticks])
    ax.set_title("the paper: ImageNet, ViT-B/16, batch 4096", fontsize=9)


def layer_name(layer: str) -> str:
    """`blocks.0.qkv` as a figure prints it: `block 1, qkv`."""
    head, *rest = layer.split(".")
    if head == "blocks":
        return f"block {int(rest[0]) + 1}, {rest[1]}"
    if rest and rest[-1].isdecimal():
        return f"{head} {int(rest[-1]) + 1}"
    return layer.replace("_", " ").replace(".", " ")


def microscope(run: Run, sigma: float | None = None) -> Figure:
    """Every layer's gradient over its recent median, step by step; kNN below.

    Layers go down in the network's order; dark is many times the median of the 25
    steps before. A triangle marks a spike of the first layer, a cross a dip of kNN
    by 3 `sigma` (the noise of a calm run; without it, this run's own).
    """
    spikes, seen = measures.spike_steps(run), measures.monitored(run)
    with plt.rc_context(STYLE):
        figure, (heat, below) = plt.subplots(
            2, sharex=True, figsize=(7.6, 6.4), height_ratios=(3, 1)
        )
        mesh = _layers_by_steps(heat, run)
        height = [-1.1] * len(spikes)  # just above the first row
        heat.plot(spikes, height, "kv", clip_on=False, label="spike, first layer")
        heat.set_title(caption([run]), fontsize=9, loc="left", color=GREY, pad=16)
        _monitor(below, seen, measures.noise(seen["knn"]) if sigma is None else sigma)
        for spike in spikes:
            below.axvline(spike, color=GREY, linewidth=0.8, linestyle=":")
        below.set(xlabel="training step", ylabel="kNN accuracy")
        scale = figure.colorbar(
            mesh, ax=(heat, below), extend="both", shrink=0.6, anchor=(0, 1)
        )
        scale.set_ticks([0, 1, 2], labels=["×1", "×2", "×4"])
        scale.set_label("gradient over its recent median")
        figure.legend(loc="outside lower right", ncols=2, fontsize=9)
    plt.close(figure)
    return figure


def _layers_by_steps(ax, run: Run):
    """The heat map: log2 ratios, one lightness scale that also reads in grey."""
    layers = measures.trained_layers(run)
    ratios = np.stack(
        [measures.log_ratio(measures.gradients(run, layer)) for layer in layers]
    )
    rows = range(len(layers))
    steps = run.recipe.warmup_steps + 1 + np.arange(ratios.shape[1])
    mesh = ax.pcolormesh(steps, rows, ratios, vmin=0, vmax=2, cmap="rocket_r")
    ax.set_yticks(rows, map(layer_name, layers), fontsize=8)
    ax.set_ylabel("layer")
    ax.grid(False)
    ax.invert_yaxis()
    return mesh


def _monitor(ax, seen: pd.DataFrame, sigma: float) -> int:
    """A kNN curve with its dips crossed; how many there are."""
    dips = seen.iloc[measures.dips(seen["knn"], sigma)]
    ax.plot(seen["step"], seen["knn"], color=KINDS[0][1])
    ax.plot(dips["step"], dips["knn"], "kx", markersize=8, label="dip of kNN begins")
    return len(dips)


def lead_histogram(runs: list[Run], layer: str = "projector.0") -> Figure:
    """How far the first layer leads `layer`, against what chance gives.

    A row a setting. Bars: leads after shifting one series by random offsets, all
    runs together. Diamonds: the measured leads, one a run.
    """
    groups: dict = {}
    for run in runs:
        groups.setdefault(_setting(run, settings(runs)), []).append(run)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            *(len(groups), 1), sharex=True, squeeze=False,
            figsize=(7.2, 1 + 1.2 * len(groups)),
        )  # fmt: skip
        for ax, (name, members) in zip(axes[:, 0], groups.items(), strict=True):
            _leads(ax, members, layer)
            ax.set_ylabel(name or "runs", rotation=0, ha="right", va="center")
        axes[-1, 0].set_xlabel(
            f"lead of the first layer over {layer_name(layer)}:\n"
            "correlation at lags +1 to +4 minus that at −1 to −4"
        )
        axes[0, 0].set_title(caption(runs), fontsize=9, loc="left", color=GREY)
        axes[0, 0].legend(loc="upper left", fontsize=9)
    plt.close(figure)
    return figure


def _setting(run: Run, names: list[str]) -> str:
    values = [getattr(run.recipe, name) for name in names]
    pairs = zip(names, values, strict=True)
    return "\n".join(
        f"{title(n)} {v if isinstance(v, str) else f'{v:g}'}" for n, v in pairs
    )


def _leads(ax, runs: list[Run], layer: str):
    """Null as bars, the runs' leads as diamonds above them."""
    pairs = [
        (measures.gradients(r, measures.first_layer(r)), measures.gradients(r, layer))
        for r in runs
    ]
    null = np.concatenate([measures.lead_null(*pair) for pair in pairs])
    ax.hist(null, bins=30, density=True, color="#c4c4c4", label="chance")
    height = ax.get_ylim()[1]
    leads = [measures.lead(*pair) for pair in pairs]
    ax.plot(
        *(leads, [0.5 * height] * len(leads), "D"),
        color=KINDS[0][1], markeredgecolor="white", label="a run",
    )  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks([])
    ax.set_axisbelow(True)


def monitors(run: Run, sigma: float | None = None) -> Figure:
    """One run seen by a dense monitor, and by one that reads once an epoch."""
    dense, thin = measures.monitored(run), measures.once_an_epoch(run)
    sigma = measures.noise(dense["knn"]) if sigma is None else sigma
    names = (f"every {run.recipe.knn_every} steps", "once an epoch")
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, sharex=True, sharey=True, figsize=(7.2, 4.6))
        for ax, seen, name in zip(axes, (dense, thin), names, strict=True):
            count = _monitor(ax, seen, sigma)
            dips = "1 dip" if count == 1 else f"{count} dips"
            ax.set_title(f"read {name}: {dips}", fontsize=10, loc="right")
            ax.set_ylabel("kNN accuracy")
        axes[1].lines[0].set(marker="o")
        axes[1].set_xlabel("training step")
        figure.suptitle(caption([run]), fontsize=9, x=0.01, ha="left", color=GREY)
    plt.close(figure)
    return figure
