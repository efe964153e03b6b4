"""PGM and PPM files whose samples do not end at 255, which Pillow unpacks one by one."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.formats.source import Limit, Source

# The head of the file: kind, width, height and the value of white, with comments between them.
_SPACE: Final = rb"(?:\s|#[^\n]*\n)+"
_HEAD: Final = re.compile(
    rb"P([56])" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,9})" + _SPACE + rb"(\d{1,5})\s"
)


def open_netpbm(data: bytes, limit: Limit) -> Source | None:
    """The picture, or ``None`` where it is of a kind that Pillow reads well.

    Raises:
        ImageTooLarge: it has more pixels than the limit.
        UnreadableImage: it is damaged.
    """
    head = _HEAD.match(data[:4096])
    if head is None or head[4] == b"255":
        return None
    width, height, most = (int(head[number]) for number in (2, 3, 4))
    limit.check(width, height)
    count = 3 if head[1] == b"6" else 1
    dtype = np.dtype(np.uint8 if most < 256 else ">u2")
    total = width * height * count
    if not (width and height and 0 < most < 65536):
        raise UnreadableImage("The image is damaged or incomplete (it has no pixels).")
    if len(data) - head.end() < total * dtype.itemsize:
        raise UnreadableImage("The image is damaged or incomplete (it ends too early).")

    def load(_: int | None) -> Image.Image:
        samples = np.frombuffer(data, dtype, total, head.end()).reshape(height, -1)
        table = np.minimum(np.arange(most + 1) * (255 / most) + 0.5, 255).astype(np.uint8)
        out = np.empty(samples.shape, np.uint8)
        for row in range(height):
            out[row] = table[np.minimum(samples[row], most)]
        return Image.fromarray(out.reshape(height, width, 3) if count == 3 else out)

    return Source((width, height), load)
