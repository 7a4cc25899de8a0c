"""SimCLR, BYOL and MoCo v1 against numbers worked by hand, and on the loop."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

from mocolib.errors import BadInput
from mocolib.frameworks import (
    BYOL,
    FRAMEWORKS,
    build_model,
    moco_v1,
    nt_xent,
)
from mocolib.frameworks.moco_v1 import (
    LinearEncoder,
    MoCoV1,
    logits_against,
    logits_in_batch,
)
from mocolib.moco import Framework, contrast
from mocolib.runs import checkpoint
from mocolib.train import train
from tests.near import SAME, distance
from tests.test_moco import noise, views
from tests.tiny import CHOICES, blobs, rows, tiny

V1 = {"framework": "moco_v1", "backbone": "resnet8", "negatives": 10}
MECHANISMS = ("queue", "memory_bank", "end_to_end")
CASES = {
    "moco_v3": {},
    "simclr": {"framework": "simclr"},
    "simclr learned tau": {"framework": "simclr", "temperature_schedule": "learned"},
    "byol": {"framework": "byol"},
    "dino": {"framework": "dino", "prototypes": 12, "temperature": 0.1},
    **{keys: {**V1, "keys": keys} for keys in MECHANISMS},
    "short queue": {**V1, "negatives": 3},
    "shuffled": {**V1, "bn_groups": 4, "shuffle_bn": True},
    "moco_v1 on a vit": {"framework": "moco_v1", "keys": "memory_bank"},
    "normed projection": {"patch_projection_norm": "batch"},
    "slow projection": {"patch_projection_lr": 0.2, "optimizer": "lamb"},
    "slow of two kinds": {"patch_projection_lr": 0.2, "decay": "matrices"},
    "normed weight": {"patch_projection_norm": "weight"},
    "all clipped": {"grad_clip": 0.1},
    "clipped": {"patch_projection_clip": 0.01, "optimizer": "stableadamw"},
}


def model_of(seed=0, images=96, **changes):
    torch.manual_seed(seed)
    return build_model(tiny(**changes), 3, images)


def v1(**changes) -> MoCoV1:
    return model_of(**{**V1, **changes})


def call(model, both=None, momentum=0.99, step=0):
    """One forward pass as the loop does it, of images 16 s ... 16 s + 15."""
    both = views() if both is None else both
    images = (torch.arange(both.shape[1]) + 16 * step) % 96
    generator = torch.Generator().manual_seed(step)
    return model(both, 0.2, momentum, images=images, generator=generator)


@pytest.fixture
def seen(monkeypatch):
    """What MoCo v1 compares: a list of (queries, positives, negatives)."""
    calls = []

    def compare(queries, positives, negatives):
        calls.append((queries.detach(), positives, negatives.clone()))
        return logits_against(queries, positives, negatives)

    monkeypatch.setattr(moco_v1, "logits_against", compare)
    return calls


# ---- which model


def test_a_recipe_may_name_what_can_be_built_and_nothing_else():
    assert set(FRAMEWORKS) == set(CHOICES["framework"])
    assert FRAMEWORKS["byol"] is BYOL


@pytest.mark.parametrize("name", CHOICES["framework"])
def test_a_framework_is_what_the_protocol_says(name):
    model = model_of(framework=name, temperature_schedule="learned")
    assert type(model) is FRAMEWORKS[name]
    assert isinstance(model, Framework)
    assert model.log_temperature.requires_grad == model.compares_negatives
    assert model.query.backbone.width == 8
    output = call(model)
    assert output.features.shape[1:] == (16, 8)
    assert output.loss.ndim == 0


def test_chance_is_the_loss_of_equal_cosines():
    alike, tau = torch.ones(16, 8), 0.2
    negatives = torch.ones(4096, 8)
    losses = {
        "moco_v3": 2 * contrast(alike, alike, tau),
        "simclr": nt_xent(torch.stack([alike, alike]), tau),
        "moco_v1": F.cross_entropy(
            logits_against(alike, alike, negatives), torch.zeros(16).long()
        ),
        "byol": 2 * BYOL.compare(torch.eye(8), torch.eye(8).roll(1, 0), tau),
    }
    for name, loss in losses.items():
        chance = FRAMEWORKS[name].chance_loss(tiny(framework=name))
        assert loss.item() == pytest.approx(chance, rel=1e-5)


# ---- SimCLR


def test_nt_xent_by_hand():
    """Two images along two axes, both views equal, tau 1/2.

    Each embedding's cosines with the others are 1, 0, 0: over tau 2, 0, 0. The loss
    is ln(1 + 2 e^-2) = 0.239541.
    """
    view = torch.tensor([[3.0, 0.0], [0.0, 0.5]])  # lengths don't matter
    loss = nt_xent(torch.stack([view, view]), 0.5)
    assert loss.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), abs=1e-6)


@pytest.mark.parametrize("tau", [0.05, 0.2, 1.0])
def test_nt_xent_against_its_definition(tau):
    both = noise(2, 5, 7)
    flat, total = both.flatten(0, 1), 0.0
    for i in range(10):
        cosines = [F.cosine_similarity(flat[i], other, dim=0).item() for other in flat]
        shares = [math.exp(c / tau) for c in cosines]
        total -= math.log(shares[(i + 5) % 10] / (sum(shares) - shares[i]))
    assert nt_xent(both, tau).item() == pytest.approx(total / 10, rel=1e-5)


def test_one_image_alone_has_no_negatives():
    assert nt_xent(noise(2, 1, 4), 0.1).item() == pytest.approx(0, abs=1e-6)


def test_simclr_does_not_tell_its_views_apart():
    model, both = model_of(framework="simclr"), views()
    one, other = (model(v, 0.2, 0.99).loss.item() for v in (both, both.flip(0)))
    assert one == pytest.approx(other, rel=1e-6)


def test_simclr_has_one_side_and_starts_near_ln_2n():
    model = model_of(framework="simclr", head_hidden=64, head_dim=64, width=32)
    assert all(p.requires_grad for n, p in model.named_parameters() if "pos" not in n)
    output = model(views(64), 1.0, 0.99)  # a large tau leaves chance cosines no say
    assert output.features.shape == (2, 64, 32)
    assert output.loss.item() == pytest.approx(math.log(127), rel=0.1)


# ---- BYOL


def test_the_byol_loss_by_hand():
    query = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [6.0, 8.0]])
    key = torch.tensor([[5.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 0.0]])
    each = [0.0, 2.0, 4.0, 0.8]
    for i, expected in enumerate(each):
        loss = BYOL.compare(query[i : i + 1], key[i : i + 1], 99.0)
        assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert BYOL.compare(query, key, 99.0).item() == pytest.approx(1.7)


def test_byol_sums_both_directions_and_starts_near_4():
    model, both = model_of(framework="byol", head_dim=64, head_hidden=64), views()
    loss = model(both, 0.2, 1.0).loss
    queries = [F.normalize(model.predictor(e), dim=1) for e in model.query(both)[0]]
    keys = F.normalize(model.key(both)[0], dim=2)
    distance = (queries[0] - keys[1]).square() + (queries[1] - keys[0]).square()
    assert loss.item() == pytest.approx(distance.sum(1).mean().item(), rel=1e-5)
    assert loss.item() == pytest.approx(4, rel=0.15)


def test_byol_has_no_negatives():
    """Without BatchNorm a batch's loss is the mean of its parts' losses."""
    model, both = model_of(framework="byol", head_norm="none"), views()
    whole, *halves = (
        model(v, 0.2, 1.0).loss.item() for v in (both, both[:, :8], both[:, 8:])
    )
    assert whole == pytest.approx(sum(halves) / 2, rel=1e-5)
    v3 = model_of(head_norm="none")
    whole, half = (v3(v, 0.2, 1.0).loss.item() for v in (both, both[:, :8]))
    assert whole > half + 0.1  # there the negatives count


def test_byol_gives_no_gradient_to_the_target():
    model = model_of(framework="byol")
    call(model).loss.backward()
    assert all(p.grad is None for p in model.key.parameters())
    assert model.query.backbone.blocks[0].fc1.weight.grad.abs().max() > 0


# ---- MoCo v1: what is compared


def test_logits_by_hand():
    queries, keys = torch.eye(3)[:2], torch.tensor([[0.6, 0.8, 0], [0, 0.6, 0.8]])
    negatives = torch.tensor([[0, 0, 1.0], [0.8, 0, 0.6]])
    expected = [[0.6, 0.0, 0.8], [0.6, 0.0, 0.0]]
    assert torch.allclose(
        logits_against(queries, keys, negatives), torch.tensor(expected)
    )


def test_negatives_of_the_batch_are_the_rows_behind():
    cosines = torch.arange(9.0).view(3, 3)
    assert logits_in_batch(torch.eye(3), cosines.t(), 1).tolist() == [
        [0, 1],
        [4, 5],
        [8, 6],
    ]
    assert logits_in_batch(torch.eye(3), cosines.t(), 2).tolist() == [
        [0, 1, 2],
        [4, 5, 3],
        [8, 6, 7],
    ]


def test_all_of_the_batch_gives_the_loss_of_one_direction_of_v3():
    model, both = v1(keys="end_to_end", negatives=15), views()
    loss = call(model, both).loss.item()
    queries, keys = (model.query(view)[0] for view in both)
    expected = contrast(queries, keys, 0.2) / (2 * 0.2)
    assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_end_to_end_trains_through_its_keys(monkeypatch):
    def gradient():
        model = v1(keys="end_to_end")
        call(model).loss.backward()
        return model.query.projector.weight.grad

    whole = gradient()
    monkeypatch.setattr(
        moco_v1, "logits_in_batch", lambda q, k, n: logits_in_batch(q, k.detach(), n)
    )
    assert not torch.allclose(gradient(), whole, rtol=0.1)
    assert not hasattr(v1(keys="end_to_end"), "key")


def test_the_query_is_view_1_and_the_key_view_2(seen):
    model, both = v1(), views()
    features = call(model, both, momentum=1.0).features
    queries, positives, _ = seen[0]
    assert torch.allclose(queries, model.query(both[0])[0], atol=1e-6)
    assert torch.allclose(positives, model.key(both[1])[0], atol=1e-6)
    assert torch.allclose(features[0], model.query.backbone(both[0])[0], atol=1e-5)


# ---- MoCo v1: the queue


def test_the_queue_takes_turns():
    model = v1(negatives=5, head_dim=2)
    start = model.queue.clone()

    def push(*values):
        model.enqueue(torch.tensor([[v, v] for v in values], dtype=torch.float))
        return model.queue[:, 0].tolist()

    assert push(1, 2)[:2] == [1, 2]
    assert torch.equal(model.queue[2:], start[2:])
    assert push(3, 4)[:4] == [1, 2, 3, 4]
    assert push(5, 6) == [6, 2, 3, 4, 5]
    assert sorted(push(*range(10, 18))) == [13, 14, 15, 16, 17]  # too many


def test_negatives_are_keys_of_earlier_steps_only(seen):
    model = v1(negatives=40)
    start = model.queue.clone()
    for step in range(4):
        call(model, views(seed=step), step=step)
    keys = [positives for _, positives, _ in seen]
    for step, (_, positives, negatives) in enumerate(seen):
        assert (positives @ negatives.t()).max() < 1 - 1e-6
        expected = torch.cat([start, *keys[:step]])[-40:]
        assert sorted(negatives.tolist()) == sorted(expected.tolist())
    latest = torch.cat(keys)[-40:]
    assert sorted(model.queue.tolist()) == sorted(latest.tolist())


def test_the_queue_starts_as_directions_and_gets_no_gradient():
    model = v1()
    assert torch.allclose(model.queue.norm(dim=1), torch.ones(10))
    call(model).loss.backward()
    assert not model.queue.requires_grad
    assert all(p.grad is None for p in model.key.parameters())
    assert model.query.projector.weight.grad.abs().max() > 0


def test_the_key_moves_as_in_v3():
    model = v1()
    with torch.no_grad():
        model.query.projector.weight.add_(1)
    before = model.key.projector.weight.clone()
    call(model, momentum=0.75)
    expected = 0.75 * before + 0.25 * model.query.projector.weight
    assert torch.allclose(model.key.projector.weight, expected)


# ---- MoCo v1: the memory bank


def test_a_stored_feature_moves_half_way():
    model = v1(keys="memory_bank", head_dim=2, images=4)
    model.bank.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]))
    model.store(torch.tensor([2, 0]), torch.tensor([[0, 1.0], [1, 0]]))
    half = math.sqrt(0.5)
    expected = [[1, 0], [0, 1], [-half, half], [0, -1]]
    assert torch.allclose(model.bank, torch.tensor(expected), atol=1e-6)


def test_the_bank_keeps_one_feature_an_image(seen):
    model = v1(keys="memory_bank", negatives=30)
    before = model.bank.clone()
    call(model, step=2)
    queries, positives, negatives = seen[0]
    assert torch.equal(positives, before[32:48])  # from when it was last seen
    stored = {tuple(row) for row in before.tolist()}
    assert {tuple(row) for row in negatives.tolist()} < stored
    changed = (model.bank != before).any(1).nonzero().flatten().tolist()
    assert changed == list(range(32, 48))
    assert torch.allclose(
        model.bank[32:48], F.normalize(queries + positives, dim=1), atol=1e-6
    )
    assert not hasattr(model, "key")


def test_the_loop_says_which_images_a_batch_holds(data):
    training = train(tiny(**V1, keys="memory_bank"), data)
    before = training.model.bank.clone()
    assert len(before) == 96
    rows(training, 1)
    changed = (training.model.bank != before).any(1).nonzero().flatten()
    chosen = training.batches.places(0).sort().values
    assert torch.equal(changed, chosen)
    assert torch.equal(
        data.train_labels[training.batches.places(0)], training.batches.batch(0)[1]
    )


# ---- MoCo v1: BatchNorm on several devices


def test_groups_are_devices_of_their_own():
    torch.manual_seed(0)
    encoder = LinearEncoder(tiny(**V1, bn_groups=4), 3).double()
    images = views()[0].double() * torch.linspace(1, 3, 16)[:, None, None, None]
    together, features = encoder(images)
    encoder.groups = 1
    alone = [encoder(part) for part in images.split(4)]
    assert distance(together, torch.cat([e for e, _ in alone])) < SAME
    assert distance(features, torch.cat([f for _, f in alone])) < SAME
    assert not torch.allclose(encoder(images)[0], together, atol=1e-2)


def shuffled(model, images, seed=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return model._encode(model.key, images, generator)


def test_shuffling_gives_each_image_its_own_embedding_back():
    """Without statistics over the batch, shuffling leaves no trace."""
    model, images = v1(bn_groups=4, shuffle_bn=True).eval(), views()[0]
    plain = model.key(images)[0]
    assert torch.allclose(shuffled(model, images), plain, atol=1e-6)
    model.train()
    one_group = v1(shuffle_bn=True)
    plain = one_group.key(images)[0]
    assert torch.allclose(shuffled(one_group, images), plain, atol=1e-5)


def test_shuffling_parts_the_groups():
    """An image's statistics come from others than those that stand beside it."""
    model, images = v1(bn_groups=4, shuffle_bn=True), views()[0]
    plain = model.key(images)[0]
    one, same, other = (shuffled(model, images, seed) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, plain, atol=1e-3)
    assert not torch.allclose(one, other, atol=1e-3)


# ---- on the loop


@pytest.mark.parametrize("name", CASES)
def test_each_goes_on_bit_for_bit(data, name):
    changes = {**CASES[name], "steps": 9}
    unbroken = train(tiny(**changes), data)
    rows(unbroken, 4)
    tensors, values = checkpoint.state(unbroken)
    tensors = {k: v.clone() for k, v in tensors.items()}
    rest = rows(unbroken)
    torch.rand(3)  # the global generator must not matter
    resumed = train(tiny(**changes), data)
    checkpoint.restore(resumed, tensors, json.loads(json.dumps(values)))
    assert rows(resumed) == rest
    ours, theirs = checkpoint.state(unbroken)[0], checkpoint.state(resumed)[0]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert resumed.outcome == "finished"
    assert 0 <= resumed.monitor.linear_probe() <= 1


@pytest.mark.parametrize(
    "name", ["simclr", "byol", "dino", "end_to_end", "memory_bank"]
)
def test_each_learns(data, name):
    setting = dict(steps=120, base_lr=0.1, augmentation="light", knn_every=0)
    losses = [s.loss for s in train(tiny(**CASES[name], **setting), data)]
    assert sum(losses[-20:]) < 0.95 * sum(losses[:20])


# ---- what a recipe may ask for


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"keys": "end_to_end"}, "keys is 'end_to_end', but must be 'queue' unless"),
        ({"negatives": 64}, "negatives is 64, but must be 4096 unless"),
        ({"bn_groups": 2}, "bn_groups is 2, but must be 1 unless"),
        ({"shuffle_bn": True}, "shuffle_bn is True, but must be False unless"),
        (
            {**V1, "keys": "end_to_end", "negatives": 16},
            "negatives is 16, but must be below batch_size (16) for end_to_end keys",
        ),
        ({**V1, "bn_groups": 3}, "bn_groups is 3, but must divide batch_size (16)"),
        ({**V1, "bn_groups": 16}, "bn_groups is 16, but must divide batch_size (16)"),
    ],
)
def test_fields_must_fit(changes, sentence):
    with pytest.raises(BadInput) as refused:
        tiny(**changes)
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).count(".") == 1


# ---- layers that are fixed at their start


@pytest.mark.parametrize(
    ("frozen", "fixed"),
    [
        ("blocks.0.fc", {"blocks.0.fc1", "blocks.0.fc2"}),
        ("blocks.0", {f"blocks.0.{n}" for n in ("qkv", "proj", "fc1", "fc2")}),
        ("projector.0", {"projector.0"}),
        ("predictor", {"predictor.0", "predictor.1"}),
    ],
)
def test_frozen_layers_stay_and_all_others_move(frozen, fixed):
    """By the record, and in the weights; the key side follows a start that stays."""
    training = train(tiny(frozen=frozen, weight_decay=0.3), blobs())
    before = {n: p.detach().clone() for n, p in training.model.named_parameters()}
    for _ in range(2):
        step = next(training)
    still = {layer for layer, norm in step.grad_inf.items() if norm is None}
    assert still == fixed
    moved = {
        n for n, p in training.model.named_parameters() if not torch.equal(p, before[n])
    }
    assert moved
    assert not [n for n in moved if frozen in n]


@pytest.mark.parametrize("frozen", ["blocks.7", "qkv", "log_temperature"])
def test_a_layer_that_is_not_there_cannot_be_frozen(frozen):
    with pytest.raises(BadInput, match=r"blocks\.0\.qkv, .*predictor"):
        train(tiny(frozen=frozen), blobs())
