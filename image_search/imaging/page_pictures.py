"""The pictures on a page: large rectangles of a screenshot, a slide or a mood board.

A page is cut where rows or columns are empty, the widest gap first, and its parts again, so that a
tree of boxes comes out (the recursive X-Y cut: Nagy and Seth, "Hierarchical representation of
optically scanned documents", ICPR 1984). Every box of the tree that may be a picture is a part.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Pixels

# Longest side at which a page is looked at, in pixels.
_SIDE = 800
# Parts at most, those that show most first.
MOST = 12
# The shorter side of a part, as a share of the page's longer one, and in pixels of the page.
_LEAST, _PIXELS = 0.05, 48
# A part is no more than this share of the page, for else it is the page itself.
_WHOLE = 0.9
# A picture by itself has a margin; a smaller one than this share lies on a page.
_ALONE = 0.5
# A part is no more than so much longer than high, or higher than long; a strip gets a rim.
_ASPECT = 3.0
# Levels (of 255) by which pixels differ across an edge, and the share of a line that noise may
# take for one.
_EDGE, _NOISE = 9, 0.004
# So many pixels along a line are one value.
_MEAN = 5
# Gaps that are so much of the widest one are cut with it.
_TOGETHER = 0.7
# A box is cut into parts, and those again, so often.
_DEPTH = 9
# Boxes looked at, at most.
_BOXES = 400
# Lines of text are so many at least, each lower than this share of the side.
_LINES, _LINE = 3, 0.06
# Two boxes that share so much of what they cover together are one.
_SAME = 0.8
# Text and plain areas show less than these bits of grey values in what is not paper.
_BITS = 2.2
# What a box counts that is a group of others, each of which may be a picture.
_GROUP = 0.5

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""
Shares = tuple[float, float, float, float]
"""Left, top, width and height as fractions of a page's sides."""
Span = tuple[int, int]
"""Where something begins and ends along a side, in pixels."""


@dataclass(frozen=True, eq=False)
class _Edges:
    """Sums of edges along rows and along columns, each (h + 1, w + 1) int32, over all above and to
    the left."""

    along_rows: npt.NDArray[np.int32]
    along_columns: npt.NDArray[np.int32]

    @staticmethod
    def of(page: Pixels) -> _Edges:
        across = np.zeros(page.shape[:2], np.uint8)
        down = np.zeros(page.shape[:2], np.uint8)
        # Along a line, the means of some pixels are compared: the noise of a JPEG drowns in them.
        half = _MEAN // 2 + 1
        means = cv2.blur(page, (_MEAN, 1))
        separate = cv2.absdiff(means[:, 2 * half :], means[:, : -2 * half])
        across[:, half:-half] = separate.max(axis=2) > _EDGE
        means = cv2.blur(page, (1, _MEAN))
        separate = cv2.absdiff(means[2 * half :], means[: -2 * half])
        down[half:-half] = separate.max(axis=2) > _EDGE
        return _Edges(
            np.asarray(cv2.integral(across), np.int32), np.asarray(cv2.integral(down), np.int32)
        )

    def rows(self, box: Box) -> npt.NDArray[np.bool_]:
        """Which rows of the box are empty."""
        left, top, right, bottom = box
        sums = self.along_rows[top : bottom + 1, right] - self.along_rows[top : bottom + 1, left]
        return np.asarray(np.diff(sums) <= _NOISE * (right - left))

    def columns(self, box: Box) -> npt.NDArray[np.bool_]:
        """Which columns of the box are empty."""
        left, top, right, bottom = box
        sums = (
            self.along_columns[bottom, left : right + 1] - self.along_columns[top, left : right + 1]
        )
        return np.asarray(np.diff(sums) <= _NOISE * (bottom - top))


def pictures_on(page: Pixels) -> tuple[Shares, ...]:
    """The pictures on a ``page`` (RGB), what shows most first; none where it is one picture."""
    height, width = page.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(9, round(width * scale)), max(9, round(height * scale))
    small = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.uint8)
    least = round(max(_LEAST * max(size), _PIXELS * scale))
    found: list[tuple[float, Box]] = []
    for box in _cut(_Edges.of(small), (0, 0, *size), least, _DEPTH, set()):
        left, top, right, bottom = box
        if _area(box) > _WHOLE * size[0] * size[1]:
            continue
        bits = _bits(small[top:bottom, left:right])
        if bits >= _BITS:
            found.append((bits * math.sqrt(_area(box)), _no_strip(box, size)))
    found = sorted(((_worth(score, box, found), box) for score, box in found), reverse=True)
    chosen: list[Box] = []
    for _, box in found:
        if all(_shared(box, other) < _SAME for other in chosen):
            chosen.append(box)
    if len(chosen) == 1 and _area(chosen[0]) > _ALONE * size[0] * size[1]:
        return ()
    return tuple(_shares(box, size) for box in chosen[:MOST])


def _worth(score: float, box: Box, found: list[tuple[float, Box]]) -> float:
    """``score``, less for a group of other boxes."""
    inner = [other for _, other in found if other != box and _inside(other, box)]
    separate = any(not _shared(one, other) for one, other in itertools.combinations(inner, 2))
    return score * (_GROUP if separate else 1)


def _inside(one: Box, other: Box) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and one[2] <= other[2] and one[3] <= other[3]


def _no_strip(box: Box, size: tuple[int, int]) -> Box:
    """``box``, or where it is a strip a higher or wider one around it."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    more = round(max(wide, high) / _ASPECT) - min(wide, high)
    if more <= 0:
        return box
    before, after = more // 2, more - more // 2
    if wide > high:
        return left, max(top - before, 0), right, min(bottom + after, size[1])
    return max(left - before, 0), top, min(right + after, size[0]), bottom


def _cut(edges: _Edges, box: Box, least: int, depth: int, seen: set[Box]) -> Iterator[Box]:
    """``box`` without its empty rim, and what it is cut into, by rows and by columns; no side is
    shorter than ``least``."""
    box = _trimmed(edges, box)
    left, top, right, bottom = box
    if box in seen or len(seen) >= _BOXES or min(right - left, bottom - top) < least:
        return
    seen.add(box)
    rows, columns = _gaps(edges.rows(box)), _gaps(edges.columns(box))
    if not _is_text(rows, bottom - top):
        yield box
    if not depth:
        return
    for start, end in _between(rows, bottom - top):
        yield from _cut(edges, (left, top + start, right, top + end), least, depth - 1, seen)
    for start, end in _between(columns, right - left):
        yield from _cut(edges, (left + start, top, left + end, bottom), least, depth - 1, seen)


def _between(gaps: list[Span], length: int) -> list[Span]:
    """What lies between the widest of ``gaps``, of all that there is in this ``length``."""
    widest = max((end - start for start, end in gaps), default=0)
    wide = [gap for gap in gaps if gap[1] - gap[0] >= _TOGETHER * widest]
    starts, ends = [0, *(end for _, end in wide)], [*(start for start, _ in wide), length]
    return list(zip(starts, ends, strict=True)) if wide else []


def _is_text(gaps: list[Span], length: int) -> bool:
    """Whether rows with these ``gaps`` are lines of text: several, and none of them high."""
    starts, ends = [0, *(end for _, end in gaps)], [*(start for start, _ in gaps), length]
    lines = [end - start for start, end in zip(starts, ends, strict=True)]
    return len(lines) >= _LINES and max(lines) < _LINE * _SIDE


def _trimmed(edges: _Edges, box: Box) -> Box:
    left, top = box[:2]
    rows = np.flatnonzero(~edges.rows(box))
    columns = np.flatnonzero(~edges.columns(box))
    if not len(rows) or not len(columns):
        return left, top, left, top
    return (
        left + int(columns[0]), top + int(rows[0]),
        left + int(columns[-1]) + 1, top + int(rows[-1]) + 1,
    )  # fmt: skip


def _gaps(empty: npt.NDArray[np.bool_]) -> list[Span]:
    """Where runs of empty lines begin and end."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], empty.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2)]


def _bits(part: Pixels) -> float:
    """The entropy of the grey values that are not the commonest one, in bits of 32 values."""
    grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
    counts = np.bincount((grey >> 3).reshape(-1), minlength=32)
    counts[int(counts.argmax())] = 0
    shares = counts[counts > 0] / max(int(counts.sum()), 1)
    return (
        float(-(shares * np.log2(shares)).sum()) if counts.sum() > 0.02 * part[..., 0].size else 0
    )


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes share, as a share of what they cover together."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(wide, 0) * max(high, 0)
    return both / max(_area(one) + _area(other) - both, 1)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shares(box: Box, size: tuple[int, int]) -> Shares:
    left, top, right, bottom = box
    width, height = size
    return (
        round(left / width, 4),
        round(top / height, 4),
        round((right - left) / width, 4),
        round((bottom - top) / height, 4),
    )
