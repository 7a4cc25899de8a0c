"""kNN against a plain search, the linear probe on data whose answer is known."""

import numpy as np
import pytest
import torch

from mocolib import evaluate
from mocolib.errors import BadInput
from mocolib.evaluate import (
    evenly_spread,
    features,
    knn_accuracy,
    linear_probe,
)
from mocolib.execution import Execution
from mocolib.train import train
from tests.near import SAME, distance
from tests.tiny import blobs, random_images, tiny

pytestmark = pytest.mark.numeric


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def integers(high, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, high, (n,), generator=generator)


# ---- kNN


def plain_knn(memory, memory_labels, queries, labels, classes) -> float:
    """The same by an open search, one query after another, in doubles."""
    memory, queries = memory.double().numpy(), queries.double().numpy()
    memory = memory / np.linalg.norm(memory, axis=1, keepdims=True)
    right = 0
    for query, label in zip(queries, labels.tolist(), strict=True):
        cosines = memory @ (query / np.linalg.norm(query))
        votes = np.zeros(classes)
        for i in np.argsort(-cosines)[:20]:
            votes[memory_labels[i]] += np.exp(cosines[i] / 0.07)
        right += votes.argmax() == label
    return right / len(labels)


@pytest.mark.parametrize("stored", [5, 20, 300])
@pytest.mark.parametrize("asked", [3, 600])
def test_knn_is_the_plain_search(stored, asked):
    labels, expected = integers(4, stored), integers(4, asked, seed=1)
    directions = noise(4, 6, seed=9)
    memory = directions[labels] + noise(stored, 6)
    queries = 3 * directions[expected] + 3 * noise(asked, 6, seed=1)
    case = (memory, labels, queries, expected, 4)
    found = knn_accuracy(*case)
    assert found == pytest.approx(plain_knn(*case), abs=1e-9)
    assert 0 < found <= 1


def test_a_near_neighbour_outweighs_two_farther_ones():
    """Cosines 1 for class 0, 0.9 twice for class 1: exp(1/0.07) > 2 exp(0.9/0.07)."""
    far = [0.9, (1 - 0.9**2) ** 0.5]
    memory = torch.tensor([[1.0, 0.0], far, far])
    near, two = torch.tensor([[2.0, 0.0]]), torch.tensor([far])
    labels = torch.tensor([0, 1, 1])
    assert knn_accuracy(memory, labels, near, torch.tensor([0]), 2) == 1.0
    assert knn_accuracy(memory, labels, two, torch.tensor([1]), 2) == 1.0
    assert knn_accuracy(memory, labels, two, torch.tensor([0]), 2) == 0.0
    # at 0.96 the two win: 2 exp(0.96/0.07) > exp(1/0.07)
    close = [0.96, (1 - 0.96**2) ** 0.5]
    memory = torch.tensor([[1.0, 0.0], close, close])
    assert knn_accuracy(memory, labels, near, torch.tensor([1]), 2) == 1.0


def test_only_twenty_neighbours_vote():
    """Twenty of class 0 beside the query, a thousand of class 1 a bit farther."""
    memory = torch.cat([torch.tensor([[1.0, 0.05]] * 20), torch.ones(1000, 2)])
    labels = torch.cat([torch.zeros(20), torch.ones(1000)]).long()
    query = torch.tensor([[1.0, 0.0]])
    assert knn_accuracy(memory, labels, query, torch.tensor([0]), 2) == 1.0


HALVES = pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])


@HALVES
def test_votes_of_half_precision_do_not_overflow(kind):
    """exp(cosine / .07) passes what half a float holds from a cosine of .776 on."""
    labels, expected = integers(4, 300), integers(4, 200, seed=1)
    directions = noise(4, 6, seed=9)
    memory, queries = (
        (3 * directions[some] + noise(len(some), 6, seed=2)).to(kind)
        for some in (labels, expected)
    )
    found = knn_accuracy(memory, labels, queries, expected, 4)
    assert found == knn_accuracy(memory.float(), labels, queries.float(), expected, 4)
    assert found > 0.5
    large = 1e3 * memory, labels, 1e3 * queries, expected, 4  # their squares, neither
    assert knn_accuracy(*large) == pytest.approx(found, abs=0.05)


# ---- shapes

LABELS = {
    "a column": lambda labels: labels[:, None],
    "a row": lambda labels: labels[None],
    "one-hot": lambda labels: torch.eye(3)[labels],
    "shares": lambda labels: labels / 2,
    "one too few": lambda labels: labels[1:],
    "one for all": lambda labels: labels[0],
}
READ = {
    "knn": lambda *given: knn_accuracy(*given, 3),
    "probe": lambda *given: linear_probe(*given, 3),
    "knn_of": lambda a, b, c, d: evaluate.knn_of(torch.nn.Identity(), a, b, c, d),
}
EACH_READ = pytest.mark.parametrize("read", READ)


@pytest.mark.parametrize("change", LABELS)
@pytest.mark.parametrize("split", [1, 3])
@EACH_READ
def test_labels_are_one_whole_number_an_image(read, split, change):
    given = [noise(30, 4), integers(3, 30), noise(20, 4, seed=1), integers(3, 20, 1)]
    given[split] = LABELS[change](given[split])
    with pytest.raises(BadInput, match=r"^labels have .* whole numbers, .*\.$"):
        READ[read](*given)


@EACH_READ
def test_any_kind_of_whole_numbers_will_do(read):
    memory, tests = noise(60, 4), noise(40, 4, seed=1)
    labels, asked = integers(3, 60), integers(3, 40, seed=1)
    expected = READ[read](memory, labels, tests, asked)
    for kind in (torch.uint8, torch.int16, torch.int32):
        assert READ[read](memory, labels.to(kind), tests, asked.to(kind)) == expected
    assert READ[read](memory, labels.tolist(), tests, asked.numpy()) == expected


def test_ids_of_classes_may_be_as_large_as_they_like():
    memory, tests = noise(60, 4), noise(40, 4, seed=1)
    labels, asked = integers(3, 60), integers(3, 40, seed=1)
    expected = READ["knn_of"](memory, labels, tests, asked)
    ids = torch.tensor([-7, 5, 10**12])
    assert READ["knn_of"](memory, ids[labels], tests, ids[asked]) == expected
    for read in ("knn", "probe"):
        with pytest.raises(BadInput, match=r"^labels go from -7 to 1000000000000, but"):
            READ[read](memory, ids[labels], tests, ids[asked])


@pytest.mark.parametrize("shape", [(30, 2, 2), (30,), (0, 4), (30, 5)])
@EACH_READ
def test_features_of_another_shape_are_refused(read, shape):
    labels = integers(3, shape[0])
    with pytest.raises(BadInput, match=r"^features have the (shape|widths) .*\.$"):
        READ[read](noise(*shape), labels, noise(20, 4), integers(3, 20))


# ---- linear probe


@HALVES
def test_the_probe_computes_in_single_precision(kind):
    labels, asked = integers(3, 300), integers(3, 100, seed=1)
    corners = torch.eye(3) * 9
    first, second = (
        (corners[some] + noise(len(some), 3, seed=i)).to(kind)
        for i, some in enumerate((labels, asked))
    )
    assert linear_probe(first, labels, second, asked, 3) == 1.0


def test_separable_classes_are_told_apart():
    labels, test_labels = integers(3, 300), integers(3, 100, seed=1)
    corners = torch.eye(3) * 9
    train_features = corners[labels] + noise(300, 3)
    test_features = corners[test_labels] + noise(100, 3, seed=1)
    case = (train_features, labels, test_features, test_labels, 3)
    assert linear_probe(*case) == 1.0
    assert linear_probe(*case) == linear_probe(*case)


def test_scale_and_shift_of_a_feature_do_not_matter():
    labels, test_labels = integers(3, 300), integers(3, 100, seed=1)
    corners, scale = noise(3, 5), torch.tensor([1e-3, 1.0, 1e3, 1.0, 0.0])
    train_features = corners[labels] + noise(300, 5, seed=2)
    test_features = corners[test_labels] + noise(100, 5, seed=3)
    train_features[:, 4] = test_features[:, 4] = 7.0  # a feature that says nothing
    plain = linear_probe(train_features, labels, test_features, test_labels, 3)
    moved = [f * scale + 5 for f in (train_features, test_features)]
    assert 0.5 < plain < 1.0
    assert linear_probe(moved[0], labels, moved[1], test_labels, 3) == pytest.approx(
        plain, abs=0.02
    )


def test_labels_without_meaning_give_chance():
    case = (noise(1000, 8), integers(4, 1000), noise(2000, 8, seed=1))
    found = linear_probe(*case, integers(4, 2000, seed=1), 4)
    assert found == pytest.approx(0.25, abs=0.04)


# ---- features


def test_features_are_of_the_whole_clean_images():
    training = train(tiny(), blobs())
    data, backbone = training.data, training.model.query.backbone
    images = data.test_images
    found = features(backbone, images, 8, data.mean, data.std)
    scale = (..., None, None)
    plain = (images / 255 - data.mean[scale]) / data.std[scale]
    with torch.no_grad():
        expected = backbone(plain)[0]
    assert torch.allclose(found, expected, atol=1e-5)
    assert not found.requires_grad


def test_features_do_not_depend_on_the_part_they_came_in(monkeypatch):
    double = Execution(device="cpu", precision="fp64")
    training = train(tiny(), blobs(), execution=double)
    whole = training.features(training.data.test_images)
    monkeypatch.setattr(evaluate, "CHUNK", 7)
    parts = training.features(training.data.test_images)
    assert distance(whole, parts) < SAME


def test_reading_features_leaves_batch_statistics_alone():
    training = train(tiny(backbone="resnet18"), blobs())
    backbone = training.model.query.backbone
    before = {n: b.clone() for n, b in backbone.named_buffers()}
    training.features(random_images(20))
    assert backbone.training
    assert before
    for name, buffer in backbone.named_buffers():
        assert torch.equal(buffer, before[name]), name


@pytest.mark.parametrize("kind", ["timm", "plain"])
def test_the_monitor_reads_any_network(kind):
    """A timm ViT by its class token, a plain network by its output; modes come back."""
    images, labels = noise(60, 1, 8, 8), integers(3, 60)
    if kind == "timm":
        import timm

        model = timm.create_model(
            "vit_tiny_patch16_224", img_size=8, patch_size=4, in_chans=1, num_classes=0
        )
        embed, plain = (lambda x: model.forward_features(x)[:, 0]), None
    else:
        model = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.BatchNorm1d(8)
        )
        embed, plain = None, model
    model.train()
    found = evaluate.knn_of(
        model, images[:40], labels[:40], images[40:], labels[40:], embed
    )
    assert all(module.training for module in model.modules())
    model.eval()
    with torch.no_grad():
        features = (embed or plain)(images)
    expected = knn_accuracy(features[:40], labels[:40], features[40:], labels[40:], 3)
    assert found == expected


@pytest.mark.parametrize(("count", "size"), [(10, 4), (10, 10), (3, 8), (10_000, 1999)])
def test_evenly_spread_places_are_all_different_and_reach_both_ends(count, size):
    places = evenly_spread(torch.zeros(count), size)
    steps = places.diff()
    assert len(places) == min(count, size)
    assert places[0] == 0
    assert (steps > 0).all()
    assert count - places[-1] <= steps.max() if len(steps) else True
