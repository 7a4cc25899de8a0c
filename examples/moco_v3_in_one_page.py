"""MoCo v3 in one page: a vision transformer learns from images without labels.

    python examples/moco_v3_in_one_page.py

needs torch, torchvision and timm alone, and prints the loss and the first layer's
largest gradient. Read it downwards: heads, loss, model, rate, loop, views. It is
algorithm 1 of arxiv.org/abs/2104.02057 with the numbers of the recipe `mini`: ten
thousand small images of clothes, some minutes on one core, at a rate where a run dips
and climbs back. Set FIXED, and see what is left of that.
"""

import copy
import gzip
import math
from itertools import chain, islice, pairwise, repeat
from pathlib import Path

import torch
import torch.nn.functional as F
from timm.layers import build_sincos2d_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms as T

SIDE, PATCH, CHANNELS, WIDTH, DEPTH, HEADS = 28, 7, 1, 32, 2, 2
HIDDEN, DIM = 256, 64  # of the heads
TAU, M = 0.2, 0.99  # the temperature; how slowly the key encoder follows
BATCH, STEPS, WARMUP = 256, 1600, 100
LR, BETAS, DECAY = 0.12 * BATCH / 256, (0.9, 0.98), 0.1
FIXED = False  # True: the first layer stays as it began, the paper's remedy
IMAGES = Path(__file__).parents[1] / "data/fashion-mnist/train-images-idx3-ubyte.gz"


def mlp(*sizes):
    """A head; BatchNorm behind each layer, the last without scale and shift."""
    layers = []
    for inside, outside in pairwise(sizes):
        layers += [nn.Linear(inside, outside, bias=False)]
        layers += [nn.BatchNorm1d(outside), nn.ReLU()]
    return nn.Sequential(*layers[:-2], nn.BatchNorm1d(outside, affine=False))


def contrast(q, k):
    """InfoNCE times 2 tau: the key of the same row is the right one; q, k [B, dim]."""
    logits = F.normalize(q, dim=1) @ F.normalize(k, dim=1).t() / TAU
    return 2 * TAU * F.cross_entropy(logits, torch.arange(len(q)))


class MoCo(nn.Module):
    def __init__(self, *sizes):  # image and patch, channels, width, depth, heads
        super().__init__()
        side, patch, channels, width, depth, heads = sizes
        vit = VisionTransformer(
            img_size=side, patch_size=patch, in_chans=channels, embed_dim=width,
            depth=depth, num_heads=heads, num_classes=0, weight_init="moco",
        )  # fmt: skip
        grid = (side // patch, side // patch)
        waves = build_sincos2d_pos_embed(grid, width, interleave_sin_cos=True)
        places = torch.cat([torch.zeros(1, width), waves])  # the class token has none
        vit.pos_embed = nn.Parameter(places[None], requires_grad=False)
        nn.init.xavier_uniform_(vit.patch_embed.proj.weight.data.flatten(1))
        nn.init.zeros_(vit.patch_embed.proj.bias)
        vit.patch_embed.requires_grad_(not FIXED)
        self.query = nn.Sequential(vit, mlp(width, HIDDEN, HIDDEN, DIM))
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.predictor = mlp(DIM, HIDDEN, DIM)

    def forward(self, x1, x2):
        """The loss of two views [B, C, side, side] of the same images."""
        q1, q2 = self.predictor(self.query(x1)), self.predictor(self.query(x2))
        with torch.no_grad():
            both = self.key.parameters(), self.query.parameters()
            for k, q in zip(*both, strict=True):
                k.lerp_(q, 1 - M)
            k1, k2 = self.key(x1), self.key(x2)
        return contrast(q1, k2) + contrast(q2, k1)


def rate(step):
    """A linear warmup, then half a cosine down to 0."""
    if step < WARMUP:
        return LR * (step + 1) / WARMUP
    return LR * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) / 2


def train(model, batches):
    """A step for each batch (x1, x2); yields its loss."""
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, betas=BETAS, weight_decay=DECAY)
    for step, (x1, x2) in enumerate(batches):
        optimizer.param_groups[0]["lr"] = rate(step)
        loss = model(x1, x2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def loader(images, *views):
    """An epoch, in a new order each time: batches of both views of each image."""

    def viewed(batch):
        return [torch.stack([view(x) for x in batch]) for view in views]

    return DataLoader(images, BATCH, shuffle=True, drop_last=True, collate_fn=viewed)


if __name__ == "__main__":
    with gzip.open(IMAGES) as file:
        pixels = torch.tensor(bytearray(file.read()[16:]))
    images = pixels.view(-1, CHANNELS, SIDE, SIDE) / 255
    parts = [T.RandomResizedCrop(SIDE, (0.6, 1)), T.RandomHorizontalFlip()]
    view = T.Compose([*parts, T.Normalize(images.mean(), images.std())])
    batches = chain.from_iterable(repeat(loader(images, view, view)))
    model = MoCo(SIDE, PATCH, CHANNELS, WIDTH, DEPTH, HEADS)
    first = model.query[0].patch_embed.proj.weight
    for step, loss in enumerate(train(model, islice(batches, STEPS)), 1):
        if step % 20 == 0:
            gradient = 0 if FIXED else first.grad.abs().max()
            print(f"step {step:4}  loss {loss:.3f}  first layer {gradient:.1e}")
