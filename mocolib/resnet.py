"""ResNets: torchvision's, and a small one for sweeps on a CPU."""

import torch.nn.functional as F
from torch import nn

from mocolib.recipe import Recipe


class ResNet(nn.Module):
    """torchvision's ResNet without its classifier; small images get a small stem."""

    def __init__(self, recipe: Recipe, channels: int):
        super().__init__()
        import torchvision.models  # slow to import, and the ViT does not need it

        body = getattr(torchvision.models, recipe.backbone)()
        self.width = body.fc.in_features
        body.fc = nn.Identity()
        if recipe.image_size <= 64:  # as usual for CIFAR: 3x3, stride 1, no pooling
            body.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
            body.maxpool = nn.Identity()
        elif channels != 3:
            body.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.body = body

    def forward(self, images):
        features = self.body(images)
        return features, {"features": features}


class ResNet8(nn.Module):
    """The smallest of He et al.'s ResNets for CIFAR (1512.03385, section 4.2, n = 1).

    Three blocks of 16, 32 and 64 channels. The stem has stride 2, which the original
    has not: a fifth of the time, for sweeps on a CPU.
    """

    width = 64

    def __init__(self, recipe: Recipe, channels: int):
        super().__init__()
        from torchvision.models.resnet import BasicBlock, conv1x1

        def halving(inside, outside):
            shortcut = nn.Sequential(
                conv1x1(inside, outside, 2), nn.BatchNorm2d(outside)
            )
            return BasicBlock(inside, outside, 2, shortcut)

        self.stem = nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(
            BasicBlock(16, 16), halving(16, 32), halving(32, 64)
        )

    def forward(self, images):
        stem = F.relu(self.norm(self.stem(images)))
        features = self.blocks(stem).mean((2, 3))
        return features, {"stem": stem, "features": features}
