"""Every kind of image file: eight bits without clipping, upright, or one sentence."""

import os
import struct
import warnings
import zlib
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from PIL import Image

from mocolib import data as data_module
from mocolib.data import decode, load
from mocolib.errors import BadInput
from tests.tiny import write_images

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def decoded(image, tmp_path, ending="png", grey=True, **options) -> np.ndarray:
    file = tmp_path / f"one.{ending}"
    image.save(file, **options)
    side = min(image.size)
    return decode.image(file, side, grey).numpy()


def turned(orientation: int) -> dict:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = orientation
    return dict(exif=exif)


# ---- more bits than eight


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_steps(tmp_path, ending):
    wide = Image.fromarray(RAMP.astype(np.uint16) * 257)
    assert (decoded(wide, tmp_path, ending)[0] == RAMP).all()


def test_sixteen_bits_are_rounded_not_cut(tmp_path):
    values = np.full((4, 4), 257 * 7 + 200, np.uint16)
    assert (decoded(Image.fromarray(values), tmp_path) == 8).all()


def test_whole_numbers_in_a_sixteen_bit_format_are_of_sixteen_bits(tmp_path):
    wide = Image.fromarray(RAMP.astype(np.int32) * 257)
    assert wide.mode == "I"
    assert (decoded(wide, tmp_path, "pgm")[0] == RAMP).all()


def test_thirty_two_bits_keep_their_steps(tmp_path):
    values = (RAMP / 255 * (2**31 - 1)).astype(np.int32)
    assert (decoded(Image.fromarray(values), tmp_path, "tif")[0] == RAMP).all()


@pytest.mark.parametrize("values", [[-1, 2**30], [0, 65_535], [0, 255]])
def test_thirty_two_bits_that_would_be_black_are_refused(tmp_path, values):
    image = Image.fromarray(np.array([values] * 2, np.int32))
    with pytest.raises(BadInput, match=r"one.tif holds numbers of 32 bits from .*\.$"):
        decoded(image, tmp_path, "tif")


def grey16(file, values):
    Image.fromarray(values.astype(np.uint16)).save(file)


def grey32(file, values):
    Image.fromarray((values.astype(np.int64) * 2**15).astype(np.int32)).save(file)


def rgb16(file, values):
    """A PNG of 16 bits a channel, which Pillow reads and does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", crc32(whole))

    high, wide = values.shape
    rows = np.repeat(values[..., None], 3, 2).astype(">u2").reshape(high, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(raw))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))


WIDE = {
    "png": (grey16, "png"),
    "tif": (grey16, "tif"),
    "tif of 32": (grey32, "tif"),
    "colours": (rgb16, "png"),
}


def folder_of(tmp_path, kind: str, largest: int, count: int = 6) -> str:
    """Two classes of images of more than 8 bits, each of noise up to `largest`."""
    write, ending = WIDE[kind]
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(count):
            values = rng.integers(0, largest + 1, (8, 8))
            values[0, 0] = largest
            write(tmp_path / name / f"{i}.{ending}", values)
    return f"folder:{tmp_path}"


@pytest.mark.parametrize("largest", [1, 255, 1023, 4095])
@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("held", [True, False])
def test_fewer_bits_than_a_format_has_are_refused(
    tmp_path, monkeypatch, kind, largest, held
):
    if not held:
        monkeypatch.setattr(data_module, "LARGEST", 200)
    folder = folder_of(tmp_path, kind, largest)
    with pytest.raises(BadInput, match=r"^image .*(ant|bee).* the brightest of .*\.$"):
        load(folder, 8)


@pytest.mark.parametrize("kind", WIDE)
def test_one_image_may_be_dark_where_another_is_bright(tmp_path, kind):
    folder = folder_of(tmp_path, kind, 255)
    write, ending = WIDE[kind]
    write(tmp_path / "bee" / f"9.{ending}", np.full((8, 8), 60_000))
    data = load(folder, 8)
    assert max(data.train_images.max(), data.test_images.max()) > 200


def test_eight_bits_beside_do_not_make_sixteen_bright(tmp_path):
    folder = folder_of(tmp_path, "png", 4095)
    write_images(tmp_path / "cow", 6, "L")
    with pytest.raises(BadInput, match="the brightest of those with more than 8 bits"):
        load(folder, 8)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    write_images(tmp_path / "ant", 6)
    os.mkfifo(tmp_path / "ant" / "pipe.png")
    with pytest.raises(BadInput, match=r"^image .*pipe.png cannot be read: it is no"):
        load(f"folder:{tmp_path}", 8)


def test_floats_from_zero_to_one_are_grey(tmp_path):
    image = Image.fromarray((RAMP / 255).astype(np.float32))
    assert (decoded(image, tmp_path, "tif")[0] == RAMP).all()


@pytest.mark.parametrize("odd", [-0.1, 1.1, 255.0, np.nan, np.inf])
def test_other_floats_are_refused(tmp_path, odd):
    image = Image.fromarray(np.array([[0, odd]] * 2, np.float32))
    with pytest.raises(BadInput, match=r"one.tif holds floats from .* 0 to 1.*\.$"):
        decoded(image, tmp_path, "tif")


# ---- other kinds of colour


def test_one_bit_is_black_or_white(tmp_path):
    pixels = RAMP > 127
    assert (decoded(Image.fromarray(pixels), tmp_path)[0] == pixels * 255).all()


def test_a_grey_image_with_transparency_is_grey(tmp_path):
    image = Image.fromarray(np.stack([RAMP, RAMP[::-1]], 2))
    assert image.mode == "LA"
    assert (decoded(image, tmp_path)[0] == RAMP).all()
    assert decode.all_grey([tmp_path / "one.png"])


@pytest.mark.parametrize("transparency", [3, bytes([0, 128, 255])])
def test_a_palette_with_transparency_keeps_its_colours(tmp_path, transparency):
    image = Image.fromarray(np.array([[0, 1], [2, 3]], np.uint8), "P")
    colours = [[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9]]
    image.putpalette([value for colour in colours for value in colour])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decoded(image, tmp_path, grey=False, transparency=transparency)
    assert found.reshape(3, 4).T.tolist() == colours


def test_cmyk_becomes_what_it_prints(tmp_path):
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    found = decoded(red, tmp_path, "tif", grey=False)
    assert found[:, 0, 0].tolist() == [255, 0, 0]


# ---- upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
def test_an_image_stands_as_the_camera_was_held(tmp_path, orientation, ending):
    """Stored as each orientation stores it, the same picture comes out."""
    upright = np.zeros((16, 16), np.uint8)
    upright[:8], upright[8:, :8] = 240, 120  # no symmetry
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = Image.fromarray(upright).convert("RGB")
    if orientation > 1:
        kind = back.get(orientation, decode.UPRIGHT[orientation])
        stored = stored.transpose(kind)
    found = decoded(stored, tmp_path, ending, **turned(orientation))
    assert np.abs(found[0].astype(int) - upright).max() < 30  # JPEG


def test_the_centre_is_that_of_the_upright_image(tmp_path):
    pixels = np.zeros((24, 8, 3), np.uint8)
    pixels[8:16] = 200
    lying = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    found = decoded(lying, tmp_path, grey=False, **turned(6))
    assert found.shape == (3, 8, 8)
    assert (found == 200).all()


def test_a_note_in_disorder_is_no_reason_to_refuse(tmp_path):
    image = Image.fromarray(RAMP)
    found = decoded(image, tmp_path, "jpg", quality=95, exif=b"Exif\0\0MM\0*\0\0\xff")
    assert found.shape == (1, 16, 16)


# ---- whatever a reader of formats raises


@pytest.mark.parametrize("kind", ["avif", "qoi", "webp", "gif", "tiff", "jpeg2000"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_a_damaged_file_of_any_kind_is_whole_or_one_sentence(tmp_path, kind, keep):
    if kind == "avif":
        pytest.importorskip("PIL._avif")
    file = tmp_path / "one.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, format=kind)
    raw = file.read_bytes()
    damaged = bytearray(raw[: int(len(raw) * keep)])
    damaged[len(damaged) // 2 :] = b"\xff" * (len(damaged) - len(damaged) // 2)
    file.write_bytes(damaged)
    try:
        assert decode.image(file, 8, False).shape == (3, 8, 8)
    except BadInput as refused:
        sentence = str(refused)
        assert str(file) in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_an_exception_that_no_list_names_is_one_sentence(tmp_path, monkeypatch):
    write_images(tmp_path, 1)

    def odd(*_):
        raise KeyError("a plugin's own")

    monkeypatch.setattr(decode.Image, "open", odd)
    with pytest.raises(BadInput, match=r"^image .*000.png cannot be decoded: .*\.$"):
        decode.image(tmp_path / "000.png", 8, False)


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX alone")
def test_names_that_are_no_utf8_are_read_and_can_be_printed(tmp_path):
    for name in (b"b\xe9te", b"chat"):
        folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        write_images(folder, 6)
        (folder / os.fsdecode(b"\xff.txt")).touch()
        for i, file in enumerate(sorted(folder.glob("*.png"))):
            file.rename(folder / os.fsdecode(b"\xff%d.png" % i))
    data = load(f"folder:{tmp_path}", 8)
    assert len(data.train_images) == 10
    data.report.encode()
    (folder / os.fsdecode(b"\xff1.png")).write_bytes(b"damaged")
    with pytest.raises(BadInput) as refused:
        load(f"folder:{tmp_path}", 8)
    str(refused.value).encode()


def test_colour_is_seen_wherever_it_is(tmp_path, monkeypatch):
    """In the last class, beyond the 64th image, in the test split, in a large set."""
    write_images(tmp_path / "a_grey", 80, "L")
    write_images(tmp_path / "b_grey", 7, "L")
    write_images(tmp_path / "c_red", 7)
    assert load(f"folder:{tmp_path}", 8).channels == 3
    monkeypatch.setattr(data_module, "LARGEST", 200)
    assert load(f"folder:{tmp_path}", 8).channels == 3
    for split, mode in (("train", "L"), ("test", "RGB")):
        write_images(tmp_path / "split" / split / "a", 4, mode)
    assert load(f"folder:{tmp_path}/split", 8).channels == 3


def test_images_taken_by_place_are_the_same_held_or_not(tmp_path):
    write_images(tmp_path, 6)
    files = sorted(tmp_path.glob("*.png"))
    held = torch.stack([decode.image(f, 8, False) for f in files])
    lazy, places = decode.LazyImages(files, 8, False), torch.tensor([4, 0, 2])
    assert torch.equal(decode.taken(lazy, places), decode.taken(held, places))
