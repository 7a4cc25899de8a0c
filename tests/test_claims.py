"""Measures on curves whose truth is known, and the verdicts drawn from them."""

import numpy as np
import pytest

from mocolib import claims
from mocolib.claims import Effect, Verdict


def wandering(seed: int, n: int = 400) -> np.ndarray:
    """Gradient norms as they look in training: a slow drift times white noise."""
    noise = np.random.default_rng(seed).normal(size=n) * 0.3
    return np.exp(noise + np.linspace(0, 2, n))


def test_jitter_of_a_line_is_small_and_of_outliers_their_share():
    line = np.linspace(0.2, 0.4, 64)
    # inside, a line equals its median; at the ends half a window of slope is left
    assert claims.jitter(line) < 0.004
    flat = np.full(64, 0.3)
    assert claims.jitter(flat) == 0
    flat[[10, 30, 31, 50]] -= 0.02
    assert claims.jitter(flat) == pytest.approx(0.02 * (4 / 64) ** 0.5)


def test_jitter_does_not_see_slow_learning():
    slow = 0.4 - 0.2 * np.exp(-np.arange(80) / 40)
    shaken = slow + np.random.default_rng(0).normal(size=80) * 0.005
    assert claims.jitter(slow) < 0.003
    assert claims.jitter(shaken) == pytest.approx(0.005, rel=0.3)


def test_a_planted_dip_is_counted_once():
    curve = np.linspace(0.2, 0.4, 100)
    assert claims.dips(curve, sigma=0.005) == 0
    curve[40:45] -= 0.05
    assert claims.dips(curve, sigma=0.005) == 1
    curve[70:72] -= 0.05
    assert claims.dips(curve, sigma=0.005) == 2
    assert claims.dips(curve, sigma=0.05) == 0  # 3 sigma is more than the dip


def test_a_planted_spike_is_found_where_it_begins():
    norms = np.ones(200)
    norms[100:104] = [3, 5, 4, 3]
    norms[10] = 9  # too early to judge
    assert claims.spikes(norms).tolist() == [100]
    assert len(claims.spikes(np.ones(200))) == 0


def test_a_planted_lead_of_three_steps_is_found():
    first = wandering(0)
    last = np.roll(first, 3) * wandering(1) ** 0.3
    by_lag = claims.cross_correlation(first, last)
    assert by_lag.idxmax() == 3
    assert claims.lead(first, last) > np.quantile(claims.lead_null(first, last), 0.99)
    assert claims.lead(last, first) == pytest.approx(-claims.lead(first, last))


def test_white_noise_gives_no_lead():
    ranks = []
    for seed in range(20):
        first, last = wandering(seed), wandering(seed + 100)
        null = claims.lead_null(first, last, draws=60)
        ranks.append((null < claims.lead(first, last)).mean())
    # under the null ranks are uniform: neither all high nor all low
    assert 0.25 < np.mean(ranks) < 0.75


def test_the_interval_shrinks_around_the_mean():
    values = np.random.default_rng(0).normal(1, 1, 50)
    low, high = claims.interval(values)
    assert low < values.mean() < high
    # close to the textbook's 1.96 standard errors
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 50**0.5, rel=0.1)
    assert claims.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("effects", "word"),
    [
        ([(0.1, 0.2, 0.3), (1, 1, 2)], "reproduced"),
        ([(0.1, 0.2, 0.3), (-1, 0, 1)], "partly"),
        ([(-0.1, -0.2, -0.3), (-1, 0, 1)], "not at this scale"),
        ([(0.1, 0.2)], "too few runs"),
        ([], "too few runs"),
    ],
)
def test_verdicts_follow_from_the_effects(effects, word):
    made = tuple(Effect("an effect", values) for values in effects)
    assert Verdict("C0", "a claim", made, 3).word == word


def test_every_registered_claim_is_judged_from_the_public_runs():
    words = {"reproduced", "partly", "not at this scale", "too few runs"}
    for verdict in claims.ledger():
        assert verdict.word in words
        assert verdict.as_dict()["verdict"] == verdict.word
