"""Photoshop files written by the tests, after Adobe's specification of the format."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

GREY, RGB, CMYK, LAB = 1, 3, 4, 9


def packed(row: bytes) -> bytes:
    """PackBits, in literal runs only."""
    parts = [row[start : start + 128] for start in range(0, len(row), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def resource(number: int, content: bytes) -> bytes:
    head = b"8BIM" + struct.pack(">H", number) + b"\0\0" + struct.pack(">I", len(content))
    return head + content + b"\0" * (len(content) % 2)


def photoshop(
    planes: Sequence[np.ndarray],
    *,
    mode: int = RGB,
    depth: int = 8,
    large: bool = False,
    rle: bool = False,
    transparent: bool = False,
    resources: bytes = b"",
) -> bytes:
    """A file whose merged picture has these channels, (height, width), big-endian."""
    height, width = planes[0].shape
    head = b"8BPS" + struct.pack(
        ">H6xHIIHH", 2 if large else 1, len(planes), height, width, depth, mode
    )
    size = ">Q" if large else ">I"
    # One layer; a negative count says that the first channel beyond the colours is transparency.
    info = struct.pack(size, 2) + struct.pack(">h", -1 if transparent else 1)
    layers = struct.pack(size, len(info)) + info
    rows = [[row.tobytes() for row in plane] for plane in planes]
    if rle:
        short = [[packed(row) for row in plane] for plane in rows]
        kind = ">I" if large else ">H"
        lengths = b"".join(struct.pack(kind, len(row)) for plane in short for row in plane)
        body = b"\0\1" + lengths + b"".join(b"".join(plane) for plane in short)
    else:
        body = b"\0\0" + b"".join(b"".join(plane) for plane in rows)
    return head + struct.pack(">II", 0, len(resources)) + resources + layers + body


def without_merged_picture(image: Image.Image, *, thumbnail: bool = True) -> bytes:
    """As Photoshop saves without "Maximize Compatibility": a white sheet in place of a picture."""
    small = image.copy()
    small.thumbnail((80, 80))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=92, subsampling=0)
    data = buffer.getvalue()
    row = (small.width * 24 + 31) // 32 * 4
    head = struct.pack(
        ">IIIIIIHH", 1, small.width, small.height, row, row * small.height, len(data), 24, 1
    )
    name = struct.pack(">I", 4) + "made".encode("utf-16-be")
    info = struct.pack(">IB", 1, 0) + name + name + struct.pack(">I", 1)
    resources = resource(1057, info)
    if thumbnail:
        resources = resource(1036, head + data) + resources
    blank = [np.full((image.height, image.width), 255, np.uint8)] * 3
    return photoshop(blank, resources=resources)
