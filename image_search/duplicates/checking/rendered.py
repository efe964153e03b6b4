"""Drawings of pictures, made from their pixels: what a hand might draw, in several styles.

A drawing made like this agrees with its picture better than one made by a person. How much better
is measured once on drawings by people (see ``drawings.HARDER``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import within

# Longest side of a drawing, in pixels.
SIDE = 512
# Contours shorter than this share of the longest side are left out.
_SHORTEST = 0.05


def drawing_of(pixels: Pixels, style: str, paper: str, rng: np.random.Generator) -> Pixels:
    """A drawing of ``pixels`` in a ``style`` of ``STYLES`` on a ``paper`` of ``PAPERS``.

    Args:
        pixels: the picture, (height, width, 3) uint8 RGB.
        style: what it is drawn with.
        paper: what it is drawn on.
        rng: decides how it is shifted, scaled and bent.

    Returns:
        RGB pixels (uint8), at most ``SIDE`` on the longest side before a margin is added.
    """
    grey = cv2.cvtColor(within(pixels, SIDE), cv2.COLOR_RGB2GRAY)
    ink = _by_hand(STYLES[style](np.asarray(grey, np.uint8)), rng)
    return PAPERS[paper](ink, rng)


def _pencil(grey: Pixels) -> Floats:
    """Soft strokes where a pixel is darker than its surroundings, light shading included."""
    values = grey.astype(np.float32)
    around = cv2.GaussianBlur(values, (0, 0), max(1.0, max(grey.shape) / 100))
    darker = 1 - np.clip((values / np.maximum(around, 1.0) - 0.6) / 0.36, 0.0, 1.0)
    return np.asarray(0.75 * cv2.GaussianBlur(darker, (0, 0), 0.8), np.float32)


def _contour(grey: Pixels, blur: float = 1.6, thick: int = 2) -> Floats:
    """Thin lines of one strength along the edges that are long enough."""
    smooth = cv2.GaussianBlur(grey, (0, 0), blur * max(grey.shape) / SIDE)
    steep = float(np.percentile(np.abs(cv2.Laplacian(smooth, cv2.CV_32F)), 95))
    high = float(np.clip(25 * steep, 40, 160))
    edges = cv2.Canny(smooth, high * 0.4, high, L2gradient=True)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    long = stats[:, cv2.CC_STAT_AREA] >= _SHORTEST * max(grey.shape)
    long[0] = False
    lines = long[labels].astype(np.uint8) if count > 1 else np.zeros_like(grey)
    return np.asarray(cv2.dilate(lines, np.ones((thick, thick), np.uint8)), np.float32)


def _marker(grey: Pixels) -> Floats:
    """Few thick lines: only the strongest edges, as a broad pen has no room for more."""
    return _contour(grey, blur=3.0, thick=6)


def _by_hand(ink: Floats, rng: np.random.Generator) -> Floats:
    """``ink`` (0 to 1) on a larger sheet: shifted, scaled, tilted and bent as a hand does."""
    height, width = ink.shape
    scale = rng.uniform(0.85, 1.05, 2)
    angle = float(rng.normal(0, 3))
    turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), np.float64)
    turn[:, :2] *= scale[:, None]
    sheet = round(width * 1.2), round(height * 1.2)
    middle = turn @ np.array([width / 2, height / 2, 1.0])
    turn[:, 2] += np.array(sheet) / 2 - middle + rng.normal(0, 0.02, 2) * max(ink.shape)
    placed = cv2.warpAffine(ink, turn, sheet, flags=cv2.INTER_LINEAR)
    far = 0.012 * max(ink.shape)
    knots = rng.standard_normal((2, 5, 5)).astype(np.float32) * np.float32(far)
    dx, dy = (cv2.resize(of, sheet, interpolation=cv2.INTER_CUBIC) for of in knots)
    y, x = np.mgrid[0 : sheet[1], 0 : sheet[0]].astype(np.float32)
    return np.asarray(cv2.remap(placed, x + dx, y + dy, cv2.INTER_LINEAR), np.float32)


def _on_paper(ink: Floats, paper: Floats, lead: tuple[int, int, int]) -> Pixels:
    held = np.clip(ink, 0, 1)[..., None]
    page = paper * (1 - held) + np.array(lead, np.float32) * held
    return np.clip(np.round(page), 0, 255).astype(np.uint8)


def _white(ink: Floats, _rng: np.random.Generator) -> Pixels:
    return _on_paper(ink, np.full((*ink.shape, 3), 255, np.float32), (35, 35, 38))


def _cream(ink: Floats, rng: np.random.Generator) -> Pixels:
    grain = rng.normal(0, 2.5, (*ink.shape, 1)).astype(np.float32)
    return _on_paper(ink, np.array((243, 236, 218), np.float32) + grain, (70, 68, 66))


def _shaded(ink: Floats, rng: np.random.Generator) -> Pixels:
    """White paper under a lamp at one side, photographed."""
    height, width = ink.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    towards = rng.uniform(0, 2 * np.pi)
    far = (x / width - 0.5) * np.cos(towards) + (y / height - 0.5) * np.sin(towards)
    lamp = (0.85 + 0.25 * far)[..., None].astype(np.float32)
    page = _on_paper(ink, np.full((height, width, 3), 248, np.float32), (50, 50, 55)) * lamp
    return np.asarray(np.clip(page + rng.normal(0, 1.5, page.shape), 0, 255), np.uint8)


#: What a picture is drawn with.
STYLES: Mapping[str, Callable[[Pixels], Floats]] = {
    "pencil": _pencil,
    "contour": _contour,
    "marker": _marker,
}
#: What it is drawn on.
PAPERS: Mapping[str, Callable[[Floats, np.random.Generator], Pixels]] = {
    "white": _white,
    "cream": _cream,
    "shaded": _shaded,
}
