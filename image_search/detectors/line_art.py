"""Tells line drawings from photos by simple statistics of the pixels; needs no weights.

A drawing is bare paper with little ink on it; the ink is dark against the paper, nearly
colourless, thin, and what is neither ink nor paper lies beside it. A product photo on white fails
the last three: it has colour, filled areas, and shading apart from any line.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Floats, Pixels
from image_search.extractors.shrinking import within

_SIDE = 256  # longer side, in pixels, at which strokes are measured
_INK = 45  # levels below the paper (of 255) from which a pixel counts as ink
_BARE = 20  # levels below the paper up to which a pixel counts as bare paper
_BESIDE = 5  # pixels; half-tones in a square of this side around ink belong to its strokes
_THICK = 7  # pixels; ink that holds a square of this side is a filled area, not a stroke


def is_line_art(pixels: Pixels) -> float:
    """How sure it is that an RGB picture, (height, width, 3) uint8, is a line drawing.

    Returns:
        A score within [0, 1]: above 0.5 a drawing, below it a photo or painting. A picture without
        any ink scores 0, for there is no drawing in it.
    """
    picture = within(pixels, _SIDE)
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    depth = _below_paper(grey)
    ink = depth > _INK
    inked = int(ink.sum())
    if inked == 0:
        return 0.0
    bare = depth < _BARE
    # Each ramp says 1 where the sign is plainly that of a drawing, 0 plainly not, .5 at the middle.
    paper = _ramp(float(bare.mean()), 0.60, 0.90)
    if not paper:
        return 0.0  # as for most photos; the rest takes longer
    darkness = float(np.median(depth[ink]))
    # A stroke passes into the paper through half-tones too; those of shading lie apart.
    beside = cv2.dilate(ink.astype(np.uint8), np.ones((_BESIDE, _BESIDE), np.uint8)) > 0
    half_tones = int((~bare & ~beside).sum())
    opened = cv2.morphologyEx(
        ink.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_THICK, _THICK), np.uint8)
    )
    colour = _colourfulness(picture, ink)
    # Black ink may fill a larger share than a pencil does.
    filled = 0.2 * _ramp(darkness, 150, 200)
    return min(
        paper,
        _ramp(darkness, 60, 100),
        _ramp(half_tones / inked, 0.10, 0.03),
        _ramp(float(opened.sum()) / inked, 0.50 + filled, 0.30 + filled),
        _ramp(float(np.median(colour)), 30, 10),
    )


def _below_paper(grey: Floats) -> Floats:
    """How far each pixel lies below the paper around it, as if the paper were white (255).

    The paper is the brightest nearby, smoothed: a scan may be yellowed or lit from one side.
    """
    nearby = cv2.dilate(cv2.medianBlur(grey.astype(np.uint8), 3), np.ones((25, 25), np.uint8))
    paper = cv2.GaussianBlur(nearby.astype(np.float32), (0, 0), 12)
    return np.asarray(255 - 255 * np.minimum(1, grey / np.maximum(paper, 1)), dtype=np.float32)


def _colourfulness(picture: Pixels, where: npt.NDArray[np.bool_]) -> Floats:
    """Largest less smallest channel of the pixels ``where`` is true, as if the paper were white."""
    paper = np.maximum(np.percentile(picture.reshape(-1, 3), 90, axis=0), 1)
    white = picture[where] * np.float32(255) / paper.astype(np.float32)
    # Channel by channel: NumPy is slow at the largest of three.
    red, green, blue = white.T
    most = np.maximum(np.maximum(red, green), blue)
    return np.asarray(most - np.minimum(np.minimum(red, green), blue), dtype=np.float32)


def _ramp(value: float, none: float, full: float) -> float:
    """0 at ``none`` and beyond, 1 at ``full`` and beyond, straight between."""
    return float(np.clip((value - none) / (full - none), 0.0, 1.0))
