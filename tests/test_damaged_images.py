"""Files that are no pictures, or no longer, or far too large, give one plain error."""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.decoding import Picture, decode
from tests.drawing import design, saved


def read(data: bytes, megapixels: float = 128) -> Picture:
    picture = decode(data, max_megapixels=megapixels)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    return picture


def test_damaged_metadata_does_not_cost_the_picture() -> None:
    data = saved(design(0), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")

    assert (read(data).width, read(data).height) == (96, 72)


@pytest.mark.parametrize(
    "data", [b"", b"Just some text.\n" * 50, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"]
)
def test_what_is_no_image_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(UnreadableImage) as refused:
        read(data)

    assert str(refused.value).endswith(".")
    assert not isinstance(refused.value, ImageTooLarge)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "HEIF"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    whole = saved(design(2, (200, 150)), kind)

    for share in (0.2, 0.5, 0.8):
        with pytest.raises(UnreadableImage):
            read(whole[: int(len(whole) * share)])


def png_claiming(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(12_000, 12_000), (28_000, 28_000), (60_000, 60_000)]
)
@pytest.mark.parametrize("warnings_are", ["error", "ignore", "default"])
def test_a_header_that_claims_too_much_is_refused(
    width: int, height: int, warnings_are: str
) -> None:
    with warnings.catch_warnings():
        if warnings_are != "default":
            warnings.simplefilter(warnings_are)  # type: ignore[arg-type]
        with pytest.raises(ImageTooLarge, match="pixels"):
            read(png_claiming(width, height))


def test_the_limit_is_reported_and_can_be_raised() -> None:
    data = saved(design(0, (200, 150)))

    with pytest.raises(ImageTooLarge, match=r"200 x 150 .* limit is 0\.02 megapixels"):
        read(data, megapixels=0.02)
    assert read(data, megapixels=0.03).width == 200


ORIGINALS = {
    kind: saved(design(9, (80, 60)), kind) for kind in ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP")
}


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data(), kind=st.sampled_from(list(ORIGINALS)))
def test_no_corruption_raises_anything_else(data: st.DataObject, kind: str) -> None:
    damaged = bytearray(ORIGINALS[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        action = data.draw(st.sampled_from(["set", "cut", "insert"]))
        if action == "set":
            damaged[place] = data.draw(st.integers(0, 255))
        elif action == "cut":
            del damaged[place : place + data.draw(st.integers(1, 20))]
        else:
            damaged[place:place] = data.draw(st.binary(min_size=1, max_size=8))
        if not damaged:
            break
    with contextlib.suppress(UnreadableImage):
        assert read(bytes(damaged), megapixels=2).pixels.size > 0


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    head=st.sampled_from([
        b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"8BPS\0\x01", b"%PDF-1.7\n",
        b"<svg ", b"\x1f\x8b\x08\0", b"PK\x03\x04", b"qoif", b"P6\n", b"\0\0\x01\0", b"icns", b"BM",
        b"\xff\xd8\xff\xe0", b"\0\0\0\x20ftypavif", b"\0\0\0\x20ftypheic",
        b"\0\0\0\x0cjP  \r\n\x87\n",
    ]),
    rest=st.binary(max_size=400),
)  # fmt: skip
def test_nothing_behind_a_head_raises_anything_else(head: bytes, rest: bytes) -> None:
    with contextlib.suppress(UnreadableImage):
        read(head + rest, 10)
