"""Line renderings: what a hand might draw of a picture, made from the picture alone.

Contours come from differences of Gaussians (Winnemoeller, Kyprianidis and Olsen, "XDoG", 2012) or
from Canny's edges; strokes are then left out, bent and thickened, and whatever lies far from the
middle is likelier to be left out, as people draw the thing and not what is behind it.
"""

from __future__ import annotations

import cv2
import numpy as np

from image_search.imaging.arrays import Floats, Pixels


def line_rendering(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A drawing of ``pixels`` (height, width, 3), of the same size; each call draws another."""
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.uint8)
    ink = _canny(lab, rng) if rng.random() < 0.5 else _xdog(lab, rng)
    ink = ink * _attention(ink.shape, rng)
    ink = _bent(ink, rng)
    return _on_paper(ink, rng)


def _canny(lab: Pixels, rng: np.random.Generator) -> Floats:
    sigma = rng.uniform(0.8, 2.4)
    high = rng.uniform(60, 200)
    ink = np.zeros(lab.shape[:2], np.uint8)
    for channel in (0, 1, 2):
        smooth = cv2.GaussianBlur(lab[..., channel], (0, 0), sigma)
        edges = cv2.Canny(smooth, high * 0.4, high, L2gradient=True)
        ink |= np.asarray(edges, np.uint8)
    return (ink / np.float32(255)).astype(np.float32)


def _xdog(lab: Pixels, rng: np.random.Generator) -> Floats:
    grey = lab[..., 0].astype(np.float32) / 255
    sigma = rng.uniform(0.6, 1.8)
    near, far = (cv2.GaussianBlur(grey, (0, 0), sigma * s) for s in (1.0, 1.6))
    difference = near - rng.uniform(0.97, 1.0) * far
    threshold = rng.uniform(-0.01, 0.005)
    return np.clip(-(difference - threshold) * rng.uniform(15, 60), 0, 1).astype(np.float32)


def _attention(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """How likely strokes are kept, (height, width): less away from the middle, and in patches."""
    height, width = shape[:2]
    patches = rng.random((6, 6)).astype(np.float32)
    kept = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
    keep = (kept > rng.uniform(-0.2, 0.3)).astype(np.float32)
    if rng.random() < 0.7:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        radius = rng.uniform(0.35, 0.6, 2)
        away = ((x / width - 0.5) / radius[0]) ** 2 + ((y / height - 0.5) / radius[1]) ** 2
        keep *= np.clip((1.15 - away) * 6, 0, 1)
    return keep


def _bent(ink: Floats, rng: np.random.Generator) -> Floats:
    height, width = ink.shape
    far = rng.uniform(0, 0.045) * max(height, width)
    knots = rng.standard_normal((2, 5, 5)).astype(np.float32) * np.float32(far)
    dx, dy = (cv2.resize(k, (width, height), interpolation=cv2.INTER_CUBIC) for k in knots)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.asarray(cv2.remap(ink, x + dx, y + dy, cv2.INTER_LINEAR), np.float32)


def _on_paper(ink: Floats, rng: np.random.Generator) -> Pixels:
    thick = int(rng.integers(1, 4))
    if thick > 1:
        ink = np.asarray(cv2.dilate(ink, np.ones((thick, thick), np.uint8)), np.float32)
    if rng.random() < 0.5:
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 0.9)), np.float32)
    paper = 255 - rng.uniform(0, 25, 3) * (rng.random() < 0.5)
    lead = rng.uniform(0, 90)
    page = paper - (paper - lead) * np.clip(ink, 0, 1)[..., None] * rng.uniform(0.6, 1)
    if rng.random() < 0.3:
        page = page + rng.normal(0, 3, page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)
