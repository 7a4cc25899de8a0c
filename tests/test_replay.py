"""Counterfactual replay: the record again, bit for bit, and known causes found."""

import json
import shutil

import pandas as pd
import pytest
import torch

from mocolib import schedules
from mocolib.analysis import causes
from mocolib.analysis.causes import counterfactuals, standard_changes
from mocolib.analysis.measures import spike_steps
from mocolib.errors import BadInput
from mocolib.runs import Run
from mocolib.runs import replay as module
from mocolib.runs.publish import publish
from mocolib.runs.record import record
from mocolib.runs.replay import cache_folder, replay
from mocolib.train import train
from tests.tiny import CHOICES, blobs, rows, tiny


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 4)


def recorded(root, recipe=None) -> Run:
    recipe = recipe or tiny()
    for _ in record(recipe, blobs(), root):
        pass
    return Run(root / recipe.id)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    """A finished run without a cache beside it."""
    return recorded(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def run(finished, tmp_path) -> Run:
    return Run(shutil.copytree(finished.folder, tmp_path / finished.id))


@pytest.fixture(scope="module")
def original() -> list[bytes]:
    """The step rows as a run writes them."""
    return lines(train(tiny(), blobs()))


def lines(steps) -> list[bytes]:
    return [json.dumps(step.row()).encode() for step in steps]


# ---- the record again


@pytest.mark.parametrize("step", [0, 1, 4, 7, 11])
def test_an_unchanged_replay_is_the_record_byte_for_byte(run, data, original, step):
    again = replay(run, step, data)
    assert again.start == step
    assert lines(again) == original[step:]
    assert again.departure == ""


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_every_optimizer_is_replayed_byte_for_byte(tmp_path, data, optimizer):
    recipe = tiny(optimizer=optimizer, knn_memory="clean")
    run = recorded(tmp_path, recipe)
    assert lines(replay(run, 6, data)) == lines(train(recipe, data))[6:]
    assert lines(replay(run, 6, data)) == lines(train(recipe, data))[6:]  # from cache


def test_the_losses_are_those_of_the_table(run, data):
    again = [step.loss for step in replay(run, 5, data, until=9)]
    assert again == run.steps["loss"].tolist()[5:9]


def test_the_prefix_is_trained_once(run, data, original, monkeypatch):
    list(replay(run, 10, data))
    kept = sorted(int(f.stem) for f in cache_folder(run).iterdir())
    assert kept == [4, 8, 10]

    def never(*_):
        raise AssertionError("the prefix was trained again")

    with monkeypatch.context() as patch:
        patch.setattr(module.Training, "__next__", never)
        again = replay(run, 10, data)
    assert lines(again) == original[10:]


def test_a_broken_cache_is_made_anew(run, data, original):
    list(replay(run, 8, data))
    for file in cache_folder(run).iterdir():
        file.write_bytes(file.read_bytes()[:-20])
    assert lines(replay(run, 8, data)) == original[8:]


def test_nothing_of_the_record_is_touched(run, data):
    before = {f.name: f.read_bytes() for f in run.folder.iterdir() if f.is_file()}
    list(replay(run, 5, data, base_lr=1e-4))
    after = {f.name: f.read_bytes() for f in run.folder.iterdir() if f.is_file()}
    assert before == after


def test_the_public_set_gets_no_cache(run, data, tmp_path, monkeypatch):
    public = publish(run, tmp_path / "public")
    monkeypatch.setenv("MOCOLIB_DATA", str(tmp_path / "user"))
    list(replay(public, 5, data, until=6))
    assert not (public.folder / "replay").exists()
    assert list((tmp_path / "user" / "replay" / run.id).glob("*/*.safetensors"))


def test_a_departure_is_told_from_its_first_step(run, data):
    table = run.steps
    table.loc[[3, 6], "loss"] += 0.25
    table.to_parquet(run.folder / "steps.parquet", index=False)
    for _ in range(2):  # trained, then from the cache
        again = replay(run, 9, data)
        assert "departs from its record at step 4: loss" in again.departure
    again = replay(run, 3, data)
    assert again.departure == ""
    list(again)
    assert "departs from its record at step 4: loss" in again.departure
    again = replay(run, 3, data, beta2=0.9)  # a change is no departure
    list(again)
    assert again.departure == ""


def test_a_run_that_was_recorded_anew_is_held_against_its_new_record(run, data):
    """What another machine's record was told of its own states is not said of this."""
    table, path = run.steps, run.folder / "steps.parquet"
    recorded = path.read_bytes()
    table.loc[3, "loss"] += 0.25
    table.to_parquet(path, index=False)
    assert replay(Run(run.folder), 9, data).departure
    path.write_bytes(recorded)
    assert replay(Run(run.folder), 9, data).departure == ""


def test_a_table_of_causes_says_where_the_record_was_not_met(run, data):
    table = run.steps
    table.loc[9, "loss"] += 0.25
    table.to_parquet(run.folder / "steps.parquet", index=False)
    table = counterfactuals(run, 8, data, {"nothing": {}}, before=4, after=5)
    (sentence,) = table.attrs["departures"]
    assert "at step 10" in sentence


# ---- changes


def test_a_change_acts_from_its_step_on(run, data, original):
    again = rows(replay(run, 5, data, base_lr=2e-3))
    before = [json.loads(line) for line in original[5:]]
    assert again[0]["loss"] == before[0]["loss"]  # same weights, same views
    assert again[0]["lr"] == 2 * before[0]["lr"]
    assert again[0]["update/predictor.0"] > before[0]["update/predictor.0"]
    assert again[1]["loss"] != before[1]["loss"]


def test_other_images_from_the_same_state(tmp_path, run, data):
    """Those of the other seed's run at that step, seen by this run's weights."""
    again = replay(run, 5, data, seed=7)
    other = train(run.recipe.replace(seed=7), data)
    assert torch.equal(again.training.batches.batch(5)[0], other.batches.batch(5)[0])
    state = replay(run, 5, data).training.model.state_dict()
    for name, value in again.training.model.state_dict().items():
        assert torch.equal(value, state[name])
    assert next(again).loss != next(replay(run, 5, data)).loss


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_a_held_projection_is_a_fixed_one_whose_gradient_is_seen(
    tmp_path, data, optimizer
):
    recipe = tiny(optimizer=optimizer)
    training = train(recipe, data)
    rows(training, 5)
    training.change(patch_projection="fixed")
    frozen = rows(training)
    held = rows(replay(recorded(tmp_path, recipe), 5, data, patch_projection="fixed"))
    for one, other in zip(frozen, held, strict=True):
        assert other["grad_inf/patch_projection"] > 0
        assert other["update/patch_projection"] == 0
        rest = [name for name in one if not name.endswith("/patch_projection")]
        assert {n: one[n] for n in rest} == {n: other[n] for n in rest}


@pytest.mark.parametrize(
    ("step", "more", "words"),
    [
        (-1, {}, "step is -1, but must be from 0 to 11"),
        (12, {}, "step is 12, but must be from 0 to 11"),
        (5, {"until": 5}, "until is 5, but must be from 6 to 12"),
        (5, {"until": 13}, "until is 13, but must be from 6 to 12"),
        (5, {"width": 16}, "width cannot change in mid-run"),
        (5, {"base_lr": -1.0}, "base_lr is -1.0, but must be"),
    ],
)
def test_bad_input_is_one_sentence(run, data, step, more, words):
    with pytest.raises(BadInput, match=words):
        replay(run, step, data, **more)


def test_other_images_and_unfinished_runs_are_refused(run, data):
    with pytest.raises(BadInput, match=r"fingerprint .* but must have"):
        replay(run, 5, blobs(channels=1))
    (run.folder / "end.json").unlink()
    with pytest.raises(BadInput, match="unfinished, but must be finished"):
        replay(run, 5, data)


# ---- causes


def test_the_standard_changes_change_something(run, tmp_path):
    changes = standard_changes(run)
    assert list(changes) == [
        *("nothing", causes.OTHER_IMAGES, causes.HALF, causes.MEMORY),
        *(causes.CLIPPED, causes.FIXED),
    ]
    limit = changes[causes.CLIPPED]["patch_projection_clip"]
    norms = run.steps["grad_l2/patch_projection"][2:]
    assert (norms > limit).sum() == len(norms) / 2
    calm = recorded(tmp_path, tiny(patch_projection="fixed", beta2=0.95))
    assert list(standard_changes(calm)) == ["nothing", causes.OTHER_IMAGES, causes.HALF]
    assert causes.MEMORY not in standard_changes(
        recorded(tmp_path, tiny(optimizer="sgd"))
    )


def test_every_standard_change_acts(run, data):
    table = counterfactuals(run, 10, data, before=4, after=3)
    assert len(table) == 6
    assert table["loss_rise"].nunique() == 6
    assert table.drop(columns=["run", "change"]).notna().all(axis=None)


PLANTED = 45  # steps done when the planted cause acts


@pytest.fixture
def planted(tmp_path, monkeypatch) -> Run:
    """A calm run that climbs the loss for three steps, unless base_lr is below .01."""
    calm = schedules.rate

    def climbing(recipe, step):
        climbs = PLANTED <= step < PLANTED + 3 and recipe.base_lr >= 0.01
        return -0.3 if climbs else calm(recipe, step)

    monkeypatch.setattr(schedules, "rate", climbing)
    monkeypatch.setattr(module, "EVERY", 25)
    sizes = dict(steps=60, warmup_steps=5, knn_every=3, batch_size=32)
    return recorded(tmp_path, tiny(base_lr=0.01, augmentation="light", **sizes))


def test_the_planted_cause_is_found(planted, data):
    steps = spike_steps(planted)
    spike = int(steps[0])
    assert PLANTED < spike <= PLANTED + 4
    changes = {
        "nothing": {},
        "below": {"base_lr": 0.0095},
        "beside it": {"weight_decay": 0.0999},
    }
    table = counterfactuals(planted, spike, data, changes, after=12).set_index("change")
    assert table["comes"].to_dict() == {
        "nothing": True,
        "below": False,
        "beside it": True,
    }
    assert table["peak_first"]["nothing"] > 2.5 > table["peak_first"]["below"]
    assert table["loss_rise"]["nothing"] > table["loss_rise"]["below"]
    assert table.attrs["departures"] == []


def test_the_unchanged_row_reads_what_the_record_reads(planted, data):
    spike = int(spike_steps(planted)[0])
    table = counterfactuals(planted, spike, data, {"nothing": {}}, after=12)
    norms = planted.steps["grad_inf/patch_projection"].to_numpy()
    past = pd.Series(norms).shift(1).rolling(25).median()
    largest = (norms / past)[spike - 1 : spike + 11].max()
    assert table["peak_first"][0] == pytest.approx(largest, rel=0.01)
    knn = planted.steps.set_index("step")["knn"]
    before, behind = knn.loc[: spike - 10].dropna(), knn.loc[spike : spike + 11]
    fall = before.iloc[-1] - behind.mean()
    assert table["fall"][0] == pytest.approx(fall)


def test_a_replay_that_diverges_ends_there(run, data):
    again = replay(run, 5, data)
    next(again)
    with torch.no_grad():
        again.training.model.query.projector[0].weight.fill_(torch.nan)
    assert len(list(again)) == 1
    assert again.training.outcome == "diverged at step 7"


def test_a_run_that_diverged_is_replayed(tmp_path, data):
    recipe = tiny(optimizer="sgd", base_lr=1e4, head_norm="none", weight_decay=100.0)
    recipe = recipe.replace(steps=200, warmup_steps=0, momentum=0.0)
    run = recorded(tmp_path, recipe)
    last = run.end["steps"]
    again = replay(run, last - 1, data)
    assert [step.index for step in again] == [last]
    assert again.departure == ""
