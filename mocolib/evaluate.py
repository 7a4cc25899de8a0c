"""How good the features are: weighted kNN while training, a linear probe at the end.

Both read the backbone's features from before the heads, without augmentation.
"""

import torch
import torch.nn.functional as F

from mocolib.augment import normalize, resized

NEIGHBOURS = 20  # the paper's monitor
SHARPNESS = 0.07  # temperature of the votes, as in 1805.01978
PART = 256


@torch.no_grad()
def features(backbone, images, size: int, mean, std) -> torch.Tensor:
    """uint8 [N, C, H, W] to features [N, d], in the backbone's evaluation mode."""
    was_training = backbone.training
    backbone.eval()
    parts = [
        backbone(normalize(resized(part, size), mean, std))[0]
        for part in images.split(PART)
    ]
    backbone.train(was_training)
    return torch.cat(parts)


def knn_accuracy(memory, memory_labels, queries, labels, classes: int) -> float:
    """Share of queries whose 20 nearest memory features, by weighted vote, are right.

    memory [M, d], queries [N, d]; nearness is the cosine, a vote weighs
    exp(cosine / 0.07).
    """
    memory, queries = F.normalize(memory, dim=1), F.normalize(queries, dim=1)
    neighbours = min(NEIGHBOURS, len(memory))
    right = 0
    for query, label in zip(queries.split(PART), labels.split(PART), strict=True):
        near, index = (query @ memory.t()).topk(neighbours, dim=1, sorted=False)
        votes = torch.zeros(len(query), classes)
        votes.scatter_add_(1, memory_labels[index], (near / SHARPNESS).exp())
        right += (votes.argmax(1) == label).sum().item()
    return right / len(labels)


def linear_probe(train, train_labels, test, test_labels, classes: int) -> float:
    """Test accuracy of a linear classifier on frozen features [N, d].

    Multinomial logistic regression on standardized features by L-BFGS; full batch
    and no random number, so there is nothing to seed.
    """
    mean, std = train.mean(0), train.std(0).clamp(min=1e-6)
    train, test = (train - mean) / std, (test - mean) / std
    weight = torch.zeros(train.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=100, line_search_fn="strong_wolfe"
    )

    def closure():
        solver.zero_grad()
        loss = F.cross_entropy(train @ weight + bias, train_labels)
        loss = loss + 1e-4 * weight.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    with torch.no_grad():
        guess = (test @ weight + bias).argmax(1)
    return (guess == test_labels).float().mean().item()
