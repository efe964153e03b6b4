"""Where one picture lies in another: an affine or projective way that explains matching points.

Points are in units of each picture's longest side. A way is a (3, 3) matrix that takes points of
the other picture to points of the query.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Floats

Matrix = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# How far from its place a matching point may lie, in longest sides.
TOLERANCE = 0.02
# Ways kept from single pairs of points before they are refined.
_SEEDS = 4
# A pair tells scale and direction to about so much (powers of two, radians).
_SCALE, _TURN = 0.6, 0.5
# How much a way may stretch one direction against the other, and enlarge.
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


def ways(pairs: Pairs) -> list[Matrix]:
    """The ways that explain most pairs, the best first.

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
    # (n, n): where way i takes point j, from the point that way i was made of.
    x, y = (pairs.there[None, :, k] - pairs.there[:, None, k] for k in (0, 1))
    gone_x = pairs.here[None, :, 0] - pairs.here[:, None, 0] - (cos[:, None] * x - sin[:, None] * y)
    gone_y = pairs.here[None, :, 1] - pairs.here[:, None, 1] - (sin[:, None] * x + cos[:, None] * y)
    # The further from the pair, the more its own inexactness shows.
    far = scale[:, None] * np.sqrt(x * x + y * y)
    near = gone_x**2 + gone_y**2 < (TOLERANCE + 0.15 * far) ** 2
    size = np.abs(np.log2(scale)[:, None] - np.log2(scale)[None, :]) < _SCALE
    agree = near & size & (_angle(turn[:, None] - turn[None, :]) < _TURN)
    found: list[tuple[int, Matrix]] = []
    votes = agree.sum(axis=1)
    for _ in range(_SEEDS):
        seed = int(votes.argmax())
        if votes[seed] < 3:
            break
        refined = _refined(pairs, agree[seed])
        if refined is not None:
            found.append(refined)
        # What this seed explains need not be tried again.
        votes = np.where(agree[seed], 0, votes)
    found.sort(key=lambda item: -item[0])
    return [way for _, way in found]


def _angle(difference: Floats) -> Floats:
    return np.asarray(np.abs(np.mod(difference + np.pi, 2 * np.pi) - np.pi))


def _refined(pairs: Pairs, inside: Bools) -> tuple[int, Matrix] | None:
    """The affine way through the pairs that agree, and how many agree with it at last."""
    way: Matrix | None = None
    best: tuple[int, Matrix] | None = None
    for tolerance in (3 * TOLERANCE, 2 * TOLERANCE, TOLERANCE, TOLERANCE):
        way = _fit(pairs, inside)
        if way is None:
            break
        inside = distances(way, pairs) < tolerance
        count = int(inside.sum())
        if count < 3:
            break
        best = count, way
    return best


def _fit(pairs: Pairs, inside: Bools) -> Matrix | None:
    """By least squares: affine, held towards a similarity where there are few pairs."""
    here, there = (p[inside, :2].astype(np.float64) for p in (pairs.here, pairs.there))
    mid_here, mid_there = here.mean(axis=0), there.mean(axis=0)
    u, v = here - mid_here, there - mid_there
    power = (v * v).sum()
    if power < 1e-6:
        return None
    a = (u * v).sum() / power
    b = (v[:, 0] * u[:, 1] - v[:, 1] * u[:, 0]).sum() / power
    similar = np.array([[a, -b], [b, a]])
    # Three imagined points' worth of the similarity.
    hold = 3 * power / len(v) * np.eye(2) * 0.5
    linear = (u.T @ v + similar @ hold) @ np.linalg.inv(v.T @ v + hold)
    way = np.eye(3)
    way[:2, :2] = linear
    way[:2, 2] = mid_here - linear @ mid_there
    return way if is_plausible(way) else None


def is_plausible(way: Matrix) -> bool:
    """Whether an edit could have done this: not torn, not mirrored, not squashed to a line."""
    linear = way[:2, :2]
    if not np.isfinite(way).all() or np.linalg.det(linear) <= 0:
        return False
    large, small = np.linalg.svd(linear, compute_uv=False).tolist()
    return bool(large < _MOST_STRETCH * small and 1 / _MOST_SCALE < small < large < _MOST_SCALE)


def projective(way: Matrix, pairs: Pairs) -> Matrix:
    """The projective way near the affine ``way``, where the pairs tell one: MAGSAC++ (Barath et
    al., CVPR 2020)."""
    if len(pairs.here) < 8:
        return way
    there, here = (p[:, :2].astype(np.float64) for p in (pairs.there, pairs.here))
    found = _upright(
        cv2.findHomography(
            there, here, cv2.USAC_MAGSAC, TOLERANCE / 2, maxIters=500, confidence=0.99
        )[0]
    )
    if found is None:
        return way
    tight = distances(found, pairs) < TOLERANCE / 2
    if tight.sum() >= 8:
        # Least squares over all that agree are more exact than any of the samples.
        exact = _upright(cv2.findHomography(there[tight], here[tight], 0)[0])
        found = found if exact is None else exact
    if np.abs(found[2, :2]).max() > 0.6 or not is_plausible(found):
        return way
    # Two more numbers to choose freely must make most pairs fit clearly better.
    gain = np.median(distances(found, pairs)) < 0.8 * np.median(distances(way, pairs))
    return found if gain else way


def _upright(found: npt.NDArray[Any] | None) -> Matrix | None:
    """A homography scaled so that its last number is 1."""
    if found is None or abs(found[2, 2]) < 1e-9:
        return None
    return np.asarray(found / found[2, 2], np.float64)


def moved(way: Matrix, points: npt.NDArray[np.floating]) -> Matrix:
    """Points (n, 2) of the other picture, taken to the query."""
    flat = points[:, :2] @ way[:, :2].T + way[:, 2]
    return np.asarray(flat[:, :2] / np.where(np.abs(flat[:, 2:]) < 1e-9, 1e-9, flat[:, 2:]))


def distances(way: Matrix, pairs: Pairs) -> Matrix:
    """(n,): how far each point of the query lies from where the way takes its partner."""
    return np.asarray(np.hypot(*(moved(way, pairs.there) - pairs.here[:, :2]).T))


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


def local(way: Matrix) -> tuple[float, float]:
    """By how much ``way`` enlarges, and by what angle it turns."""
    linear = way[:2, :2]
    turn = np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])
    return float(np.sqrt(max(np.linalg.det(linear), 1e-9))), float(turn)


def hull(points: npt.NDArray[np.floating]) -> Matrix:
    """The convex hull (n, 2), clockwise (y downwards), of points (m, 2)."""
    found = cv2.convexHull(points.astype(np.float32), clockwise=True)
    return np.asarray(found, np.float64).reshape(-1, 2)


def scales(way: Matrix, points: npt.NDArray[np.floating]) -> Matrix:
    """(n,): by how much ``way`` enlarges about each of the points (n, 2) of the other picture."""
    depth = np.maximum(np.abs(points[:, :2] @ way[2, :2] + way[2, 2]), 1e-6)
    return np.asarray(np.sqrt(abs(np.linalg.det(way)) / depth**3))
