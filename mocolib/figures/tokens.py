"""From a patch to a token: the sum, the position codes, what the matrix looks at."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mocolib.figures import style
from mocolib.vit import sincos_positions


@style.bare
def token_sum(tokens, codes, limit: float = 2.5) -> Figure:
    """An image's tokens [T, d] plus their position codes [T, d], as heat maps.

    One lightness scale for all three, dark for negative and light for positive.
    """
    parts = {
        "tokens of the patches": tokens,
        "position codes": codes,
        "what enters block 1": tokens + codes,
    }
    figure, axes = plt.subplots(ncols=3, sharey=True, figsize=(7.6, 2.7))
    for ax, (name, values) in zip(axes, parts.items(), strict=True):
        mesh = ax.pcolormesh(
            values, vmin=-limit, vmax=limit, cmap="cividis", rasterized=True
        )
        ax.set_title(name, fontsize=10)
        ax.set_xlabel("number in the token")
    every = range(0, len(tokens), max(1, len(tokens) // 4))
    axes[0].set_yticks([row + 0.5 for row in every], every)
    axes[0].set(ylabel="patch, in reading order")
    axes[0].invert_yaxis()
    for ax, sign in zip(axes[1:], "+=", strict=True):
        ax.text(
            -0.06, 0.5, sign, transform=ax.transAxes, fontsize=16, ha="center",
            va="center",
        )  # fmt: skip
    bar = figure.colorbar(mesh, ax=axes, extend="both", shrink=0.9)
    bar.set_label("value")
    return figure


@style.bare
def position_codes(grid: int, width: int) -> Figure:
    """The sin-cos codes of a grid, and how like each position is to all others.

    Left: a row a position, a column a number of the code. Right: for each position a
    small map of the grid, lighter where the cosine of the two codes is larger.
    """
    codes = sincos_positions(grid, width).numpy()
    unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    alike = (unit @ unit.T).reshape(grid, grid, grid, grid)
    figure, (left, right) = plt.subplots(
        ncols=2, figsize=(7.6, 3.6), width_ratios=(1.15, 1)
    )
    mesh = left.pcolormesh(codes, vmin=-1, vmax=1, cmap="cividis", rasterized=True)
    left.invert_yaxis()
    left.set_yticks(np.arange(0, grid**2, grid) + 0.5, range(0, grid**2, grid))
    left.set(xlabel="number in the code", ylabel="position, in reading order")
    quarters = np.arange(4) * width // 4
    for edge in quarters[1:]:
        left.axvline(edge, color="white", linewidth=1.5)
    top = left.secondary_xaxis("top")
    names = ["sin\nrow", "cos\nrow", "sin\ncolumn", "cos\ncolumn"]
    top.set_xticks(quarters + width / 8, names, fontsize=9)
    top.tick_params(length=0)
    figure.colorbar(mesh, ax=left, label="value", shrink=0.9)
    _maps(figure, right, alike)
    return figure


def _maps(figure: Figure, ax, alike):
    """alike [row, column, row', column'] as a grid of small maps with gaps."""
    grid = len(alike)
    gap = np.full((grid * (grid + 1) - 1,) * 2, np.nan)
    for row in range(grid):
        for column in range(grid):
            y, x = row * (grid + 1), column * (grid + 1)
            gap[y : y + grid, x : x + grid] = alike[row, column]
    mesh = ax.imshow(gap, cmap="cividis")
    places = np.arange(grid) * (grid + 1) + (grid - 1) / 2
    for set_ticks in (ax.set_xticks, ax.set_yticks):
        set_ticks(places, range(1, grid + 1))
    ax.set(xlabel="column of the position", ylabel="row of the position")
    ax.spines[:].set_visible(False)
    figure.colorbar(mesh, ax=ax, label="cosine to each position", shrink=0.9)


def mosaic(weight, patch_size: int, columns: int = 8) -> np.ndarray:
    """Filters [d, C p p] as one picture [rows, columns, 3] in 0..1, white between.

    Mid-grey is zero. Each filter is scaled by its own largest entry, so the picture
    shows what a filter looks at and not how strongly.
    """
    p, weight = patch_size, np.asarray(weight)
    parts = weight.reshape(len(weight), -1, p, p).transpose(0, 2, 3, 1)
    largest = np.abs(parts).max((1, 2, 3), keepdims=True)
    parts = np.broadcast_to(0.5 + 0.5 * parts / largest, (*parts.shape[:3], 3))
    rows = -(-len(parts) // columns)
    picture = np.ones((rows * (p + 1) - 1, columns * (p + 1) - 1, 3))
    for i, part in enumerate(parts):
        y, x = (i // columns) * (p + 1), (i % columns) * (p + 1)
        picture[y : y + p, x : x + p] = part
    return picture
