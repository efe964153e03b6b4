"""Foreign files become upright RGB pictures of bounded size, or one plain error."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from image_search.imaging.decoding import LONGEST_SIDE, WORKING_SIDE, Picture, decode
from image_search.imaging.thumbnails import thumbnail
from tests.drawing import design, saved

RED, WHITE = (255, 0, 0), (255, 255, 255)
ROBUST = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "robust"


def read(data: bytes, megapixels: float = 128) -> Picture:
    picture = decode(data, max_megapixels=megapixels)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    return picture


def corner(picture: Picture) -> list[int]:
    return [int(sample) for sample in picture.pixels[2, 2]]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("AVIF", {"quality": 95}),
        ("HEIF", {"quality": 95}),
        ("JPEG2000", {}),
        ("TGA", {}),
        ("PPM", {}),
        ("PCX", {}),
        ("QOI", {}),
        ("DDS", {}),
        ("ICO", {"sizes": [(64, 48)]}),
    ],
)
def test_every_format_gives_the_same_picture(kind: str, options: dict[str, object]) -> None:
    original = design(1, (64, 48))

    picture = read(saved(original, kind, **options))

    assert (picture.width, picture.height) == (64, 48)
    assert picture.pixels.shape == (48, 64, 3)
    difference = np.abs(picture.pixels.astype(int) - np.asarray(original).astype(int))
    assert difference.mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "RGBA", "LA", "PA"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = Image.new("RGB", (40, 30), (200, 200, 200))
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
        assert lab is not None
        data = saved(lab, "TIFF")
    elif mode == "PA":
        data = saved(image.convert("P"), "PNG", transparency=255)
    else:
        data = saved(image.convert(mode), "TIFF")

    picture = read(data)

    assert picture.pixels.shape == (30, 40, 3)
    assert corner(picture) == pytest.approx([255] * 3 if mode == "1" else [200] * 3, abs=6)


@pytest.mark.parametrize("side", [40, 2000])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(mode: str, side: int) -> None:
    image = Image.new("RGBA", (side, side), (*RED, 0))
    image.paste((*RED, 255), (side // 2, 0, side, side))

    pixels = read(saved(image.convert(mode))).pixels

    assert pixels[5, 5].tolist() == [255] * 3
    painted = [255, 0, 0] if mode == "RGBA" else [76] * 3
    assert pixels[-5, -5].tolist() == pytest.approx(painted, abs=2)


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
@pytest.mark.parametrize("side", [40, 1200])
def test_a_colour_declared_transparent_is_laid_on_white(mode: str, side: int) -> None:
    image = Image.new("RGB", (side, side), (0, 51, 51))
    image.paste((153, 0, 0), (side // 2, 0, side, side))
    image = image.convert(mode)
    value = image.getpixel((0, 0))

    assert corner(read(saved(image, "PNG", transparency=value))) == [255] * 3


@pytest.mark.parametrize("side", [60, 1500])
def test_sixteen_bits_are_scaled_to_eight(side: int) -> None:
    ramp = np.linspace(0, 65535, side, dtype=np.uint16)
    samples = np.broadcast_to(ramp, (side, side))

    pixels = read(saved(Image.fromarray(np.ascontiguousarray(samples)))).pixels

    row = pixels[len(pixels) // 2, :, 0].astype(int)
    assert row[0] <= 3
    assert row[-1] >= 252
    assert abs(row[len(row) // 2] - 127) <= 3


def test_float_samples_are_stretched_and_nan_is_no_trouble() -> None:
    samples = np.linspace(-3, 7, 900, dtype=np.float32).reshape(30, 30)
    samples[3, 3] = np.nan
    samples[4, 4] = np.inf

    pixels = read(saved(Image.fromarray(samples), "TIFF")).pixels

    assert pixels.min() == 0
    assert pixels.max() == 255


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in (RED, (0, 0, 255))]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert corner(read(data)) == list(RED)


def oriented(orientation: int, kind: str, size: tuple[int, int] = (120, 80)) -> bytes:
    """A picture with a red top left corner that is stored turned, and says how."""
    upright = Image.new("RGB", size, WHITE)
    upright.paste(RED, (0, 0, size[0] // 3, size[1] // 3))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    if orientation in stored:
        upright = upright.transpose(stored[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(upright, kind, exif=exif)


# Not HEIF: its EXIF orientation is for information, what counts is a property of the container
# (ISO/IEC 23008-12, 6.5.10), which the decoder itself obeys.
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_upright(orientation: int, kind: str) -> None:
    picture = read(oriented(orientation, kind))

    assert (picture.width, picture.height) == (120, 80)
    assert picture.pixels.shape == (80, 120, 3)
    assert corner(picture) == pytest.approx(list(RED), abs=12)
    for row, column in ((5, -5), (-5, 5), (-5, -5)):
        assert picture.pixels[row, column].min() > 240


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_picture_is_reduced_and_upright(orientation: int) -> None:
    picture = read(oriented(orientation, "JPEG", (2400, 1600)))

    assert (picture.width, picture.height) == (2400, 1600)
    assert picture.pixels.shape == (WORKING_SIDE, WORKING_SIDE * 3 // 2, 3)
    assert corner(picture) == pytest.approx(list(RED), abs=12)


@pytest.mark.parametrize("orientation", [0, 9, 4711])
def test_an_impossible_orientation_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    assert read(saved(design(0), "JPEG", exif=exif)).width == 96


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 7)])
def test_odd_shapes_are_pictures_too(size: tuple[int, int], kind: str) -> None:
    picture = read(saved(Image.new("RGB", size, RED), kind))

    assert (picture.width, picture.height) == size
    assert 1 <= max(picture.pixels.shape) <= LONGEST_SIDE
    assert picture.pixels[0, 0].tolist() == pytest.approx(list(RED), abs=3)


@pytest.mark.parametrize("mode", ["RGB", "P", "1", "RGBA"])
def test_a_strip_stays_small(mode: str) -> None:
    picture = read(saved(Image.new(mode, (2, 100_000))))

    assert (picture.width, picture.height) == (2, 100_000)
    assert max(picture.pixels.shape) <= LONGEST_SIDE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "L"])
def test_reduction_keeps_what_is_seen(kind: str) -> None:
    image = design(5, (1600, 1200))
    if kind == "L":
        image, kind = image.convert("L").convert("RGB"), "PNG"

    picture = read(saved(image, kind))

    height, width = picture.pixels.shape[:2]
    small = np.asarray(image.resize((width, height), Image.Resampling.BOX)).astype(int)
    assert height == WORKING_SIDE
    assert width == pytest.approx(WORKING_SIDE * 4 / 3, abs=1)
    assert np.abs(picture.pixels.astype(int) - small).mean() < 3


@pytest.mark.parametrize("size", [(96, 72), (3000, 300), (1, 4000)])
@pytest.mark.parametrize("side", [64, 320])
def test_a_thumbnail_fits_its_side(size: tuple[int, int], side: int) -> None:
    picture = decode(saved(design(0, size)), max_megapixels=128, side=side)

    with Image.open(io.BytesIO(thumbnail(picture, side))) as small:
        assert small.format == "WEBP"
        assert max(small.size) == min(side, max(size))


@pytest.mark.skipif(not ROBUST.is_dir(), reason=f"the collection {ROBUST} is not on this machine")
def test_the_sixteen_orientation_files_look_alike() -> None:
    files = sorted((ROBUST / "exif_orientation").rglob("*.jpg"))
    assert len(files) >= 16
    shapes: dict[str, set[tuple[int, ...]]] = {}
    for path in files:
        if path.stem[-1].isdigit():
            shapes.setdefault(path.stem.split("_")[0], set()).add(
                read(path.read_bytes()).pixels.shape
            )

    assert all(len(found) == 1 for found in shapes.values())
