"""What lies on a sheet, told apart: the drawing or drawings, and what is written beside them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

_NEAR = 0.018  # share of the sheet's longer side within which strokes belong together
_SPECK = 0.012  # so small, and alone, is dust
_PALE = 0.5  # share of the darkness of most ink below which a mark is none
_WRITTEN = 0.2  # letters are at most so tall, as a share of the drawing's longer side
_LETTERS = 3  # marks that make writing
_SLIM = 0.06  # a dimension spreads so little across its length, and is at least ...
_LONG = 0.12  # ... so long, as a share of the sheet's longer side
_OVERLAP = 0.25  # what shares so much of its box with the drawing's belongs to it
_PART = 0.2  # another drawing has at least so large a box, as a share of the largest
_BORDER = 0.035  # share of a side within which marks along the sheet's edge lie
_HOLES = 5  # so many equal ones in a row along an edge are no drawing,
_ALONG = 0.6  # where they take up so much of it,
_UNEVEN = 0.25  # and their distances differ by no more than this share of their mean


@dataclass(frozen=True, eq=False)
class SheetLayout:
    """What lies on a sheet: where the drawing's ink is, the boxes of the ``drawings``, largest
    first, whether ``notes`` were set apart, and the ``page``: the sheet without the strip along
    which it is bound or filed."""

    drawn: npt.NDArray[np.bool_]
    drawings: tuple[Box, ...]
    notes: bool
    page: Box


@dataclass(frozen=True, eq=False)
class _Group:
    """Marks that lie close together, or one line by itself: the ``box`` around them, and the
    ``heights`` of the marks."""

    number: int
    box: Box
    heights: npt.NDArray[np.int32]

    @property
    def length(self) -> int:
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def area(self) -> int:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def without_specks(ink: Floats, least: float) -> Floats:
    """``ink`` (h, w) without what is pale all through: grain, and remains of rulings."""
    inked = ink > least
    if not inked.any():
        return ink
    count, found = cv2.connectedComponents(inked.astype(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    darkest = np.zeros(count, np.float32)
    np.maximum.at(darkest, labels[inked], ink[inked])
    pale = darkest < _PALE * np.percentile(ink[inked], 80)
    pale[0] = False
    return np.where(pale[labels], np.float32(0), ink)


def layout_of(ink: Floats, least: float) -> SheetLayout:
    """Tell apart what is inked, more than ``least``, on a sheet's ``ink`` (h, w)."""
    strokes = (ink > least).astype(np.uint8)
    strokes, page = _without_marks_of_the_sheet(strokes)
    side = max(ink.shape)
    _, found, sizes, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    marks, stats = np.asarray(found, np.int32), np.asarray(sizes, np.int32)
    lines = _lines(marks, stats, _LONG * side)
    bodies = np.where(lines[marks], 0, strokes).astype(np.uint8) if lines.any() else strokes
    reach = max(3, round(_NEAR * side) | 1)
    close = cv2.dilate(bodies, np.ones((reach, reach), np.uint8))
    count, near = cv2.connectedComponents(close, connectivity=8)
    # Each line is a group by itself.
    numbers = count + np.arange(len(lines))
    labels = np.where(lines[marks], numbers[marks], near).astype(np.int32)
    labels[strokes == 0] = 0
    groups = [g for g in _groups(labels, marks, stats) if g.length > max(3, _SPECK * side)]
    if not groups:
        return SheetLayout(strokes > 0, (), notes=False, page=page)
    main = max(
        [group for group in groups if group.number < count] or groups,
        key=lambda group: (group.area, group.length),
    )
    beside = [g for g in groups if g is not main and _overlap(g.box, main.box) < _OVERLAP]
    written = [group for group in beside if group.number < count and _is_written(group, main)]
    # A line by itself is a dimension only where something is written.
    notes = written + [group for group in beside if written and group.number >= count]
    kept = [group for group in groups if not any(group is note for note in notes)]
    kept.sort(key=lambda group: -group.area)
    drawings = tuple(group.box for group in kept if group.area >= _PART * main.area)
    if any(_overlap(b, a) > 0 for n, a in enumerate(drawings) for b in drawings[n + 1 :]):
        drawings = (_around(drawings),)
    drawn = np.isin(labels, [group.number for group in kept])
    return SheetLayout(drawn, drawings, bool(notes), page)


def _without_marks_of_the_sheet(
    strokes: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint8], Box]:
    """The strokes without marks along the sheet's edges (shadows, rows of holes), and the box of
    the sheet next to such rows."""
    height, width = strokes.shape
    _, labels, stats, middles = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    wide, tall = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    x, y = max(2, _BORDER * width), max(2, _BORDER * height)
    gone = (left + wide <= x) | (left >= width - x) | (top + tall <= y) | (top >= height - y)
    sizes = np.maximum(wide, tall)
    page = [0, 0, width, height]
    for along, size in ((0, width), (1, height)):
        at = middles[:, along]
        for end, near in enumerate((at < 0.12 * size, at > 0.88 * size)):
            for one in np.flatnonzero(near & (sizes > 3)):
                row = near & (np.abs(at - at[one]) < 0.015 * size)
                row &= np.abs(sizes - sizes[one]) < 0.3 * sizes[one] + 1
                row[0] = False
                if not _is_row(middles[row, 1 - along], (width, height)[1 - along]):
                    continue
                gone |= row
                # Holes lie in the middle of their strip, which holds nothing else.
                strip = 2 * float(np.median(np.abs(at[row] - end * size)))
                inside = at > size - strip if end else at < strip
                inside[0] = False
                if stats[inside & ~gone, cv2.CC_STAT_AREA].sum() > stats[row, -1].sum():
                    continue
                if end:
                    page[2 + along] = min(page[2 + along], round(size - strip))
                else:
                    page[along] = max(page[along], round(strip))
    gone[0] = False
    left_over = np.where(gone[labels], 0, strokes).astype(np.uint8) if gone.any() else strokes
    return left_over, (page[0], page[1], page[2], page[3])


def _is_row(places: npt.NDArray[np.float64], size: int) -> bool:
    """Whether marks at these ``places`` along an edge of ``size`` pixels are holes in a row: many,
    over most of the edge, at even distances."""
    if len(places) < _HOLES:
        return False
    gaps = np.diff(np.sort(places))
    return bool(gaps.sum() > _ALONG * size and gaps.std() < _UNEVEN * gaps.mean())


def _lines(
    marks: npt.NDArray[np.int32], stats: npt.NDArray[np.int32], long: float
) -> npt.NDArray[np.bool_]:
    """Which of the marks are straight lines, arrow-heads included, and at least so ``long``."""
    sizes = stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1)
    found = np.zeros(len(stats), bool)
    for number in np.flatnonzero(sizes[1:] >= long) + 1:
        left, top, wide, tall = stats[number, :4]
        ys, xs = np.nonzero(marks[top : top + tall, left : left + wide] == number)
        across, along = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(xs, ys)), 0))
        found[number] = across <= _SLIM * along
    return found


def _groups(
    labels: npt.NDArray[np.int32], marks: npt.NDArray[np.int32], stats: npt.NDArray[np.int32]
) -> list[_Group]:
    owner = np.zeros(len(stats), np.int64)
    owner[marks.ravel()] = labels.ravel()
    owner[0] = 0
    found = []
    for number in np.unique(owner[owner > 0]):
        own = stats[owner == number]
        left, top = int(own[:, 0].min()), int(own[:, 1].min())
        right, bottom = int((own[:, 0] + own[:, 2]).max()), int((own[:, 1] + own[:, 3]).max())
        found.append(_Group(int(number), (left, top, right, bottom), own[:, 3]))
    return found


def _is_written(group: _Group, main: _Group) -> bool:
    """Whether a group beside the drawing is writing: letters, small against the drawing."""
    letters = len(group.heights) >= _LETTERS and group.heights.max() <= _WRITTEN * main.length
    return bool(letters) and group.area < 0.5 * main.area


def _overlap(box: Box, other: Box) -> float:
    """The share of ``box`` that lies in the ``other``."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    tall = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0, wide) * max(0, tall) / max(area, 1)


def _around(boxes: tuple[Box, ...]) -> Box:
    sides = np.array(boxes)
    left, top = sides[:, :2].min(axis=0)
    right, bottom = sides[:, 2:].max(axis=0)
    return int(left), int(top), int(right), int(bottom)
