"""Renderings of one necklace with a charm of choice: what differs in a part, and what is only
edited."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from image_search.imaging.arrays import Pixels

SIDE = 320
# Where the charm hangs: left, top, right, bottom in pixels.
CHARM = (128, 226, 192, 290)
SHAPES: dict[str, list[tuple[float, float]]] = {
    "drop": [(0.5, 0.0), (0.8, 0.55), (0.7, 0.9), (0.3, 0.9), (0.2, 0.55)],
    "cross": [
        *((0.4, 0.0), (0.6, 0.0), (0.6, 0.25), (1.0, 0.25), (1.0, 0.45), (0.6, 0.45)),
        *((0.6, 1.0), (0.4, 1.0), (0.4, 0.45), (0.0, 0.45), (0.0, 0.25), (0.4, 0.25)),
    ],
    "bow": [(0.0, 0.2), (0.5, 0.45), (1.0, 0.2), (1.0, 0.8), (0.5, 0.55), (0.0, 0.8)],
}


@cache
def necklace(charm: str) -> Pixels:
    """A chain of beads on light ground (320, 320, 3), with this ``charm``, shaded as metal is."""
    rng = np.random.default_rng(3)
    image = Image.new("RGB", (SIDE, SIDE), (246, 244, 240))
    draw = ImageDraw.Draw(image)
    for number in range(44):
        angle = np.pi * 2 * number / 44 + 0.07
        x, y = 160 + 120 * np.cos(angle), 130 + 100 * np.sin(angle)
        radius = rng.uniform(4, 9)
        shade = tuple(rng.integers(30, 190, 3).tolist())
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)
        draw.ellipse((x - radius / 2, y - radius / 2, x, y), fill=(230, 220, 200))
    mask = Image.new("L", (SIDE, SIDE), 0)
    left, top, right, bottom = CHARM
    corners = [(left + x * (right - left), top + y * (bottom - top)) for x, y in SHAPES[charm]]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    light = 120 + 70 * np.sin(x / 5 + y / 9) + 20 * np.cos(y / 4)
    metal = np.clip(np.stack([light, 0.8 * light, 0.4 * light], axis=2), 0, 255).astype(np.uint8)
    image.paste(Image.fromarray(metal), (0, 0), mask)
    return np.asarray(image, np.uint8)
