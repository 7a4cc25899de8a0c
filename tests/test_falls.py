"""Falls of curves: a made-good dip, a lasting fall, a collapse, each planted."""

import numpy as np
import pytest

from mocolib.analysis import baselines, measures
from mocolib.analysis.curves import collapsed, falls_of
from tests.planted import plant

SIGMA = 0.004
STEPS = np.arange(5, 805, 5)  # 160 readings
START = 0.58  # an untrained network


def rising(seed=0, end=0.72) -> np.ndarray:
    """A calm curve: it rises from the untrained network's accuracy, with noise."""
    noise = np.random.default_rng(seed).normal(size=len(STEPS)) * SIGMA
    return START + (end - START) * (1 - np.exp(-STEPS / 150)) + noise


def with_fall(at: int, depth: float, lasts: int, calm=None) -> np.ndarray:
    """The calm curve with a fall at a step that comes back on a line."""
    curve = rising() if calm is None else calm.copy()
    inside = (at <= STEPS) & (at + lasts > STEPS)
    curve[inside] -= depth * (1 - (STEPS[inside] - at) / lasts)
    return curve


def told(curve):
    return falls_of(STEPS, curve, SIGMA)


def test_a_calm_curve_has_no_fall():
    assert not told(rising())


def test_a_dip_that_is_climbed_out_of_is_made_good():
    (fall,) = told(with_fall(400, 0.08, 100))
    assert fall.made_good
    assert fall.depth == pytest.approx(0.08, abs=0.01)
    assert STEPS[fall.low] in (400, 405)
    assert 40 <= STEPS[fall.end] - STEPS[fall.start] <= 110


def test_one_that_takes_longer_than_a_fifth_of_the_run_lasts():
    (fall,) = told(with_fall(300, 0.08, 400))
    assert not fall.made_good
    assert fall.end is not None


def test_one_that_never_comes_back_lasts_and_is_one_fall():
    curve = rising()
    curve[100:] -= 0.06
    (fall,) = told(curve)
    assert not fall.made_good
    assert fall.end is None


def test_one_that_the_end_cuts_off_lasts():
    (fall,) = told(with_fall(760, 0.08, 100))
    assert not fall.made_good


def test_two_dips_are_two_and_come_in_their_order():
    curve = with_fall(600, 0.05, 60, with_fall(300, 0.05, 60))
    assert [fall.made_good for fall in told(curve)] == [True, True]
    assert told(curve)[0].end < told(curve)[1].start


def test_one_lucky_reading_is_no_level_to_fall_from():
    curve = rising()
    curve[80] += 0.05
    assert not told(curve)


def test_noise_alone_gives_one_fall_in_about_twenty_curves():
    rng = np.random.default_rng(0)
    flat = 0.6 + SIGMA * rng.normal(size=(300, len(STEPS)))
    count = sum(len(told(curve)) for curve in flat)
    # Poisson with mean 15: outside of 3 to 30 in less than one case of a thousand
    assert 3 <= count <= 30


def test_a_larger_noise_hides_a_fall_of_the_same_depth():
    curve = with_fall(400, 0.03, 60)
    assert told(curve)
    assert not falls_of(STEPS, curve, 0.01)


def test_what_is_within_a_point_of_the_level_has_not_fallen():
    curve = np.full(40, 0.6)
    curve[20:23] -= 0.008
    assert not falls_of(STEPS[:40], curve, 0.0005)
    curve[20:23] -= 0.004
    assert [fall.made_good for fall in falls_of(STEPS[:40], curve, 0.0005)] == [True]


@pytest.mark.parametrize("knn", [[], [0.5], [np.nan] * 3])
def test_a_curve_too_short_to_fall_has_none(knn):
    assert falls_of(np.arange(len(knn)), knn, SIGMA) == []


def test_ending_below_the_untrained_network_is_a_collapse():
    assert collapsed(START - 0.05 + 0 * STEPS, START)
    assert collapsed(START - 0.001 + 0 * STEPS, START)
    assert not collapsed(rising(), START)


def test_ending_with_over_half_of_the_gain_lost_is_a_collapse():
    for lost, word in ((0.04, False), (0.11, True)):
        curve = rising()
        curve[100:] -= lost
        assert collapsed(curve, START) == word


def test_a_deep_fall_that_comes_back_late_is_lasting_and_no_collapse():
    curve = with_fall(200, 0.12, 550)
    assert [fall.made_good for fall in told(curve)] == [False]
    assert not collapsed(curve, START)


def test_a_run_that_diverged_has_collapsed():
    assert collapsed([0.6, 0.7, np.nan], START)
    assert collapsed([], START)


def test_a_runs_falls_are_judged_by_the_noise_of_its_readings(tmp_path):
    """Few test images make a noisy reading, in which a small fall is none."""
    curve = with_fall(400, 0.03, 60, rising() - 0.001)
    few, many = (
        plant(tmp_path, curve, steps=800, warmup_steps=0, knn_test_size=n, knn_every=5)
        for n in (500, 2000)
    )
    assert measures.reading_sigma(many) == pytest.approx(0.0045, abs=1e-4)
    assert measures.reading_sigma(few) == pytest.approx(0.009, abs=1e-4)
    table = measures.summary([few, many])
    assert table["dip_depth"].tolist() == table["fall_depth"].tolist()
    depths = measures.fall_depth(few), measures.fall_depth(many)
    assert depths == tuple(table["fall_depth"])
    assert depths == pytest.approx((0, 0.03), abs=0.01)


def test_collapse_is_held_against_the_runs_own_untrained_network(tmp_path, monkeypatch):
    run = plant(tmp_path, rising() - 0.2, steps=800, warmup_steps=0, knn_every=5)
    for untrained, word in ((0.3, False), (START, True)):
        known = {"knn": untrained}
        monkeypatch.setattr(baselines, "untrained", lambda recipe, known=known: known)
        assert measures.has_collapsed(run) == word
