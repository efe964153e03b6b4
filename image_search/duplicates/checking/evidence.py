"""The evidence as a picture: both images side by side, the matching region outlined in each."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from image_search.duplicates.checking.verdict import Outline
from image_search.imaging.arrays import Pixels

# Height of both pictures, the longest width of each, and the space between them, in pixels.
_HEIGHT, _WIDTH, _GAP = 400, 640, 24
# Orange on a white rim, which shows on dark and light pictures (RGB).
_LINE, _RIM = (213, 94, 0), (255, 255, 255)
# Fractions of a pixel that OpenCV draws with, as a power of two.
_SHIFT = 4


def side_by_side(
    query: Pixels, hit: Pixels, of_query: Sequence[Outline], of_hit: Sequence[Outline]
) -> bytes:
    """Return two pictures side by side, with outlines drawn on them, as a WebP file.

    Args:
        query: the picture on the left (height, width, 3), RGB.
        hit: the picture on the right.
        of_query: polygons to draw on the left one, in fractions of its width and height.
        of_hit: polygons to draw on the right one.
    """
    left, right = _drawn(query, of_query), _drawn(hit, of_hit)
    height = max(left.shape[0], right.shape[0])
    sheet = np.full((height, left.shape[1] + _GAP + right.shape[1], 3), 255, np.uint8)
    sheet[: left.shape[0], : left.shape[1]] = left
    sheet[: right.shape[0], left.shape[1] + _GAP :] = right
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "WEBP", quality=85, method=2)
    return buffer.getvalue()


def _drawn(pixels: Pixels, outlines: Sequence[Outline]) -> Pixels:
    height, width = pixels.shape[:2]
    scale = min(_HEIGHT / height, _WIDTH / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    sheet = np.array(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)
    for outline in outlines:
        if len(outline) < 3:
            continue
        # What lies on the very edge is drawn just inside, so that it is seen.
        corners = np.clip(np.array(outline) * size, 2, np.maximum(np.array(size) - 3, 2))
        points = np.round(corners * 2**_SHIFT).astype(np.int32).reshape(-1, 1, 2)
        for colour, thick in ((_RIM, 6), (_LINE, 3)):
            cv2.polylines(sheet, [points], True, colour, thick, cv2.LINE_AA, _SHIFT)
    return sheet
