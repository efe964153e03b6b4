"""How sure matching points and matching previews make it that two pictures are the same one.

The hard case is not two pictures at random but the same picture, edited, and another picture of a
similar thing: two rings drawn in one style, two watches before one background. Their points agree
as well, but not as exactly.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints import geometry
from image_search.duplicates.fingerprints.fingerprint import PREVIEW_SIDE, Fingerprint
from image_search.duplicates.fingerprints.geometry import Matrix, Pairs

# Previews that correlate less than this do not show the same, wherever points agree.
SIMILAR = 0.5
# Independent cells in a whole preview.
_CELLS = 64
# What previews count beside points, and what a whole picture in common takes away: similar pictures
# lie on each other as wholes, and it is among wholes that they are mistaken for one.
_PREVIEWS, _WHOLE = 0.77, 3.0
# Pairs within such a square, in longest sides, are one piece of evidence.
_PLACE = 1.5 * geometry.TOLERANCE


def of_points(homography: Matrix, pairs: Pairs, bit_differences: npt.NDArray[np.int64]) -> float:
    """The sum over pairs of log10(chance in the same picture / chance in a similar one), from the
    ``bit_differences`` bits that descriptors differ by, the distance from the place, and the size.

    Each of the three is close to a line in its range; lines and ranges were measured on copies
    edited in 19 ways, and on different jewellery photographed in one way. Of pairs in one place the
    best counts.
    """
    if not len(pairs.here):
        return 0.0
    far = geometry.distances(homography, pairs)
    size = np.abs(
        np.log2(pairs.here[:, 2] / pairs.there[:, 2] / geometry.scales(homography, pairs.there))
    )
    # Points see a stretched picture differently: by so much, all three are less exact.
    large, small = geometry.stretches(homography[:2, :2])
    skew = min(large / max(small, 1e-9), 2.0) - 1
    worth = (
        np.clip((17 + 10 * skew - bit_differences) / 14, -1.0, 0.9)
        + np.clip(0.75 - far / (0.006 * (1 + skew)), -1.0, 0.75)
        + np.clip(0.6 - size / (0.18 + 0.5 * skew), -0.8, 0.6)
    )
    cells = np.floor(pairs.here[:, :2] / _PLACE).astype(np.int64) @ [1 << 16, 1]
    order = np.argsort(-worth, kind="stable")
    _, first = np.unique(cells[order], return_index=True)
    return float(worth[order][first].sum())


def likeness(
    query: Fingerprint, other: Fingerprint, homography: Matrix, region: Matrix
) -> tuple[float, float]:
    """The correlation of both previews in a ``region`` of the query, and its share of the query.

    Of a region too plain or too small to compare, 0.
    """
    side = PREVIEW_SIDE
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    to_here = np.diag([*(length / side for length in query.size), 1.0]) @ half
    to_there = np.diag([*(length / side for length in other.size), 1.0]) @ half
    back = np.linalg.inv(to_here)
    warped = cv2.warpPerspective(
        np.ascontiguousarray(other.preview), back @ homography @ to_there, (side, side),
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    shared = geometry.area(region) / geometry.area(geometry.frame(query.size))
    if len(region) < 3:
        return 0.0, 0.0
    corners = np.round(geometry.moved(back, region) * 16).astype(np.int32)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, corners, 1, shift=4)
    inside = mask.astype(np.bool_)
    if inside.sum() < 16:
        return 0.0, shared
    a, b = (p[inside].astype(np.float64) for p in (query.preview, np.asarray(warped)))
    a, b = a - a.mean(), b - b.mean()
    power = np.sqrt((a * a).sum() * (b * b).sum())
    return (float((a * b).sum() / power) if power > 9 * inside.sum() else 0.0), shared


def of_previews(correlation: float, shared: float) -> float:
    """The information, in powers of ten, that one preview carries of the other, were their cells
    independent Gaussians, of which a ``shared`` part of a picture has so many."""
    square = min(max(correlation, 0.0), 0.9999) ** 2
    return float(-0.5 * _CELLS * shared * np.log10(1 - square))


def combined(points: float, previews: float, shared: float) -> float:
    """One score of both, above 0; about 5 divides edited copies from similar pictures evenly.

    The square roots are those of sums whose parts are far from independent; the form and the two
    factors are a logistic regression on the pictures named at ``of_points``.
    """
    sure = np.sqrt(max(points, 0.0)) + _PREVIEWS * np.sqrt(previews) - _WHOLE * min(shared, 1.0)
    # Never below 0, and still in order.
    return float(np.logaddexp(0.0, sure))
