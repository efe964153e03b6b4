"""``hsv``, ``edges`` and ``texture``: what is computed from pixels by rule, without any weights."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Extractor, unit_rows
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import resized, within

HSV_BINS = (8, 8, 8)
HSV_DIM = HSV_BINS[0] * HSV_BINS[1] * HSV_BINS[2]

# A histogram of shares needs no more pixels than this; bounds the work for large pictures.
_HSV_SIDE = 256
# OpenCV's 8-bit hue runs from 0 to 179; upper bounds are exclusive.
_HSV_RANGES = (0, 180, 0, 256, 0, 256)

EDGE_CELLS = 12
EDGE_ORIENTATIONS = 9
EDGES_DIM = EDGE_CELLS * EDGE_CELLS * EDGE_ORIENTATIONS

_EDGE_SIDE = 132  # working resolution in pixels; a multiple of EDGE_CELLS
_SIGMA = 1.5  # of the smoothing before the gradient, in pixels
_BLANK = 1.0  # length below which a descriptor is rounding alone; the faintest stroke gives 30
_EDGE_POWER = (
    0.7  # below 1, many faint agreements count beside few strong ones; drawings gain by it
)
_MEAN_KEPT = 0.35  # share of a cell's mean over orientations that stays; .25 to .5 serve alike

_PATTERN_SIDES = (192, 96, 48)  # longer sides, in pixels, at which patterns are read
_PATTERNS = 59
# A neighbour is brighter only if it is so by this much (L, a, b of 0 to 255): noise in plain areas
# must not pass for texture.
_THRESHOLDS = (3, 2, 2)
_EXCEEDED = np.array(_THRESHOLDS, np.uint8) - np.uint8(1)
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))

_PAIR_SIDES = (192, 48)  # longer sides at which pairs of edges are read
_PAIR_ORIENTATIONS = 8
_STEPS = ((0, 2), (2, 0), (2, 2), (2, -2))  # from one edge of a pair to the other: down, across

_PATTERN_DIM = len(_PATTERN_SIDES) * len(_THRESHOLDS) * _PATTERNS
_PAIR_DIM = len(_PAIR_SIDES) * (_PAIR_ORIENTATIONS + len(_STEPS) * _PAIR_ORIENTATIONS**2)
TEXTURE_DIM = _PATTERN_DIM + _PAIR_DIM


class HsvHistogram:
    """``hsv``: which colours a picture holds and how much of each.

    A joint histogram of hue, saturation and value, 8 of each (Swain and Ballard, "Color Indexing",
    IJCV 1991). The square root before normalising turns the inner product of two embeddings into
    the Bhattacharyya coefficient of the two colour distributions, so that large plain areas do not
    drown the rest.
    """

    name = "hsv"
    model = "opencv/hsv-8x8x8-sqrt/1"
    dim = HSV_DIM

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One RGB picture, (height, width, 3) uint8, to its histogram of shares, (512,) float32."""
        hsv = cv2.cvtColor(within(pixels, _HSV_SIDE), cv2.COLOR_RGB2HSV)
        counts = cv2.calcHist([hsv], [0, 1, 2], None, list(HSV_BINS), list(_HSV_RANGES))
        shares: Floats = counts.ravel().astype(np.float32) / np.float32(hsv.shape[0] * hsv.shape[1])
        return shares

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Histograms to embeddings, (len(inputs), 512) float32; each row has length 1."""
        rows = np.asarray(inputs, dtype=np.float32).reshape(len(inputs), HSV_DIM)
        return unit_rows(np.sqrt(rows))


class EdgeOrientations:
    """``edges``: which way the edges run, and where; for shape and sketches.

    Orientations of the colour gradient, shared out softly over neighbouring orientations (9) and
    neighbouring cells of a grid (12 x 12), after histograms of oriented gradients (Dalal and
    Triggs, CVPR 2005). The gradient is that of the structure tensor over the three channels of
    CIELAB (Di Zenzo, "A note on the gradient of a multi-image", CVGIP 1986), so that an edge
    between two colours of equal brightness counts too.

    From each cell most of its mean over the orientations is taken away: what has no direction
    (grain, foliage, paper) then counts little, and a drawing of a few strokes can resemble a photo
    that is busy all over.
    """

    name = "edges"
    model = "image_search/edges-12x12x9/4"
    dim = EDGES_DIM

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One RGB picture, (height, width, 3) uint8, to edge strengths, (1296,) float32."""
        strength, angle = _colour_edges(pixels)
        cells = _POOL @ _by_orientation(strength, angle, EDGE_ORIENTATIONS) @ _POOL.T
        # Under the root, a few strong edges do not drown the rest.
        cells = np.sqrt(np.maximum(cells, 0))
        cells -= np.float32(1 - _MEAN_KEPT) * cells.mean(axis=0)
        return cells.ravel()

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Edge strengths to embeddings, (len(inputs), 1296) float32; each row has length 1."""
        rows = np.asarray(inputs, dtype=np.float32).reshape(len(inputs), EDGES_DIM)
        # A picture without any edge is like no drawing and like every other blank: it lies opposite
        # to the mean of all that have edges.
        blank = np.linalg.norm(rows, axis=1, keepdims=True) < _BLANK
        rows = unit_rows(np.where(blank, np.float32(-1), rows))
        return unit_rows(np.sign(rows) * np.abs(rows) ** np.float32(_EDGE_POWER))


def turned_over(block: Floats, *, half_turn: bool, mirrored: bool) -> Floats:
    """Return the embedding of a picture after half a turn, and then mirrored left to right.

    Both only exchange cells and orientations, so the picture need not be looked at again. A quarter
    turn falls between orientations, of which there is an odd number.

    Args:
        block: The embedding of the picture as it is, (1296,).
        half_turn: Whether it is turned by half a turn.
        mirrored: Whether it is mirrored after that.

    Returns:
        The embedding, (1296,), equal to that of the changed pixels but for rounding.
    """
    cells = block.reshape(EDGE_ORIENTATIONS, EDGE_CELLS, EDGE_CELLS)
    if half_turn:
        cells = cells[:, ::-1, ::-1]
    if mirrored:
        # The first orientation is its own mirror image; the others change places.
        cells = np.roll(cells[::-1], 1, axis=0)[:, :, ::-1]
    return np.ascontiguousarray(cells).reshape(EDGES_DIM)


def _by_orientation(strength: Floats, angle: Floats, orientations: int) -> Floats:
    """The ``strength`` (height, width) of each edge of an ``angle`` in [-pi, pi], shared between
    the two nearest of so many orientations: (orientations, height, width).

    Half a turn is the whole circle: dark on light and light on dark are the same edge.
    """
    place = angle * np.float32(orientations / np.pi)
    place = np.where(place < 0, place + np.float32(orientations), place)
    found = np.empty((orientations, *strength.shape), np.float32)
    for orientation in range(1, orientations):
        found[orientation] = np.abs(place - np.float32(orientation))
    # The first is as near to the end of the circle as to its beginning.
    np.minimum(place, orientations - place, out=found[0])
    np.subtract(1, found, out=found)
    np.maximum(found, 0, out=found)
    found *= strength
    return found


def _colour_edges(pixels: Pixels) -> tuple[Floats, Floats]:
    """Strength of the colour gradient and its angle within half a turn, each (132, 132).

    Dark on light and light on dark are the same edge, hence angles over half a turn.
    """
    lab = cv2.cvtColor(resized(pixels, _EDGE_SIDE, _EDGE_SIDE), cv2.COLOR_RGB2LAB).astype(
        np.float32
    )
    smooth = cv2.GaussianBlur(lab, (0, 0), _SIGMA)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    horizontal, vertical, mixed = (
        np.asarray(cv2.transform(product, _OVER_CHANNELS), np.float32)
        for product in (across * across, down * down, across * down)
    )
    difference, mixed = horizontal - vertical, 2 * mixed
    spread = np.sqrt(difference * difference + mixed * mixed)
    # Strength: the root of the tensor's larger eigenvalue; angle: that of its eigenvector.
    strength = np.sqrt(0.5 * (horizontal + vertical + spread))
    return strength, 0.5 * np.arctan2(mixed, difference)


def _tents() -> Floats:
    """Weights of pixels in cells, (12, 132): 1 at a cell's middle, 0 at its neighbours'."""
    cell = _EDGE_SIDE / EDGE_CELLS
    middles = (np.arange(EDGE_CELLS) + 0.5) * cell
    pixels = np.arange(_EDGE_SIDE) + 0.5
    distances = np.abs(pixels[None, :] - middles[:, None]) / cell
    return np.maximum(0.0, 1.0 - distances).astype(np.float32)


_POOL = _tents()
_OVER_CHANNELS = np.ones((1, 3), np.float32)


class Texture:
    """``texture``: what surfaces and lines look like close up, wherever they lie.

    Two statistics that forget position, side by side:

    - local binary patterns (Ojala, Pietikainen and Maenpaa, PAMI 2002), the 58 uniform ones and the
      rest, in each channel of CIELAB at three sizes of the picture: grain, weave, spots; 531
      numbers;
    - gradient auto-correlations (Kobayashi and Otsu, "Image feature extraction using gradient local
      auto-correlations", ECCV 2008) at two sizes: which two edge orientations lie side by side, in
      four directions: corners, parallels, curves; 528 numbers.
    """

    name = "texture"
    model = "image_search/texture-lbp-glac/1"
    dim = TEXTURE_DIM

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
        return unit_rows(np.asarray(inputs, dtype=np.float32).reshape(len(inputs), TEXTURE_DIM))


def load(name: str) -> Extractor:
    """The extractor of this ``name``, ready to use; there is nothing to fetch."""
    extractors: tuple[Extractor, ...] = HsvHistogram(), EdgeOrientations(), Texture()
    return next(extractor for extractor in extractors if extractor.name == name)


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
    edges = _by_orientation(strength, np.arctan2(down, across), _PAIR_ORIENTATIONS)
    height, width = grey.shape
    flat = edges.reshape(_PAIR_ORIENTATIONS, -1)
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
