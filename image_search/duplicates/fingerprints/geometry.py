"""Where one picture lies in another: an affine map or a homography that explains matching points.

Points are in units of each picture's longest side. A homography is a (3, 3) matrix that takes
points of the other picture to points of the query.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

Matrix = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# How far from its place a matching point may lie, in longest sides.
TOLERANCE = 0.02
# Ways kept from single pairs of points before they are refined.
_SEEDS = 2
# A pair gives scale and direction to about so much (powers of two, radians).
_SCALE, _TURN = 0.6, 0.5
# How much a homography may stretch one direction against the other, and enlarge.
_MOST_STRETCH, _MOST_SCALE = 4.0, 12.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """``n`` points of the query, and those of the other picture that look like them, (n, 4) each as
    ``Fingerprint.points`` has them but with x and y in longest sides."""

    here: Floats
    there: Floats

    def rows(self, chosen: npt.NDArray[np.int64]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.here[chosen], self.there[chosen])


def alignments(pairs: Pairs) -> list[tuple[int, Matrix]]:
    """The homographies that explain most pairs, and how many each explains, the best first.

    Each pair, with its sizes and directions, proposes a similarity by itself, so that all can be
    tried (Philbin et al., "Object retrieval with large vocabularies and fast spatial matching",
    CVPR 2007); the best are refined to affine ones by least squares over the pairs that agree.
    """
    count = len(pairs.here)
    if count < 3:
        return []
    scale = pairs.here[:, 2] / pairs.there[:, 2]
    turn = pairs.here[:, 3] - pairs.there[:, 3]
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    # (n, n): where homography i takes point j, from the point that it was made of.
    x, y = (pairs.there[None, :, k] - pairs.there[:, None, k] for k in (0, 1))
    gone_x = pairs.here[None, :, 0] - pairs.here[:, None, 0] - (cos[:, None] * x - sin[:, None] * y)
    gone_y = pairs.here[None, :, 1] - pairs.here[:, None, 1] - (sin[:, None] * x + cos[:, None] * y)
    # The further from the pair, the more its own inexactness shows.
    far = scale[:, None] * np.sqrt(x * x + y * y)
    near = gone_x**2 + gone_y**2 < (TOLERANCE + 0.15 * far) ** 2
    size = np.abs(np.log2(scale)[:, None] - np.log2(scale)[None, :]) < _SCALE
    agree = near & size & (_angle(turn[:, None] - turn[None, :]) < _TURN)
    votes = agree.sum(axis=1)
    seeds: list[Bools] = []
    while len(seeds) < _SEEDS and votes.max() >= 3:
        seeds.append(agree[int(votes.argmax())])
        # What this seed explains need not be tried again.
        votes = np.where(seeds[-1], 0, votes)
    found = _refined(pairs, np.array(seeds)) if seeds else []
    found.sort(key=lambda item: -item[0])
    return found


def _angle(difference: Floats) -> Floats:
    return np.asarray(np.abs(np.mod(difference + np.pi, 2 * np.pi) - np.pi))


def _refined(pairs: Pairs, inside: Bools) -> list[tuple[int, Matrix]]:
    """The affine maps through the pairs that agree, ``inside`` (s, n) for each of s of them, and
    how many agree with each at last; those left out through which there is none.

    All at once, because one after the other takes three times as long.
    """
    best: list[tuple[int, Matrix] | None] = [None] * len(inside)
    alive = np.ones(len(inside), np.bool_)
    here, there = (p[:, :2].astype(np.float64) for p in (pairs.here, pairs.there))
    for tolerance in (3 * TOLERANCE, 2 * TOLERANCE, TOLERANCE, TOLERANCE):
        linear, shift = _fits(here, there, inside)
        alive &= [_is_linear_plausible(one) for one in linear]
        gone = there @ linear.transpose(0, 2, 1) + shift[:, None] - here
        inside = (gone * gone).sum(axis=2) < tolerance**2
        counts = inside.sum(axis=1)
        alive &= counts >= 3
        for number in np.flatnonzero(alive).tolist():
            homography = np.eye(3)
            homography[:2, :2], homography[:2, 2] = linear[number], shift[number]
            best[number] = int(counts[number]), homography
        if not alive.any():
            break
    return [found for found in best if found is not None]


def _fits(here: Matrix, there: Matrix, inside: Bools) -> tuple[Matrix, Matrix]:
    """By least squares, the linear parts (s, 2, 2) and shifts (s, 2) of affine maps, held towards a
    similarity where there are few pairs."""
    weights = inside.astype(np.float64)
    counts = np.maximum(weights.sum(axis=1), 1.0)[:, None]
    mid_here, mid_there = weights @ here / counts, weights @ there / counts
    u = (here - mid_here[:, None]) * weights[..., None]
    v = (there - mid_there[:, None]) * weights[..., None]
    both = u.transpose(0, 2, 1) @ v
    square = v.transpose(0, 2, 1) @ v
    power = np.maximum(square[:, 0, 0] + square[:, 1, 1], 1e-6)
    a = (both[:, 0, 0] + both[:, 1, 1]) / power
    b = (both[:, 1, 0] - both[:, 0, 1]) / power
    similar = np.stack([np.stack([a, -b], 1), np.stack([b, a], 1)], 1)
    # Three imagined points' worth of the similarity.
    hold = (1.5 * power / counts[:, 0])[:, None, None]
    linear = (both + similar * hold) @ np.linalg.inv(square + hold * np.eye(2))
    return linear, mid_here - (linear @ mid_there[..., None])[..., 0]


def is_plausible(homography: Matrix) -> bool:
    """Whether an edit could have done this: not torn, not mirrored, not squashed to a line."""
    return bool(np.isfinite(homography).all()) and _is_linear_plausible(homography[:2, :2])


def _is_linear_plausible(linear: Matrix) -> bool:
    large, small = stretches(linear)
    # Of what mirrors, the small one is negative.
    return large < _MOST_STRETCH * small and 1 / _MOST_SCALE < small <= large < _MOST_SCALE


def stretches(linear: Matrix) -> tuple[float, float]:
    """By how much a (2, 2) matrix enlarges most and least: its singular values, the smaller one
    negative where it mirrors."""
    (a, b), (c, d) = linear.tolist()
    turning, mirroring = math.hypot(a + d, c - b) / 2, math.hypot(a - d, b + c) / 2
    return turning + mirroring, turning - mirroring


def projective(homography: Matrix, pairs: Pairs) -> Matrix:
    """The projective homography near an affine one, where the pairs determine it: MAGSAC++ (Barath
    et al., CVPR 2020)."""
    if len(pairs.here) < 8:
        return homography
    there, here = (p[:, :2].astype(np.float64) for p in (pairs.there, pairs.here))
    found = _upright(
        cv2.findHomography(
            there, here, cv2.USAC_MAGSAC, TOLERANCE / 2, maxIters=500, confidence=0.99
        )[0]
    )
    if found is None:
        return homography
    tight = distances(found, pairs) < TOLERANCE / 2
    if tight.sum() >= 8:
        # Least squares over all that agree are more exact than any of the samples.
        exact = _upright(cv2.findHomography(there[tight], here[tight], 0)[0])
        found = found if exact is None else exact
    if np.abs(found[2, :2]).max() > 0.6 or not is_plausible(found):
        return homography
    # Two more numbers to choose freely must make most pairs fit clearly better.
    gain = np.median(distances(found, pairs)) < 0.8 * np.median(distances(homography, pairs))
    return found if gain else homography


def _upright(found: npt.NDArray[Any] | None) -> Matrix | None:
    """A homography scaled so that its last number is 1."""
    if found is None or abs(found[2, 2]) < 1e-9:
        return None
    return np.asarray(found / found[2, 2], np.float64)


def moved(homography: Matrix, points: npt.NDArray[np.floating]) -> Matrix:
    """Points (n, 2) of the other picture, taken to the query."""
    flat = points[:, :2] @ homography[:, :2].T + homography[:, 2]
    return np.asarray(flat[:, :2] / np.where(np.abs(flat[:, 2:]) < 1e-9, 1e-9, flat[:, 2:]))


def distances(homography: Matrix, pairs: Pairs) -> Matrix:
    """(n,): how far each point of the query lies from where the homography takes its partner."""
    return np.asarray(np.hypot(*(moved(homography, pairs.there) - pairs.here[:, :2]).T))


def squared(here: npt.NDArray[np.floating], there: npt.NDArray[np.floating]) -> Floats:
    """(n, m) float32: the squares of the distances between points (n, 2) and (m, 2), exact to some
    1e-6 longest sides squared."""
    a, b = (p[:, :2].astype(np.float32) for p in (here, there))
    both = a @ (-2 * b.T)
    both += (a * a).sum(axis=1)[:, None]
    both += (b * b).sum(axis=1)
    return both


def overlap(first: Matrix, second: Matrix) -> Matrix:
    """The polygon (n, 2) that two convex polygons, both clockwise (y downwards), share; (0, 2)
    where they do not meet (Sutherland and Hodgman, CACM 1974)."""
    found = list(first)
    for start, end in zip(second, np.roll(second, -1, axis=0), strict=True):
        along = end - start
        sides = [along[0] * (p[1] - start[1]) - along[1] * (p[0] - start[0]) for p in found]
        kept = []
        for i, (point, side) in enumerate(zip(found, sides, strict=True)):
            before, side_before = found[i - 1], sides[i - 1]
            if (side >= 0) != (side_before >= 0):
                kept.append(before + (point - before) * (side_before / (side_before - side)))
            if side >= 0:
                kept.append(point)
        found = kept
    return np.array(found).reshape(-1, 2)


def area(polygon: Matrix) -> float:
    """The area of a polygon (n, 2)."""
    if len(polygon) < 3:
        return 0.0
    (x, y), (next_x, next_y) = polygon.T, polygon[[*range(1, len(polygon)), 0]].T
    return float(abs(x @ next_y - y @ next_x) / 2)


def frame(size: tuple[float, float]) -> Matrix:
    """The corners of a picture of this width and height, clockwise from the upper left."""
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def local(homography: Matrix) -> tuple[float, float]:
    """By how much ``homography`` enlarges, and by what angle it turns."""
    linear = homography[:2, :2]
    turn = np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])
    return float(np.sqrt(max(np.linalg.det(linear), 1e-9))), float(turn)


def hull(points: npt.NDArray[np.floating]) -> Matrix:
    """The convex hull (n, 2), clockwise (y downwards), of points (m, 2)."""
    found = cv2.convexHull(points.astype(np.float32), clockwise=True)
    return np.asarray(found, np.float64).reshape(-1, 2)


def scales(homography: Matrix, points: npt.NDArray[np.floating]) -> Matrix:
    """(n,): by how much ``homography`` enlarges about each of the points (n, 2) of the other
    picture."""
    depth = np.maximum(np.abs(points[:, :2] @ homography[2, :2] + homography[2, 2]), 1e-6)
    return np.asarray(np.sqrt(abs(np.linalg.det(homography)) / depth**3))
