"""Images of more bits than eight, or of fewer, as eight bits a channel."""

from pathlib import Path

import numpy as np
from PIL import Image

from mocolib.errors import BadInput
from mocolib.files import shown

BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
SIGNED = 2  # a value of the last


def eight_bit(image: Image.Image, file: Path) -> Image.Image:
    """The image with 8 bits a channel, where convert() would clip or warn."""
    if image.mode == "F":
        values = np.asarray(image)
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= 1):  # nan neither
            raise BadInput(
                f"image {shown(file)} holds floats from {low:g} to {high:g}, but must "
                "hold floats from 0 to 1, or whole numbers."
            )
        return _scaled(values, 1)
    if image.mode[0] == "I":
        return _from_integers(image, file)
    if image.mode in ("P", "PA") and "transparency" in image.info:
        return image.convert("RGBA")
    premultiplied = {"RGBa": "RGBA", "La": "LA"}
    if image.mode in premultiplied:
        return image.convert(premultiplied[image.mode])
    return image


def _from_integers(image: Image.Image, file: Path) -> Image.Image:
    """Grey of 16 or 32 bits, scaled by the largest value that its format can hold."""
    values, most, bits = _integers(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or (bits == 32 and 0 < high < 2**16):  # black all over, or nearly
        raise BadInput(
            f"image {shown(file)} holds numbers of {bits} bits from {low} to {high}, "
            f"but must use the range from 0 to {most}, or be saved with 8 or 16 bits."
        )
    white_is_zero = getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0
    return _scaled(most - values if white_is_zero else values, most)


def _integers(image: Image.Image) -> tuple[np.ndarray, int, int]:
    """Grey values of 16 or 32 bits; the largest that the format can hold; its bits."""
    values, tags = np.asarray(image), getattr(image, "tag_v2", {})
    narrow = image.mode.startswith("I;16") or image.format in ("PNG", "PPM")
    bits = tags.get(BITS, (16 if narrow else 32,))[0]
    signed = tags.get(SAMPLE_FORMAT, (1 if narrow else SIGNED,))[0] == SIGNED
    if bits == 32 and not signed:
        values = values.view(np.uint32)
    return values, 2 ** (bits - signed) - 1, bits


def _scaled(values: np.ndarray, most: int) -> Image.Image:
    return Image.fromarray(np.rint(values * (255 / most)).astype(np.uint8))


def are_many(image: Image.Image) -> bool:
    """Whether a file has more than 8 bits a channel; by its header, so not loaded yet.

    Of colours with 16 bits Pillow keeps the high 8, but its decoder's words tell.
    """
    told = [one for tile in image.tile for one in _several(tile[3])]
    return image.mode[0] == "I" or any(";16" in str(one) for one in told)


def _several(one) -> tuple | list:
    return one if isinstance(one, (tuple, list)) else [one]


def share_of_range(image: Image.Image) -> float:
    """The largest value of one with many bits, over the largest that it could hold.

    Of colours the low bytes are not to be had, and may be as large as they can.
    """
    if image.mode[0] == "I":
        values, most, _ = _integers(image)
        return float(values.max() / most)
    bands = zip(image.getbands(), np.reshape(image.getextrema(), (-1, 2)), strict=True)
    high = max(high for name, (_, high) in bands if name != "A")
    return float(256 * high + 255) / (2**16 - 1)
