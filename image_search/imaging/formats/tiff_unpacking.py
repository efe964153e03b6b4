"""Unpacks the bytes of TIFF strips and tiles, and samples of any number of bits."""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.formats import tiff_tags as tags


def unpacked(packed: bytes, compression: int, row: int, rows: int) -> bytes:
    """The bytes of ``rows`` rows of ``row`` bytes each, unpacked by libtiff, through Pillow.

    Raises:
        UnreadableImage: there are too few.
    """
    if compression == 1:
        raw = packed[: row * rows]
    else:
        # The same bytes as a grey picture of 8 bits in one strip.
        entries = [
            (tags.WIDTH, row), (tags.HEIGHT, rows), (tags.BITS, 8),
            (tags.COMPRESSION, compression), (tags.PHOTOMETRIC, 1), (tags.STRIP_OFFSETS, 0),
            (tags.SAMPLES, 1), (tags.ROWS_PER_STRIP, rows), (tags.STRIP_COUNTS, len(packed)),
        ]  # fmt: skip
        start = 8 + 2 + 12 * len(entries) + 4
        head = b"II*\0" + struct.pack("<IH", 8, len(entries))
        for tag, value in entries:
            value = start if tag == tags.STRIP_OFFSETS else value
            head += struct.pack("<HHII", tag, 4, 1, value)
        file = io.BytesIO(head + b"\0" * 4 + packed)
        raw = Image.open(file, formats=["TIFF"]).tobytes()
    if len(raw) != row * rows:
        raise UnreadableImage("The image is damaged or incomplete (it ends too early).")
    return raw


@functools.cache
def mirrored() -> bytes:
    """For each byte, the one with its bits in the opposite order."""
    return bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def from_bits(raw: bytes, bits: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Samples of any number of bits; each row begins with a whole byte."""
    rows, columns, count = shape
    packed = np.frombuffer(raw, np.uint8).reshape(rows, -1)
    powers = (1 << np.arange(bits - 1, -1, -1, dtype=np.uint32)).astype(np.uint32)
    out = np.empty(shape, np.uint32)
    for row in range(rows):
        unpacked = np.unpackbits(packed[row], count=columns * count * bits)
        out[row] = (unpacked.reshape(-1, bits) @ powers).reshape(columns, count)
    return out
