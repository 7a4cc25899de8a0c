"""The peers: what each brings of its own, in one loop with clocks.

What a peer has not got is taken from the page in examples/. All of them see the same
random pictures, have timm's ViT of the same size and torch's AdamW.
"""

import copy
import importlib.util
import itertools

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.utils.data import DataLoader, Dataset

from examples.moco_v3_in_one_page import contrast, loader, mlp
from tools import bench_peers as work
from tools.bench_peers.clock import Clock
from tools.bench_plain import VIEWS, pictures


class Pictures(Dataset):
    """Random pictures with a transform and a label, as torchvision's data sets."""

    def __init__(self, count: int, transform):
        self.images, self.transform = pictures(count), transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(self.images[index]), 0


class Plain:
    """timm, torchvision and a DataLoader, as one would write it."""

    def __init__(self, count: int):
        self.loader = self.load(count)
        vit = VisionTransformer(
            img_size=work.SIDE, patch_size=work.PATCH, embed_dim=work.WIDTH,
            depth=work.DEPTH, num_heads=work.HEADS, num_classes=0,
        )  # fmt: skip
        projector, self.predictor = self.heads()
        self.query = nn.Sequential(vit, projector)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            [*self.query.parameters(), *self.predictor.parameters()],
            lr=work.RATE,
            weight_decay=work.DECAY,
        )

    def load(self, count):
        return loader(pictures(count), *VIEWS)

    def heads(self):
        hidden, dim = work.HIDDEN, work.DIM
        return mlp(work.WIDTH, hidden, hidden, dim), mlp(dim, hidden, dim)

    def views(self, batch):
        return batch

    def compare(self, q, k):
        return contrast(q, k)  # at the same temperature

    @torch.no_grad()
    def update_key(self):
        m = work.MOMENTUM
        for k, q in zip(self.key.parameters(), self.query.parameters(), strict=True):
            k.mul_(m).add_(q, alpha=1 - m)


class Lightly(Plain):
    """Its transforms, data flow, heads, loss and momentum update."""

    def load(self, count):
        from lightly.transforms import (
            BYOLTransform,
            BYOLView1Transform,
            BYOLView2Transform,
        )

        first = BYOLView1Transform(input_size=work.SIDE, gaussian_blur=0.0)
        second = BYOLView2Transform(
            input_size=work.SIDE, gaussian_blur=0.0, solarization_prob=0.2
        )
        pictures = Pictures(count, BYOLTransform(first, second))
        return DataLoader(pictures, work.BATCH, shuffle=True, drop_last=True)

    def heads(self):
        from lightly.loss import NTXentLoss
        from lightly.models.modules import MoCoProjectionHead

        self.compare = NTXentLoss(temperature=work.TEMPERATURE)
        hidden, dim = work.HIDDEN, work.DIM
        return (
            MoCoProjectionHead(work.WIDTH, hidden, dim, num_layers=3, batch_norm=True),
            MoCoProjectionHead(dim, hidden, dim, num_layers=2, batch_norm=True),
        )

    def views(self, batch):
        return batch[0]

    def update_key(self):
        from lightly.models.utils import update_momentum

        update_momentum(self.query, self.key, m=work.MOMENTUM)


class SoloLearn(Plain):
    """Its transforms, data set, loader and momentum update."""

    def load(self, count):
        loading = _solo("pretrain_dataloader")
        shared = dict(
            brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, gaussian_prob=0.0
        )
        transforms = [
            loading.prepare_transform("cifar10", **shared, solarization_prob=p)
            for p in (0.0, 0.2)
        ]
        both = loading.prepare_n_crop_transform(transforms, [1, 1])
        pictures = loading.dataset_with_index(Pictures)(count, both)
        return loading.prepare_dataloader(pictures, work.BATCH, num_workers=0)

    def views(self, batch):
        return batch[1]

    def update_key(self):
        _solo("momentum").MomentumUpdater(work.MOMENTUM).update(self.query, self.key)


def _solo(name: str):
    """A file of solo-learn's on its own; the package as a whole does not import."""
    (folder,) = importlib.util.find_spec("solo").submodule_search_locations
    spec = importlib.util.spec_from_file_location(name, f"{folder}/utils/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PEERS = {"plain": Plain, "lightly": Lightly, "solo-learn": SoloLearn}


def measure(name: str, steps: int) -> dict:
    torch.set_num_threads(1)
    peer, clock = PEERS[name](work.BATCH * (steps + 1)), Clock()
    batches = itertools.chain(peer.loader)

    def step():
        with clock.part("augmentation"):
            x1, x2 = peer.views(next(batches))
        with clock.part("update"):
            peer.update_key()
        with clock.part("forward"):
            q1, q2 = (peer.predictor(peer.query(x)) for x in (x1, x2))
            with torch.no_grad():
                k1, k2 = peer.key(x1), peer.key(x2)
            loss = peer.compare(q1, k2) + peer.compare(q2, k1)
        with clock.part("backward"):
            peer.optimizer.zero_grad()
            loss.backward()
        with clock.part("update"):
            peer.optimizer.step()

    return clock.measure(step, steps)
