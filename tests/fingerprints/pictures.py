"""Pictures for fingerprints: the demo's drawings, as pixels, drawn once."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from image_search.imaging.arrays import Pixels
from tests.drawing import design, ornate


@cache
def busy(seed: int) -> Pixels:
    """A picture (240, 320, 3) with much to recognise, never twice the same."""
    rng = np.random.default_rng(seed)
    parts = Image.new("RGB", (320, 240))
    for row in range(3):
        for column in range(4):
            part = design(int(rng.integers(1 << 30)), (80, 80))
            parts.paste(part, (column * 80, row * 80))
    return np.asarray(parts, np.uint8)


@cache
def flat(seed: int) -> Pixels:
    """A picture (200, 200, 3) with next to nothing in it: two soft shades."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 200))
    wave = np.sin(rng.uniform(2, 6) * x + rng.uniform(0, 6)) * np.cos(rng.uniform(2, 6) * y)
    return np.repeat((127 + 100 * wave).astype(np.uint8)[..., None], 3, axis=2)


@cache
def sheet(number: int) -> Pixels:
    """One of many spec sheets (480, 640, 3): a table that all have, and a design of its own."""
    page = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((6, 6, 633, 473), outline="black", width=3)
    for row in range(14):
        draw.line((400, 20 + row * 32, 633, 20 + row * 32), fill="black", width=2)
        for place in range(6):
            height = (row * 7 + place * 5) % 13 + 6
            box = (410 + place * 34, 26 + row * 32, 432 + place * 34, 26 + height + row * 32)
            draw.rectangle(box, fill=(20 * row, 60, 30 * place))
    page.paste(ornate(number).resize((360, 270)), (20, 100))
    return np.asarray(page)
