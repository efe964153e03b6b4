"""Picked colours as a block for the ``hsv`` extractor, so that no re-indexing is needed.

A picked colour stands for all colours that look similar. How similar two colours look is their
distance in CIELAB (CIE 1976), so dark gold is near gold, while in HSV alone a step of value or hue
counts the same everywhere.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from image_search.errors import InvalidQuery
from image_search.extractors.base import unit_rows
from image_search.extractors.descriptors import HSV_BINS, HSV_DIM, HsvHistogram
from image_search.imaging.arrays import Floats

# Distance in CIELAB at which likeness has fallen to .61 (one sigma); 2.3 is the smallest difference
# the eye sees. Chosen between two aims on three collections: wider, and a picture no longer finds
# itself by its own three main colours; narrower, and dark gold is no nearer to gold than blue is.
SIGMA = 10.0
# The largest share; only the ratios of shares count.
MOST = 1000.0
# Points along each axis of a bin at which its colours are sampled.
_POINTS = 3
_FORM = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?::([0-9]*\.?[0-9]+))?")


@dataclass(frozen=True)
class Colour:
    """A colour (red, green, blue in 0..255) and its share among the colours asked for."""

    red: int
    green: int
    blue: int
    share: float = 1.0

    def __post_init__(self) -> None:
        if not all(0 <= level <= 255 for level in (self.red, self.green, self.blue)):
            raise InvalidQuery("red, green and blue must be within 0 and 255.")
        if not 0 < self.share <= MOST:
            raise InvalidQuery(f"The share of a colour must be above 0 and at most {MOST:g}.")


def parse_colour(text: str) -> Colour:
    """The colour that ``text`` describes: ``#rrggbb`` or ``#rrggbb:share``; ``#rgb`` is short.

    Raises:
        InvalidQuery: it is neither.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise InvalidQuery(
            f"{text[:40]!r} is not a colour; write #rrggbb, or #rrggbb:share with a share above "
            "0, for example #d4af37:0.6."
        )
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    return Colour(red, green, blue, float(match[2] or 1))


def palette_block(colours: Sequence[Colour]) -> Floats:
    """The unit ``hsv`` block (512,) of a picture in just these colours, in these shares."""
    shares = np.zeros(HSV_DIM, dtype=np.float64)
    for colour in colours:
        rgb = np.array([[[colour.red, colour.green, colour.blue]]], dtype=np.uint8)
        difference = _samples() - _lab(rgb)[0, 0]
        likeness = np.exp(-np.sum(difference**2, axis=2) / (2 * SIGMA**2)).mean(axis=1)
        # The bin of the colour itself has the largest likeness, 1, so that of pictures in plain
        # colours those in the same shares are nearest. Squared, so that the root below does not
        # bring far colours near.
        likeness[np.argmax(HsvHistogram().prepare(rgb))] = likeness.max()
        shares += colour.share * (likeness / likeness.max()) ** 2
    return np.asarray(unit_rows(np.sqrt(shares)[None])[0], dtype=np.float32)


@functools.cache
def _samples() -> Floats:
    """CIELAB colours inside every bin of the histogram, (512, points, 3)."""
    tops = (180, 256, 256)
    axes = [
        ((np.arange(bins * _POINTS) + 0.5) * top / (bins * _POINTS)).reshape(bins, _POINTS)
        for bins, top in zip(HSV_BINS, tops, strict=True)
    ]
    grid = np.stack(
        np.broadcast_arrays(
            axes[0][:, None, None, :, None, None],
            axes[1][None, :, None, None, :, None],
            axes[2][None, None, :, None, None, :],
        ),
        axis=-1,
    )
    hsv = np.clip(np.round(grid), 0, [179, 255, 255]).astype(np.uint8).reshape(HSV_DIM, -1, 3)
    return _lab(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.uint8, copy=False))


def _lab(rgb: np.ndarray) -> Floats:
    scaled = rgb.astype(np.float32) / np.float32(255)
    return cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab).astype(np.float32, copy=False)
