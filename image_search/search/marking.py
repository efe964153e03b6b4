"""Marked parts of the one picture of a query: those that ask, and those that are ignored."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery, UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import WORKING_SIDE, decode, within
from image_search.search.queries import Query, Region

_Kind = TypeVar("_Kind", bound=np.generic)

Look = Callable[[str, int], Pixels | None]
"""The pixels of an indexed image by id, reduced to a shortest side; None where its file is gone."""

# Longest side at which what is ignored is painted over, in pixels, and how far from it the colours
# come, for each pixel. Finer detail there would only be made up.
_SIDE, _REACH = 256, 5
# Of a part that asks, at least this share is not ignored.
_LEFT = 0.02


def side_for(regions: Sequence[Region], side: int = WORKING_SIDE) -> int:
    """The shortest side of a picture of which each region, not the whole, is as large as ``side``,
    what an extractor looks at."""
    least = min((min(one.width, one.height) for one in regions), default=1.0)
    return math.ceil(side / max(0.001, least))


def part_of(array: npt.NDArray[_Kind], region: Region) -> npt.NDArray[_Kind]:
    """A view of the ``region`` of an array (h, w, ...), at least one pixel."""
    height, width = array.shape[:2]
    left, top = min(round(region.x * width), width - 1), min(round(region.y * height), height - 1)
    right = max(left + 1, round((region.x + region.width) * width))
    bottom = max(top + 1, round((region.y + region.height) * height))
    return array[top:bottom, left:right]


def marked_parts(query: Query, look: Look, max_megapixels: float) -> list[Pixels]:
    """The parts that ask of the one picture of ``query``, an uploaded or an indexed one, as RGB
    pixels, with what is to be ignored painted over.

    Raises:
        InvalidQuery: nothing is left to ask with.
        UnreadableImage, ImageTooLarge, UnknownImage: the picture cannot be used.
    """
    side = side_for(query.parts)
    if query.images:
        pixels = decode(
            query.images[0], max_megapixels=max_megapixels, side=side, stills=True
        ).pixels
    elif (known := look(query.like[0], side)) is None:
        raise UnreadableImage(
            "The file of that image is gone or was changed, so no part of it can be marked; "
            "reindex first."
        )
    else:
        pixels = known
    hidden = np.zeros(pixels.shape[:2], np.bool_)
    for region in query.ignore:
        part_of(hidden, region)[:] = True
    parts = query.parts or (Region(0, 0, 1, 1),)
    if any(part_of(hidden, part).mean() > 1 - _LEFT for part in parts):
        raise InvalidQuery("All that asks is to be ignored; ignore less of the picture.")
    if query.ignore:
        pixels = painted_over(pixels, hidden)
    return [_reduced(part_of(pixels, part)) for part in parts]


def painted_over(pixels: Pixels, hidden: npt.NDArray[np.bool_]) -> Pixels:
    """``pixels`` with what is ``hidden`` (h, w) painted over with what surrounds it.

    After Telea, "An image inpainting technique based on the fast marching method" (2004).
    """
    small = within(pixels, _SIDE)
    height, width = small.shape[:2]
    share = cv2.resize(hidden.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    mask = (share > 0).astype(np.uint8)
    painted = cv2.inpaint(small, mask, _REACH, cv2.INPAINT_TELEA)
    large = cv2.resize(painted, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(hidden[..., None], large, pixels), np.uint8)


def _reduced(pixels: Pixels) -> Pixels:
    """So that the shortest side is at most ``WORKING_SIDE``."""
    long, short = max(pixels.shape[:2]), min(pixels.shape[:2])
    return within(pixels, max(1, round(long * min(1.0, WORKING_SIDE / short))))
