"""Segments of a picture, and how they merge into things: candidates for objects.

A picture falls into some hundred segments of one colour (watershed: Meyer, "Color image
segmentation", 1992), which merge, the most alike neighbours first, until one is left (Uijlings et
al., "Selective search for object recognition", IJCV 2013). Every segment on the way is a candidate.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels

Labels = npt.NDArray[np.int32]

# Longest side at which a picture is looked at, in pixels.
SIDE = 384
# Seeds of segments are so many pixels apart, and move by half of that to where it is calm.
_APART = 13
# Neighbours whose mean colours (CIELAB) and the step between them differ by less are one from the
# beginning.
_SAME, _STEP = 3.0, 6.0
# Histograms have so many bins for each channel.
_BINS = 10
# Differences of mean colours beyond this count as much as this.
_MOST_COLOUR = 45.0
# What differs is multiplied by the smaller area to this power: small segments merge first.
_POWER = 0.25


@dataclass(frozen=True, eq=False)
class Picture:
    """A reduced picture in CIELAB, (h, w, 3) float32, and the steps of colour in it, (h, w)
    float32: how much the colour changes from one pixel to the next."""

    lab: Floats
    steps: Floats

    @staticmethod
    def of(pixels: Pixels) -> Picture:
        """The RGB ``pixels``, reduced to ``SIDE``."""
        height, width = pixels.shape[:2]
        scale = min(1.0, SIDE / max(height, width))
        size = max(8, round(width * scale)), max(8, round(height * scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
        calm = cv2.GaussianBlur(lab, (0, 0), 1.0)
        across = cv2.Sobel(calm, cv2.CV_32F, 1, 0, scale=1 / 4)
        down = cv2.Sobel(calm, cv2.CV_32F, 0, 1, scale=1 / 4)
        steps = np.sqrt((across**2 + down**2).sum(axis=2))
        return Picture(np.asarray(calm, np.float32), np.asarray(steps, np.float32))


@dataclass(eq=False)
class Segment:
    """A part of a picture: sums over its pixels, and its neighbours by number, each with the length
    of the common border and the sum of steps along it."""

    area: float
    colour: Floats
    histogram: Floats
    box: tuple[int, int, int, int]
    rim: float
    neighbours: dict[int, tuple[float, float]]
    #: How different the two were that it was merged from; 0 where it was not.
    merged_at: float = 0.0
    #: How different the one was that it merged with.
    ended_at: float = 0.0


def divided(picture: Picture) -> Labels:
    """(h, w) int32: the number of the segment that each pixel belongs to, from 0."""
    height, width = picture.steps.shape
    markers = np.zeros((height, width), np.int32)
    number, reach = 0, _APART // 2
    for y in range(_APART // 2, height, _APART):
        for x in range(_APART // 2, width, _APART):
            top, left = max(0, y - reach), max(0, x - reach)
            around = picture.steps[top : y + reach + 1, left : x + reach + 1]
            row, column = divmod(int(around.argmin()), around.shape[1])
            number += 1
            markers[top + row, left + column] = number
    rgb = cv2.cvtColor(picture.lab, cv2.COLOR_LAB2RGB)
    labels = cv2.watershed(np.clip(rgb * 255, 0, 255).astype(np.uint8), markers)
    # The lines between segments, and the picture's edge, go to the nearest.
    for _ in range(4):
        open_ = labels < 1
        if not open_.any():
            break
        grown = cv2.dilate(np.maximum(labels, 0).astype(np.float32), np.ones((3, 3), np.uint8))
        labels = np.where(open_, grown, labels).astype(np.int32)
    return np.asarray(np.unique(labels, return_inverse=True)[1], np.int32).reshape(height, width)


def _borders(labels: Labels, steps: Floats) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Pairs (n, 2) of neighbours, the length of each common border, and the steps along it."""
    count = int(labels.max()) + 1
    keys, values = [], []
    for one, other, a, b in (
        (labels[:, :-1], labels[:, 1:], steps[:, :-1], steps[:, 1:]),
        (labels[:-1], labels[1:], steps[:-1], steps[1:]),
    ):
        apart = one != other
        low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
        keys.append(low.astype(np.int64) * count + high)
        values.append(np.maximum(a, b)[apart])
    pairs, places = np.unique(np.concatenate(keys), return_inverse=True)
    lengths = np.bincount(places).astype(np.float32)
    sums = np.bincount(places, np.concatenate(values)).astype(np.float32)
    return np.stack([pairs // count, pairs % count], axis=1), lengths, sums


def _means(labels: Labels, values: Floats) -> Floats:
    count = int(labels.max()) + 1
    flat, areas = labels.ravel(), np.bincount(labels.ravel(), minlength=count)
    sums = [np.bincount(flat, values[..., c].ravel(), count) for c in range(values.shape[2])]
    return np.asarray(np.stack(sums, axis=1) / areas[:, None], np.float32)


def joined(labels: Labels, picture: Picture) -> Labels:
    """``labels`` with neighbours of the same colour, and no step between them, as one."""
    for _ in range(3):
        pairs, lengths, sums = _borders(labels, picture.steps)
        if not len(pairs):
            return labels
        colours = _means(labels, picture.lab)
        apart = np.linalg.norm(colours[pairs[:, 0]] - colours[pairs[:, 1]], axis=1)
        same = pairs[(apart < _SAME) & (sums / lengths < _STEP)]
        if not len(same):
            return labels
        parents = np.arange(int(labels.max()) + 1)

        def root(number: int, parents: npt.NDArray[np.int64] = parents) -> int:
            while parents[number] != number:
                parents[number] = parents[parents[number]]
                number = int(parents[number])
            return number

        for one, other in same.tolist():
            parents[root(one)] = root(other)
        roots = np.array([root(number) for number in range(len(parents))])
        labels = np.asarray(np.unique(roots[labels], return_inverse=True)[1], np.int32).reshape(
            labels.shape
        )
    return labels


def segments_of(labels: Labels, picture: Picture) -> list[Segment]:
    """The segments that ``labels`` number."""
    height, width = labels.shape
    count = int(labels.max()) + 1
    flat = labels.ravel()
    areas = np.bincount(flat, minlength=count).astype(np.float32)
    colours = _means(labels, picture.lab) * areas[:, None]
    low, high = np.array([0, -60, -60]), np.array([100, 60, 60])
    bins = np.clip((picture.lab - low) / (high - low) * _BINS, 0, _BINS - 1).astype(np.int64)
    histograms = np.concatenate(
        [
            np.bincount(flat * _BINS + bins[..., c].ravel(), minlength=count * _BINS).reshape(
                count, _BINS
            )
            for c in range(3)
        ],
        axis=1,
    ).astype(np.float32)
    pairs, lengths, sums = _borders(labels, picture.steps)
    boxes = np.array([[width, height, 0, 0]]).repeat(count, axis=0)
    ys, xs = np.divmod(np.arange(flat.size), width)
    np.minimum.at(boxes[:, 0], flat, xs)
    np.minimum.at(boxes[:, 1], flat, ys)
    np.maximum.at(boxes[:, 2], flat, xs + 1)
    np.maximum.at(boxes[:, 3], flat, ys + 1)
    rims = np.bincount(
        np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]), minlength=count
    )
    neighbours: list[dict[int, tuple[float, float]]] = [{} for _ in range(count)]
    for (one, other), length, step in zip(
        pairs.tolist(), lengths.tolist(), sums.tolist(), strict=True
    ):
        neighbours[one][other] = neighbours[other][one] = (length, step)
    return [
        Segment(
            float(areas[n]), colours[n], histograms[n],
            tuple(boxes[n].tolist()), float(rims[n]), neighbours[n],
        )
        for n in range(count)
    ]  # fmt: skip


def _apart(one: Segment, other: Segment) -> float:
    """How different two segments are, from 0 to 1: by mean colour and by histogram."""
    colour = one.colour / one.area - other.colour / other.area
    colours = min(1.0, math.sqrt(float(colour @ colour)) / _MOST_COLOUR)
    common = np.minimum(one.histogram / one.area, other.histogram / other.area).sum() / 3
    return (colours + 1 - float(common)) / 2


def tree_of(segments: Sequence[Segment]) -> list[Segment]:
    """All segments, and those that they merge into, the one that is all of the picture last."""
    every = [replace(one, neighbours=dict(one.neighbours)) for one in segments]
    total = sum(one.area for one in every)
    gone: set[int] = set()

    def cost(one: int, other: int) -> float:
        a, b = every[one], every[other]
        return _apart(a, b) * math.pow(min(a.area, b.area) / total, _POWER)

    heap = [
        (cost(one, other), one, other)
        for one, segment in enumerate(every)
        for other in segment.neighbours
        if one < other
    ]
    heapq.heapify(heap)
    while heap:
        price, one, other = heapq.heappop(heap)
        if one in gone or other in gone:
            continue
        every.append(_merged(every, one, other, price))
        gone |= {one, other}
        number = len(every) - 1
        for near, common in every[number].neighbours.items():
            for old in (one, other):
                every[near].neighbours.pop(old, None)
            every[near].neighbours[number] = common
            heapq.heappush(heap, (cost(near, number), near, number))
    return every


def _merged(every: Sequence[Segment], one: int, other: int, price: float) -> Segment:
    a, b = every[one], every[other]
    neighbours: dict[int, tuple[float, float]] = {}
    for old in (a, b):
        for near, (length, steps) in old.neighbours.items():
            if near not in (one, other):
                before = neighbours.get(near, (0.0, 0.0))
                neighbours[near] = (before[0] + length, before[1] + steps)
    a.ended_at = b.ended_at = price
    return Segment(
        a.area + b.area,
        a.colour + b.colour,
        a.histogram + b.histogram,
        (
            min(a.box[0], b.box[0]), min(a.box[1], b.box[1]),
            max(a.box[2], b.box[2]), max(a.box[3], b.box[3]),
        ),
        a.rim + b.rim,
        neighbours,
        merged_at=max(price, a.merged_at, b.merged_at),
    )  # fmt: skip
