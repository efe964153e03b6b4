"""The sheet in a picture of it: found by its four straight sides, and laid flat.

A photographed sheet lies on a desk, a scanned one in the scanner's dark border. Either way it is a
large flat area with four straight sides that does not fill the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.shrinking import within

_SIDE = 192  # longer side, in pixels, at which the sheet is looked for
_THIN = 7  # pixels; what is thinner is ink or grain, whatever lies beside it
_STEP = 16  # levels (of 255) between neighbours that part a sheet from what lies around it
_SMALLEST = 0.2  # share of the picture that a sheet covers at least
_WHOLE = 0.93  # share beyond which it is all of the picture
_FOUR_SIDED = 0.9  # share of its outline that four straight sides explain
_FLAT = 0.8  # share of a sheet that is flat between its edges
_ASIDE = 1.5  # pixels between the flat area's outermost pixels and the sheet's edge
_INSET = 0.008  # share of a side that is cut off within the edges, where their shadow lies
# Focal length over a picture's longer side: that of a phone's main camera, 26 mm on film whose
# diagonal is 43.3 mm, in a picture of 4 by 3.
_FOCAL = 0.75


@dataclass(frozen=True, eq=False)
class Sheet:
    """Where a sheet lies: ``corners`` (4, 2) float32, x and y in shares of the picture, clockwise
    from the top left."""

    corners: Floats

    def flat(self, pixels: Pixels) -> Pixels:
        """What is on the sheet, (h, w, 3) uint8, seen from straight above, at about the same scale.

        How long its sides are to each other follows from the perspective; see Zhang and He,
        "Whiteboard scanning and image enhancement", 2007, with the focal length given.
        """
        corners, (width, height) = self._in(pixels)
        there = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners, there)
        out = cv2.warpPerspective(
            pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(out, np.uint8)

    def back(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """The box (left, top, width, height in shares) around what a box of the flat sheet holds,
        in shares of the picture."""
        there = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        matrix = cv2.getPerspectiveTransform(there, self.corners)
        x, y, width, height = box
        ends = np.array([[[x, y], [x + width, y], [x + width, y + height], [x, y + height]]])
        found = cv2.perspectiveTransform(ends.astype(np.float64), matrix)[0].clip(0, 1)
        (left, top), (right, bottom) = found.min(axis=0), found.max(axis=0)
        return float(left), float(top), float(right - left), float(bottom - top)

    def _in(self, pixels: Pixels) -> tuple[Floats, tuple[int, int]]:
        height, width = pixels.shape[:2]
        corners = self.corners * np.array([width, height], np.float32)
        top, right, bottom, left = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        longest = max(float(max(top, bottom)), float(max(left, right)))
        across, down = _proportions(corners, (width, height))
        scale = longest / max(across, down)
        size = max(8, round(scale * across)), max(8, round(scale * down))
        return corners.astype(np.float32), size


def _proportions(corners: Floats, size: tuple[int, int]) -> tuple[float, float]:
    """Width and height of the sheet, on one scale, whose ``corners`` (4, 2) lie so in a picture of
    that ``size`` (width, height), seen by a camera that looks at the picture's middle."""
    there = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    seen = corners - np.array(size, np.float32) / 2
    seen = (seen / (_FOCAL * max(size))).astype(np.float32)
    matrix = np.asarray(cv2.getPerspectiveTransform(there, seen), np.float64)
    across, down = np.linalg.norm(matrix[:, :2], axis=0)
    return float(across), float(down)


def find_sheet(pixels: Pixels) -> Sheet | None:
    """The sheet that lies in the picture, (h, w, 3) uint8; None where there is none, or where it
    fills the picture."""
    small = within(pixels, _SIDE)
    height, width = small.shape[:2]
    if min(height, width) < 4 * _THIN:
        return None
    kernel = np.ones((_THIN, _THIN), np.uint8)
    closed = cv2.morphologyEx(cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, kernel)
    calm = np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel), np.uint8)
    steps = cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (steps < _STEP).astype(np.uint8), connectivity=4
    )
    areas = stats[1:count, cv2.CC_STAT_AREA] / (height * width)
    for label in np.argsort(-areas)[:3] + 1:
        if areas[label - 1] < _SMALLEST * _FLAT:
            break
        corners = _corners((labels == label).astype(np.uint8))
        if corners is not None and _stands_out(corners, calm):
            sides = np.array([width, height], np.float32)
            return Sheet(np.asarray((corners + np.float32(0.5)) / sides, np.float32))
    return None


def _corners(area: npt.NDArray[np.uint8]) -> Floats | None:
    """Of a flat area, where it is a sheet."""
    # The steps at its edges are two pixels wide; the area ends on their near side.
    outlines, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    covered = cv2.contourArea(hull)
    if not _SMALLEST < covered / area.size < _WHOLE or area.sum() < _FLAT * covered:
        return None
    around = cv2.arcLength(hull, True)
    for share in np.linspace(0.01, 0.08, 15):
        quad = cv2.approxPolyDP(hull, share * around, True)
        if len(quad) <= 4:
            break
    if len(quad) != 4:
        return None
    inside = cv2.contourArea(quad)
    if min(inside, covered) < _FOUR_SIDED * max(inside, covered):
        return None
    points = quad[:, 0].astype(np.float32)
    # Clockwise from the top left: by the angle around the middle, in image coordinates.
    middle = points.mean(axis=0)
    turned = np.arctan2(*(points - middle).T[::-1])
    points = points[np.argsort(turned)]
    points = np.roll(points, -int(np.argmin(points.sum(axis=1))), axis=0)
    outwards = (points - middle) / np.abs(points - middle).max(axis=0)
    points = points + np.float32(_ASIDE) * outwards
    return np.asarray(points + (middle - points) * np.float32(2 * _INSET), np.float32)


def _stands_out(corners: Floats, calm: Pixels) -> bool:
    """Whether what lies around the corners is of another colour: else they are of a fold, or of a
    frame drawn on the sheet."""
    inside = cv2.fillConvexPoly(np.zeros(calm.shape[:2], np.uint8), corners.astype(np.int32), 1)
    around = cv2.dilate(inside, np.ones((2 * _THIN + 1, 2 * _THIN + 1), np.uint8)) == 0
    if not around.any():
        return True
    apart = np.median(calm[inside > 0], axis=0) - np.median(calm[around], axis=0)
    return float(np.abs(apart).max()) >= _STEP
