"""AVIF files that Pillow's strict decoder refuses, such as those whose alpha has no size."""

from __future__ import annotations

import struct
from typing import Final

import cv2
import numpy as np
from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.formats.source import Limit, Source

BRANDS: Final = frozenset({b"avif", b"avis", b"mif1", b"miaf"})


def open_lenient(data: bytes, limit: Limit) -> Source:
    """The picture, decoded by OpenCV.

    Raises:
        ImageTooLarge: its header has more pixels than the limit.
        UnreadableImage: it has no size.
    """
    sizes: list[tuple[int, int]] = []
    place = data.find(b"ispe")
    while 0 <= place <= len(data) - 16 and len(sizes) < 1000:
        sizes.append(struct.unpack_from(">II", data, place + 8))
        place = data.find(b"ispe", place + 4)
    if not sizes:
        raise UnreadableImage("The image is damaged or incomplete (it has no size).")
    for size in sizes:
        limit.check(*size)
    profile = _profile(data)
    size = max(sizes, key=lambda one: one[0] * one[1])

    def load(_: int | None) -> Image.Image:
        pixels: np.ndarray | None = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED
        )
        if pixels is None:
            raise UnreadableImage("The image is damaged or incomplete (no frame can be decoded).")
        if pixels.dtype == np.uint16:  # 10 and 12 bits fill the lower ones
            bits = max(8, int(pixels.max()).bit_length())
            pixels = (pixels >> (bits - 8)).astype(np.uint8)
        if pixels.ndim == 3:
            order = [2, 1, 0, 3][: pixels.shape[2]]
            pixels = pixels[..., order]
        image = Image.fromarray(np.ascontiguousarray(pixels))
        if profile:
            image.info["icc_profile"] = profile
        return image

    return Source(size, load)


def _profile(data: bytes) -> bytes | None:
    place = data.find(b"colrprof")
    if place < 4:
        return None
    (length,) = struct.unpack_from(">I", data, place - 4)
    return data[place + 8 : place - 4 + length]
