"""``texture``: what surfaces and lines look like close up, wherever they lie; needs no weights.

Two statistics that forget position, side by side:

- local binary patterns (Ojala, Pietikainen and Maenpaa, PAMI 2002), the 58 uniform ones and the
  rest, in each channel of CIELAB at three sizes of the picture: grain, weave, spots;
- gradient auto-correlations (Kobayashi and Otsu, "Image feature extraction using gradient local
  auto-correlations", ECCV 2008) at two sizes: which two edge orientations lie side by side, in four
  directions: corners, parallels, curves.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Extractor, unit_rows
from image_search.extractors.orientations import by_orientation
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.shrinking import within

NAME = "texture"
MODEL = "image_search/texture-lbp-glac/1"

_PATTERN_SIDES = (192, 96, 48)  # longer sides, in pixels, at which patterns are read
_PATTERNS = 59
# A neighbour is brighter only if it is so by this much (L, a, b of 0 to 255): noise in plain areas
# must not pass for texture.
_THRESHOLDS = (3, 2, 2)
_EXCEEDED = np.array(_THRESHOLDS, np.uint8) - np.uint8(1)
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))

_PAIR_SIDES = (192, 48)  # longer sides at which pairs of edges are read
_ORIENTATIONS = 8
_STEPS = ((0, 2), (2, 0), (2, 2), (2, -2))  # from one edge of a pair to the other: down, across

_PATTERN_DIM = len(_PATTERN_SIDES) * len(_THRESHOLDS) * _PATTERNS
_PAIR_DIM = len(_PAIR_SIDES) * (_ORIENTATIONS + len(_STEPS) * _ORIENTATIONS**2)
DIM = _PATTERN_DIM + _PAIR_DIM


class Texture:
    """Local binary patterns (531 numbers) and gradient auto-correlations (528 numbers)."""

    name = NAME
    model = MODEL
    dim = DIM

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One RGB picture, (height, width, 3) uint8, to its statistics, (1059,) float32."""
        picture = within(pixels, max(_PATTERN_SIDES))
        lab: Pixels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), dtype=np.uint8)
        patterns = [
            shares
            for small in (within(lab, side) for side in _PATTERN_SIDES)
            for shares in _pattern_shares(small)
        ]
        grey: Pixels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        pairs = [_edge_pairs(within(grey, side)) for side in _PAIR_SIDES]
        halves = [unit_rows(np.concatenate(half)[None]) for half in (patterns, pairs)]
        row: Floats = np.concatenate(halves, axis=1)[0]
        return row

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Statistics to embeddings, (len(inputs), 1059) float32; each row has length 1."""
        return unit_rows(np.asarray(inputs, dtype=np.float32).reshape(len(inputs), DIM))


def load() -> Extractor:
    """The extractor, ready to use; there is nothing to fetch."""
    return Texture()


def _pattern_shares(lab: Pixels) -> list[Floats]:
    """Roots of the shares (59,) of the local binary patterns in each channel of CIELAB.

    A few calls for all three channels: while many ask at once, small ones wait for each other.
    """
    height, width = lab.shape[:2]
    # What a neighbour must exceed; no neighbour exceeds 255, so the sum may end there.
    limits = np.minimum(lab, 255 - _EXCEEDED) + _EXCEEDED
    padded = cv2.copyMakeBorder(lab, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    codes = np.zeros_like(lab)
    for bit, (down, across) in enumerate(_NEIGHBOURS):
        top, left = 1 + down, 1 + across
        neighbour = padded[top : top + height, left : left + width]
        brighter = np.asarray(cv2.compare(neighbour, limits, cv2.CMP_GT), np.uint8)
        codes |= brighter & np.uint8(1 << bit)
    found = []
    for channel in range(len(_THRESHOLDS)):
        counts = cv2.calcHist([codes], [channel], None, [256], [0, 256]).ravel()
        shares = np.bincount(_UNIFORM, weights=counts, minlength=_PATTERNS) / (height * width)
        found.append(np.sqrt(shares).astype(np.float32))
    return found


def _edge_pairs(grey: Pixels) -> Floats:
    """How often two edge orientations lie one step apart, unit length, (264,); zeros if plain."""
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)
    across = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), dtype=np.float32)
    down = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 0, 1), dtype=np.float32)
    strength = np.sqrt(np.sqrt(across * across + down * down))
    edges = by_orientation(strength, np.arctan2(down, across), _ORIENTATIONS)
    height, width = grey.shape
    flat = edges.reshape(_ORIENTATIONS, -1)
    paired = {across: _with_partners(edges, across) for across in {a for _, a in _STEPS}}
    found = [flat.mean(axis=1)]
    for step_down, step_across in _STEPS:
        apart = step_down * width + step_across
        pairs = paired[step_across][:, : max(0, flat.shape[1] - apart)] @ flat[:, apart:].T
        count = max(0, height - step_down) * max(0, width - abs(step_across))
        found.append(pairs.ravel() / max(1, count))
    roots = np.sqrt(np.maximum(np.concatenate(found), 0))
    length = max(float(np.linalg.norm(roots)), 1e-9)
    return np.asarray(roots / length, dtype=np.float32)


def _with_partners(edges: Floats, across: int) -> Floats:
    """Edges (orientations, height, width) in one row for each orientation, in which a partner is
    always as far away; those without one so far ``across`` are nothing."""
    if across:
        edges = edges.copy()
        lonely = slice(-across, None) if across > 0 else slice(0, -across)
        edges[:, :, lonely] = 0
    return edges.reshape(len(edges), -1)


def _uniform_patterns() -> npt.NDArray[np.intp]:
    """From the 256 codes to 59 kinds: those with at most two changes around the ring, the rest."""
    kinds = np.full(256, _PATTERNS - 1, np.intp)
    uniform = 0
    for code in range(256):
        ring = [code >> bit & 1 for bit in range(8)]
        if sum(ring[bit] != ring[bit - 1] for bit in range(8)) <= 2:
            kinds[code] = uniform
            uniform += 1
    return kinds


_UNIFORM = _uniform_patterns()
