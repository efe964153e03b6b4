"""Lines and dots that were on the paper before the drawing: ruled, squared, isometric, dotted.

A ruling runs straight over most of the sheet, and there are several of it side by side; so along
its direction most of what is inked in a long window is ruling. Where it crosses a stroke, the
stroke is the darker of the two, and stays.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

_WINDOW = 0.3  # length over which a ruling is followed, as a share of the sheet's longer side
_COVERED = 0.7  # share of the window that a ruling fills
_OWN = 0.75  # a line that covers so much of its length may be darker than others
_LINES = 4  # so many rulings side by side are no part of a drawing
_ACROSS = 0.9  # a single line that runs over so much of the sheet is a fold or a margin
_TYPICAL = 70  # per cent of a ruling that are no darker than it counts as; strokes cross the rest
_UNLIKE = 1.25  # times as dark as another, or as elsewhere, may a ruling be
_DARKER = 1.2  # times as dark as a ruling is a stroke over it, and by _MORE at least
_MORE = 0.06
_MARGIN = 0.05  # share of a ruling's length that it may end before the edge of the sheet
_FINE = 2  # directions told apart, to a degree
_NEAR = 4  # degrees within which the edges of one ruling run
_SHARP = 1.8  # times as much runs in the direction of rulings as in others
_UPRIGHT = 0.75  # degrees; so nearly level or upright lines are followed as they are
_ASKEW = 5  # degrees within which lines are of one ruling
_GAP = 5  # pixels; so wide a ruling is bridged where a stroke crosses it


def without_rulings(ink: Floats, shares: Floats, least: float) -> tuple[Floats, int]:
    """``ink`` (h, w) without rulings, and in how many directions they ran.

    ``shares`` (h, w, 3) is the ink by channel, for rulings may differ from strokes by their colour
    alone; ink below ``least`` is none.
    """
    ruled, found = np.zeros_like(shares), list[float]()
    # A fold, or the line of a margin, runs straight where it is alone.
    for angle in (*_directions(ink, least), 0.0, 90.0):
        if any(abs((angle - other + 90) % 180 - 90) <= _ASKEW for other in found):
            continue
        lines = _lines(ink, shares, least, angle)
        if lines is not None:
            ruled = np.maximum(ruled, lines)
            found.append(angle)
    return (_lifted(ink, shares, ruled) if found else ink), len(found)


def without_dots(ink: Floats, least: float) -> tuple[Floats, bool]:
    """``ink`` without the dots of dotted paper, and whether there were any: many spots, alike and
    small, that lie apart."""
    spots = (ink > least).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(spots, connectivity=8)
    side = max(ink.shape)
    small = stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1) <= max(3, 0.014 * side)
    small[0] = False
    if int(small.sum()) < 60 or int(small.sum()) < 0.6 * (count - 1):
        return ink, False
    return np.where(small[labels], np.float32(0), ink), True


def _directions(ink: Floats, least: float) -> list[float]:
    """Degrees from the horizontal in which much of the ink runs, the most first."""
    calm = cv2.GaussianBlur(np.minimum(ink, 4 * least), (0, 0), 1.0)
    across, down = cv2.Sobel(calm, cv2.CV_32F, 1, 0), cv2.Sobel(calm, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    # The ink runs across its gradient.
    angle = (angle + np.float32(90)) % 180
    bins = np.minimum((_FINE * angle).astype(np.int32), 180 * _FINE - 1)
    fine = np.bincount(bins.ravel(), strength.ravel(), 180 * _FINE)
    weights = fine.reshape(180, _FINE).sum(axis=1)
    near = sum(np.roll(weights, shift) for shift in range(-_NEAR, _NEAR + 1))
    sharp = _SHARP * (2 * _NEAR + 1) * max(float(weights.mean()), 1e-6)
    found: list[float] = []
    for best in np.argsort(-near)[:90]:
        if near[best] < sharp:
            break
        if any(abs((best - other + 90) % 180 - 90) < 15 for other in found):
            continue
        # Where most of it runs, and between the bins there.
        around = (np.arange(-_NEAR * _FINE, (_NEAR + 1) * _FINE) + best * _FINE) % len(fine)
        heavy = np.convolve(fine[around], np.ones(3), "same")
        middle = int(np.argmax(heavy))
        shifts = np.arange(max(0, middle - 2), min(len(around), middle + 3))
        share = fine[around[shifts]]
        at = (share * shifts).sum() / share.sum()
        angle_of = float((best - _NEAR + (at + 0.5) / _FINE) % 180)
        straight = 90 * round(angle_of / 90)
        found.append(straight % 180 if abs(angle_of - straight) < _UPRIGHT else angle_of)
    return found[:3]


def _lines(ink: Floats, shares: Floats, least: float, angle: float) -> Floats | None:
    """How dark the rulings in this direction are, (h, w, 3) by channel, 0 beside them; None where
    there are none."""
    height, width = ink.shape
    turn, size = _turn(angle, width, height)
    turned = cv2.warpAffine(ink, turn, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.ones_like(ink), turn, size, flags=cv2.INTER_NEAREST)
    window = max(9, round(_WINDOW * max(height, width)))
    inked = (turned > least).astype(np.uint8)
    thick = cv2.dilate(inked, np.ones((3, 1), np.uint8)).astype(np.float32)
    room = cv2.blur(inside, (window, 1))
    covered = cv2.blur(thick * inside, (window, 1)) / np.maximum(room, 1e-3)
    lines = ((covered > _COVERED) & (room > 0.25) & (inked > 0)).astype(np.uint8)
    if not lines.any():
        return None
    # How many lie side by side; one by itself is a ruling only where it runs right across.
    rows = cv2.dilate(lines, np.ones((1, 3), np.uint8))
    starts = (rows[1:] > rows[:-1]).sum(axis=0)
    length = inside.sum(axis=0)
    if np.median(starts[length > 0.5 * length.max()]) < _LINES:
        length = np.maximum(inside.sum(axis=1), 1)
        run = cv2.dilate(lines, np.ones((5, 1), np.uint8)).astype(np.float32).sum(axis=1)
        lines[(run < _ACROSS * length) | (length < 0.5 * width)] = 0
        if not lines.any():
            return None
    some = np.asarray(lines.any(axis=1))
    first = some & ~np.concatenate([[False], some[:-1]])
    runs = np.asarray(np.cumsum(first) * some, np.int64)
    coloured = np.asarray(cv2.warpAffine(shares, turn, size, flags=cv2.INTER_LINEAR), np.float32)
    if _is_drawn(turned, lines, runs, inside, least):
        return None
    colours = _colours(coloured, lines, runs, inside.sum(axis=1))
    numbers = (lines * runs[:, None]).astype(np.int16)
    # Paler pixels beside a line belong to it.
    numbers = np.asarray(cv2.dilate(numbers, np.ones((3, 3), np.uint8)), np.int16)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(colours[cv2.warpAffine(numbers, turn, (width, height), flags=flags)])


def _is_drawn(
    ink: npt.NDArray[Any],
    lines: npt.NDArray[np.uint8],
    runs: npt.NDArray[np.int64],
    inside: npt.NDArray[Any],
    least: float,
) -> bool:
    """Whether the ``lines`` belong to the drawing, as joints between tiles do: they end before the
    edges of the sheet, and are no paler than the other strokes."""
    margins = []
    for run in range(1, int(runs.max()) + 1):
        rows = runs == run
        there = np.flatnonzero(lines[rows].any(axis=0))
        sheet = np.flatnonzero(inside[rows].any(axis=0))
        margins.append(max(there[0] - sheet[0], sheet[-1] - there[-1]) / len(sheet))
    others = ink[(ink > least) & (cv2.dilate(lines, np.ones((5, 5), np.uint8)) == 0)]
    if float(np.median(margins)) < _MARGIN or not len(others):
        return False
    return bool(np.median(ink[lines > 0]) > np.median(others))


def _colours(
    shares: Floats,
    lines: npt.NDArray[np.uint8],
    runs: npt.NDArray[np.int64],
    length: Floats,
) -> Floats:
    """How dark each run of rows is, (1 + runs, 3); none at 0."""
    out = np.zeros((int(runs.max()) + 1, 3), np.float32)
    least, across = np.zeros_like(out), np.zeros(len(out), bool)
    for run in range(1, len(out)):
        rows = np.flatnonzero(runs == run)
        # The darkest at each place along it, without the pale pixels at its sides: a ruling that is
        # a little askew passes from row to row.
        own = (shares[rows] * lines[rows][..., None]).max(axis=0)
        own = own[lines[rows].any(axis=0)]
        least[run], out[run] = np.percentile(own, (100 - _TYPICAL, _TYPICAL), axis=0)
        across[run] = len(own) >= _OWN * length[rows].max()
    # What does not run right across may be a stroke beside the rulings, which are alike.
    equal = across if across.any() else np.arange(len(out)) > 0
    typical = np.median(out[equal], axis=0)
    out[1:][~across[1:]] = typical
    # One that is darker than the others is so all along; else a stroke lies on it.
    darkest = _UNLIKE * np.maximum(typical, least)
    return np.asarray(np.minimum(out, darkest), np.float32)


def _lifted(ink: Floats, shares: Floats, ruled: Floats) -> Floats:
    """``ink`` without what is no darker than the rulings, in any channel, where they run."""
    on_ruling = ruled.max(axis=2) > 0
    stroke = (shares > _DARKER * ruled + _MORE).any(axis=2)
    left = np.where(on_ruling & ~stroke, np.float32(0), ink)
    # A stroke like the rulings is cut where it crosses them: those gaps are filled. One that is
    # darker would have been seen.
    closed = cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    hidden = on_ruling & ~stroke & (closed <= _DARKER * ruled.max(axis=2) + _MORE)
    return np.where(hidden, closed, left)


def _turn(angle: float, width: int, height: int) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """The matrix that makes lines at ``angle`` horizontal, and the size that holds all of it."""
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), np.float64)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(height * sin + width * cos), round(height * cos + width * sin)
    matrix[:, 2] += np.array([size[0] / 2 - width / 2, size[1] / 2 - height / 2])
    return matrix, size
