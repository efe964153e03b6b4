"""Whether two pictures that match differ in a part: one rendering with another stone, charm or
letter, or another dress on the same cloth.

Both are aligned by the homography that was found, pixel by pixel. What was put *over*
one of them, as text and badges are, covers what the other shows and nothing else. Where a part was
*replaced*, each of the two shows something just where the other shows what surrounds the part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints.match import Match, Outline
from image_search.duplicates.fingerprints.registration import AlignedPair, register
from image_search.imaging.arrays import Floats, Pixels

# What is decided in another way has another number.
RECIPE = 2
# Pixels differ that differ by more levels (of 255) than these times what one in twenty does, within
# these bounds.
_NOISE, _LEAST, _MOST = 3.0, 6.0, 24.0
# How far apart differing pixels are still one part, and how wide its rim is (pixels).
_GAP, _RIM = 9, 5
# A pixel shows the surroundings where it is so much nearer to their colour than its counterpart is.
_NEARER = 2.0
# A replaced region: both sides show so much of their own, in just noticeable pixels and as a share
# of all that differs in it; and it makes up so much of all that differs in the whole picture.
# Chosen on variants among the jewellery and on edited copies (figures: docs/quality.md).
_OWN, _OWN_SHARE, _SHARE = 10.0, 0.05, 0.3
# No part of a picture, but a badge or letters, has so much of what differs in two colours, of
# 32 x 32 x 32; fewer pixels than these are too few to decide.
_SOLID, _FEWEST_PIXELS = 0.6, 60


@dataclass(frozen=True)
class ReplacedRegion:
    """A part in which two pictures differ that are the same otherwise.

    ``share`` is that of the area that both have in common. The outlines are a box around it, in
    fractions of each picture's width and height.
    """

    share: float
    outline_query: Outline
    outline_other: Outline

    def words(self) -> str:
        """The difference, for a person to read."""
        much = f"{self.share:.0%}".replace("%", " %") if self.share >= 0.01 else "less than 1 %"
        return f"another part: {much} of it differs"


@dataclass(frozen=True, eq=False)
class _Part:
    """The likeliest part: ``own`` and ``own_share``, ``share`` as the limits above have them,
    ``box`` in pixels (left, top, width, height), ``inside`` its differing pixels."""

    own: float
    own_share: float
    share: float
    box: tuple[int, int, int, int]
    inside: npt.NDArray[np.bool_]


def replaced_region(query: Pixels, other: Pixels, found: Match) -> ReplacedRegion | None:
    """Return the region that was replaced between two matching pictures.

    Args:
        query: pixels (height, width, 3), RGB.
        other: pixels of the other picture.
        found: how they match.

    Returns:
        The region; ``None`` if all differences are those of an edit.
    """
    aligned = register(query, other, found)
    return None if aligned is None else replaced_region_in(aligned)


def replaced_region_in(aligned: AlignedPair) -> ReplacedRegion | None:
    """The region that was replaced between two aligned pictures; ``None`` where
    all differences are those of an edit."""
    here, there = _beyond(aligned.query, aligned.other), _beyond(aligned.other, aligned.query)
    difference = np.where(aligned.shared, cv2.max(here, there), 0).astype(np.uint8)
    noise = float(np.quantile(difference[aligned.shared], 0.95))
    least = min(max(_NOISE * noise, _LEAST), _MOST)
    spots = _spots(difference > least)
    around = aligned.shared & (_hulls(spots) == 0)
    if not spots.any() or around.sum() < 100:
        return None
    mean = (aligned.query.astype(np.float32) + aligned.other.astype(np.float32)) / 2
    surroundings = _filled(np.asarray(mean, np.float32), around)
    off_here = np.abs(aligned.query - surroundings).max(axis=2)
    off_there = np.abs(aligned.other - surroundings).max(axis=2)
    part = _likeliest(
        spots,
        difference,
        np.where(off_here > _NEARER * off_there, here, 0),
        np.where(off_there > _NEARER * off_here, there, 0),
        least,
    )
    if part.own < _OWN or part.own_share < _OWN_SHARE or part.share < _SHARE:
        return None
    if any(
        _solid(pixels[part.inside & (off > least)]) > _SOLID
        for pixels, off in ((aligned.query, off_here), (aligned.other, off_there))
    ):
        return None
    return ReplacedRegion(
        float(part.inside.sum() / aligned.shared.sum()),
        *aligned.outlines(*part.box),
    )


def _beyond(one: Pixels, other: Pixels) -> npt.NDArray[np.uint8]:
    """By how many levels each pixel is outside of what the other picture shows within a pixel of
    it: what is only a little out of place, or blurred, is not."""
    near = np.ones((3, 3), np.uint8)
    above = cv2.subtract(one, cv2.dilate(other, near))
    difference = cv2.max(above, cv2.subtract(cv2.erode(other, near), one))
    return np.asarray(difference.max(axis=2), np.uint8)


def _spots(differs: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Where pixels differ, with the gaps between them and a rim; specks left out."""
    spots = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    spots = cv2.morphologyEx(spots, cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    return np.asarray(cv2.dilate(spots, np.ones((_RIM, _RIM), np.uint8)), np.uint8)


def _hulls(spots: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The spots, each filled up to its convex hull, but for a hull more than twice as large.

    Where two replaced regions overlap they may show the same: a hole or a bay in the spot. It
    belongs to the parts, and what surrounds them lies outside the hull. A ring around half the
    picture is no part, so its hull does not count.
    """
    filled = spots.copy()
    for outline in cv2.findContours(spots, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        hull = cv2.convexHull(outline)
        drawn = np.zeros_like(spots)
        cv2.drawContours(drawn, [hull], -1, 1, cv2.FILLED)
        if drawn.sum() <= 2 * (spots & drawn).sum():
            filled |= drawn
    return filled


def _likeliest(
    spots: npt.NDArray[np.uint8],
    difference: npt.NDArray[np.uint8],
    here: npt.NDArray[np.uint8],
    there: npt.NDArray[np.uint8],
    least: float,
) -> _Part:
    """The one of the ``spots`` in which the less of what is only ``here`` and only ``there`` is
    most."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(spots)
    flat = labels.reshape(-1)
    sums = [np.bincount(flat, a.reshape(-1), count)[1:] for a in (here, there, difference)]
    own = np.minimum(sums[0], sums[1])
    most = int(own.argmax())
    left, top, width, height = (int(value) for value in boxes[most + 1][:4])
    return _Part(
        float(own[most] / least),
        float(own[most] / max(sums[2][most], 1.0)),
        float(sums[2][most] / max(sums[2].sum(), 1.0)),
        (left, top, width, height),
        (labels == most + 1) & (difference > least),
    )


def _solid(colours: Pixels) -> float:
    """The share of the two most frequent of these colours (n, 3)."""
    if len(colours) < _FEWEST_PIXELS:
        return 0.0
    cells = (colours >> 3).astype(np.int64) @ [1 << 10, 1 << 5, 1]
    return float(np.sort(np.bincount(cells))[-2:].sum() / len(cells))


def _filled(pixels: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """``pixels`` (h, w, 3) where they are ``known``, elsewhere what surrounds them: the mean of
    what is known in ever larger cells (Gortler et al., "The lumigraph", SIGGRAPH 1996)."""
    height, width = known.shape
    weight = known.astype(np.float32)
    if known.all() or not known.any() or min(height, width) < 2:
        return pixels
    half = (width + 1) // 2, (height + 1) // 2
    shares = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(pixels * weight[..., None], half, interpolation=cv2.INTER_AREA)
    means = sums / np.maximum(shares, 1e-6)[..., None]
    coarse = _filled(np.asarray(means, np.float32), shares > 0)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(known[..., None], pixels, smooth), np.float32)
