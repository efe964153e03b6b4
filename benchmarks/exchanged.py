"""Parts of pictures, put into other pictures of the same collection, so that it is known which
pictures have a part in common and where it lies."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.composed import Box, cut_out
from benchmarks.fingerprinted import files, pixels_of
from image_search.imaging.arrays import Pixels

# The longer side of a part, as a share of that of the thing it is cut from, and of the longer side
# of the picture that it is put into.
PART, PUT = (0.3, 0.5), (0.18, 0.45)
# How much a part is changed when it is put: turned by at most so many degrees, and lighter or
# darker by this share.
TURN, LIGHT = 10.0, 0.08
# Boxes that are tried for a part; the one with most edges is taken.
_TRIES = 12
# Shades of grey by which the pixels of a part differ at least (standard deviation).
_VARIED = 18.0


@dataclass(frozen=True)
class Exchange:
    """A part: the ``box`` of it in the picture at the path ``source``, and the paths of the
    ``designs`` that it was put into, each with the box of it there. Paths are relative."""

    source: str
    box: Box
    designs: tuple[tuple[str, Box], ...]


def exchanged(
    folder: Path, into: Path, count: int, designs: int = 2, seed: int = 0
) -> list[Exchange]:
    """The collection in ``folder`` copied to ``into``, where ``count`` parts were each put into
    this number of other pictures."""
    rng = np.random.default_rng(seed)
    shutil.copytree(folder, into)
    paths = [path.relative_to(folder).as_posix() for path in files(folder)]
    order = [paths[number] for number in rng.permutation(len(paths))]
    # A picture is a source or has a part put into it, not both.
    others = order[len(order) // 2 :]
    found: list[Exchange] = []
    for source in order[: len(order) // 2]:
        if len(found) == count or len(others) < designs:
            break
        pixels = pixels_of(into / source)
        part = _part(pixels, rng)
        if part is None:
            continue
        box, alpha = part
        put: list[tuple[str, Box]] = []
        while others and len(put) < designs:
            path = others.pop()
            other = pixels_of(into / path)
            made, place = _put(_cut(pixels, box), alpha, other, rng)
            target = into / path
            target.unlink()
            target = target.with_suffix(".jpg")
            Image.fromarray(made).save(target, "JPEG", quality=92)
            put.append((target.relative_to(into).as_posix(), place))
        found.append(Exchange(source, _shares(box, pixels), tuple(put)))
    return found


_Kind = TypeVar("_Kind", bound=np.generic)
_Sides = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


def _shares(box: _Sides, pixels: Pixels) -> Box:
    height, width = pixels.shape[:2]
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _cut(pixels: npt.NDArray[_Kind], box: _Sides) -> npt.NDArray[_Kind]:
    left, top, width, height = box
    return pixels[top : top + height, left : left + width]


def _part(
    pixels: Pixels, rng: np.random.Generator
) -> tuple[_Sides, npt.NDArray[np.float32]] | None:
    """A part of a picture that shows something, and how much of each of its pixels is put: where
    the ground is plain, the thing without it, else an oval. ``None`` where all is plain."""
    height, width = pixels.shape[:2]
    mask = _thing(pixels)
    rows, columns = np.nonzero(mask)
    longest = float(max(np.ptp(rows), np.ptp(columns))) + 1
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    edges = np.asarray(cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, kernel), np.uint8)
    best: tuple[float, _Sides] | None = None
    for _ in range(_TRIES):
        long = float(rng.uniform(*PART)) * longest
        short = long * float(rng.uniform(0.6, 1.0))
        sides = (long, short) if rng.random() < 0.5 else (short, long)
        wide, high = min(round(sides[0]), width), min(round(sides[1]), height)
        at = int(rng.integers(len(rows)))
        left = int(np.clip(columns[at] - wide // 2, 0, width - wide))
        top = int(np.clip(rows[at] - high // 2, 0, height - high))
        box = left, top, wide, high
        if _cut(grey, box).std() >= _VARIED:
            score = float(_cut(edges, box).mean())
            best = max(best or (score, box), (score, box))
    if best is None:
        return None
    box = best[1]
    _, _, wide, high = box
    shape = _cut(mask.astype(np.float32), box)
    if mask.all():
        shape = np.zeros((high, wide), np.float32)
        cv2.ellipse(shape, (wide // 2, high // 2), (wide // 2, high // 2), 0, 0, 360, 1.0, -1)
    return box, np.asarray(shape, np.float32)


def _thing(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """(h, w): what is not the plain ground; all where there is none."""
    thing = cut_out(pixels)
    mask = np.zeros(pixels.shape[:2], np.bool_)
    if thing is None:
        mask[:] = True
        return mask
    left, top = thing.corner
    high, wide = thing.mask.shape
    mask[top : top + high, left : left + wide] = thing.mask
    return mask


def _put(
    part: Pixels, alpha: npt.NDArray[np.float32], other: Pixels, rng: np.random.Generator
) -> tuple[Pixels, Box]:
    """``other`` with the part on the thing that it shows, and the box of it."""
    height, width = other.shape[:2]
    scale = float(rng.uniform(*PUT)) * max(height, width) / max(part.shape[:2])
    scale = min(scale, 0.9 * height / part.shape[0], 0.9 * width / part.shape[1])
    turn = cv2.getRotationMatrix2D((0, 0), float(rng.uniform(-TURN, TURN)), scale)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * part.shape[1::-1]
    moved = corners @ turn[:, :2].T
    low = moved.min(axis=0)
    size = np.ceil(np.ptp(moved, axis=0)).astype(int)
    wide, high = (int(min(side, most)) for side, most in zip(size, (width, height), strict=True))
    turn[:, 2] = -low
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    if scale < 0.7:
        # Warping alone would leave out pixels.
        sigma = 0.4 / scale
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.uint8)
    pixels = cv2.warpAffine(part, turn, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(alpha, turn, (wide, high))
    share = np.asarray(cv2.GaussianBlur(share, (3, 3), 0), np.float32)[..., None]
    rows, columns = np.nonzero(_thing(other))
    at = int(rng.integers(len(rows)))
    left = int(np.clip(columns[at] - wide // 2, 0, width - wide))
    top = int(np.clip(rows[at] - high // 2, 0, height - high))
    made = other.copy()
    light = 1 + float(rng.uniform(-LIGHT, LIGHT))
    under = _cut(made, (left, top, wide, high))
    mixed = np.clip(pixels.astype(np.float32) * light, 0, 255) * share + under * (1 - share)
    under[:] = np.rint(mixed).astype(np.uint8)
    return made, _shares((left, top, wide, high), other)
