"""Ink and paper told apart: what a stroke covers, whatever the colours of the two.

Paper is what remains of a picture when everything thin is lifted off it. So the paper under dark
ink is a grey-scale closing of the picture, and under light ink an opening, channel by channel
(Serra, "Image analysis and mathematical morphology", 1982; the top-hat is Meyer's, 1979). Ink is
how far a pixel departs from the paper under it, as a share of what it could.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.shrinking import within

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
# Ink is at least so much of what it could be, and so many times the grain of the paper.
_LEAST, _TIMES_GRAIN = 0.06, 3.5
# The median absolute deviation of a normal distribution is its standard deviation over this.
_MAD = 1.4826


@dataclass(frozen=True, eq=False)
class Paper:
    """What lies under the strokes: ``pixels`` (small, 3) uint8, at a smaller size, and whether the
    ink on it is ``light``er."""

    pixels: Pixels
    light: bool


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
        ways = [_paper(calm, _DENSE, light=way) for way in (False, True)]
        light = _roughness(ways[1]) < _roughness(ways[0])
    return Paper(_paper(calm, STROKE, light=light), light)


def _paper(calm: Pixels, share: float, *, light: bool) -> Pixels:
    """What lies under ink that is at most so large a ``share`` of the longer side wide; the
    channels and the corners of a square stand for the whole."""
    side = max(5, round(share * max(calm.shape[:2])) | 1)
    way = cv2.MORPH_OPEN if light else cv2.MORPH_CLOSE
    padded = cv2.copyMakeBorder(calm, side, side, side, side, cv2.BORDER_REFLECT)
    found = cv2.morphologyEx(padded, way, np.ones((side, side), np.uint8))
    return np.asarray(found[side:-side, side:-side], np.uint8)


def _roughness(paper: Pixels) -> float:
    grey = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY).astype(np.int16)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def take_apart(pixels: Pixels, paper: Paper) -> Inked:
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
