"""Views of a picture: what a studio does to one, and what a hand does to a drawing."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Pixels


def rectangle(
    shape: tuple[int, ...], rng: np.random.Generator, least: float
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a part of random place and aspect, of at least ``least`` of
    the area of a picture of this ``shape``."""
    height, width = shape[:2]
    area, stretch = rng.uniform(least, 1.0), np.exp(rng.uniform(-0.25, 0.25))
    h = min(height, max(8, round(height * np.sqrt(area) * stretch)))
    w = min(width, max(8, round(width * np.sqrt(area) / stretch)))
    return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w


def cropped(pixels: Pixels, rng: np.random.Generator, least: float) -> Pixels:
    """A part of random place and aspect, of at least ``least`` of the area."""
    top, left, height, width = rectangle(pixels.shape, rng, least)
    return pixels[top : top + height, left : left + width]


def moved(pixels: Pixels, rng: np.random.Generator, by: float = 1.0) -> Pixels:
    """A drawing a little shifted, turned, scaled and sheared; what comes in is paper."""
    height, width = pixels.shape[:2]
    turn = rng.normal(0, 0.06 * by)
    scale = np.exp(rng.normal(0, 0.10 * by, 2))
    shear = rng.normal(0, 0.06 * by)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[1, shear], [0, 1]]) @ np.diag(scale)
    middle = np.array([width / 2, height / 2])
    shift = rng.normal(0, 0.035 * by, 2) * (width, height)
    affine = np.column_stack([matrix, middle - matrix @ middle + shift])
    border = tuple(float(v) for v in np.median(pixels[[0, -1]].reshape(-1, 3), axis=0))
    return np.asarray(cv2.warpAffine(pixels, affine, (width, height), borderValue=border), np.uint8)


def recoloured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Other light, other colours, sometimes none; sometimes soft or noisy."""
    out: npt.NDArray[np.floating] = pixels.astype(np.float32)
    if rng.random() < 0.8:
        gain, lift = rng.uniform(0.7, 1.35), rng.uniform(-25, 25)
        out = (out - 128) * gain + 128 + lift
    if rng.random() < 0.5:
        grey = out.mean(axis=2, keepdims=True)
        out = grey + (out - grey) * (0.0 if rng.random() < 0.3 else rng.uniform(0.3, 1.6))
    if rng.random() < 0.3:
        out = out * rng.uniform(0.85, 1.15, 3)
    if rng.random() < 0.2:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 1.6)), np.float32)
    if rng.random() < 0.2:
        out = out + rng.normal(0, rng.uniform(2, 10), out.shape)
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def covered(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Something lies over a part of it."""
    height, width = pixels.shape[:2]
    out = pixels.copy()
    h, w = (max(1, int(n * rng.uniform(0.1, 0.35))) for n in (height, width))
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    out[top : top + h, left : left + w] = rng.integers(0, 256, 3)
    return out


def mirrored(pixels: Pixels) -> Pixels:
    """Left and right swapped."""
    return np.ascontiguousarray(pixels[:, ::-1])
