"""The backbones: timm's and torchvision's numbers with the same weights."""

import inspect
import math

import pytest
import timm.models.vision_transformer as timm_vit
import torch
import torch.nn.functional as F
import torchvision.models
from torch import nn

from mocolib.execution import CHUNK
from mocolib.moco import Encoder
from mocolib.recipe import FIELDS
from mocolib.train import train
from mocolib.vit import (
    PatchProjection,
    ViT,
    build_backbone,
    orthogonal,
    patchify,
    sincos_positions,
)
from tests.near import (
    SAME,
    assert_as_exact,
    assert_same_function,
    distance,
    doubled,
)
from tests.tiny import blobs, random_images, tiny

pytestmark = pytest.mark.numeric

SIZES = dict(image_size=16, patch_size=4, width=24, depth=3, heads=3)


def build(channels=3, seed=0, **changes):
    torch.manual_seed(seed)
    return build_backbone(tiny(**{**SIZES, **changes}), channels)


def spread(model, seed: int = 7):
    """Every parameter moved from its start, so that no zero hides a mistake."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


def batch(n=5, channels=3, side=16):
    return random_images(n, channels, side) / 128 - 1


# ---- timm


def timm_twin(ours, pool: str, qk_norm: bool, channels: int):
    """timm's VisionTransformer with the weights of ours."""
    theirs = timm_vit.VisionTransformer(
        img_size=SIZES["image_size"],
        patch_size=SIZES["patch_size"],
        in_chans=channels,
        num_classes=0,
        embed_dim=SIZES["width"],
        depth=SIZES["depth"],
        num_heads=SIZES["heads"],
        class_token=pool == "class_token",
        global_pool="token" if pool == "class_token" else "avg",
        fc_norm=False,  # the norm comes before the pool
        final_norm=pool != "average_without_norm",
        qk_norm=qk_norm,
        norm_layer=lambda width, **_: nn.LayerNorm(width, eps=1e-6),
    )
    state = {}
    for name, value in ours.state_dict().items():
        name = name.replace("attention.", "attn.")
        name = name.replace(".fc", ".mlp.fc")
        state[name] = value
    projection = state.pop("patch_projection.weight")
    shape = theirs.patch_embed.proj.weight.shape
    state["patch_embed.proj.weight"] = projection.view(shape)
    state["patch_embed.proj.bias"] = state.pop("patch_projection.bias")
    position = state.pop("position")[None]
    if pool == "class_token":
        state["cls_token"] = state.pop("class_token").view(1, 1, -1)
        # timm adds a position to the class token too; ours has none
        position = torch.cat([torch.zeros(1, 1, position.shape[-1]), position], 1)
    if pool == "average_without_norm":
        state = {k: v for k, v in state.items() if not k.startswith("norm.")}
    state["pos_embed"] = position
    theirs.load_state_dict(state)
    return theirs.eval()


@pytest.mark.parametrize("pool", ["class_token", "average", "average_without_norm"])
@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_timms(pool, qk_norm, channels):
    ours = spread(build(channels, pool=pool, qk_norm=qk_norm))
    theirs = timm_twin(ours, pool, qk_norm, channels)
    images = batch(channels=channels)
    features, _ = ours(images)
    assert features.abs().mean() > 0.1
    assert_same_function(ours, theirs, images)
    assert features.shape == (5, 24)


def test_intermediates_are_timms():
    ours = spread(build(pool="average"))
    theirs = timm_twin(ours, "average", False, 3).double()
    images = batch().double()
    _, out = ours.double()(images)
    each = theirs.forward_intermediates(
        images, output_fmt="NLC", intermediates_only=True
    )
    for i, expected in enumerate(each):
        assert distance(out[f"blocks.{i}"], expected) < SAME
    assert list(out) == ["patches", "tokens", "blocks.0", "blocks.1", "blocks.2"]


# ---- patches and positions


def test_the_patch_projection_is_a_convolution():
    layer = PatchProjection(3, 4, 10).double()
    nn.init.normal_(layer.bias)
    images = batch(2, 3, 12).double()
    kernel = layer.weight.view(10, 3, 4, 4)
    expected = nn.functional.conv2d(images, kernel, layer.bias, stride=4)
    ours = layer(images)
    assert distance(ours, expected.flatten(2).transpose(1, 2)) < SAME


def test_patches_go_row_by_row():
    """A 4 x 4 image of the numbers 0..15, cut in four."""
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert patchify(image, 2)[0].tolist() == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


def test_plain_numbers_give_the_vit_of_a_recipe():
    recipe = tiny(pool="average", position="learned", qk_norm=True)
    names = ("image_size", "patch_size", "width", "depth", "heads")
    numbers = {name: getattr(recipe, name) for name in names}
    torch.manual_seed(0)
    plain = ViT(channels=3, **numbers, pool="average", position="learned", qk_norm=True)
    torch.manual_seed(0)
    of = build_backbone(recipe, 3)
    assert str(plain) == str(of)
    for ours, theirs in zip(plain.parameters(), of.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_what_the_vit_leaves_out_is_as_in_a_recipe():
    for name, given in inspect.signature(ViT).parameters.items():
        if given.default is not given.empty:
            assert given.default == FIELDS[name].default


def test_positions_by_hand():
    """Written out for width 8: frequencies 1 and 1/100, that is 10000^(-i/(d/4))."""
    grid, width = 3, 8
    ours = sincos_positions(grid, width).tolist()
    for row in range(grid):
        for column in range(grid):
            expected = [
                *(math.sin(row), math.sin(row / 100)),
                *(math.cos(row), math.cos(row / 100)),
                *(math.sin(column), math.sin(column / 100)),
                *(math.cos(column), math.cos(column / 100)),
            ]
            assert ours[row * grid + column] == pytest.approx(expected, abs=1e-6)


def test_positions_are_fixed_learned_or_none():
    fixed, learned, none = (build(position=p) for p in ("sincos", "learned", "none"))
    assert not fixed.position.requires_grad
    assert learned.position.requires_grad
    assert learned.position.std().item() == pytest.approx(0.02, rel=0.2)
    assert none.position is None
    _, out = none(batch())
    assert torch.equal(out["tokens"][:, 1:], out["patches"])


@pytest.mark.parametrize(("position", "moves"), [("sincos", True), ("none", False)])
def test_only_positions_tell_where_a_patch_was(position, moves):
    model = build(position=position, pool="average")
    images = batch()
    turned = torch.cat([images[..., 8:], images[..., :8]], -1)
    difference = (model(images)[0] - model(turned)[0]).abs().max()
    assert (difference > 1e-3) == moves


# ---- shortcuts that must not change a number


class Whole(nn.Module):
    """The same model without the shortcut in its last block."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        _, out = self.model(images)
        tokens = out["tokens"]
        for block in self.model.blocks:
            tokens = block(tokens)
        return self.model.norm(tokens[:, 0])


def joined(grads: dict):
    return torch.cat([grads[name].flatten() for name in sorted(grads)])


@pytest.mark.parametrize("qk_norm", [False, True])
def test_the_first_token_alone_gives_the_same(qk_norm):
    model = spread(build(qk_norm=qk_norm)).double()
    results = []
    for form in (model, Whole(model)):
        model.zero_grad()
        features = form(batch().double())
        features = features if torch.is_tensor(features) else features[0]
        features.square().sum().backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        results.append((features, grads))
    (short, short_grads), (whole, whole_grads) = results
    assert distance(short, whole) < SAME
    # all in one: behind a softmax some are zero but for rounding
    assert distance(joined(short_grads), joined(whole_grads)) < SAME
    for name, grad in whole_grads.items():
        assert grad.abs().max() > 0, name


@pytest.mark.parametrize("stem", ["patch", "conv"])
def test_a_batch_may_be_split(stem):
    model = spread(build(stem=stem)).double()
    images = batch(9).double()
    together = model(images)[0]
    apart = torch.cat([model(part)[0] for part in images.split(4)])
    assert distance(together, apart) < SAME


# ---- start values


def test_start_values():
    """Uniform within Xavier's bounds, with the deviation of a uniform."""
    d = 96
    model = build(width=d, heads=4, depth=1, image_size=16, patch_size=8)
    block, inside = model.blocks[0], 3 * 8 * 8
    bounds = {
        model.patch_projection.weight: math.sqrt(6 / (inside + d)),
        block.attention.qkv.weight: math.sqrt(6 / (d + d)),  # three matrices, not one
        block.attention.proj.weight: math.sqrt(6 / (d + d)),
        block.fc1.weight: math.sqrt(6 / (5 * d)),
        block.fc2.weight: math.sqrt(6 / (5 * d)),
    }
    for weight, bound in bounds.items():
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.99 * bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)
    biases = [p for n, p in model.named_parameters() if n.endswith("bias")]
    assert biases
    assert all((bias == 0).all() for bias in biases)
    assert 0 < model.class_token.abs().max() < 1e-5


@pytest.mark.parametrize("width", [20, 48, 96])
def test_an_orthogonal_start_has_the_length_of_xaviers(width):
    """Rows orthogonal up to d = D = 48, columns beyond; tokens vary as much."""
    plain, ours = (
        build(width=width, heads=4, patch_projection_start=start)
        for start in ("xavier", "orthogonal")
    )
    weight = ours.patch_projection.weight.detach()
    small = weight @ weight.t() if width <= 48 else weight.t() @ weight
    gain = 2 * max(width, 48) / (width + 48)
    assert torch.allclose(small, gain * torch.eye(len(small)), atol=1e-5)
    # Xavier's variance 2 / (d + D), times the number of entries
    total = weight.square().sum().item()
    assert total == pytest.approx(2 * width * 48 / (width + 48), rel=1e-5)
    assert plain.patch_projection.weight.square().sum().item() == pytest.approx(
        total, rel=0.05
    )


def test_an_orthogonal_start_is_the_nearest_and_moves_nothing_else():
    plain, ours = (
        build(patch_projection_start=start) for start in ("xavier", "orthogonal")
    )
    others = ours.state_dict()
    for name, value in plain.state_dict().items():
        same = torch.equal(value, others[name])
        assert same == (name != "patch_projection.weight"), name
    drawn, made = (m.patch_projection.weight.detach() for m in (plain, ours))
    generator = torch.Generator().manual_seed(1)
    for size in (0.01, 0.1, 1.0):
        noise = torch.randn(drawn.shape, generator=generator) * size
        rival = orthogonal(made + noise)
        assert (made - drawn).norm() < (rival - drawn).norm()


@pytest.mark.parametrize("stem", ["patch", "conv"])
def test_a_fixed_projection_never_moves(stem):
    recipe = tiny(patch_projection="fixed", stem=stem, base_lr=1.0)
    training = train(recipe, blobs())
    sides = (training.model.query.backbone, training.model.key.backbone)

    def weights(part):
        return [p.clone() for side in sides for p in getattr(side, part).parameters()]

    before, blocks_before = weights("patch_projection"), weights("blocks")
    for _ in training:
        pass
    assert training.outcome == "finished"
    projection = sides[0].patch_projection
    assert all(p.grad is None and not p.requires_grad for p in projection.parameters())
    after = weights("patch_projection")
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    moved = zip(blocks_before, weights("blocks"), strict=True)
    assert not any(torch.equal(a, b) for a, b in moved)  # the rest did


def test_a_learned_projection_moves_on_both_sides():
    training = train(tiny(), blobs())
    sides = (training.model.query, training.model.key)
    before = [side.backbone.patch_projection.weight.clone() for side in sides]
    for _ in training:
        pass
    for side, start in zip(sides, before, strict=True):
        assert not torch.equal(side.backbone.patch_projection.weight, start)


# ---- the convolutional stem and the ResNet


@pytest.mark.parametrize(("patch_size", "halvings"), [(2, 1), (4, 2), (16, 4)])
def test_the_conv_stem_gives_a_token_a_patch(patch_size, halvings):
    model = build(stem="conv", patch_size=patch_size, image_size=32)
    _, out = model(batch(2, 3, 32))
    assert out["patches"].shape == (2, (32 // patch_size) ** 2, 24)
    layers = [m for m in model.patch_projection if isinstance(m, nn.Conv2d)]
    assert [m.stride for m in layers] == [(2, 2)] * halvings + [(1, 1)]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())


@pytest.mark.parametrize(("patch_size", "side"), [(7, 28), (3, 9), (14, 28), (5, 60)])
def test_the_conv_stem_stretches_other_patches_to_a_power_of_2(patch_size, side):
    """The same numbers as from images that were enlarged beforehand."""
    stem = build(1, stem="conv", patch_size=patch_size, image_size=side)
    stem = stem.patch_projection
    power = 2 ** math.ceil(math.log2(patch_size))
    larger = build(1, stem="conv", patch_size=power, image_size=power).patch_projection
    larger.load_state_dict(stem.state_dict())
    images = batch(2, 1, side)
    grid = side // patch_size
    tokens = stem(images)
    assert tokens.shape == (2, grid**2, 24)
    enlarged = F.interpolate(images, (grid * power, grid * power), mode="bilinear")
    assert torch.equal(tokens, larger(enlarged))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_resnet_is_torchvisions_but_for_the_small_stem(channels):
    ours = build(channels, backbone="resnet18").eval()
    theirs = torchvision.models.resnet18()
    theirs.fc = nn.Identity()
    theirs.maxpool = nn.Identity()
    theirs.conv1 = nn.Conv2d(channels, 64, 3, stride=1, padding=1, bias=False)
    theirs.load_state_dict(ours.body.state_dict())
    images = batch(2, channels)
    features, out = ours(images)
    assert torch.equal(features, theirs.eval()(images))
    assert features.shape == (2, 512) == (2, ours.width)
    assert out["features"] is features


def test_a_large_resnet_keeps_its_stem():
    ours = build(backbone="resnet18", image_size=96, patch_size=8).eval()
    theirs = torchvision.models.resnet18()
    theirs.fc = nn.Identity()
    theirs.load_state_dict(ours.body.state_dict())
    images = batch(1, 3, 96)
    assert torch.equal(ours(images)[0], theirs.eval()(images))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_smallest_resnet_by_hand(channels):
    """Stem and one block in plain calls; 64 features at the end."""
    ours = build(channels, backbone="resnet8").eval()
    images = batch(2, channels)

    def conv_norm(x, conv, norm, stride=1):
        x = F.conv2d(x, conv.weight, stride=stride, padding=conv.padding)
        mean, var = norm.running_mean, norm.running_var
        return F.batch_norm(x, mean, var, norm.weight, norm.bias)

    features, out = ours(images)
    assert features.shape == (2, 64) == (2, ours.width)
    x = conv_norm(images, ours.stem, ours.norm, 2).relu()
    assert torch.allclose(out["stem"], x, atol=1e-6)
    first, *rest = ours.blocks
    y = conv_norm(x, first.conv1, first.bn1).relu()
    x = (conv_norm(y, first.conv2, first.bn2) + x).relu()
    for block in rest:
        y = conv_norm(x, block.conv1, block.bn1, 2).relu()
        y = conv_norm(y, block.conv2, block.bn2)
        x = (y + conv_norm(x, *block.downsample, 2)).relu()
    assert torch.allclose(features, x.mean((2, 3)), atol=1e-5)


# ---- BatchNorm behind the patch projection


def test_batch_norm_acts_on_each_token():
    model = build(patch_projection_norm="batch").train()
    images = batch(6)
    _, out = model(images)
    tokens = out["patches"].flatten(0, 1)  # every token of every image
    assert torch.allclose(tokens.mean(0), torch.zeros(tokens.shape[1]), atol=1e-5)
    plain = model.patch_projection(images).flatten(0, 1)
    variance = plain.var(0, correction=0)
    expected = (plain - plain.mean(0)) / (variance + 1e-5).sqrt()
    assert torch.allclose(tokens, expected, atol=1e-5)


def test_with_that_norm_a_view_is_never_split():
    recipe = tiny(patch_projection_norm="batch")
    torch.manual_seed(0)
    encoder = Encoder(recipe, 3)
    assert not encoder.splits
    views = batch(2 * (CHUNK + 2), side=8).view(2, CHUNK + 2, 3, 8, 8)
    _, features = encoder(views)
    for view, feature in zip(views, features, strict=True):
        assert torch.equal(encoder.backbone(view)[0], feature)


# ---- weight normalisation of the patch projection


def test_a_normed_weight_starts_as_the_plain_one():
    plain, ours = (build(patch_projection_norm=n) for n in ("none", "weight"))
    images = batch()
    exact = doubled(plain)(images.double())[0]
    assert_as_exact(ours(images)[0], plain(images)[0], exact)
    others = ours.state_dict()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, others.pop(name)), name
    assert list(others) == ["patch_projection.gain"]


def test_a_normed_weight_is_torchs():
    ours = spread(build(patch_projection_norm="weight")).patch_projection
    theirs = PatchProjection(3, 4, 24)
    nn.utils.parametrizations.weight_norm(theirs)
    pair = theirs.parametrizations.weight
    with torch.no_grad():
        theirs.bias.copy_(ours.bias)
        pair.original0.copy_(ours.gain[:, None])
        pair.original1.copy_(ours.weight)
    outputs = [layer(batch()) for layer in (ours, theirs)]
    assert torch.allclose(*outputs, atol=1e-5)
    for output in outputs:
        output.square().sum().backward()
    pairs = ((ours.weight, pair.original1), (ours.gain[:, None], pair.original0))
    assert torch.allclose(ours.weight.grad, pair.original1.grad, rtol=1e-4, atol=1e-3)
    assert torch.allclose(
        ours.gain.grad, pair.original0.grad.flatten(), rtol=1e-4, atol=1e-3
    )
    assert all(p.shape == q.shape for p, q in pairs)


def test_with_a_normed_weight_a_view_may_be_split():
    assert Encoder(tiny(patch_projection_norm="weight"), 3).splits
