"""Videos drawn for the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.drawing import design

SIZE = (320, 240)
RATE = 10


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """What a scene of this seed shows, at its middle."""
    return design(seed, size)


def writer_of(path: Path, rate: float, size: tuple[int, int] = SIZE) -> cv2.VideoWriter:
    """Writes frames (height, width, 3) in BGR to ``path``, every twelfth as a key frame."""
    codec = {".avi": "MJPG", ".webm": "VP80"}.get(path.suffix, "mp4v")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, size)
    assert writer.isOpened()
    return writer


def film(
    path: Path,
    seeds: list[int],
    seconds: float = 2.0,
    size: tuple[int, int] = SIZE,
    draw: Callable[[int], Image.Image] | None = None,
) -> bytes:
    """A video of one scene after another, in which the picture moves a little: MPEG-4 in .mp4,
    .mov, .mkv or .m4v, Motion JPEG in .avi, VP8 in .webm. Returns its bytes.

    ``draw`` makes the picture of a seed, of this ``size``, in place of ``scene``.
    """
    writer = writer_of(path, RATE, size)
    for seed in seeds:
        shown = draw(seed) if draw else scene(seed, size)
        pixels = cv2.cvtColor(np.asarray(shown), cv2.COLOR_RGB2BGR)
        count = round(seconds * RATE)
        for number in range(count):
            shift = np.array([[1, 0, 4 * (number / count - 0.5)], [0, 1, 0]], np.float32)
            writer.write(cv2.warpAffine(pixels, shift, size, borderMode=cv2.BORDER_REPLICATE))
    writer.release()
    return path.read_bytes()
