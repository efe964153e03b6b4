"""Pictures made smaller, by averages, as all that look at them do it."""

from __future__ import annotations

import cv2
import numpy as np

from image_search.imaging.arrays import Pixels


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """A picture, (h, w) or (h, w, 3) uint8, at ``width`` and ``height``: averaged where it becomes
    smaller, linear between pixels where it becomes larger."""
    way = cv2.INTER_AREA if max(pixels.shape[:2]) > max(width, height) else cv2.INTER_LINEAR
    out = cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=way)
    return np.asarray(out, np.uint8)


def within(pixels: Pixels, longest: int) -> Pixels:
    """A picture shrunk, if need be, so that its longer side is at most ``longest`` pixels."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    return resized(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
