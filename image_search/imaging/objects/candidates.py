"""Boxes that may hold an object, from several sources, and the signs by which they are judged.

The signs follow Alexe, Deselaers and Ferrari, "Measuring the objectness of image windows" (PAMI
2012): how a box differs in colour from what surrounds it, whether segments lie across its border,
how many edges are in it and around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.objects.segments import (
    Labels,
    Picture,
    Segment,
    divided,
    joined,
    segments_of,
    tree_of,
)

Boxes = npt.NDArray[np.int32]
"""(n, 4): left, top, right and bottom in pixels of a ``Picture``."""

# Sides of a box, as shares of the picture's longer one: no less; and its area, no more.
_LEAST, _WHOLE = 0.06, 0.92
# Differences from the ground (CIELAB) that make a mark, and how far apart marks of one thing lie,
# as shares of the picture's longer side.
_MARK, _REACHES = 7.0, (0.008, 0.025, 0.05)
# Ground is what segments of at least this share of the picture show.
_GROUND = 0.12
# The ring around a box is wider than it by this share of its side, on each side.
_RING = 0.2
# Half the width of the band along a border, as a share of the picture's longer side.
_BAND = 0.012
_BINS = 6

SIGNS = (
    *("area", "area2", "tall", "touches", "straddling", "inside", "band", "ring", "contrast"),
    *("calm", "varied", "fill", "persistence", "outline", "weak", "tree", "marks", "page"),
)
"""The signs of a candidate, in the order of their columns."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """``boxes`` (n, 4), and the ``signs`` (n, SIGNS) of each, float32; the ``size`` of the picture
    that they lie on, width and height."""

    boxes: Boxes
    signs: Floats
    size: tuple[int, int]

    def shares(self) -> npt.NDArray[np.float64]:
        """(n, 4): left, top, width and height of each box as fractions."""
        corners = self.boxes / np.array([*self.size, *self.size], np.float64)
        return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


@dataclass(frozen=True)
class _Found:
    box: tuple[int, int, int, int]
    fill: float = 0.0
    persistence: float = 0.0
    outline: float = 0.0
    weak: float = 0.0
    source: str = "tree"


def candidates_in(
    pixels: Pixels, rectangles: Sequence[tuple[float, float, float, float]] = ()
) -> Candidates:
    """What may be an object in RGB ``pixels``; ``rectangles`` are known ones, as fractions."""
    picture = Picture.of(pixels)
    height, width = picture.steps.shape
    labels = joined(divided(picture), picture)
    segments = segments_of(labels, picture)
    found = _of_tree(tree_of(segments))
    found += _of_marks(picture, labels, segments)
    for x, y, wide, high in rectangles:
        corners = round(x * width), round(y * height)
        ends = round((x + wide) * width), round((y + high) * height)
        found.append(_Found((*corners, *ends), fill=1.0, source="page"))
    side = max(width, height)
    kept: dict[tuple[int, int, int, int, str], _Found] = {}
    for one in found:
        left, top, right, bottom = one.box
        if min(right - left, bottom - top) < 4 or max(right - left, bottom - top) < _LEAST * side:
            continue
        if (right - left) * (bottom - top) > _WHOLE * width * height:
            continue
        key = (*one.box, one.source)
        if key not in kept or kept[key].persistence < one.persistence:
            kept[key] = one
    chosen = list(kept.values())
    boxes = np.array([one.box for one in chosen], np.int32).reshape(-1, 4)
    return Candidates(boxes, _signs(picture, labels, boxes, chosen), (width, height))


def _of_tree(tree: Sequence[Segment]) -> list[_Found]:
    found = []
    for one in tree[:-1]:
        left, top, right, bottom = one.box
        length = sum(length for length, _ in one.neighbours.values())
        steps = sum(steps for _, steps in one.neighbours.values())
        found.append(
            _Found(
                one.box,
                one.area / max(1, (right - left) * (bottom - top)),
                (one.ended_at - one.merged_at) / max(one.ended_at, 1e-6),
                steps / max(length, 1) / 50,
                one.rim / max(length + one.rim, 1),
            )
        )
    return found


def _of_marks(picture: Picture, labels: Labels, segments: Sequence[Segment]) -> list[_Found]:
    """What lies on the ground: groups of pixels that are not like it."""
    height, width = labels.shape
    lab = picture.lab
    rim = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    from_rim = np.linalg.norm(lab - np.median(rim, axis=0), axis=2) > _MARK
    areas = np.array([segment.area for segment in segments])
    on_ground = ~(areas[labels] >= _GROUND * height * width)
    found = []
    for marks in (from_rim, on_ground):
        for reach in _REACHES:
            size = max(3, round(reach * max(height, width)) | 1)
            close = cv2.dilate(marks.astype(np.uint8), np.ones((size, size), np.uint8))
            count, near, stats, _ = cv2.connectedComponentsWithStats(close, connectivity=8)
            own = np.bincount(near[marks], minlength=count)
            half = size // 2
            for number in range(1, min(count, 200)):
                left, top, wide, high, _ = stats[number].tolist()
                right, bottom = left + wide, top + high
                # Without what dilation added.
                left, right = (left + half) * (left > 0), right - half * (right < width)
                top, bottom = (top + half) * (top > 0), bottom - half * (bottom < height)
                area = max(1, (right - left) * (bottom - top))
                found.append(_Found((left, top, right, bottom), own[number] / area, source="marks"))
    return found


def _sums(values: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.integral(values, sdepth=cv2.CV_64F), np.float64)


def _in(sums: npt.NDArray[np.float64], boxes: Boxes) -> npt.NDArray[np.float64]:
    """The sum within each box (n, ...)."""
    left, top, right, bottom = boxes.T
    found = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(found, np.float64)


def _grown(boxes: Boxes, by: npt.NDArray[np.int32], width: int, height: int) -> Boxes:
    """``boxes`` with ``by`` (n, 2) pixels more on each side, within the picture."""
    grown = boxes + np.concatenate([-by, by], axis=1)
    return np.asarray(np.clip(grown, 0, [width, height, width, height]), np.int32)


def _area(boxes: Boxes) -> npt.NDArray[np.float64]:
    return np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 0).astype(float)


def _signs(picture: Picture, labels: Labels, boxes: Boxes, found: Sequence[_Found]) -> Floats:
    if not len(boxes):
        return np.zeros((0, len(SIGNS)), np.float32)
    height, width = labels.shape
    side = max(width, height)
    area = np.maximum(_area(boxes), 1)
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    steps = _sums(np.minimum(picture.steps, 40))
    sizes = np.stack([wide, high], axis=1)
    ring = _grown(boxes, np.maximum(3, np.rint(_RING * sizes)).astype(np.int32), width, height)
    ring_area = np.maximum(_area(ring) - area, 1)
    band = np.full((len(boxes), 2), max(1, round(_BAND * side)), np.int32)
    outer, inner = _grown(boxes, band, width, height), _grown(boxes, -band, width, height)
    inner[:, 2:] = np.maximum(inner[:, 2:], inner[:, :2])
    band_area = np.maximum(_area(outer) - _area(inner), 1)
    low, high_ = np.array([0, -60, -60]), np.array([100, 60, 60])
    bins = np.clip((picture.lab - low) / (high_ - low) * _BINS, 0, _BINS - 1).astype(np.int64)
    contrast = np.zeros(len(boxes))
    for channel in range(3):
        one_hot = np.eye(_BINS, dtype=np.float32)[bins[..., channel]]
        inside = _in(_sums_of(one_hot), boxes)
        around = _in(_sums_of(one_hot), ring) - inside
        apart = inside / area[:, None] - around / ring_area[:, None]
        contrast += np.abs(apart).sum(axis=1) / 6
    lab, squares = _sums_of(picture.lab), _sums_of(picture.lab**2)
    in_lab, in_squares = _in(lab, boxes), _in(squares, boxes)
    ring_lab, ring_squares = _in(lab, ring) - in_lab, _in(squares, ring) - in_squares

    def spread(
        sums: npt.NDArray[np.float64], of: npt.NDArray[np.float64], n: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        variance = of / n[:, None] - (sums / n[:, None]) ** 2
        return np.asarray(np.log1p(np.sqrt(np.maximum(variance, 0).sum(axis=1))))

    columns = {
        "area": np.log(area / (width * height)),
        "area2": np.log(area / (width * height)) ** 2 / 4,
        "tall": np.abs(np.log(np.maximum(wide, 1) / np.maximum(high, 1))),
        "touches": (boxes[:, 0] <= 1).astype(float)
        + (boxes[:, 1] <= 1)
        + (boxes[:, 2] >= width - 1)
        + (boxes[:, 3] >= height - 1),
        "straddling": _straddling(labels, boxes) / area,
        "inside": np.log1p(_in(steps, boxes) / area),
        "band": np.log1p((_in(steps, outer) - _in(steps, inner)) / band_area),
        "ring": np.log1p((_in(steps, ring) - _in(steps, outer)).clip(0) / ring_area),
        "contrast": contrast,
        "calm": spread(ring_lab, ring_squares, ring_area),
        "varied": spread(in_lab, in_squares, area),
        "fill": np.array([one.fill for one in found]),
        "persistence": np.array([one.persistence for one in found]),
        "outline": np.array([one.outline for one in found]),
        "weak": np.array([one.weak for one in found]),
        **{
            name: np.array([one.source == name for one in found], float)
            for name in ("tree", "marks", "page")
        },
    }
    return np.stack([columns[name] for name in SIGNS], axis=1).astype(np.float32)


def _sums_of(values: Floats) -> npt.NDArray[np.float64]:
    """Integral sums of (h, w, channels), (h + 1, w + 1, channels)."""
    return np.stack([_sums(np.ascontiguousarray(one)) for one in np.moveaxis(values, 2, 0)], -1)


def _straddling(labels: Labels, boxes: Boxes) -> npt.NDArray[np.float64]:
    """Pixels, for each box, of segments that lie across its border: the smaller part of each."""
    count = int(labels.max()) + 1
    totals = np.bincount(labels.ravel(), minlength=count)
    found = np.zeros(len(boxes))
    for number, (left, top, right, bottom) in enumerate(boxes.tolist()):
        inside = np.bincount(labels[top:bottom, left:right].ravel(), minlength=count)
        found[number] = np.minimum(inside, totals - inside).sum()
    return found
