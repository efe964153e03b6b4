"""Where a picture has something to recognise: blobs and corners, each with its own size.

Extrema of differences of Gaussians (Lowe, "Distinctive Image Features from Scale-Invariant
Keypoints", IJCV 2004), without the doubled first octave, which takes most of the time, and with
all points of a picture handled at once as arrays.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

# Levels to an octave, and the blur of an octave's first level in its own pixels (Lowe 2004).
LEVELS = 3
SIGMA = 1.6
# The blur that a picture is taken to have already, in pixels.
_CAMERA = 0.7
# The smallest octave has at least this many pixels on its shorter side.
_SMALLEST = 12
# A point weaker than this (grey values of 0 to 255) is noise.
CONTRAST = 1.2
# The ratio of curvatures above which a point lies on an edge, along which it could slide.
_EDGE = 12.0


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Blurred copies: ``levels[octave][level]``, (height, width) float32, each octave at half the
    size of the one before."""

    levels: list[list[Floats]]


@dataclass(frozen=True, eq=False)
class Found:
    """``n`` points: octave and nearest level (n,) int64; x, y and blur (n,) float32 in pixels of
    their octave; ``strength`` (n,) float32, the contrast."""

    octave: npt.NDArray[np.int64]
    level: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    sigma: Floats
    strength: Floats

    def rows(self, chosen: npt.NDArray[np.int64]) -> Found:
        """Some of the points, in the order given."""
        return Found(
            self.octave[chosen], self.level[chosen], self.x[chosen], self.y[chosen],
            self.sigma[chosen], self.strength[chosen],
        )  # fmt: skip


def pyramid(grey: Floats) -> Pyramid:
    """The pyramid of a grey picture (height, width) float32, 0 to 255."""
    steps = [SIGMA * 2 ** (i / LEVELS) for i in range(LEVELS + 3)]
    base = _floats(cv2.GaussianBlur(grey, (0, 0), float(np.sqrt(SIGMA**2 - _CAMERA**2))))
    levels = []
    while True:
        octave = [base]
        for before, after in itertools.pairwise(steps):
            wide = float(np.sqrt(after**2 - before**2))
            # 3 sigma to either side; OpenCV itself would take 4 for floats, to no use here.
            size = 2 * round(3 * wide) + 1
            octave.append(_floats(cv2.GaussianBlur(octave[-1], (size, size), wide)))
        levels.append(octave)
        if min(base.shape) < 2 * _SMALLEST:
            return Pyramid(levels)
        base = np.ascontiguousarray(octave[LEVELS][::2, ::2])


def _floats(picture: npt.NDArray[Any]) -> Floats:
    return np.asarray(picture, np.float32)


def find(copies: Pyramid) -> Found:
    """Every point of the picture."""
    shapes = [octave[0].shape for octave in copies.levels]
    sizes = [(LEVELS + 2) * height * width for height, width in shapes]
    # All differences in one array, so that all points are refined at once.
    flat = np.empty(sum(sizes), np.float32)
    parts = []
    for number, octave in enumerate(copies.levels):
        start = sum(sizes[:number])
        differences = flat[start : start + sizes[number]].reshape(LEVELS + 2, *shapes[number])
        for i in range(LEVELS + 2):
            cv2.subtract(octave[i + 1], octave[i], dst=differences[i])
        parts += [_peaks(differences[i], number, i, start) for i in range(1, LEVELS + 1)]
    return _refined(flat, np.concatenate(parts))


_SQUARE = np.ones((3, 3), np.uint8)


def _peaks(plane: Floats, octave: int, level: int, start: int) -> npt.NDArray[np.int64]:
    """(n, 7): octave, level, x, y, place in the flat array, and steps there to the next row and
    level, of what is highest or lowest among its 8 neighbours."""
    high = np.maximum(_floats(cv2.dilate(plane, _SQUARE)), np.float32(0.6 * CONTRAST))
    low = np.minimum(_floats(cv2.erode(plane, _SQUARE)), np.float32(-0.6 * CONTRAST))
    peaks = ((plane >= high) | (plane <= low)).view(np.uint8)
    inner = np.ascontiguousarray(peaks[1:-1, 1:-1])
    places = cv2.findNonZero(inner) if inner.size else None
    if places is None:
        return np.zeros((0, 7), np.int64)
    x, y = places.reshape(-1, 2).astype(np.int64).T + 1
    height, width = plane.shape
    found = np.empty((len(x), 7), np.int64)
    found[:, 0], found[:, 1], found[:, 2], found[:, 3] = octave, level, x, y
    found[:, 4] = start + (level * height + y) * width + x
    found[:, 5], found[:, 6] = width, height * width
    return found


def _refined(flat: Floats, found: npt.NDArray[np.int64]) -> Found:
    """Places between pixels and levels, by a parabola through the neighbours; what is no extremum
    among the levels, lies on an edge or is too weak drops out."""
    square = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
    offsets = found[:, 5:6] * square[:, 0] + square[:, 1]
    place, step = found[:, 4:5], found[:, 6:7]
    beside = np.concatenate([place - step + offsets, place + step + offsets], axis=1)
    values, around = flat[place[:, 0]], flat[beside]
    top = np.where(values > 0, values >= around.max(axis=1), values <= around.min(axis=1))
    found = found[top]
    octave, level, x, y, middle, row, plane = found.T

    def at(up: int, down: int, right: int) -> Floats:
        return np.asarray(flat[middle + up * plane + down * row + right])

    centre = at(0, 0, 0)
    left, right, above, below = at(0, 0, -1), at(0, 0, 1), at(0, -1, 0), at(0, 1, 0)
    finer, coarser = at(-1, 0, 0), at(1, 0, 0)
    slope = np.stack([right - left, below - above, coarser - finer], axis=1) * 0.5
    xx, yy, ss = right + left - 2 * centre, below + above - 2 * centre, coarser + finer - 2 * centre
    xy = (at(0, 1, 1) - at(0, 1, -1) - at(0, -1, 1) + at(0, -1, -1)) * 0.25
    xs = (at(1, 0, 1) - at(1, 0, -1) - at(-1, 0, 1) + at(-1, 0, -1)) * 0.25
    ys = (at(1, 1, 0) - at(1, -1, 0) - at(-1, 1, 0) + at(-1, -1, 0)) * 0.25
    curves = np.stack([xx, xy, xs, xy, yy, ys, xs, ys, ss], axis=1).reshape(-1, 3, 3)
    sound = np.abs(np.linalg.det(curves)) > 1e-6
    curves[~sound] = np.eye(3, dtype=np.float32)
    move = -np.linalg.solve(curves, slope[..., None])[..., 0]
    move = np.clip(np.where(sound[:, None], move, 0), -0.6, 0.6)
    strength = np.abs(centre + 0.5 * (slope * move).sum(axis=1))
    bend = xx * yy - xy * xy
    keep = (strength >= CONTRAST) & ((xx + yy) ** 2 * _EDGE < (_EDGE + 1) ** 2 * bend)
    chosen = np.flatnonzero(keep)
    level, move = level[chosen], move[chosen]
    return Found(
        octave[chosen],
        level,
        (x[chosen] + move[:, 0]).astype(np.float32),
        (y[chosen] + move[:, 1]).astype(np.float32),
        (SIGMA * 2.0 ** ((level + move[:, 2]) / LEVELS)).astype(np.float32),
        strength[chosen].astype(np.float32),
    )


def spread(found: Found, shape: tuple[int, ...], most: int, cells: int = 5) -> Found:
    """The ``most`` strongest points, but from all over the picture: of each cell of a grid the
    strongest first, then the second of each, and so on."""
    if len(found.x) <= most:
        return found
    factor = 2.0**found.octave
    column = np.minimum(found.x * factor / shape[1] * cells, cells - 1).astype(np.int64)
    row = np.minimum(found.y * factor / shape[0] * cells, cells - 1).astype(np.int64)
    cell = row * cells + column
    order = np.lexsort((-found.strength, cell))
    first = np.searchsorted(cell[order], np.arange(cells * cells))
    rank: npt.NDArray[np.int64] = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - first[cell[order]]
    return found.rows(np.lexsort((-found.strength, rank))[:most])
