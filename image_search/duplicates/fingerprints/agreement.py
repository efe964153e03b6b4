"""Whether two pictures that match are the same picture, or only share a part: a page layout, a
frame, a colour chart, a chain.

The whole frames are aligned by the homography that was found, not only the region in
which points agree. An edit hides what the other picture shows, or adds to it. Where pictures merely
share a part, each shows structure of its own beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints import geometry
from image_search.duplicates.fingerprints.match import Match, Outline
from image_search.duplicates.fingerprints.registration import AlignedPair, register
from image_search.duplicates.fingerprints.replaced_regions import ReplacedRegion, replaced_region_in
from image_search.imaging.arrays import Floats, Pixels

# What is decided in another way has another number.
RECIPE = 2
# The window (sigma, pixels) in which structure is compared, and the deviation (levels of 255) from
# which there is any.
_WINDOW, _STRUCTURE = 3.0, 6.0
# Structure agrees from this correlation on, and disagrees below the other.
_AGREES, _DISAGREES = 0.6, 0.3
# One side is plain where it varies by so many times less than the other (as variances).
_PLAIN = 9.0
# A part is only shared where both show so much of their own, as a share of that and of what agrees;
# or so much less, where it is spread over such a share of what both have in common. Chosen on pages
# made with jewellery and on edited copies of it (``benchmarks.templates``, ``benchmarks.copies``).
_OWN, _SPREAD_OWN, _SPREAD = 0.12, 0.05, 0.18
# Differing pixels so near to each other are one patch.
_GAP = 15
# A badge: no larger a share than this, and with so much of it in few colours that its surroundings
# do not have; by so many levels colours are others.
_BADGE, _FLAT, _FEW, _OTHER = 0.33, 0.45, 4, 28
# Both pictures are aligned whole, where each covers so much of the other.
_WHOLE = 0.8
# A layout is shared where what agrees reaches over so much of both pictures' sides.
_REACHES = 0.75

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SharedPart:
    """What two pictures share that are different pictures.

    ``share`` is that of the query's area on which they agree; ``layout`` means that it reaches all
    over both. The outlines are boxes around where they disagree, in fractions of each picture's
    width and height.
    """

    share: float
    layout: bool
    outline_query: Outline
    outline_other: Outline

    def words(self) -> str:
        """What is shared, for a person to read."""
        if self.layout:
            return "shares the page layout, with other content"
        much = f"{self.share:.0%}".replace("%", " %") if self.share >= 0.01 else "less than 1 %"
        return f"shares a part: {much} of the picture"


def difference(query: Pixels, other: Pixels, found: Match) -> ReplacedRegion | SharedPart | None:
    """Return what makes two matching pictures different pictures.

    Args:
        query: pixels (height, width, 3), RGB.
        other: pixels of the other picture.
        found: how they match.

    Returns:
        The region that was replaced, or the part that both share; ``None`` if all differences are
        those of an edit, so that both are the same picture.
    """
    if found.inverted:
        query = np.asarray(255 - query, np.uint8)
    aligned = register(query, other, found)
    part = None if aligned is None else replaced_region_in(aligned)
    if part is not None and min(found.of_query, found.of_other) > _WHOLE:
        return part
    region = _overlap(found)
    if aligned is None or not _same_corners(region, found.outline_query):
        # Of what lies on the other only in part, the replaced region is that of the part in common.
        return shared_part(query, other, found) or part
    return _shared_in(aligned, region) or part


def shared_part(query: Pixels, other: Pixels, found: Match) -> SharedPart | None:
    """Return the part that two matching pictures share; ``None`` if they are one picture, as far
    as both show the same. Arguments as of ``difference``."""
    region = _overlap(found)
    if len(region) < 3:
        return None
    aligned = register(query, other, replace(found, outline_query=_outline(region)))
    return None if aligned is None else _shared_in(aligned, region)


def _shared_in(aligned: AlignedPair, region: geometry.Matrix) -> SharedPart | None:
    """The part that two pictures share that lie on each other in this ``region`` of the query, in
    fractions of its sides."""
    agrees, here, there = _structures(aligned)
    own = min(int(here.sum()), int(there.sum()))
    share = own / max(own + int(agrees.sum()), 1)
    if share < _SPREAD_OWN:
        return None
    patch = _patch(here | there) & aligned.shared
    spread = float(patch.sum() / aligned.shared.sum())
    if share < _OWN and spread < _SPREAD:
        return None
    if spread <= _BADGE and any(
        _badge(side, patch, aligned) for side in (aligned.query, aligned.own)
    ):
        return None
    rows, columns = np.nonzero(patch)
    left, top = int(columns.min()), int(rows.min())
    box = left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top
    covers = geometry.area(region)
    return SharedPart(
        float(agrees.sum() / aligned.shared.sum()) * covers,
        covers > _REACHES and _reaches(agrees),
        *aligned.outlines(*box),
    )


def _overlap(found: Match) -> geometry.Matrix:
    """Where in the query, in fractions of its sides, the whole of the other picture lies."""
    frame = geometry.frame((1.0, 1.0))
    aligned = geometry.moved(np.array(found.homography), frame)
    return geometry.overlap(aligned[::-1] if found.mirrored else aligned, frame)


def _same_corners(region: geometry.Matrix, outline: Outline) -> bool:
    """Whether two polygons have the same corners, wherever they begin."""
    if len(region) != len(outline):
        return False
    corners = np.clip(region, 0, 1)
    disagrees = np.abs(corners[:, None] - np.array(outline)[None]).max(axis=2)
    return bool((disagrees.min(axis=1) < 1e-6).all() and (disagrees.min(axis=0) < 1e-6).all())


def _outline(polygon: geometry.Matrix) -> Outline:
    return tuple((float(x), float(y)) for x, y in polygon)


def _structures(aligned: AlignedPair) -> tuple[Mask, Mask, Mask]:
    """Where both show the same structure, where the query shows its own, and where the other one
    does: correlations in windows, as in SSIM (Wang et al., IEEE TIP 2004).

    The other one counts in the query's colours and in its own, whichever agrees more and shows
    more: a colour that only what is not shared has, and the query shows paper there, is paper in
    the query's colours.
    """
    one, matched, own = (
        np.asarray(cv2.cvtColor(side, cv2.COLOR_RGB2GRAY), np.float32)
        for side in (aligned.query, aligned.other, aligned.own)
    )
    mean = _mean(one)
    of_one = np.maximum(_mean(one * one) - mean**2, 0)
    of_other, correlation = np.zeros_like(of_one), np.full_like(of_one, -1)
    for other in (matched, own):
        mean_other = _mean(other)
        variance = np.maximum(_mean(other * other) - mean_other**2, 0)
        both = _mean(one * other) - mean * mean_other
        of_other = np.maximum(of_other, variance)
        correlation = np.maximum(correlation, both / np.sqrt(np.maximum(of_one * variance, 1)))
    here, there = of_one > _STRUCTURE**2, of_other > _STRUCTURE**2
    disagrees = here & there & (correlation < _DISAGREES)
    unlike = correlation < _AGREES
    only_here = here & unlike & (_PLAIN * of_other < of_one)
    only_there = there & unlike & (_PLAIN * of_one < of_other)
    agrees = (here | there) & (correlation > _AGREES)
    return (
        aligned.shared & agrees,
        aligned.shared & (disagrees | only_here),
        aligned.shared & (disagrees | only_there),
    )


def _mean(values: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _WINDOW), np.float32)


def _patch(differs: Mask) -> Mask:
    """The convex hull of the largest patch of pixels that differ."""
    closed = cv2.morphologyEx(
        differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8)
    )
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(closed)
    largest = labels == 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    outline = cv2.convexHull(cv2.findNonZero(largest.astype(np.uint8)))
    patch = np.zeros(differs.shape, np.uint8)
    cv2.fillConvexPoly(patch, outline, 1)
    return patch.astype(np.bool_)


def _badge(side: Pixels, patch: Mask, aligned: AlignedPair) -> bool:
    """Whether a patch of one picture is in few colours that its surroundings do not have."""
    wide = cv2.dilate(patch.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_)
    around = wide & ~patch & aligned.shared
    if around.sum() < 10 or patch.sum() < 40:
        return False
    cells = (side[patch] >> 4).astype(np.int64) @ [1 << 8, 1 << 4, 1]
    counts = np.bincount(cells, minlength=1 << 12)
    commonest = np.argsort(-counts)[: 2 * _FEW]
    colours = np.stack([commonest >> 8, commonest >> 4 & 15, commonest & 15], axis=1) * 16 + 8
    others = np.abs(colours - np.median(side[around], axis=0)).max(axis=1) > _OTHER
    return float(counts[commonest[others][:_FEW]].sum() / len(cells)) >= _FLAT


def _reaches(agrees: Mask) -> bool:
    """Whether what agrees reaches over both pictures, from side to side."""
    rows, columns = np.nonzero(agrees)
    if not len(rows):
        return False
    height, width = agrees.shape
    wide, high = np.ptp(np.quantile(columns, [0.02, 0.98])), np.ptp(np.quantile(rows, [0.02, 0.98]))
    return bool(wide > _REACHES * width and high > _REACHES * height)
