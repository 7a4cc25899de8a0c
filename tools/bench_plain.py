"""MoCo v3 as one would write it from timm, torchvision and a DataLoader, to time."""

import copy
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T


class TwoViews(Dataset):
    """Random CIFAR-sized pictures, two augmented views each."""

    def __init__(self, count: int):
        pixels = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
        self.images = [Image.fromarray(p) for p in pixels]
        first = [
            T.RandomResizedCrop(32, scale=(0.08, 1)),
            T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8),
            T.RandomGrayscale(0.2),
        ]
        last = [
            T.RandomHorizontalFlip(),
            T.ToTensor(),
            T.Normalize([0.5] * 3, [0.25] * 3),
        ]
        self.first = T.Compose([*first, *last])
        self.second = T.Compose([*first, T.RandomSolarize(128, 0.2), *last])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.first(self.images[index]), self.second(self.images[index])


def mlp(*sizes):
    layers = []
    for i in range(len(sizes) - 1):
        last = i == len(sizes) - 2
        layers.append(nn.Linear(sizes[i], sizes[i + 1], bias=False))
        layers.append(nn.BatchNorm1d(sizes[i + 1], affine=not last))
        if not last:
            layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def contrast(q, k, tau=0.2):
    q, k = F.normalize(q, dim=1), F.normalize(k, dim=1)
    return F.cross_entropy(q @ k.t() / tau, torch.arange(len(q))) * 2 * tau


def images_per_second(batch: int, steps: int = 5) -> float:
    """Speed of the whole step on one thread, loading included."""
    torch.set_num_threads(1)
    vit = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=64, depth=4, num_heads=2, num_classes=0
    )
    query = nn.Sequential(vit, mlp(64, 256, 256, 64))
    key = copy.deepcopy(query).requires_grad_(False)
    predictor = mlp(64, 256, 64)
    parameters = [*query.parameters(), *predictor.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.1)
    loader = DataLoader(TwoViews(batch * (steps + 1)), batch, shuffle=True)
    for index, (x1, x2) in enumerate(loader):
        if index == 1:  # the first step warms up
            start = time.perf_counter()
        q1, q2 = predictor(query(x1)), predictor(query(x2))
        with torch.no_grad():
            for p, k in zip(query.parameters(), key.parameters(), strict=True):
                k.mul_(0.99).add_(p, alpha=0.01)
            k1, k2 = key(x1), key(x2)
        loss = contrast(q1, k2) + contrast(q2, k1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return batch * steps / (time.perf_counter() - start)
