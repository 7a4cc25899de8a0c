"""Two views of a whole batch at once, each sample with parameters of its own.

BYOL's asymmetric recipe as MoCo v3 uses it: random resized crop, colour jitter,
grey, blur, solarize (second view only), flip. `draw` makes the random numbers and
`apply` uses them, so the same numbers give the same pixels anywhere. What small or
grey images don't have is left out: no blur under 64 pixels, no saturation, hue or
grey for one channel.

A crop is linear in the pixels, so crop, resize, antialiasing and flip together are
two small matrices a sample: view = rows @ image @ columns^T.
"""

import math
from dataclasses import dataclass, replace

import torch

BLUR_FROM = 64  # pixels a side; smaller images are never blurred
CHUNK = 64  # images that share an order of the jitter; also what fits a cache
TRIES = 10  # crops that are drawn before the centre is taken, as torchvision does
GREY = (0.299, 0.587, 0.114)  # ITU-R 601 luma, as torchvision and PIL use


@dataclass(frozen=True, kw_only=True)
class Strength:
    """One view's distribution. Factors are drawn from 1 - x to 1 + x."""

    scale: tuple = (0.08, 1.0)  # share of the area that a crop keeps
    ratio: tuple = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: float = 0.8  # probability of any colour jitter
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grey: float = 0.2
    blur: float = 0.0
    solarize: float = 0.0


_PLAIN = dict(jitter=0.0, grey=0.0)
STRENGTHS = {
    "full": (Strength(blur=1.0), Strength(blur=0.1, solarize=0.2)),
    "medium": (Strength(scale=(0.5, 1.0)), Strength(scale=(0.5, 1.0))),
    "light": (
        Strength(scale=(0.6, 1.0), **_PLAIN),
        Strength(scale=(0.6, 1.0), **_PLAIN),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Params:
    """The random numbers of one view of a batch of n images; each [n] unless said."""

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor
    width: torch.Tensor
    flip: torch.Tensor  # bool
    factors: torch.Tensor  # [n, 3]: brightness, contrast, saturation
    hue: torch.Tensor  # share of the colour circle
    orders: torch.Tensor  # [ceil(n / CHUNK), 4]: order of the four jitters
    grey: torch.Tensor  # bool
    sigma: torch.Tensor  # blur's width in pixels, 0 for none
    solarize: torch.Tensor  # bool

    def to(self, device) -> "Params":
        """The same numbers there; the orders stay, they decide what is called."""
        moved = {k: v.to(device) for k, v in vars(self).items() if k != "orders"}
        return replace(self, **moved)


def draw(strength: Strength, n: int, side: tuple, generator) -> Params:
    """The random numbers of one view for n images of `side` = (H, W)."""
    rand = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
    top, left, height, width = _draw_crop(strength, n, side, rand)
    jittered = rand(n) < strength.jitter
    spread = torch.tensor((strength.brightness, strength.contrast, strength.saturation))
    factors = 1 + (2 * rand(n, 3) - 1) * spread
    hue = (2 * rand(n) - 1) * strength.hue
    orders = rand(math.ceil(n / CHUNK), 4).argsort(1)
    sigma = 0.1 + 1.9 * rand(n)
    return Params(
        top=top,
        left=left,
        height=height,
        width=width,
        flip=rand(n) < strength.flip,
        factors=torch.where(jittered[:, None], factors, 1.0),
        hue=torch.where(jittered, hue, 0.0),
        orders=orders,
        grey=rand(n) < strength.grey,
        sigma=torch.where(rand(n) < strength.blur, sigma, 0.0),
        solarize=rand(n) < strength.solarize,
    )


def _draw_crop(strength: Strength, n: int, side: tuple, rand):
    """torchvision's RandomResizedCrop: `TRIES` a sample, else the centre."""
    high, wide = side
    area = strength.scale[0] + rand(n, TRIES) * (strength.scale[1] - strength.scale[0])
    log_ratio = [math.log(r) for r in strength.ratio]
    ratio = torch.exp(log_ratio[0] + rand(n, TRIES) * (log_ratio[1] - log_ratio[0]))
    w = torch.round(torch.sqrt(area * high * wide * ratio))
    h = torch.round(torch.sqrt(area * high * wide / ratio))
    fits = (w > 0) & (h > 0) & (w <= wide) & (h <= high)
    first = fits.int().argmax(1, keepdim=True)
    w, h = w.gather(1, first)[:, 0], h.gather(1, first)[:, 0]
    none = ~fits.any(1)
    # the fallback keeps as much as the ratio allows, from the centre
    whole = wide / high
    w = torch.where(none, round(min(wide, high * strength.ratio[1])), w)
    h = torch.where(none, round(min(high, wide / strength.ratio[0])), h)
    if strength.ratio[0] <= whole <= strength.ratio[1]:
        w, h = torch.where(none, wide, w), torch.where(none, high, h)
    top = torch.floor(rand(n) * (high - h + 1))
    left = torch.floor(rand(n) * (wide - w + 1))
    top = torch.where(none, torch.floor((high - h) / 2), top)
    left = torch.where(none, torch.floor((wide - w) / 2), left)
    return top, left, h, w


def apply(images, params: Params, size: int, mean=0.0, std=1.0, out=None, first=0):
    """One view: uint8 [n, C, H, W] to float32 [n, C, size, size], where images are.

    In 0..1, unless a mean and a deviation [C, 1, 1] are given to normalize by. The
    images may be some of those that `params` are for, from the `first` on. `out`, of
    the result's shape, is written to and returned.
    """
    n, device = len(images), images.device
    if out is None:
        out = torch.empty(n, images.shape[1], size, size, device=device)
    params = params.to(device)
    for i in range(first // CHUNK, math.ceil((first + n) / CHUNK)):
        # one chunk goes all the way before the next: it stays in the cache
        start, end = max(first, i * CHUNK), min(first + n, (i + 1) * CHUNK)
        p, part = _sliced(params, slice(start, end)), slice(start - first, end - first)
        view = _coloured(crop(images[part], p, size), p, params.orders[i].tolist())
        torch.sub(view, mean, out=out[part]).div_(std)
    return out


def two_views(
    images, strength: str, size: int, *, mean, std, generator, first=0, whole=None
):
    """Both views of a uint8 batch, normalized: float32 [2, n, C, size, size].

    first, whole: where a share of a batch begins, and the number of the batch's images.
    """
    n, channels, *side = images.shape
    views = torch.empty(2, n, channels, size, size, device=images.device)
    mean, std = (m.to(images.device)[:, None, None] for m in (mean, std))
    for view, own in zip(views, STRENGTHS[strength], strict=True):
        params = draw(own, whole or n, side, generator)  # for all: a share has its own
        apply(images, params, size, mean, std, out=view, first=first)
    return views


def _coloured(view, p: Params, order: list) -> torch.Tensor:
    """What follows the crop, for one chunk; works in place."""
    if view.shape[1] == 3:
        view = jitter(view, p, order)
        grey = _luma(view[p.grey])
        view[p.grey] = grey.expand(-1, 3, -1, -1)
    else:
        view = jitter(view, p, [kind for kind in order if kind < 2])
    if view.shape[-1] >= BLUR_FROM and (p.sigma > 0).any():
        view = _blur(view, p.sigma)
    return solarize(view, p.solarize) if p.solarize.any() else view


def normalize(images: torch.Tensor, mean, std) -> torch.Tensor:
    """Zero mean and unit deviation for each channel; in place; [..., C, H, W]."""
    return images.sub_(mean[:, None, None]).div_(std[:, None, None])


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """Clean images for evaluation: uint8 to float32 in 0..1, [n, C, size, size]."""
    scaled = images.float().div_(255)
    if images.shape[-2:] == (size, size):
        return scaled
    return torch.nn.functional.interpolate(
        scaled, (size, size), mode="bilinear", antialias=True
    )


def _sliced(params: Params, part: slice) -> Params:
    rows = {k: v[part] for k, v in vars(params).items() if k != "orders"}
    return replace(params, **rows)


def crop(images, p: Params, size: int) -> torch.Tensor:
    """Crop, antialiased bilinear resize and flip, as rows @ image @ columns^T."""
    n, channels, high, wide = images.shape
    down = torch.arange(size, device=images.device)[:, None]
    right = torch.where(p.flip[:, None, None], size - 1 - down, down)
    rows = _resample(p.top, p.height, high, size, down).div_(255)
    columns = _resample(p.left, p.width, wide, size, right)
    flat = images.float().view(n, channels * high, wide)
    across = torch.bmm(flat, columns.transpose(1, 2)).view(n, channels, high, size)
    return torch.matmul(rows[:, None], across)


def _resample(start, length, source: int, size: int, place) -> torch.Tensor:
    """Each sample's [size, source] matrix of triangle weights; rows sum to 1.

    `place` [..., size, 1] says which place of the crop an output row shows.
    """
    scale = (length / size)[:, None, None]
    pixel = torch.arange(source, dtype=torch.float32, device=start.device)[None, None]
    start, end = start[:, None, None], (start + length)[:, None, None]
    centre = start - 0.5 + (place + 0.5) * scale
    weight = (pixel - centre).abs_().div_(-scale.clamp(min=1)).add_(1)
    # nothing from outside the crop; the half keeps the comparison off the pixels
    inside = torch.minimum(pixel - start + 0.5, end - pixel - 0.5) * 1e6
    weight = torch.minimum(weight, inside, out=weight).clamp_(min=0)
    return weight.div_(weight.sum(2, keepdim=True))


def _luma(view: torch.Tensor) -> torch.Tensor:
    """[n, 3, H, W] to [n, 1, H, W]."""
    r, g, b = view.unbind(1)
    return (r * GREY[0]).add_(g, alpha=GREY[1]).add_(b, alpha=GREY[2])[:, None]


def jitter(view, p: Params, order: list) -> torch.Tensor:
    """Brightness 0, contrast 1, saturation 2 and hue 3, in the given order."""
    brightness, contrast, saturation = p.factors[:, :, None, None, None].unbind(1)
    for kind in order:
        if kind == 0:
            view = view.mul_(brightness).clamp_(0, 1)
        elif kind == 1:
            grey = _luma(view) if view.shape[1] == 3 else view
            middle = grey.mean((1, 2, 3), keepdim=True)
            view = view.mul_(contrast).add_(middle * (1 - contrast)).clamp_(0, 1)
        elif kind == 2:
            rest = _luma(view) * (1 - saturation)
            view = view.mul_(saturation).add_(rest).clamp_(0, 1)
        else:
            view = _turn_hue(view, p.hue[:, None, None])
    return view


def solarize(view, chosen) -> torch.Tensor:
    """The chosen [n] of the images with every value above a half turned over."""
    return torch.where(chosen[:, None, None, None], torch.minimum(view, 1 - view), view)


def _turn_hue(view, turn) -> torch.Tensor:
    """Turn the colour circle by `turn`, at equal value and saturation (HSV)."""
    r, g, b = view.unbind(1)
    high = torch.maximum(torch.maximum(r, g), b)
    low = torch.minimum(torch.minimum(r, g), b)
    span = high - low
    # six times the hue, in 0..6, from the two channels below the highest
    other = torch.where(
        high == g, (b - r).add_(span, alpha=2), (r - g).add_(span, alpha=4)
    )
    hue = torch.where(high == r, g - b, other).div_(span.clamp(min=1e-12))
    hue = hue.add_(turn * 6)
    hue = hue.sub_(torch.floor(hue / 6), alpha=6)  # remainder_ takes ten times longer
    # back to channels: each is a trapezoid of the hue between low and high
    out = torch.empty_like(view)
    for channel, (centre, height) in enumerate(((3, -1), (2, 2), (4, 2))):
        wave = (hue - centre).abs_()
        wave = wave.add_(height) if height < 0 else wave.neg_().add_(height)
        torch.addcmul(low, span, wave.clamp_(0, 1), out=out[:, channel])
    return out


def _blur(view, sigma) -> torch.Tensor:
    """Gaussian blur of each sample with its own sigma, as two matrices again."""
    size = view.shape[-1]
    place = torch.arange(size, device=view.device)
    offset = place[:, None] - place[None]
    width = sigma.clamp(min=1e-3)[:, None, None]
    kernel = torch.exp(-0.5 * (offset / width) ** 2)
    kernel = (kernel / kernel.sum(2, keepdim=True))[:, None]
    return kernel @ view @ kernel.transpose(2, 3)
