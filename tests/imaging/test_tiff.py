"""TIFF files of every depth, channel and byte order; camera raw files; files of several pages."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.decoding import decode, pixel_digest
from image_search.imaging.formats.tiff_tags import read_directories
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import design, ornate, saved
from tests.imaging.tiffs import Order, camera_raw, tiff


def shown(data: bytes) -> np.ndarray:
    return decode(data, max_megapixels=1).pixels.astype(int)


def rgb_of(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), int)


def difference(data: bytes, image: Image.Image) -> float:
    return float(np.abs(shown(data) - rgb_of(image)).mean())


GREY = np.asarray(design(2).convert("L"))[..., None]
COLOUR = np.asarray(design(2))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("deflate", [False, True])
def test_every_byte_order_is_read(order: Order, big: bool, deflate: bool) -> None:
    data = tiff(COLOUR, 2, order=order, big=big, deflate=deflate)

    assert difference(data, design(2)) == 0


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("samples", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_depth_is_read(samples: np.ndarray, dtype: str, order: Order) -> None:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        stored = (samples / 255).astype(kind)
    else:
        stored = samples.astype(kind) * kind.type(int(np.iinfo(kind).max) // 255)
    image = Image.fromarray(samples.squeeze())

    assert difference(tiff(stored, 2 if samples is COLOUR else 1, order=order), image) < 3


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4"])
def test_samples_with_a_sign_are_read(dtype: str) -> None:
    kind = np.dtype(dtype)
    stored = (COLOUR / 255 * np.iinfo(kind).max).astype(kind)

    assert difference(tiff(stored, 2), design(2)) < 3


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32])
@pytest.mark.parametrize("photometric", [0, 1])
def test_white_is_white_at_every_depth(photometric: int, bits: int) -> None:
    most = (1 << bits) - 1
    samples = np.zeros((40, 40, 1), np.uint32)
    samples[:, 20:] = most
    samples[0, 0] = most  # so that 8-bit values are not all that there is
    light = samples if photometric == 1 else most - samples

    pixels = shown(tiff(light, photometric, bits=bits))

    assert pixels[20, 5].tolist() == [0] * 3
    assert pixels[20, 35].tolist() == [255] * 3


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_channels_beyond_the_colours_are_what_the_file_says(
    photometric: int, extra: int, dtype: str
) -> None:
    kind = np.dtype(dtype)
    whole = 1 if kind.kind == "f" else np.iinfo(kind).max
    count = 3 if photometric == 2 else 1
    samples = np.full((40, 40, count + 1), whole, np.float64)
    samples[..., :count] *= 0.8 if photometric == 0 else 0.2
    samples[:, :20, count] = 0
    if extra == 1:
        samples[:, :20, :count] = 0

    pixels = shown(tiff(samples.astype(kind), photometric, extra=extra))

    dark = pytest.approx([51] * 3, abs=2)
    assert pixels[5, 35].tolist() == dark
    assert pixels[5, 5].tolist() == ([255] * 3 if extra else dark)


@pytest.mark.parametrize(
    "options", [{"tile": 32}, {"separate": True}, {"tile": 16, "predictor": 2}]
)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_every_arrangement_is_read(options: dict[str, Any], dtype: str) -> None:
    alpha = np.full((*COLOUR.shape[:2], 2), 255, np.uint8)
    samples = np.concatenate([COLOUR, alpha], axis=-1).astype(dtype)
    if dtype == "u2":
        samples *= 257

    assert (
        difference(tiff(samples, 2, deflate=True, order=">", big=True, **options), design(2)) == 0
    )


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_cielab_is_read(dtype: str, order: Order) -> None:
    image = design(3)
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    planes = np.stack([np.asarray(band) for band in lab.split()], axis=-1)
    planes[..., 1:] ^= 0x80  # a* and b* are signed in the file
    stored = planes.astype(dtype) * (257 if dtype == "u2" else 1)

    assert difference(tiff(stored.astype(dtype), 8, order=order), image) < 5


def test_a_kind_that_is_not_read_is_named() -> None:
    with pytest.raises(UnreadableImage, match="photometric 32844"):
        decode(tiff(np.zeros((20, 20, 3), np.uint16), 32844), max_megapixels=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_pillow_does_not_read_is_upright_too(orientation: int) -> None:
    image = Image.new("L", (60, 40), 255)
    image.paste(0, (0, 0, 20, 14))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = image.transpose(turns[orientation]) if orientation > 1 else image
    grey = np.asarray(stored).astype(np.uint16)[..., None] * np.uint16(257)
    samples = np.concatenate([grey, np.full_like(grey, 65535)], axis=-1)
    picture = decode(tiff(samples, 1, extra=2, tags={274: orientation}), max_megapixels=1)

    assert (picture.width, picture.height) == (60, 40)
    assert np.array_equal(picture.pixels[..., 0], np.asarray(image))


def test_a_tile_that_is_larger_than_the_limit_is_refused() -> None:
    data = tiff(np.zeros((64, 64, 1), np.uint8), 1, tile=64)
    for place in (322, 323):
        entry = struct.pack("<HHII", place, 4, 1, 64)
        assert entry in data
        data = data.replace(entry, struct.pack("<HHII", place, 4, 1, 46_000))

    with pytest.raises(ImageTooLarge, match="46000 x 46000"):
        decode(data, max_megapixels=128)


# Camera raw files


@pytest.mark.parametrize("orientation", [1, 6])
def test_of_a_camera_raw_file_the_largest_preview_counts(
    settings: Settings, orientation: int
) -> None:
    image = ornate(5).resize((960, 720))
    thumbnail = image.resize((40, 30)).tobytes()
    preview = saved(image, "JPEG", quality=92)
    data = camera_raw(thumbnail, preview, image.size, orientation)
    (settings.images / "DSC_0001.NEF").write_bytes(data)
    library = Library.open(settings)
    library.update()

    (hit,) = library.search(Query(images=(preview,))).hits

    assert (hit.width, hit.height) == ((960, 720) if orientation == 1 else (720, 960))
    assert hit.note == "the preview of 960 x 720 pixels in a camera raw file"


def test_raw_files_that_are_no_tiff_have_previews_too() -> None:
    preview = saved(design(1, (400, 300)), "JPEG", quality=95)
    small = saved(design(1, (120, 90)), "JPEG")
    fuji = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 128, len(preview))
    canon = b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + b"\0" * 40 + small + b"\0" * 9 + preview

    for data in (fuji.ljust(128, b"\0") + preview, canon):
        picture = decode(data, max_megapixels=1)
        assert (picture.width, picture.height) == (400, 300)


# Files of several pages


def cover() -> Image.Image:
    image = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((8, 8, 311, 231), outline="black", width=3)
    draw.text((60, 110), "COLLECTION", fill="black", font_size=30)
    return image


def book(*pages: int, **options: object) -> bytes:
    return saved(
        cover(), "TIFF", save_all=True, append_images=[ornate(page) for page in pages],
        compression="tiff_deflate", **options,
    )  # fmt: skip


@pytest.fixture
def books(settings: Settings) -> Library:
    """Two books that share a cover, among single pictures."""
    (settings.images / "one.tif").write_bytes(book(1, 2))
    (settings.images / "two.tif").write_bytes(book(3, 4))
    for number in range(10, 16):
        (settings.images / f"{number}.png").write_bytes(saved(ornate(number)))
    library = Library.open(settings)
    library.update()
    library.duplicates.update()
    return library


def test_books_that_share_a_cover_are_no_duplicates(books: Library) -> None:
    assert books.duplicates.page().groups == ()


def test_a_book_is_found_by_what_it_shows(books: Library) -> None:
    result = books.check(Query(images=(saved(ornate(3)),)))

    assert (result.verdict, result.hits[0].hit.path) == ("near", "two.tif")
    assert result.hits[0].hit.note == "page 2 of 3"


def test_books_are_exact_duplicates_only_where_all_pages_agree(books: Library) -> None:
    same = books.check(Query(images=(book(1, 2, dpi=(77, 77)),)))
    other = books.check(Query(images=(book(1, 5),)))

    assert (same.verdict, same.hits[0].hit.path) == ("exact", "one.tif")
    assert (other.verdict, other.hits[0].hit.path) == ("near", "one.tif")


def test_smaller_versions_of_a_page_are_no_pages() -> None:
    whole = ornate(1)
    small = whole.resize((80, 60))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = saved(whole, "TIFF", save_all=True, append_images=[small])
    alone = saved(whole)

    assert decode(data, max_megapixels=1).note == ""
    assert pixel_digest(data, max_megapixels=1) == pixel_digest(alone, max_megapixels=1)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_frame_that_shows_most_counts(kind: str) -> None:
    frames = [
        Image.new("RGB", (320, 240), "white"),
        ornate(1),
        Image.new("RGB", (320, 240), "grey"),
    ]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    picture = decode(data, max_megapixels=1)

    assert picture.note == "frame 2 of 3"
    assert np.abs(picture.pixels.astype(int) - rgb_of(ornate(1))).mean() < 20


def test_one_page_of_a_book_is_not_the_book() -> None:
    page = saved(ornate(1))

    assert pixel_digest(book(1), max_megapixels=1) != pixel_digest(page, max_megapixels=1)


@pytest.mark.parametrize("place", [2**63, 2**64 - 1, 2**40])
def test_directories_that_begin_beyond_any_memory_are_none(place: int) -> None:
    header = b"II" + struct.pack("<HHHQ", 43, 8, 0, place)

    assert read_directories(header + bytes(200)) == []
    with pytest.raises(UnreadableImage):
        decode(header + bytes(200), max_megapixels=10)
