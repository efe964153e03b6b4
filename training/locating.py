"""Squares of which it is known what the teacher sees in each place, not only in all of them.

A teacher sees a picture in a grid before it takes the mean. Asked once for the grid, it need not be
asked again for a part of the picture (Yun and others' ReLabel, CVPR 2021) or for one laid over
another (Jiang and others' token labelling, NeurIPS 2021): there are as many of these as anybody
likes, and every square teaches as many things as it has cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.extractors.design import squeezed
from image_search.imaging.arrays import Floats, Pixels
from training import views
from training.space import Grids

#: Pixels of a square for every cell across that a student sees.
STRIDE = 32
#: How often all of a picture is shown, and of a part, the least share of the picture's area.
WHOLE = 0.3
# What is put over another square, as shares of its area.
_LEAST_OVER, _MOST_OVER = 0.15, 0.6
# How far parts, and what is put over, are from square: the logarithm of width by height.
_STRETCHED = 0.35
# What the height and width of a picture are counted in.
_FINE = 1000


@dataclass(frozen=True, eq=False)
class Located:
    """A square (side, side, 3) and what the teacher sees in each of its cells, (g, g, dim)."""

    square: Pixels
    grid: Floats


def cells_of(side: int) -> int:
    """The cells across a square of ``side`` pixels."""
    return -(-side // STRIDE)


def part(pixels: Pixels, grid: Grids, side: int, rng: np.random.Generator, least: float) -> Located:
    """``pixels`` (height, width, 3) with their ``grid`` (n, n, dim), or a part of at least the
    share ``least`` of them, mirrored or not."""
    top, left, height, width = 0.0, 0.0, 1.0, 1.0
    if rng.random() >= WHOLE:
        found = views.rectangle((_FINE, _FINE), rng, least)
        top, left, height, width = (place / _FINE for place in found)
    across, number = cells_of(side), len(grid)
    rows = _overlaps(np.linspace(top, top + height, across + 1) * number, number)
    columns = _overlaps(np.linspace(left, left + width, across + 1) * number, number)
    seen = np.einsum("ay,yxd,bx->abd", rows, grid.astype(np.float32), columns, optimize=True)
    down, right = pixels.shape[:2]
    cut = pixels[
        int(top * down) : max(int((top + height) * down), int(top * down) + 1),
        int(left * right) : max(int((left + width) * right), int(left * right) + 1),
    ]
    square = squeezed(np.ascontiguousarray(cut), side)
    if rng.random() < 0.5:
        square, seen = views.mirrored(square), seen[:, ::-1]
    return Located(square, np.ascontiguousarray(seen, np.float32))


def laid_over(below: Located, above: Located, rng: np.random.Generator) -> Located:
    """A part of ``above`` over the same place of ``below``; a cell that shows something of both is
    seen between them."""
    side, across = len(below.square), len(below.grid)
    share = rng.uniform(_LEAST_OVER, _MOST_OVER)
    stretched = math.exp(rng.uniform(-_STRETCHED, _STRETCHED))
    height, width = (
        min(side - 1, max(1, round(side * math.sqrt(share * by))))
        for by in (stretched, 1 / stretched)
    )
    top, left = int(rng.integers(side - height)), int(rng.integers(side - width))
    square = below.square.copy()
    square[top : top + height, left : left + width] = above.square[
        top : top + height, left : left + width
    ]
    # Of each cell, the share of each row, or column, of pixels.
    pixels = _overlaps(np.linspace(0, side, across + 1), side)
    rows, columns = pixels[:, top : top + height], pixels[:, left : left + width]
    shown = np.outer(rows.sum(axis=1), columns.sum(axis=1))[..., None]
    grid = below.grid + shown * (above.grid - below.grid)
    return Located(square, grid)


def _overlaps(edges: npt.NDArray[np.float64], number: int) -> Floats:
    """Of each interval between ``edges`` (g + 1,), rising, the share that lies between i and i + 1,
    (g, number)."""
    places = np.arange(number)
    starts, ends = edges[:-1, None], edges[1:, None]
    lengths = np.clip(np.minimum(ends, places + 1) - np.maximum(starts, places), 0, None)
    return np.asarray(lengths / lengths.sum(axis=1, keepdims=True), np.float32)
