"""A colour is the same colour in whatever colour space a file stores it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from image_search.imaging.decoding import decode, pixel_digest
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import design, saved
from tests.imaging.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    cmyk_profile,
    grey_profile,
    stored_in,
)

SPACES = {"adobe": ADOBE_RGB, "p3": DISPLAY_P3, "prophoto": PROPHOTO}
CLOTHS = {"red": (188, 32, 52), "green": (10, 120, 66), "blue": (60, 48, 170)}


def cloth(colour: tuple[int, int, int]) -> Image.Image:
    """Plain cloth with a weave."""
    image = Image.new("RGB", (90, 90), colour)
    for row in range(0, 90, 9):
        image.paste(tuple(value * 4 // 5 for value in colour), (0, row, 90, row + 2))
    return image


def difference(data: bytes, expected: Image.Image) -> float:
    pixels = decode(data, max_megapixels=10).pixels.astype(int)
    return float(np.abs(pixels - np.asarray(expected.convert("RGB"), int)).mean())


@pytest.fixture
def cloths(settings: Settings) -> Library:
    """Three cloths, each stored in four colour spaces."""
    for name, colour in CLOTHS.items():
        image = cloth(colour)
        (settings.images / f"{name} srgb.png").write_bytes(saved(image))
        for space, profile in SPACES.items():
            data = saved(stored_in(image, profile), icc_profile=profile)
            (settings.images / f"{name} {space}.png").write_bytes(data)
    library = Library.open(settings)
    library.update()
    return library


@pytest.mark.parametrize("name", CLOTHS)
def test_a_colour_is_found_in_every_colour_space(cloths: Library, name: str) -> None:
    result = cloths.search(Query(images=(saved(cloth(CLOTHS[name])),), k=4))

    assert {hit.path.split()[0] for hit in result.hits} == {name}
    assert min(hit.scores["hsv"] for hit in result.hits) > 0.9


@pytest.mark.parametrize("space", SPACES)
def test_a_thumbnail_shows_the_true_colour(cloths: Library, space: str) -> None:
    hits = cloths.search(Query(images=(saved(cloth(CLOTHS["red"])),), k=12)).hits
    (image_id,) = (hit.id for hit in hits if hit.path == f"red {space}.png")

    with Image.open(cloths.originals.thumbnail(image_id)) as small:
        middle = small.convert("RGB").getpixel((45, 40))

    assert middle == pytest.approx(CLOTHS["red"], abs=8)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_kind_of_file_brings_its_profile(kind: str, space: str) -> None:
    image = design(3, (80, 60)).point(lambda value: 60 + value // 2)
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    data = saved(stored_in(image, SPACES[space]), kind, icc_profile=SPACES[space], **options)

    assert difference(data, image) < 6


def test_grey_has_profiles_too() -> None:
    grey = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (20, 1)))
    linear = decode(saved(grey, icc_profile=grey_profile(1.0)), max_megapixels=1).pixels
    dark = linear[10, 64, 0]

    # A quarter of the light is sample 137 of sRGB (IEC 61966-2-1).
    assert dark == pytest.approx(137, abs=3)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8])
def test_a_png_that_only_states_its_gamma_is_shown_by_it(mode: str, gamma: float) -> None:
    image = design(3).convert(mode)
    samples = np.linspace(0, 1, 256)
    # IEC 61966-2-1.
    light = np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)
    stored = image.point([round(value) for value in 255 * light**gamma] * len(image.getbands()))
    stated = png_with(saved(stored), b"gAMA", struct.pack(">I", round(gamma * 100_000)))

    # Eight bits of light are coarse in the shadows.
    assert difference(stated, image) < min(5, difference(saved(stored), image) / 3)


def test_the_usual_gamma_and_what_outweighs_it_change_nothing() -> None:
    image = design(3)
    usual = png_with(saved(image), b"gAMA", struct.pack(">I", 45455))
    outweighed = png_with(
        png_with(saved(image), b"gAMA", struct.pack(">I", 100_000)), b"sRGB", b"\0"
    )

    assert difference(usual, image) == 0
    assert difference(outweighed, image) == 0


def png_with(data: bytes, name: bytes, body: bytes) -> bytes:
    """The PNG with a chunk more behind its header."""
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return data[:33] + chunk + data[33:]


def test_inks_look_as_their_press_prints_them() -> None:
    cyan = Image.new("CMYK", (30, 30), (255, 0, 0, 0))
    with_profile = decode(saved(cyan, "TIFF", icc_profile=cmyk_profile()), max_megapixels=1)
    without = decode(saved(cyan, "TIFF"), max_megapixels=1)

    red, green, blue = (int(value) for value in with_profile.pixels[5, 5])
    assert green > red + 60
    assert green > blue + 60
    assert without.pixels[5, 5].tolist() == [0, 255, 255]


def test_artwork_on_transparency_has_colours_too() -> None:
    image = cloth((190, 40, 60))
    stored = stored_in(image, PROPHOTO)
    stored.putalpha(255)

    assert difference(saved(stored, icc_profile=PROPHOTO), image) < 4


def test_sixteen_bits_keep_their_hue() -> None:
    image = stored_in(cloth((190, 40, 60)), PROPHOTO)
    deep = np.asarray(image).astype(np.uint16) * 257
    # Pillow writes no 16-bit colour; this is the smallest PNG that has it.
    data = png_of_16_bits(deep, PROPHOTO)

    assert difference(data, cloth((190, 40, 60))) < 4


def png_of_16_bits(samples: np.ndarray, profile: bytes) -> bytes:
    import struct
    import zlib

    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + checksum

    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return b"".join([
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        chunk(b"iCCP", b"made\0\0" + zlib.compress(profile)),
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "profile",
    [b"no profile", PROPHOTO[:300], bytes(3000), grey_profile(1.0), cmyk_profile()],
    ids=["text", "truncated", "zeros", "of grey", "of inks"],
)
def test_a_profile_that_does_not_fit_is_ignored(profile: bytes) -> None:
    image = design(1)

    assert difference(saved(image, icc_profile=profile), image) == 0


def test_the_usual_profile_changes_nothing() -> None:
    image = design(1)

    assert pixel_digest(saved(image, icc_profile=SRGB), max_megapixels=1) == pixel_digest(
        saved(image), max_megapixels=1
    )


@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_camera_that_only_says_adobe_rgb_is_believed(order: str) -> None:
    image = cloth((190, 40, 60))
    exif = Image.Exif()
    exif.endian = "<" if order == "II" else ">"
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    data = saved(stored_in(image, ADOBE_RGB), "JPEG", quality=95, exif=exif)

    assert b"R03" in data
    assert difference(data, image) < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_equal_pixels_are_equal_however_they_are_stored(orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = design(4, (150, 170))
    stored = image.transpose(turns[orientation]) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation

    assert pixel_digest(saved(stored, exif=exif), max_megapixels=1) == pixel_digest(
        saved(image), max_megapixels=1
    )
