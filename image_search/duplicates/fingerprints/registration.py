"""Two pictures aligned: in the same place, to a fraction of a pixel, and in its colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints.geometry import Matrix
from image_search.duplicates.fingerprints.match import Match, Outline, outline_of
from image_search.imaging.arrays import Floats, Pixels

# Longest side of what is compared, in pixels, and of the smallest that can be.
SIDE, _SMALLEST = 256, 24
# The blur (pixels) in which noise and the grid of the pixels drown.
_BLUR = 0.7
# Pixels at the rim of what is shared that do not count: an outline is only so exact.
_EDGE = 7
# Pixels that colours are levelled by.
_SAMPLE = 4000
# By more than this (pixels, at half size) no match is out of place.
_FURTHEST = 6.0


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Two RGB pictures of one size, (h, w, 3) uint8, the ``other`` in the place and the colours of
    the ``query``, and in its ``own`` colours; ``shared`` (h, w) is where both show the same region.
    The homographies take pixels of these to fractions of each picture's sides."""

    query: Pixels
    other: Pixels
    own: Pixels
    shared: npt.NDArray[np.bool_]
    to_query: Matrix
    to_other: Matrix

    def outlines(self, left: int, top: int, width: int, height: int) -> tuple[Outline, Outline]:
        """Return a box of pixels in fractions of the query's sides, and of the other picture's."""
        right, bottom = left + width, top + height
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
        query, other = (
            np.asarray(cv2.perspectiveTransform(box[None], homography)[0], np.float64)
            for homography in (self.to_query, self.to_other)
        )
        return outline_of(query), outline_of(other)


def register(query: Pixels, other: Pixels, found: Match) -> AlignedPair | None:
    """Return both pictures aligned to a fraction of a pixel; ``None`` if the shared part is too
    small.

    Args:
        query: pixels (height, width, 3), RGB.
        other: pixels of the other picture.
        found: how they match.
    """
    height, width = query.shape[:2]
    corners = np.array(found.outline_query) * [width, height]
    least, most = corners.min(axis=0), corners.max(axis=0)
    # What is small is not enlarged: that costs time and shows nothing more.
    scale = min(SIDE / max(*(most - least), 1.0), 1.0)
    size = tuple(round(float(side) * scale) for side in most - least)
    if min(size) < _SMALLEST:
        return None
    from_query = np.array([[scale, 0, -least[0] * scale], [0, scale, -least[1] * scale], [0, 0, 1]])
    to_query = np.diag([1 / width, 1 / height, 1]) @ np.linalg.inv(from_query)
    homography = np.array(found.homography)
    of_other = np.diag([1 / other.shape[1], 1 / other.shape[0], 1])
    from_other = np.linalg.inv(to_query) @ homography @ of_other
    shared = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(shared, [np.round((corners - least) * scale).astype(np.int32)], 1)
    shared = cv2.erode(
        shared, np.ones((_EDGE, _EDGE), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    inside = shared.astype(np.bool_)
    if inside.sum() < _SMALLEST**2:
        return None
    here, there = _taken(query, from_query, size), _taken(other, from_other, size)
    nudge = _nudge(here, there, inside)
    warped = cv2.warpPerspective(
        there, nudge, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    moved = np.asarray(warped, np.uint8)
    matched = _colour_matched(here, moved, inside)
    return AlignedPair(here, matched, moved, inside, to_query, np.linalg.inv(homography) @ to_query)


def _taken(pixels: Pixels, homography: Matrix, size: tuple[int, ...]) -> Pixels:
    """``pixels`` warped by ``homography`` to a picture of this size (width, height), a little
    blurred."""
    scale = float(np.sqrt(abs(np.linalg.det(homography[:2, :2]))))
    if scale < 0.75:
        # Shrunk by means of pixels first, because warping only looks at the nearest four.
        height, width = pixels.shape[:2]
        small = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), np.uint8)
        homography = homography @ np.diag([width / small[0], height / small[1], 1])
    warped = cv2.warpPerspective(
        pixels, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.GaussianBlur(warped, (0, 0), _BLUR), np.uint8)


def _nudge(here: Pixels, there: Pixels, inside: npt.NDArray[np.bool_]) -> Matrix:
    """The affine map from pixels of ``here`` to those of ``there`` that makes them agree best,
    found at half size (Lucas and Kanade, IJCAI 1981)."""
    height, width = (max(side // 2, 1) for side in inside.shape)
    small, large = (
        np.asarray(cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        for p in (here, there)
    )
    within = cv2.resize(
        inside.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    ).astype(np.bool_)
    if not within.any():
        return np.eye(3)
    grey, start = _grey(small), _grey(_colour_matched(small, large, within))
    y, x = (a[within] for a in _places(height, width))
    homography, now = np.eye(3), start
    for _ in range(3):
        step = _step(grey, now, within, x, y)
        homography = homography @ step
        if np.abs(homography - np.eye(3)).max() > _FURTHEST:
            return np.eye(3)
        now = np.asarray(
            cv2.warpPerspective(
                start, homography, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.float32,
        )  # fmt: skip
        if np.abs(step - np.eye(3)).max() < 0.1:
            break
    twice = np.diag([2.0, 2.0, 1.0])
    return np.asarray(twice @ homography @ np.linalg.inv(twice))


def _step(grey: Floats, now: Floats, within: npt.NDArray[np.bool_], x: Floats, y: Floats) -> Matrix:
    """One step, by least squares over the pixels, of which those that differ much count little."""
    across = (cv2.Scharr(now, cv2.CV_32F, 1, 0) / 32)[within]
    down = (cv2.Scharr(now, cv2.CV_32F, 0, 1) / 32)[within]
    residuals = (grey - now)[within]
    parts = np.stack([across, across * x, across * y, down, down * x, down * y], axis=1)
    typical = max(float(np.median(np.abs(residuals))), 2.5)
    weighted = parts * (1 / (1 + (residuals / (2 * typical)) ** 2))[:, None]
    power = (weighted.T @ parts).astype(np.float64)
    hold = 1e-3 * max(float(np.trace(power)) / 6, 1.0) * np.eye(6)
    found = np.linalg.solve(power + hold, (weighted.T @ residuals).astype(np.float64))
    height, width = within.shape
    right, right_x, right_y, low, low_x, low_y = found.tolist()
    return np.array([
        [1 + right_x / width, right_y / height, right - (right_x + right_y) / 2],
        [low_x / width, 1 + low_y / height, low - (low_x + low_y) / 2],
        [0, 0, 1],
    ])  # fmt: skip


def _colour_matched(here: Pixels, there: Pixels, inside: npt.NDArray[np.bool_]) -> Pixels:
    """``there`` in the colours and the light of ``here``: what a polynomial of its colours and of
    the place predicts, fitted ``inside`` to most of the pixels."""
    rows = np.flatnonzero(inside)
    rows = rows[:: max(1, len(rows) // _SAMPLE)]
    terms = _terms(there)
    sample = terms[rows]
    wanted = here.reshape(-1, 3)[rows].astype(np.float32)
    weights = np.ones(len(rows), np.float32)
    for _ in range(3):
        weighted = sample * weights[:, None]
        power = (weighted.T @ sample).astype(np.float64) + 1e-3 * np.eye(sample.shape[1])
        factors = np.linalg.solve(power, (weighted.T @ wanted).astype(np.float64))
        factors = factors.astype(np.float32)
        residuals = np.abs(sample @ factors - wanted).max(axis=1)
        typical = max(float(np.median(residuals)), 2.5)
        weights = 1 / (1 + (residuals / (2 * typical)) ** 2) ** 2
    return np.clip(terms @ factors + 0.5, 0, 255).astype(np.uint8).reshape(there.shape)


def _terms(pixels: Pixels) -> Floats:
    """(h * w, 11): what colours are predicted from."""
    colours = pixels.astype(np.float32) * np.float32(1 / 255) - np.float32(0.5)
    light = colours.mean(axis=2)
    y, x = _places(*light.shape)
    terms = np.empty((*light.shape, 11), np.float32)
    terms[..., 0] = 1
    terms[..., 1:4] = colours
    terms[..., 4:7] = colours * colours
    terms[..., 7], terms[..., 8] = x, y
    terms[..., 9], terms[..., 10] = x * light, y * light
    return terms.reshape(-1, 11)


def _places(height: int, width: int) -> tuple[Floats, Floats]:
    """(h, w) each: how far down and to the right of the middle, from -1/2 to 1/2."""
    down = np.arange(height, dtype=np.float32) / height - np.float32(0.5)
    right = np.arange(width, dtype=np.float32) / width - np.float32(0.5)
    return np.repeat(down[:, None], width, 1), np.repeat(right[None, :], height, 0)


def _grey(pixels: Pixels) -> Floats:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
