"""The backbones: a vision transformer one can read; ResNets are in `resnet`.

A backbone takes images [B, C, S, S] and returns (features [B, d], out), where `out`
names the intermediate tensors, so that a probe or a figure needs no hook. Layout and
start values follow the paper's code (section 5 and its released vits.py); pre-norm
blocks as in the ViT paper (2010.11929), no dropout, and no BatchNorm unless the recipe
puts one behind the patch projection, so a batch may be split or joined without changing
a number.
"""

import inspect
import math

import torch
import torch.nn.functional as F
from torch import nn

from mocolib.recipe import Recipe
from mocolib.resnet import ResNet, ResNet8


def build_backbone(recipe: Recipe, channels: int) -> nn.Module:
    """The backbone that a recipe asks for; it has an attribute `width`."""
    bodies = {"vit": ViT.of, "resnet8": ResNet8}
    return bodies.get(recipe.backbone, ResNet)(recipe, channels)


class ViT(nn.Module):
    """Vision transformer: patches -> tokens -> blocks -> one vector an image.

    images [B, C, S, S] -> (features [B, width], out). The numbers, and the words of
    position, pool and the patch projection, are a recipe's fields of these names:

        ViT(channels=3, image_size=224, patch_size=16, width=768, depth=12, heads=12)
    """

    def __init__(
        self,
        *,
        channels: int,
        image_size: int,
        patch_size: int,
        width: int,
        depth: int,
        heads: int,
        stem: str = "patch",
        position: str = "sincos",
        pool: str = "class_token",
        qk_norm: bool = False,
        patch_projection: str = "learned",
        patch_projection_start: str = "xavier",
        patch_projection_norm: str = "none",
    ):
        super().__init__()
        self.width, self.patch_size, self.pool = width, patch_size, pool
        if stem == "conv":
            self.patch_projection = ConvStem(channels, patch_size, width)
        else:
            normed = patch_projection_norm == "weight"
            kind = NormedProjection if normed else PatchProjection
            sizes = channels, patch_size, width
            self.patch_projection = kind(*sizes, patch_projection_start)
        # the remedy that the paper tried in vain: statistics over all tokens of a batch
        batch_norm = patch_projection_norm == "batch"
        self.patch_norm = nn.BatchNorm1d(width) if batch_norm else None
        if pool == "class_token":
            self.class_token = nn.Parameter(torch.randn(width) * 1e-6)
        self.position = _positions(position, image_size // patch_size, width)
        self.blocks = nn.ModuleList(Block(width, heads, qk_norm) for _ in range(depth))
        self.norm = LayerNorm(width)
        self.set_projection(patch_projection)

    @classmethod
    def of(cls, recipe: Recipe, channels: int) -> "ViT":
        """The one that a recipe describes, for images of so many channels."""
        names = inspect.signature(cls).parameters.keys() - {"channels"}
        fields = {name: getattr(recipe, name) for name in names}
        return cls(channels=channels, **fields)

    def set_projection(self, patch_projection: str):
        """Let the patch projection learn, "learned", or keep it as it is, "fixed"."""
        self.patch_projection.requires_grad_(patch_projection == "learned")

    def forward(self, images):
        patches = self.patch_projection(images)  # [B, T, d]
        if self.patch_norm is not None:
            patches = self.patch_norm(patches.flatten(0, 1)).view_as(patches)
        tokens = patches if self.position is None else patches + self.position
        if self.pool == "class_token":
            start = self.class_token.expand(len(images), 1, -1)
            tokens = torch.cat([start, tokens], dim=1)  # [B, 1 + T, d]
        out, last = {"patches": patches, "tokens": tokens}, len(self.blocks) - 1
        for i, block in enumerate(self.blocks):
            # After the last attention only the class token is read, so only it is
            # computed: the same features for a fifth less work at depth 4.
            only_first = i == last and self.pool == "class_token"
            tokens = block(tokens, only_first)
            out[f"blocks.{i}"] = tokens
        return self._pooled(tokens), out

    def _pooled(self, tokens):
        if self.pool == "class_token":
            return self.norm(tokens[:, 0])
        if self.pool == "average":  # "with final LN and pool" in the paper's table
            return self.norm(tokens).mean(1)
        return tokens.mean(1)


class PatchProjection(nn.Linear):
    """A patch becomes a token through one linear layer: [B,C,S,S] -> [B,T,d].

    The weight is [d, C * p * p], a convolution's kernel laid flat. It starts as
    Xavier's or as the orthogonal matrix nearest to that: from one draw, so that the
    other weights of a seed are the same.
    """

    def __init__(
        self, channels: int, patch_size: int, width: int, start: str = "xavier"
    ):
        super().__init__(channels * patch_size**2, width)
        self.patch_size = patch_size
        # Xavier's bound, on the patch seen as one vector
        bound = math.sqrt(6 / (channels * patch_size**2 + width))
        nn.init.uniform_(self.weight, -bound, bound)
        if start == "orthogonal":
            with torch.no_grad():
                self.weight.copy_(orthogonal(self.weight))
        nn.init.zeros_(self.bias)

    def forward(self, images):
        return super().forward(patchify(images, self.patch_size))


def orthogonal(weight):
    """The matrix nearest to `weight` [d, D] with orthogonal rows (columns if d > D).

    Scaled so that a token's variance is that of Xavier's start.
    """
    left, _, right = torch.linalg.svd(weight.double(), full_matrices=False)
    # Xavier's entries have variance 2 / (d + D); those of orthonormal rows (columns)
    # have mean square 1 / max(d, D)
    gain = math.sqrt(2 * max(weight.shape) / sum(weight.shape))
    return (gain * left @ right).to(weight.dtype)


class NormedProjection(PatchProjection):
    """Weight normalisation (1602.07868): the weight gives each row's direction alone.

    The gain [d] gives its length, and starts as the length that the row has.
    """

    def __init__(self, *settings):
        super().__init__(*settings)
        self.gain = nn.Parameter(self.weight.detach().norm(dim=1))

    def forward(self, images):
        matrix = scaled_rows(self.weight, self.gain)
        return F.linear(patchify(images, self.patch_size), matrix, self.bias)


def scaled_rows(weight, gain):
    """The rows of `weight` [d, D] at the lengths `gain` [d]."""
    return F.normalize(weight, dim=1) * gain[:, None]


def patchify(images, p: int):
    """[B, C, H, W] to [B, (H/p)(W/p), C p p], row by row; p divides both sides."""
    b, c, h, w = images.shape
    split = images.reshape(b, c, h // p, p, w // p, p)
    return split.permute(0, 2, 4, 1, 3, 5).reshape(b, (h // p) * (w // p), c * p * p)


class ConvStem(nn.Sequential):
    """Stride-2 convolutions in place of the patch projection (after 2106.14881).

    Two things are ours. GroupNorm with one group stands for the BatchNorm of the
    original: the backbone stays free of statistics over the batch. And where halving
    does not end at one pixel a patch, since its size is no power of 2, images are
    stretched first so that it is the next one: 28 pixels in patches of 7 become 32.
    """

    def __init__(self, channels: int, patch_size: int, width: int):
        halvings = (patch_size - 1).bit_length()  # log2, rounded up
        widths = [max(8, width >> (halvings - i)) for i in range(halvings)]
        layers = []
        for inside, outside in zip([channels, *widths], widths, strict=False):
            layers += [
                nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(1, outside),
                nn.ReLU(),
            ]
        super().__init__(*layers, nn.Conv2d(widths[-1], width, 1))
        self.patch_size, self.stretched = patch_size, 2**halvings

    def forward(self, images):
        if self.stretched != self.patch_size:
            side = images.shape[-1] // self.patch_size * self.stretched
            images = F.interpolate(images, side, mode="bilinear")
        return super().forward(images).flatten(2).transpose(1, 2)


class LayerNorm(nn.LayerNorm):
    """LayerNorm with the ViT's epsilon."""

    def __init__(self, width: int):
        super().__init__(width, eps=1e-6)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)); tokens [B, T, d]."""

    def __init__(self, width: int, heads: int, qk_norm: bool):
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)
        self.attention = Attention(width, heads, qk_norm)
        self.fc1, self.fc2 = _linear(width, 4 * width), _linear(4 * width, width)

    def forward(self, tokens, only_first: bool = False):
        attended = self.attention(self.norm1(tokens), only_first)
        tokens = (tokens[:, :1] if only_first else tokens) + attended
        return tokens + self.fc2(F.gelu(self.fc1(self.norm2(tokens))))


class Attention(nn.Module):
    """Multi-head self-attention; queries of the first token only where asked."""

    def __init__(self, width: int, heads: int, qk_norm: bool):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), _linear(width, width)
        # queries, keys and values start as three matrices, not one of 3d rows
        bound = math.sqrt(6 / (width + width))
        nn.init.uniform_(self.qkv.weight, -bound, bound)
        nn.init.zeros_(self.qkv.bias)
        self.q_norm = LayerNorm(self.size) if qk_norm else nn.Identity()
        self.k_norm = LayerNorm(self.size) if qk_norm else nn.Identity()

    def forward(self, x, only_first: bool = False):
        if only_first:
            return self.proj(self._first(x))
        qkv = self.qkv(x).chunk(3 * self.heads, -1)  # each [B, T, d / heads]
        heads = [qkv[i :: self.heads] for i in range(self.heads)]
        # one head after another on views of one tensor: nothing is copied
        return self.proj(torch.cat([self.attend(*head) for head in heads], -1))

    def attend(self, q, k, v):
        """One head; each [B, T, d / heads]."""
        q, k = self.q_norm(q) * self.size**-0.5, self.k_norm(k)
        return torch.bmm(torch.bmm(q, k.transpose(1, 2)).softmax(-1), v)

    def _first(self, x):
        """What the first token finds; [B, T, d] to [B, 1, d].

        Keys and values are never computed. q . (K x + b) is (K^T q) . x and a term that
        the softmax takes away, the same for all tokens; and as the weights of a mean
        add up to 1, the mean of V x + b is V (mean of x) + b.
        """
        b, t, d = x.shape
        split = (self.heads, self.size)
        q, k, v = self.qkv.weight.unflatten(0, (3, *split))  # each [heads, size, d]
        q_bias, k_bias, v_bias = self.qkv.bias.chunk(3)
        q = F.linear(x[:, 0], q.flatten(0, 1), q_bias).view(b, *split)
        q = self.q_norm(q) * self.size**-0.5
        if isinstance(self.k_norm, nn.Identity):
            near = torch.bmm(q.transpose(0, 1), k).transpose(0, 1) @ x.transpose(1, 2)
        else:
            k = self.k_norm(F.linear(x, k.flatten(0, 1), k_bias).view(b, t, *split))
            near = (q[:, :, None] @ k.permute(0, 2, 3, 1))[:, :, 0]  # [B, heads, T]
        mean = torch.bmm(near.softmax(-1), x).transpose(0, 1)  # [heads, B, d]
        found = torch.bmm(mean, v.transpose(1, 2)).transpose(0, 1)
        return (found.reshape(b, d) + v_bias)[:, None]


def _linear(inside: int, outside: int) -> nn.Linear:
    layer = nn.Linear(inside, outside)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def sincos_positions(grid: int, width: int) -> torch.Tensor:
    """Fixed 2-D sin-cos codes, [grid * grid, d] with d divisible by 4; float32.

    Order as in the authors' code: sin and cos of the row, sin and cos of the column.
    """
    frequency = 1 / 10000 ** (torch.arange(width // 4) / (width // 4))
    row, column = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    angles = [axis.flatten()[:, None] * frequency for axis in (row, column)]
    return torch.cat(
        [wave(a) for a in angles for wave in (torch.sin, torch.cos)], dim=1
    )


def _positions(kind: str, grid: int, width: int):
    """A parameter [T, d], fixed for sin-cos; None for no position embedding."""
    if kind == "none":
        return None
    if kind == "learned":
        return nn.Parameter(torch.randn(grid**2, width) * 0.02)
    return nn.Parameter(sincos_positions(grid, width), requires_grad=False)
