"""Two views: the same pixels as torchvision's operations, the same distributions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from mocolib import augment
from mocolib.augment import CHUNK, STRENGTHS, Params, Strength, apply, draw, two_views
from tests.tiny import random_images

pytestmark = pytest.mark.numeric

CLOSE = 1e-5  # float32 rounding
LUMA = 5e-4  # torchvision's grey weights have four digits, 0.2989 for 0.299


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def still(n: int, side: tuple, **changes) -> Params:
    """Parameters that change nothing, but for those given."""
    zero, no = torch.zeros(n), torch.zeros(n, dtype=torch.bool)
    whole = Params(
        top=zero,
        left=zero,
        height=torch.full((n,), float(side[0])),
        width=torch.full((n,), float(side[1])),
        flip=no,
        factors=torch.ones(n, 3),
        hue=zero,
        orders=torch.arange(4).repeat(math.ceil(n / CHUNK), 1),
        grey=no,
        sigma=zero,
        solarize=no,
    )
    return replace(whole, **changes)


def views(images, **changes):
    """The images as floats, and their views with some parameters changed."""
    n, _, *side = images.shape
    return images / 255, apply(images, still(n, side, **changes), side[1])


def assert_close(ours, theirs, tolerance=CLOSE):
    assert (ours - theirs).abs().max() <= tolerance


# ---- operations against torchvision's, parameters given


def test_parameters_that_change_nothing():
    plain, ours = views(random_images(3))
    assert_close(ours, plain)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 20, 28, 33])
def test_crop_resize_and_flip(size, channels):
    """Every crop is resized alike, enlarged or antialiased, flipped or not."""
    images = random_images(40, channels, 28)
    params = draw(
        Strength(scale=(0.02, 1.0), jitter=0, grey=0), 40, (28, 28), generator()
    )
    ours = apply(images, params, size)
    assert len({params.height[i].item() for i in range(40)}) > 10
    boxes = torch.stack([params.top, params.left, params.height, params.width], 1).int()
    for i, box in enumerate(boxes.tolist()):
        theirs = tv.resized_crop(images[i] / 255, *box, [size, size], antialias=True)
        theirs = tv.horizontal_flip(theirs) if params.flip[i] else theirs
        assert_close(ours[i], theirs)


@pytest.mark.parametrize("side", [(10, 31), (31, 10), (1, 40)])
def test_crops_of_images_that_are_not_square(side):
    images = torch.randint(0, 256, (9, 3, *side), generator=generator()).to(torch.uint8)
    params = draw(Strength(jitter=0, grey=0, flip=0), 9, side, generator())
    ours = apply(images, params, 16)
    boxes = torch.stack([params.top, params.left, params.height, params.width], 1).int()
    for i, box in enumerate(boxes.tolist()):
        theirs = tv.resized_crop(images[i] / 255, *box, [16, 16], antialias=True)
        assert_close(ours[i], theirs)


FACTORS = (0.6, 0.9, 1.0, 1.4)


@pytest.mark.parametrize(
    ("place", "adjust", "tolerance"),
    [
        (0, tv.adjust_brightness, CLOSE),
        (1, tv.adjust_contrast, LUMA),
        (2, tv.adjust_saturation, LUMA),
    ],
)
def test_a_jitter_factor(place, adjust, tolerance):
    factors = torch.ones(4, 3)
    factors[:, place] = torch.tensor(FACTORS)
    plain, ours = views(random_images(4), factors=factors)
    for image, view, factor in zip(plain, ours, FACTORS, strict=True):
        assert_close(view, adjust(image, factor), tolerance)


def special_colours():
    """Black, white, greys, pure and mixed colours: where a hue is hard to tell."""
    levels = torch.tensor([0, 100, 200, 255])
    colours = torch.cartesian_prod(levels, levels, levels).t().reshape(1, 3, 8, 8)
    return colours.to(torch.uint8)


@pytest.mark.parametrize("turn", [-0.5, -0.1, -0.03, 0.0, 0.07, 0.1, 0.5])
def test_hue(turn):
    images = torch.cat([random_images(3), special_colours()])
    plain, ours = views(images, hue=torch.full((4,), turn))
    assert_close(ours, tv.adjust_hue(plain, turn))


def test_grey():
    plain, ours = views(random_images(2), grey=torch.tensor([True, False]))
    assert_close(ours[0], tv.rgb_to_grayscale(plain[0], 3), LUMA)
    assert_close(ours[1], plain[1])


def test_solarize():
    plain, ours = views(random_images(2), solarize=torch.tensor([True, False]))
    assert_close(ours[0], tv.solarize(plain[0], 0.5))
    assert_close(ours[1], plain[1])


def test_blur():
    """Against a wide kernel; the ends differ, as ours looks at no mirrored pixel."""
    plain, ours = views(random_images(3, 3, 64), sigma=torch.tensor([0.3, 2.0, 0.0]))
    inside = (..., slice(12, -12), slice(12, -12))
    for i, sigma in ((0, 0.3), (1, 2.0)):
        theirs = tv.gaussian_blur(plain[i], [25, 25], [sigma, sigma])
        assert_close(ours[i][inside], theirs[inside])
    assert_close(ours[2], plain[2])


def test_small_images_are_never_blurred():
    plain, ours = views(random_images(2, 3, 63), sigma=torch.full((2,), 2.0))
    assert_close(ours, plain)


ADJUST = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_jitters_follow_their_order(order):
    amounts = (1.35, 0.65, 1.2, 0.08)
    plain, ours = views(
        random_images(3),
        factors=torch.tensor([amounts[:3]] * 3),
        hue=torch.full((3,), amounts[3]),
        orders=torch.tensor([order]),
    )
    for kind in order:
        plain = ADJUST[kind](plain, amounts[kind])
    assert_close(ours, plain, 2 * LUMA)


# ---- distributions against torchvision's


def distance(ours, theirs) -> float:
    """Kolmogorov and Smirnov's: the largest gap between two cumulated shares."""
    ours, theirs = np.sort(np.asarray(ours)), np.sort(np.asarray(theirs))
    points = np.union1d(ours, theirs)
    below = [np.searchsorted(x, points, side="right") / len(x) for x in (ours, theirs)]
    return np.abs(below[0] - below[1]).max()


DRAWN, THEIRS = 20_000, 3_000
# what two samples of one distribution exceed once in ten thousand times
GAP = 2.23 * math.sqrt(1 / DRAWN + 1 / THEIRS)


@pytest.mark.parametrize("strength", ["full", "medium"])
@pytest.mark.parametrize("side", [(28, 28), (40, 24), (24, 200)])
def test_crops_are_torchvisions(side, strength):
    ours_strength = STRENGTHS[strength][0]
    ours = draw(ours_strength, DRAWN, side, generator())
    scale = ours_strength.scale
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        crop = v2.RandomResizedCrop(1, scale=scale, ratio=ours_strength.ratio)
        image = [torch.empty(3, *side)]
        theirs = [crop.make_params(image) for _ in range(THEIRS)]
    for name in ("top", "left", "height", "width"):
        assert distance(getattr(ours, name), [p[name] for p in theirs]) < GAP, name
    area = [p["height"] * p["width"] for p in theirs]
    assert distance(ours.height * ours.width, area) < GAP


@pytest.mark.parametrize("side", [(4, 400), (400, 4), (1, 9), (9, 1)])
def test_an_extreme_shape_falls_back_as_torchvision_does(side):
    """No try fits a crop of the whole area, so each is the fall-back."""
    strength = Strength(scale=(0.9, 1.0))
    ours = draw(strength, 5, side, generator())
    crop = v2.RandomResizedCrop(1, scale=strength.scale, ratio=strength.ratio)
    theirs = crop.make_params([torch.empty(3, *side)])
    for name, value in theirs.items():
        assert getattr(ours, name).tolist() == [value] * 5, name


def test_jitter_factors_are_torchvisions():
    strength = STRENGTHS["full"][0]
    ours = draw(strength, DRAWN, (8, 8), generator())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        jitter = v2.ColorJitter(0.4, 0.4, 0.2, 0.1)
        theirs = [jitter.make_params([]) for _ in range(THEIRS)]
    chosen = ours.hue != 0
    assert chosen.float().mean() == pytest.approx(strength.jitter, abs=0.015)
    names = ("brightness", "contrast", "saturation")
    for i, name in enumerate(names):
        their_values = [p[f"{name}_factor"] for p in theirs]
        assert distance(ours.factors[chosen, i], their_values) < GAP, name
        assert (ours.factors[~chosen, i] == 1).all()
    their_hue = [p["hue_factor"] for p in theirs]
    assert distance(ours.hue[chosen], their_hue) < GAP


def test_every_order_of_the_jitters_comes_up():
    orders = draw(STRENGTHS["full"][0], 4000 * CHUNK, (8, 8), generator()).orders
    seen, counts = orders.unique(dim=0, return_counts=True)
    assert len(seen) == 24
    assert counts.min() > 4000 / 24 * 0.7


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("full", [(0.5, 0.8, 0.2, 1.0, 0.0), (0.5, 0.8, 0.2, 0.1, 0.2)]),
        ("medium", [(0.5, 0.8, 0.2, 0.0, 0.0)] * 2),
        ("light", [(0.5, 0.0, 0.0, 0.0, 0.0)] * 2),
    ],
)
def test_how_often_each_thing_happens(name, shares):
    """flip, jitter, grey, blur, solarize; the first line is BYOL's recipe."""
    for strength, expected in zip(STRENGTHS[name], shares, strict=True):
        p = draw(strength, DRAWN, (8, 8), generator())
        happens = (p.flip, p.hue != 0, p.grey, p.sigma > 0, p.solarize)
        found = [h.float().mean().item() for h in happens]
        assert found == pytest.approx(expected, abs=0.015)


def test_weaker_views_keep_more_of_the_image():
    kept = []
    for name in ("full", "medium", "light"):
        p = draw(STRENGTHS[name][0], DRAWN, (100, 100), generator())
        kept.append((p.height * p.width).mean().item() / 100**2)
    assert kept[0] < kept[1] < kept[2]


def test_blur_widths():
    sigma = draw(STRENGTHS["full"][0], DRAWN, (8, 8), generator()).sigma
    assert 0.1 <= sigma.min() < 0.11
    assert 1.99 < sigma.max() <= 2.0
    assert sigma.mean() == pytest.approx(1.05, abs=0.02)


# ---- batches

AS_IT_IS = {"mean": torch.zeros(3), "std": torch.ones(3)}


def test_the_two_views_have_parameters_of_their_own():
    drawn = {**AS_IT_IS, "generator": generator()}
    first, second = two_views(random_images(30), "full", 8, **drawn)
    same = (first - second).abs().amax((1, 2, 3)) < 1e-3
    assert not same.any()


def test_samples_have_parameters_of_their_own():
    image = random_images(1, 3, 28).expand(50, -1, -1, -1)
    ours = apply(image, draw(STRENGTHS["light"][0], 50, (28, 28), generator()), 28)
    assert len({view.numpy().tobytes() for view in ours}) == 50


def test_a_sample_does_not_depend_on_its_neighbours():
    """But for the order of the jitter, which a chunk shares."""
    images = random_images(CHUNK + 30)
    params = draw(STRENGTHS["full"][1], len(images), (8, 8), generator())
    together = apply(images, params, 8)
    for i in (0, 17, CHUNK - 1, CHUNK, CHUNK + 29):
        rows = {k: v[i : i + 1] for k, v in vars(params).items() if k != "orders"}
        order = params.orders[i // CHUNK][None]
        alone = apply(images[i : i + 1], Params(**rows, orders=order), 8)
        assert_close(together[i], alone[0])


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 64])
def test_views_stay_in_range(name, channels, side):
    images = random_images(80, channels, side)
    images[0], images[1] = 0, 255
    for strength in STRENGTHS[name]:
        view = apply(images, draw(strength, 80, (side, side), generator()), side)
        assert view.shape == images.shape
        assert view.dtype == torch.float32
        assert view.min() >= -CLOSE
        assert view.max() <= 1 + CLOSE


def test_grey_images_get_brightness_and_contrast_only():
    """The same as a colour image of three equal channels, which has no colour."""
    grey = random_images(40, 1)
    params = draw(STRENGTHS["full"][1], 40, (8, 8), generator())
    one = apply(grey, params, 8)
    three = apply(grey.expand(-1, 3, -1, -1), params, 8)
    assert_close(one.expand(-1, 3, -1, -1), three)


def test_the_generator_decides_everything():
    def make(seed):
        torch.manual_seed(seed + 17)  # must not matter
        drawn = {**AS_IT_IS, "generator": generator(seed)}
        return two_views(random_images(70), "full", 8, **drawn)

    first = make(3)
    assert torch.equal(first, make(3))
    assert not torch.equal(first, make(4))
    assert first.shape == (2, 70, 3, 8, 8)


def test_views_are_normalized():
    mean, std = torch.tensor([0.1, 0.4, 0.9]), torch.tensor([0.2, 1.0, 3.0])
    images, own = random_images(9), {"mean": mean, "std": std}
    plain = two_views(images, "light", 8, **AS_IT_IS, generator=generator())
    ours = two_views(images, "light", 8, **own, generator=generator())
    assert_close(ours, (plain - mean[:, None, None]) / std[:, None, None], 1e-5)


def test_drawing_leaves_the_images_alone():
    images = random_images(9)
    before = images.clone()
    two_views(images, "full", 8, **AS_IT_IS, generator=generator())
    assert torch.equal(images, before)


@pytest.mark.parametrize("size", [4, 8, 13])
def test_clean_images(size):
    images = random_images(3)
    theirs = tv.resize(images / 255, [size, size], antialias=True)
    assert_close(augment.resized(images, size), theirs)
