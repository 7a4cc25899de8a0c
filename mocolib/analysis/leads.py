"""Who is ahead of whom: correlations of two layers' gradients, lag by lag.

Plain arrays, as in `curves`; what chance gives comes of shifting one of the two.
"""

import numpy as np
import pandas as pd

from mocolib.analysis.curves import WINDOW, running_median

LAGS = 20
NEAR = 4  # lags whose correlations enter the lead
DRAWS = 200  # shifts that say what chance gives


def detrended(norms) -> np.ndarray:
    """Log norms without their slow part."""
    logs = np.log(np.maximum(np.asarray(norms, float), 1e-30))
    return logs - running_median(logs, WINDOW)


def cross_correlation(first, last, lags: int = LAGS) -> pd.Series:
    """Correlation of two series' detrended logs, by lag from -lags to lags.

    first, last: gradient norms [n] of the same steps. At a positive lag `first` leads.
    """
    lags = range(-lags, lags + 1)
    first, last = detrended(first), detrended(last)
    return pd.Series({lag: float(correlation(first, last, lag)) for lag in lags})


def correlation(first, last, lag: int) -> np.ndarray:
    """first [..., n] with last [n] `lag` steps later: [...]"""
    n = first.shape[-1]
    early = first[..., max(0, -lag) : n - max(0, lag)]
    late = last[max(0, lag) : n - max(0, -lag)]
    early = early - first.mean(-1, keepdims=True)
    product = (early * (late - last.mean())).mean(-1)
    return product / (first.std(-1) * last.std())


def lead(first, last) -> float:
    """How far norms [n] lead others [n] of the same steps; above 0: `first` leads.

    Mean correlation of their detrended logs at lags 1 to 4 minus that at -1 to -4.
    """
    return float(asymmetry(detrended(first), detrended(last)))


def asymmetry(first, last) -> np.ndarray:
    """Mean correlation of first [..., n] and last [n], lags 1..4 less -1..-4: [...]"""
    lags = range(1, NEAR + 1)
    ahead = sum(correlation(first, last, lag) for lag in lags)
    return (ahead - sum(correlation(first, last, -lag) for lag in lags)) / NEAR


def lead_null(first, last, draws: int = DRAWS, seed: int | None = 0) -> np.ndarray:
    """Leads [draws] with `first` shifted by random offsets: what chance alone gives.

    Without a seed the offsets are spread evenly.
    """
    return asymmetry(shifted(first, draws, seed), detrended(last))


def correlation_null(first, last, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """`cross_correlation` after such shifts: a row a draw, a column a lag."""
    rolled, last = shifted(first, draws, seed), detrended(last)
    lags = range(-LAGS, LAGS + 1)
    return pd.DataFrame({lag: correlation(rolled, last, lag) for lag in lags})


def shifted(norms, draws: int, seed: int | None) -> np.ndarray:
    """Detrended norms, rolled by random offsets far from none: [draws, n]."""
    series, n = detrended(norms), len(norms)
    ends = LAGS + NEAR, n - LAGS - NEAR
    if seed is None:
        offsets = np.linspace(*ends, draws, endpoint=False).astype(int)
    else:
        offsets = np.random.default_rng(seed).integers(*ends, draws)
    return np.stack([np.roll(series, k) for k in offsets])
