"""Pictures in memory: decoded once, small, upright, RGB."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from image_search.errors import UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import decode

#: Longest side in pixels: a third more than the network looks at, for crops.
SIDE = 176


def load(paths: Iterable[Path], side: int = SIDE) -> dict[Path, Pixels]:
    """Every picture that can be read, its longest side at most ``side`` pixels."""
    wanted = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(2) as pool:
        read = pool.map(lambda path: _read(path, side), wanted)
        return {
            path: pixels for path, pixels in zip(wanted, read, strict=True) if pixels is not None
        }


def _read(path: Path, side: int) -> Pixels | None:
    try:
        pixels = decode(path.read_bytes(), max_megapixels=128).pixels
    except (OSError, UnreadableImage):
        return None
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
