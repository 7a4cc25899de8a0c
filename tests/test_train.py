"""The loop: the same bits from the same seed, before and after a stop."""

import json
import math

import pytest
import torch

from mocolib import augment
from mocolib.errors import BadInput
from mocolib.evaluate import FeatureMemory, evenly_spread, knn_accuracy
from mocolib.probe import MEASURES
from mocolib.runs import checkpoint
from mocolib.train import CHANGEABLE, train
from tests.tiny import ADAM, CHOICES, blobs, rows, tiny


def start(data, **changes):
    return train(tiny(**changes), data)


def saved(training):
    """The state as a file would hold it: copies, and values through JSON."""
    tensors, values = checkpoint.state(training)
    return {k: v.clone() for k, v in tensors.items()}, json.loads(json.dumps(values))


def states_equal(one, other) -> bool:
    """Weights, moments and queue, to the last bit."""
    ours, theirs = checkpoint.state(one)[0], checkpoint.state(other)[0]
    same = (torch.equal(ours[name], theirs[name]) for name in ours)
    return ours.keys() == theirs.keys() and all(same)


# ---- the record of a step


def test_a_run_gives_a_record_a_step(data):
    training = start(data)
    records = list(training)
    assert [r.index for r in records] == list(range(1, 13))
    assert [r.samples for r in records] == list(range(16, 13 * 16, 16))
    assert training.outcome == "finished"
    assert list(training) == []
    assert [r.index for r in records if r.knn is not None] == [5, 10, 12]
    assert all(0 <= r.knn <= 1 for r in records if r.knn is not None)
    assert records[0].lr == pytest.approx(training.recipe.lr / 2)
    assert {r.momentum for r in records} == {0.99}


def test_a_row_is_flat_and_plain(data):
    row = rows(start(data), 1)[0]
    assert row["step"] == 1
    assert json.loads(json.dumps(row)) == row
    for measure in MEASURES:
        assert f"{measure}/blocks.0.qkv" in row


def test_training_learns(data):
    """The loss falls and features come to tell the classes apart."""
    records = list(start(data, steps=60, base_lr=0.1, augmentation="light"))
    first, last = (sum(r.loss for r in part) for part in (records[:10], records[-10:]))
    assert last < 0.9 * first


def test_no_monitor_where_none_is_asked_for(data):
    assert all(r["knn"] is None for r in rows(start(data, knn_every=0)))


# ---- seeds


def test_the_seed_decides_every_bit(data):
    one, two = start(data), start(data)
    torch.manual_seed(99)  # must not matter
    assert rows(one, 5) == rows(two, 5)
    torch.rand(7)
    assert rows(one) == rows(two)
    assert states_equal(one, two)


def test_another_seed_is_another_run(data):
    one, two = start(data), start(data, seed=1)
    assert not states_equal(one, two)
    assert not torch.equal(one.batches.batch(0)[0], two.batches.batch(0)[0])
    assert rows(one) != rows(two)


def test_training_leaves_the_global_generator_alone(data):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    rows(start(data), 3)
    assert torch.equal(torch.rand(3), expected)


# ---- stop and go on


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
@pytest.mark.parametrize(
    "changes",
    [
        {"knn_memory_size": 90},  # what came before the stop is still in the queue
        {"temperature_schedule": "learned", "momentum_schedule": "cosine"},
        {
            "temperature_schedule": "ramp",
            "temperature_end": 0.1,
            "schedule": "cosine",
            "knn_memory": "clean",
            "decay": "matrices",
        },
    ],
    ids=["plain", "learned", "scheduled"],
)
def test_a_restored_run_goes_on_bit_for_bit(data, optimizer, changes):
    unbroken = start(data, optimizer=optimizer, **changes)
    first = rows(unbroken, 7)  # in the middle of the second epoch
    state = saved(unbroken)
    rest = rows(unbroken)
    assert len(first) + len(rest) == 12
    resumed = start(data, optimizer=optimizer, **changes)
    checkpoint.restore(resumed, *state)
    assert rows(resumed) == rest
    assert resumed.outcome == "finished"
    assert states_equal(resumed, unbroken)


def test_a_resnet_goes_on_bit_for_bit(data):
    unbroken = start(data, backbone="resnet18", steps=4, warmup_steps=0)
    rows(unbroken, 2)
    resumed = start(data, backbone="resnet18", steps=4, warmup_steps=0)
    checkpoint.restore(resumed, *saved(unbroken))
    assert rows(resumed) == rows(unbroken)


def test_what_was_changed_on_the_way_is_restored(data):
    unbroken = start(data)
    rows(unbroken, 3)
    unbroken.change(base_lr=0.02, temperature=0.1)
    rows(unbroken, 2)
    unbroken.change(patch_projection="fixed")
    rows(unbroken, 2)
    resumed = start(data)
    checkpoint.restore(resumed, *saved(unbroken))
    assert resumed.changes == unbroken.changes
    assert resumed.recipe == unbroken.recipe
    assert rows(resumed) == rows(unbroken)
    assert states_equal(resumed, unbroken)


@pytest.mark.parametrize("optimizer", ADAM)
def test_another_second_moment_decay_is_restored(data, optimizer):
    unbroken = start(data, optimizer=optimizer, beta2=0.9)
    rows(unbroken, 3)
    unbroken.change(beta2=0.95, patch_projection_clip=0.01, grad_clip=0.1)
    rows(unbroken, 2)
    resumed = start(data, optimizer=optimizer, beta2=0.9)
    checkpoint.restore(resumed, *saved(unbroken))
    assert resumed.recipe.beta2 == 0.95
    assert rows(resumed) == rows(unbroken)
    assert states_equal(resumed, unbroken)


def test_a_state_belongs_to_its_run_alone(data):
    """Going on with one run does not reach into another restored from its state."""
    one = start(data)
    rows(one, 3)
    other = start(data)
    checkpoint.restore(other, *checkpoint.state(one))
    rows(one, 2)
    third = start(data)
    rows(third, 3)
    assert rows(other) == rows(third)


# ---- divergence


@pytest.mark.parametrize("poison", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_ends_the_run(data, poison):
    training = start(data)
    rows(training, 3)
    with torch.no_grad():
        training.model.query.backbone.blocks[0].fc1.weight[0, 0] = poison
    (last,) = list(training)
    assert not math.isfinite(last.loss)
    assert last.index == 4
    assert training.outcome == "diverged at step 4"
    assert list(training) == []


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_divergence_on_the_first_step(data, optimizer):
    training = start(data, optimizer=optimizer)
    with torch.no_grad():
        training.model.query.projector[0].weight.fill_(math.nan)
    assert len(list(training)) == 1
    assert training.outcome == "diverged at step 1"
    tensors, _ = saved(training)
    assert tensors


def test_a_huge_rate_is_an_outcome_not_an_error(data):
    changes = dict(optimizer="sgd", base_lr=1e4, head_norm="none", steps=200)
    training = start(data, **changes, warmup_steps=0, momentum=0.0, weight_decay=100.0)
    records = list(training)
    assert training.outcome == f"diverged at step {records[-1].index}"
    assert all(math.isfinite(r.loss) for r in records[:-1])


# ---- changes on the way


@pytest.mark.parametrize("optimizer", ADAM)
def test_a_changed_beta_makes_no_step_jump(data, optimizer):
    """Corrected moments stay; uncorrected, steps would be three times as long."""
    changed, plain = (start(data, optimizer=optimizer, steps=40) for _ in range(2))
    for training in (changed, plain):
        rows(training, 20)
    changed.change(beta1=0.8, beta2=0.95)
    ours, theirs = rows(changed, 1)[0], rows(plain, 1)[0]
    name = "update/patch_projection"  # Muon has betas there
    assert ours[name] != theirs[name]
    assert 0.5 < ours[name] / theirs[name] < 2
    resumed = start(data, optimizer=optimizer, steps=40)
    checkpoint.restore(resumed, *checkpoint.state(changed))
    assert rows(resumed, 3) == rows(changed, 3)


def test_a_changed_rate_counts_from_the_next_step(data):
    changed, plain = start(data), start(data)
    assert rows(changed, 4) == rows(plain, 4)
    changed.change(base_lr=0.02)
    ours, theirs = rows(changed, 1)[0], rows(plain, 1)[0]
    assert ours["lr"] == pytest.approx(0.02 * 16 / 256)
    assert ours["loss"] == theirs["loss"]  # the step before still had the old rate
    assert ours["update/blocks.0.fc1"] > 5 * theirs["update/blocks.0.fc1"]
    assert changed.changes == [{"step": 4, "base_lr": 0.02}]


def test_a_resnet_has_no_projection_to_fix(data):
    training = start(data, backbone="resnet8")
    training.change(patch_projection="learned")  # as it is
    with pytest.raises(BadInput, match="must be 'learned' for a resnet8"):
        training.change(patch_projection="fixed")
    assert training.changes == [{"step": 0, "patch_projection": "learned"}]


def test_the_projection_can_be_fixed_and_freed(data):
    training = start(data)
    projection = training.model.query.backbone.patch_projection.weight

    def moves():
        before = projection.detach().clone()
        row = rows(training, 2)[-1]
        moved = not torch.equal(before, projection)
        assert moved == (row["grad_inf/patch_projection"] is not None)
        return moved

    assert moves()
    training.change(patch_projection="fixed")
    assert not moves()
    training.change(patch_projection="learned")
    assert moves()


def test_a_projection_fixed_from_the_start_can_be_freed(data):
    training = start(data, patch_projection="fixed")
    rows(training, 2)
    training.change(patch_projection="learned")
    assert rows(training, 1)[0]["update/patch_projection"] > 0


def test_weight_decay_can_be_switched_on(data):
    training = start(data, weight_decay=0.0, base_lr=0.02)
    rows(training, 2)
    training.change(weight_decay=50.0)
    norm = training.model.query.backbone.blocks[0].fc1.weight.norm
    before = norm().item()
    rows(training, 3)
    assert norm().item() < 0.95 * before


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_bad_change_is_refused_and_leaves_no_trace(data, name):
    training = start(data)
    with pytest.raises(BadInput, match=f"^{name} is "):
        training.change(**{name: "often"})
    assert (training.changes, training.recipe) == ([], tiny())


@pytest.mark.parametrize("name", ["width", "seed", "batch_size", "nonsense"])
def test_what_cannot_change_is_named(data, name):
    training = start(data)
    with pytest.raises(BadInput, match=f"^{name} cannot change in mid-run"):
        training.change(**{name: 3})
    assert training.recipe == tiny()


# ---- batches


def test_an_epoch_sees_each_image_at_most_once(data, monkeypatch):
    """96 images in batches of 20: four steps an epoch, 16 images wait."""
    training = start(data, batch_size=20)
    batches = []

    def keep(images, *_, **__):
        batches.append(images)
        return images

    monkeypatch.setattr(augment, "two_views", keep)
    labels = [training.batches.batch(index)[1] for index in range(8)]
    epochs = []
    for epoch in (batches[:4], batches[4:]):
        seen = [image.numpy().tobytes() for image in torch.cat(epoch)]
        assert len(seen) == len(set(seen)) == 80
        epochs.append(seen)
    assert set(epochs[0]) != set(epochs[1])
    known = zip(data.train_images, data.train_labels.tolist(), strict=True)
    label_of = {image.numpy().tobytes(): label for image, label in known}
    assert torch.cat(labels[:4]).tolist() == [label_of[image] for image in epochs[0]]


def test_a_batch_does_not_depend_on_those_before(data):
    one, other = start(data), start(data)
    for index in range(9):
        one.batches.batch(index)
    assert torch.equal(one.batches.batch(7)[0], other.batches.batch(7)[0])


def test_the_largest_batch_is_the_whole_set(data):
    assert len(rows(start(data, batch_size=96), 2)) == 2
    with pytest.raises(BadInput) as refused:
        start(data, batch_size=97)
    sentence = str(refused.value)
    assert sentence.startswith("batch_size is 97, but must be at most 96")
    assert sentence.count(".") == 1


def test_threads_are_at_least_one(data):
    with pytest.raises(BadInput, match=r"^threads is 0, but must be at least 1\.$"):
        train(tiny(), data, threads=0)


def test_grey_images_train_too():
    assert len(rows(start(blobs(channels=1)), 2)) == 2


# ---- the queue


def push(queue, *values):
    """Features that point along one axis, by value: (axis, label)."""
    axes = torch.tensor([axis for axis, _ in values])
    features = torch.nn.functional.one_hot(axes, 4).float()
    queue.push(
        torch.stack([features, 2 * features]), torch.tensor([v for _, v in values])
    )


def content(queue) -> set:
    features, labels = queue.read()
    return set(zip(features.argmax(1).tolist(), labels.tolist(), strict=True))


def test_the_queue_holds_the_latest():
    queue = FeatureMemory(3, 4)
    assert len(queue.read()[1]) == 0
    push(queue, (0, 10), (1, 11))
    assert content(queue) == {(0, 10), (1, 11)}
    push(queue, (2, 12), (3, 13))  # the oldest makes room
    assert content(queue) == {(1, 11), (2, 12), (3, 13)}
    push(queue, (0, 20), (1, 21), (2, 22), (3, 23))  # more than there is room for
    assert content(queue) == {(1, 21), (2, 22), (3, 23)}


def test_the_queue_takes_the_mean_of_both_views_as_directions():
    queue = FeatureMemory(5, 2)
    queue.push(torch.tensor([[[3.0, 0.0]], [[0.0, 0.5]]]), torch.tensor([1]))
    assert queue.read()[0].tolist() == [[0.5, 0.5]]


def test_the_queue_is_fed_by_training(data):
    training = start(data)
    rows(training, 1)
    features, labels = training.monitor.queue.read()
    assert torch.equal(labels, training.batches.batch(0)[1])
    assert not features.requires_grad
    rows(training, 1)
    assert len(training.monitor.queue.read()[1]) == 20


def test_knn_reads_either_memory(data):
    training = start(data)
    rows(training, 6)
    own = training.features(data.train_images)
    own_labels = data.train_labels
    assert own.shape == (96, 8)
    clean = start(data, knn_memory="clean", knn_memory_size=96)
    rows(clean, 6)
    tests = training.features(data.test_images)
    expected = knn_accuracy(own, own_labels, tests, data.test_labels, 3)
    assert clean.monitor.knn() == pytest.approx(expected, abs=1e-9)
    part = start(data, knn_memory="clean", knn_memory_size=96, knn_test_size=9)
    rows(part, 6)
    some = evenly_spread(data.test_images, 9)
    few = knn_accuracy(own, own_labels, tests[some], data.test_labels[some], 3)
    assert part.monitor.knn() == pytest.approx(few, abs=1e-9)
    assert part.monitor.final_knn() == pytest.approx(expected, abs=1e-9)
    queue = knn_accuracy(*training.monitor.queue.read(), tests, data.test_labels, 3)
    assert training.monitor.knn() == pytest.approx(queue, abs=1e-9)
