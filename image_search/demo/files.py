"""Pictures to files, and the edits that make near-copies of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from image_search.demo.palettes import Pixels

#: The options of Pillow for each ending.
_ENCODING: dict[str, dict[str, int]] = {
    ".jpg": {"quality": 88},
    ".png": {"compress_level": 4},
    ".webp": {"quality": 88, "method": 2},
}


def save(pixels: Pixels, target: Path, **encoding: int) -> None:
    """Write a picture whole or not at all: aside first, then renamed into place.

    ``encoding`` replaces Pillow's options for this ending. Raises OSError.
    """
    aside = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    options = {**_ENCODING[target.suffix], **encoding}
    form = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[target.suffix]
    try:
        Image.fromarray(pixels).save(aside, form, **options)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def near_duplicate(pixels: Pixels, edit: str) -> tuple[Pixels, dict[str, int]]:
    """Return a picture edited as people do (see NEAR_DUPLICATES), and how to encode it."""
    h, w = pixels.shape[:2]
    if edit == "mirrored":
        return np.ascontiguousarray(pixels[:, ::-1]), {}
    if edit == "cropped":
        return pixels[h // 10 : h - h // 14, w // 12 : w - w // 9].copy(), {}
    if edit == "small":
        small = cv2.resize(pixels, (w * 2 // 5, h * 2 // 5), interpolation=cv2.INTER_AREA)
        return small.astype(np.uint8), {}
    if edit == "grey":
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8), {}
    if edit == "recompressed":
        return pixels, {"quality": 30}
    raise ValueError(f"no such edit: {edit!r}")
