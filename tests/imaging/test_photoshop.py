"""Photoshop files: the merged picture at every depth, and nothing that is not part of it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.decoding import decode, pixel_digest
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import design, ornate, saved
from tests.imaging.photoshop import (
    CMYK,
    GREY,
    LAB,
    photoshop,
    resource,
    without_merged_picture,
)
from tests.imaging.profiles import PROPHOTO, stored_in


def planes_of(image: Image.Image) -> list[np.ndarray]:
    return [np.asarray(band) for band in image.split()]


def shown(data: bytes) -> np.ndarray:
    return decode(data, max_megapixels=1).pixels.astype(int)


def difference(data: bytes, image: Image.Image) -> float:
    return float(np.abs(shown(data) - np.asarray(image.convert("RGB"), int)).mean())


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("rle", [False, True])
@pytest.mark.parametrize("depth", [8, 16, 32])
def test_every_depth_is_read(depth: int, rle: bool, large: bool) -> None:
    image = design(2)
    planes = planes_of(image)
    if depth == 16:
        planes = [(plane.astype(">u2") * 257).astype(">u2") for plane in planes]
    if depth == 32:
        parts = [plane / 255 for plane in planes]
        planes = [
            np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4).astype(">f4")
            for part in parts
        ]

    assert difference(photoshop(planes, depth=depth, rle=rle, large=large), image) < 0.6


@pytest.mark.parametrize("depth", [8, 16, 32])
@pytest.mark.parametrize("predicted", [False, True])
def test_zip_is_unpacked(depth: int, predicted: bool) -> None:
    image = design(2)
    parts = [plane / 255 for plane in planes_of(image)]
    light = [np.where(p <= 0.04045, p / 12.92, ((p + 0.055) / 1.055) ** 2.4) for p in parts]
    kind = {8: "u1", 16: ">u2", 32: ">f4"}[depth]
    values = light if depth == 32 else [np.round(part * (2**depth - 1)) for part in parts]
    planes = [np.ascontiguousarray(plane.astype(kind)) for plane in values]
    whole = photoshop(planes, depth=depth)
    start = len(whole) - sum(plane.nbytes for plane in planes)
    if predicted:
        if depth == 32:  # the first bytes of a row's samples, then the second ones
            rows = [plane.view(np.uint8).reshape(72, 96, 4) for plane in planes]
            planes = [row.transpose(0, 2, 1).reshape(72, -1) for row in rows]
        for number, plane in enumerate(planes):
            unsigned = plane.astype(plane.dtype.newbyteorder("="))
            unsigned[:, 1:] = np.diff(unsigned, axis=1)
            planes[number] = unsigned.astype(plane.dtype)
    packed = zlib.compress(b"".join(plane.tobytes() for plane in planes))
    data = whole[: start - 2] + struct.pack(">H", 3 if predicted else 2) + packed

    assert difference(data, image) < 0.6


def test_every_colour_mode_is_read() -> None:
    image = design(3)
    grey, inks = image.convert("L"), image.convert("CMYK")
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None

    assert difference(photoshop(planes_of(grey), mode=GREY), grey) == 0
    stored = [255 - plane for plane in planes_of(inks)]
    assert difference(photoshop(stored, mode=CMYK), image) < 2
    assert difference(photoshop(planes_of(lab), mode=LAB), image) < 4


def test_its_profile_counts() -> None:
    image = design(3).point(lambda value: 60 + value // 2)
    stored = planes_of(stored_in(image, PROPHOTO))

    assert difference(photoshop(stored, resources=resource(1039, PROPHOTO)), image) < 4


def test_transparency_shows_the_ground() -> None:
    image = Image.new("RGBA", (40, 40), (200, 30, 30, 255))
    image.paste((255, 255, 255, 0), (0, 0, 20, 40))
    # What is half there was blended with white by Photoshop.
    image.paste((227, 142, 142, 128), (20, 0, 22, 40))

    pixels = shown(photoshop(planes_of(image), transparent=True))

    assert pixels[5, 5].tolist() == [255] * 3
    assert pixels[5, 21].tolist() == pytest.approx([227, 142, 142], abs=2)
    assert pixels[5, 30].tolist() == [200, 30, 30]


@pytest.fixture
def posters(settings: Settings) -> Library:
    """Two posters with a selection that somebody saved, among other pictures."""
    for number in range(2):
        image = ornate(number)
        selection = np.zeros((image.height, image.width), np.uint8)
        selection[200:220, 20:60] = 255
        data = photoshop([*planes_of(image), selection])
        (settings.images / f"poster {number}.psd").write_bytes(data)
    for number in range(2, 5):
        (settings.images / f"other {number}.png").write_bytes(saved(ornate(number)))
    library = Library.open(settings)
    library.update()
    return library


def test_a_saved_selection_is_no_transparency(posters: Library) -> None:
    result = posters.check(Query(images=(saved(ornate(1)),)))

    assert (result.verdict, result.hits[0].hit.path) == ("exact", "poster 1.psd")


def test_without_a_merged_picture_the_thumbnail_counts(settings: Settings) -> None:
    data = without_merged_picture(design(1))
    picture = decode(data, max_megapixels=1)

    assert (picture.width, picture.height) == (96, 72)
    assert "thumbnail of 80 x 60 pixels" in picture.note
    small = np.asarray(design(1).resize((80, 60))).astype(int)
    assert np.abs(picture.pixels.astype(int) - small).mean() < 6
    with pytest.raises(UnreadableImage, match="thumbnail"):
        pixel_digest(data, max_megapixels=1)


def test_without_any_picture_it_says_what_to_do() -> None:
    with pytest.raises(UnreadableImage, match="Maximize Compatibility"):
        decode(without_merged_picture(design(1), thumbnail=False), max_megapixels=1)


def test_too_many_pixels_are_refused_before_they_are_read() -> None:
    data = photoshop(planes_of(design(1)))
    claims = data[:14] + (60_000).to_bytes(4, "big") * 2 + data[22:]

    with pytest.raises(ImageTooLarge, match="60000 x 60000"):
        decode(claims, max_megapixels=128)


@pytest.mark.parametrize("rle", [False, True])
def test_a_truncated_file_is_refused(rle: bool) -> None:
    data = photoshop(planes_of(design(1)), rle=rle)

    for share in (0.01, 0.2, 0.9):
        with pytest.raises(UnreadableImage):
            decode(data[: int(len(data) * share)], max_megapixels=1)
