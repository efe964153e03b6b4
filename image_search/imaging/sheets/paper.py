"""The sheet in a picture, its paper, and the ink on it.

A photographed sheet lies on a desk, a scanned one in the scanner's dark border. Either way it is a
large flat area with four straight sides that does not fill the picture: it is found by these sides,
and laid flat.

Paper is what remains of a picture when everything thin is lifted off it. So the paper under dark
ink is a grey-scale closing of the picture, and under light ink an opening, channel by channel
(Serra, "Image analysis and mathematical morphology", 1982; the top-hat is Meyer's, 1979). Ink is
how far a pixel departs from the paper under it, as a share of what it could.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import within

_SHEET_SIDE = 192  # longer side, in pixels, at which the sheet is looked for
_THIN = 7  # pixels; what is thinner is ink or grain, whatever lies beside it
_SHEET_STEP = 16  # levels (of 255) between neighbours that part a sheet from what lies around it
_SMALLEST = 0.2  # share of the picture that a sheet covers at least
_WHOLE = 0.93  # share beyond which it is all of the picture
_FOUR_SIDED = 0.9  # share of its outline that four straight sides explain
_FLAT = 0.8  # share of a sheet that is flat between its edges
_ASIDE = 1.5  # pixels between the flat area's outermost pixels and the sheet's edge
_INSET = 0.008  # share of a side that is cut off within the edges, where their shadow lies
# Focal length over a picture's longer side: that of a phone's main camera, 26 mm on film whose
# diagonal is 43.3 mm, in a picture of 4 by 3.
_FOCAL = 0.75

#: A stroke is at most this share of a sheet's longer side wide.
STROKE = 0.045
# Where strokes lie dense, so broad a share of the longer side is inked. It tells whether the ink
# is light or dark: between strokes lies less paper than that.
_DENSE = 0.12
# What is broader than a stroke may be filled in, up to this share of the longer side ...
_FILLED = 0.2
# ... if so much of its outline is as sharp as that of strokes; a shadow's is not.
_SHARP = 0.6
# ... and no more of it lies along the sheet's edge.
_ALONG = 0.15
# Longer side, in pixels, at which the paper is looked at: it is smooth.
_PAPER_SIDE = 192
# Levels (of 255) that even the darkest shadow has.
_DARKEST = 16
# Levels by which what is filled in is darker than the paper around it, at least.
_STEP = 16
#: Levels (of 255) between neighbours from which paper is not even.
UNEVEN_STEP = 12
#: Share of such steps that no drawing's paper has.
UNEVEN = 0.13
# Ink is at least so much of what it could be, and so many times the grain of the paper.
_LEAST, _TIMES_GRAIN = 0.06, 3.5
# The median absolute deviation of a normal distribution is its standard deviation over this.
_MAD = 1.4826


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
    small = within(pixels, _SHEET_SIDE)
    height, width = small.shape[:2]
    if min(height, width) < 4 * _THIN:
        return None
    kernel = np.ones((_THIN, _THIN), np.uint8)
    closed = cv2.morphologyEx(cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, kernel)
    calm = np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel), np.uint8)
    steps = cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(axis=2)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (steps < _SHEET_STEP).astype(np.uint8), connectivity=4
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
    return float(np.abs(apart).max()) >= _SHEET_STEP


@dataclass(frozen=True, eq=False)
class Paper:
    """What lies under the strokes: ``pixels`` (small, 3) uint8, at a smaller size, and whether the
    ink on it is ``light``er."""

    pixels: Pixels
    light: bool

    @property
    def steps(self) -> npt.NDArray[np.uint8]:
        """Levels between neighbours, the most of the channels."""
        steps = cv2.morphologyEx(self.pixels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        return np.asarray(steps.max(axis=2), np.uint8)

    @property
    def may_be_drawn_on(self) -> bool:
        """Whether this may be the paper of a drawing; what is under most photos may not."""
        return float((self.steps > UNEVEN_STEP).mean()) <= UNEVEN


@dataclass(frozen=True, eq=False)
class Inked:
    """A sheet taken apart.

    ``ink`` (h, w) float32 from 0 to 1 is how far each pixel departs from the ``paper``, the most of
    its ``shares`` (h, w, 3) by channel; ``grain`` the standard deviation of bare paper, and
    ``least`` the ink from which a pixel counts as inked, both on the scale of ``ink``.
    """

    ink: Floats
    shares: Floats
    paper: Paper
    grain: float
    least: float


def paper_of(pixels: Pixels, *, light: bool | None = None) -> Paper:
    """The paper in ``pixels``, (h, w, 3) uint8, under ink that is ``light`` or dark, or of the
    polarity that leaves the paper barer."""
    small = within(pixels, _PAPER_SIDE)
    # One grain of dust or noise would raise the paper all around it.
    calm = np.asarray(cv2.medianBlur(small, 3), np.uint8)
    if light is None:
        papers = [_paper(calm, _DENSE, light=light) for light in (False, True)]
        light = _roughness(papers[1]) < _roughness(papers[0])
    return Paper(_paper(calm, STROKE, light=light), light)


def _paper(calm: Pixels, share: float, *, light: bool) -> Pixels:
    """What lies under ink that is at most so large a ``share`` of the longer side wide; the
    channels and the corners of a square stand for the whole."""
    side = max(5, round(share * max(calm.shape[:2])) | 1)
    operation = cv2.MORPH_OPEN if light else cv2.MORPH_CLOSE
    padded = cv2.copyMakeBorder(calm, side, side, side, side, cv2.BORDER_REFLECT)
    found = cv2.morphologyEx(padded, operation, np.ones((side, side), np.uint8))
    return np.asarray(found[side:-side, side:-side], np.uint8)


def _roughness(paper: Pixels) -> float:
    grey = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY).astype(np.int16)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def separated(pixels: Pixels, paper: Paper) -> Inked:
    """``pixels``, (h, w, 3) uint8, as ink on their ``paper``."""
    share = _share(pixels, paper)
    ink = share.max(axis=2)
    # Among many pixels the lightest is lighter than the paper: bare paper seems to have some ink.
    bare = ink[ink <= np.median(ink) + 0.1]
    bias = float(np.median(bare))
    grain = _MAD * float(np.median(np.abs(bare - bias)))
    ink = np.clip(ink - np.float32(bias), 0, 1)
    least = max(_LEAST, _TIMES_GRAIN * grain)
    return Inked(ink, share, paper, grain, least)


def _share(pixels: Pixels, paper: Paper) -> Floats:
    """How far each pixel departs from its ``paper``, (h, w, 3), by channel."""
    height, width = pixels.shape[:2]
    whole = cv2.bitwise_not(pixels) if paper.light else pixels
    under = cv2.bitwise_not(paper.pixels) if paper.light else paper.pixels
    under = cv2.resize(under, (width, height), interpolation=cv2.INTER_LINEAR)
    # Ink darkens the paper by a share, in light and in shadow; in the darkest shadow few levels are
    # left, and the share would be one of noise.
    share = 1 - (whole.astype(np.float32) + _DARKEST) / (under.astype(np.float32) + _DARKEST)
    if paper.light:
        # What is lighter than dark paper is so by its own light, not by a share of the paper's.
        share = (under.astype(np.float32) - whole) / np.float32(255)
    return np.asarray(share, np.float32)


def filled(pixels: Pixels, one: Inked, ink: Floats) -> Floats:
    """The ink (h, w) of what is filled in on a drawing, and so of strokes that are broader than
    most, which ``one`` takes for paper; 0 elsewhere, and where ``one`` has ink that was taken out
    of its ``ink``, such as rulings."""
    none = np.zeros_like(one.ink)
    strong = one.ink > one.least
    if not strong.any():
        return none
    half = 0.5 * float(np.percentile(one.ink[strong], 80))
    bare = _paper(one.paper.pixels, _FILLED, light=one.paper.light)
    darker = np.asarray(cv2.absdiff(bare, one.paper.pixels)).max(axis=2) > _STEP
    if not darker.any():
        return none
    tones = np.clip(_share(pixels, Paper(bare, one.paper.light)).max(axis=2), 0, 1)
    size = none.shape[1], none.shape[0]
    broad = cv2.resize(darker.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    # The pale sides of a ruling go with it; where it is drawn over, it does no harm.
    taken_out = cv2.dilate((strong & (ink <= one.least)).astype(np.uint8), np.ones((3, 3))) > 0
    tones[taken_out & (ink <= one.least) & ~broad] = 0
    dark = (tones > half).astype(np.uint8)
    count, found = cv2.connectedComponents(dark, connectivity=8)
    labels = np.asarray(found, np.int32)
    edge = (dark > 0) & (cv2.erode(dark, np.ones((3, 3), np.uint8)) == 0)
    rise = cv2.morphologyEx(tones, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > half
    outline = np.bincount(labels[edge], minlength=count)
    sharp = np.bincount(labels[edge & rise], minlength=count)
    stroked = np.bincount(labels[one.ink > half], minlength=count) > 0
    broader = np.bincount(labels[broad], minlength=count) > 0
    # What runs along the edge of the sheet lies on it, as a hand does.
    along = np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()])
    within_sheet = np.bincount(along, minlength=count) <= _ALONG * outline
    drawn = within_sheet & stroked & broader & (sharp >= _SHARP * outline)
    drawn[0] = False
    return np.where(drawn[labels], tones, none)
