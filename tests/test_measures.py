"""Measures on curves whose truth is planted."""

import shutil

import numpy as np
import pytest

from mocolib.analysis import measures, sparse
from mocolib.errors import BadInput
from mocolib.runs import Run
from mocolib.runs.record import record
from tests.planted import events, plant, shaking, wandering
from tests.tiny import blobs, tiny


def test_jitter_of_a_line_is_small_and_of_outliers_their_share():
    line = np.linspace(0.2, 0.4, 64)
    # inside, a line equals its median; at the ends half a window of slope is left
    assert measures.jitter(line) < 0.004
    flat = np.full(64, 0.3)
    assert measures.jitter(flat) == 0
    flat[[10, 30, 31, 50]] -= 0.02
    assert measures.jitter(flat) == pytest.approx(0.02 * (4 / 64) ** 0.5)


def test_jitter_does_not_see_slow_learning():
    slow = 0.4 - 0.2 * np.exp(-np.arange(80) / 40)
    shaken = slow + np.random.default_rng(0).normal(size=80) * 0.005
    assert measures.jitter(slow) < 0.003
    assert measures.jitter(shaken) == pytest.approx(0.005, rel=0.3)


def test_a_planted_dip_is_counted_once():
    curve = np.linspace(0.2, 0.4, 100)
    assert len(measures.dips(curve, sigma=0.005)) == 0
    curve[40:45] -= 0.05
    assert measures.dips(curve, sigma=0.005).tolist() == [40]
    curve[70:72] -= 0.05
    assert measures.dips(curve, sigma=0.005).tolist() == [40, 70]
    assert len(measures.dips(curve, sigma=0.05)) == 0  # 3 sigma is more than the dip


def test_a_planted_spike_is_found_where_it_begins():
    norms = np.ones(200)
    norms[100:104] = [3, 5, 4, 3]
    norms[10] = 9  # too early to judge
    assert measures.spikes(norms).tolist() == [100]
    assert len(measures.spikes(np.ones(200))) == 0


def test_a_planted_spike_of_the_loss_is_found_where_it_begins(tmp_path):
    calm = 4 - np.linspace(0, 1, 240) + 0.02 * np.random.default_rng(0).normal(size=240)
    assert len(measures.loss_spikes(calm)) <= 1  # 3 sigma of chance
    loss = calm.copy()
    loss[100:104] += 0.3
    assert 100 in measures.loss_spikes(loss)
    assert not set(measures.loss_spikes(loss)) & {101, 102, 103}
    run = plant(tmp_path, shaking(0.002, 0), columns={"loss": loss})
    assert 101 in measures.loss_spike_steps(run)  # steps count from 1


@pytest.mark.parametrize("log_sd", [0.1, 0.2, 0.3, 0.4, 0.5, 0.7])
def test_noise_of_any_size_gives_about_one_burst_in_a_thousand_steps(log_sd):
    rng = np.random.default_rng(int(100 * log_sd))
    noise = np.exp(rng.normal(size=100_000) * log_sd)
    count = len(measures.bursts(noise))
    # Poisson with mean 100: outside of these in less than one case of a thousand
    assert 70 <= count <= 135


def test_a_burst_is_told_from_noise_of_its_own_size():
    rng = np.random.default_rng(1)
    for log_sd, factor, found in ((0.1, 2, True), (0.6, 2, False), (0.6, 30, True)):
        norms = np.exp(rng.normal(size=400) * log_sd)
        norms[300:303] = factor
        assert (300 in measures.bursts(norms)) == found
        assert not {301, 302} & set(measures.bursts(norms))


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 60 + [9.0], [np.nan] * 60])
def test_values_that_do_not_show_their_noise_have_no_burst(values):
    assert len(measures.bursts(values)) == 0


def test_the_first_layer_is_the_first_one_trained(tmp_path):
    def first(**settings):
        recipe = tiny(steps=1, warmup_steps=0, knn_every=0, **settings)
        for _ in record(recipe, blobs(), tmp_path):
            pass
        return measures.first_layer(Run(tmp_path / recipe.id))

    assert first() == "patch_projection"
    assert first(patch_projection="fixed") == "blocks.0.qkv"
    assert first(stem="conv") == "patch_projection.0"
    assert first(backbone="resnet8") == "stem"


def test_a_planted_lead_of_three_steps_is_found():
    first = wandering(0)
    last = np.roll(first, 3) * wandering(1) ** 0.3
    by_lag = measures.cross_correlation(first, last)
    assert by_lag.idxmax() == 3
    assert measures.lead(first, last) > np.quantile(
        measures.lead_null(first, last), 0.99
    )
    assert measures.lead(last, first) == pytest.approx(-measures.lead(first, last))


def test_white_noise_gives_no_lead():
    ranks = []
    for seed in range(20):
        first, last = wandering(seed), wandering(seed + 100)
        null = measures.lead_null(first, last, draws=60)
        ranks.append((null < measures.lead(first, last)).mean())
    # under the null ranks are uniform: neither all high nor all low
    assert 0.25 < np.mean(ranks) < 0.75


def test_noise_overlooks_the_dips_that_jitter_sees():
    calm = shaking(0.004, seed=0, readings=400)
    shaken = calm.copy()
    shaken[[50, 150, 250, 350]] -= 0.1
    assert measures.noise(calm) == pytest.approx(0.004, rel=0.15)
    assert measures.noise(shaken) == pytest.approx(measures.noise(calm), rel=0.05)
    assert measures.jitter(shaken) > 2 * measures.jitter(calm)


def test_a_planted_fall_behind_an_event_is_measured():
    steps = np.arange(5, 401, 5)
    knn = np.full(80, 0.4)
    knn[(steps >= 203) & (steps < 223)] = 0.37  # an event at step 203
    fall = measures.falls(steps, knn)
    assert fall[203] == pytest.approx(0.03)
    assert fall[150] == pytest.approx(0)
    assert fall.idxmax() in range(201, 206)  # all moments between the two readings
    assert fall.index[0] == 6  # no reading comes before
    assert fall.index[-1] == 381  # the last with 20 steps behind it
    assert measures.falls([], []).empty


def test_a_reading_at_the_event_comes_after_it():
    steps, knn = np.arange(1, 61), np.full(60, 0.4)
    knn[30:] = 0.3  # from step 31 on
    assert measures.falls(steps, knn)[31] == pytest.approx(0.1)


def test_the_fall_after_spikes_is_that_of_the_spikes_and_not_of_the_trend(tmp_path):
    norms, readings = events(0), np.arange(5, 241, 5)
    knn = np.linspace(0.3, 0.2, 48)  # falls all the time
    run = plant(tmp_path, knn, norms={"patch_projection": norms})
    begins = measures.spike_steps(run)
    assert begins.tolist() == [51, 91, 131, 171, 211]
    assert measures.fall_after_spikes(run) == pytest.approx(0, abs=0.002)
    for begin in begins:
        knn[(readings >= begin) & (readings < begin + 20)] -= 0.05
    dipped = plant(tmp_path, knn, norms={"patch_projection": norms}, seed=1)
    assert measures.fall_after_spikes(dipped) > 0.03
    calm = plant(tmp_path, knn, seed=2)
    assert np.isnan(measures.fall_after_spikes(calm))  # no spike


def test_once_an_epoch_is_the_first_reading_behind_each_epoch(tmp_path):
    run = plant(tmp_path, shaking(0, 0), batch_size=512, steps=240)
    # 10,000 images are 19.5 steps; the warmup of 20 steps hides none of these
    assert sparse.once_an_epoch(run)["step"].tolist()[:4] == [25, 40, 60, 80]
    other = plant(tmp_path, shaking(0, 0), dataset="folder:mine")
    with pytest.raises(BadInput, match="epoch"):
        sparse.once_an_epoch(other)


def test_a_monitor_that_is_read_rarely_overlooks_a_dip(tmp_path):
    knn = shaking(0, 0)
    knn[20] -= 0.05  # at step 105
    run = plant(tmp_path, knn, batch_size=500, steps=240)  # an epoch: 20 steps
    seen = {n: sparse.thinned(run, n) for n in (1, 2, 4, 100)}
    assert seen[1]["step"].tolist() == [25, *range(40, 241, 20)]
    assert seen[2]["step"].tolist() == [25, *range(30, 241, 10)]
    for n, steps in seen.items():
        assert len(measures.dips(steps["knn"], 0.01)) == (n >= 4)
    for most in (4, 100):  # a reading every 5 steps: there are no more
        assert seen[most].equals(measures.monitored(run))


def test_what_a_sparse_monitor_misses_is_a_share_of_dips_and_of_depth(tmp_path):
    curve = shaking(0.002, 0, 160) + 0.2
    curve[60:64] -= (0.06, 0.08, 0.06, 0.03)  # one dip between two sparse readings
    run = plant(tmp_path, curve, steps=800, warmup_steps=1)
    all_of_it = sparse.missed([sparse.dense(run)], 1000)
    assert all_of_it == {"falls": 1, "runs": 1, "share": 0, "depth": 0}
    some = sparse.missed([sparse.dense(run)], 20)
    assert some["share"] == 1
    assert 0 < some["depth"] <= 1
    nothing = sparse.missed([], 20)
    assert nothing["falls"] == nothing["runs"] == 0
    assert np.isnan(nothing["share"])


def test_evenly_spread_shifts_give_what_random_ones_give():
    first, last = (wandering(seed) for seed in (1, 2))
    even = measures.lead_null(first, last, seed=None)
    assert even.std() == pytest.approx(measures.lead_null(first, last).std(), rel=0.3)
    assert np.array_equal(even, measures.lead_null(first, last, seed=None))


def test_a_summary_says_nan_where_a_run_diverged(tmp_path):
    good = plant(tmp_path, shaking(0.003, 0), probe=0.41)
    knn = np.full(48, np.nan)
    bad = plant(tmp_path, knn, outcome="diverged at step 240", seed=1)
    table = measures.summary([good, bad])
    assert table["linear_probe"].tolist()[0] == 0.41
    assert table[["linear_probe", "knn", "jitter"]].iloc[1].isna().all()


def test_the_final_loss_is_a_share_of_the_start(tmp_path):
    start = 4 * 0.2 * np.log(256)
    run = plant(tmp_path, shaking(0, 0), loss=0.9 * start, batch_size=256)
    assert measures.final_loss(run) == pytest.approx(0.9)


def test_the_noise_of_a_reading_is_that_of_its_images_and_not_of_the_network():
    rng = np.random.default_rng(0)
    true = shaking(0.02, 0, readings=400)  # what shakes is seen by both halves
    halves = [true + 0.004 * rng.normal(size=400) for _ in range(2)]
    mean = sum(halves) / 2
    assert measures.reading_noise(*halves) == pytest.approx(
        np.std(mean - true), rel=0.15
    )


def test_the_table_by_lag_has_its_chance_beside_it(tmp_path):
    runs = [
        plant(
            *(tmp_path, shaking(0.001, seed)),
            norms={"patch_projection": norms, "projector.0": np.roll(norms, 3)},
            seed=seed,
        )
        for seed, norms in enumerate(events(seed) for seed in range(2))
    ]
    table = measures.lag_table(runs, "projector.0")
    assert table["mean"].idxmax() == 3
    assert table.loc[3, "mean"] > table.loc[3, "high"]
    assert (table["low"] < table["high"]).all()


def test_a_run_that_was_recorded_anew_is_read_anew(tmp_path):
    run = plant(tmp_path, shaking(0.003, 0), probe=0.4)
    assert measures.summary([run])["linear_probe"].tolist() == [0.4]
    shutil.rmtree(run.folder)
    again = plant(tmp_path, shaking(0.006, 1), probe=0.5)
    assert again == run
    assert measures.summary([again])["linear_probe"].tolist() == [0.5]
    assert measures.summary([again])["jitter"][0] > 0.004
