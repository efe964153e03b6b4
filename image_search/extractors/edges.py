"""``edges``: which way the edges run, and where; for shape and sketches; needs no weights.

Orientations of the colour gradient, shared out softly over neighbouring orientations and
neighbouring cells of a grid, after histograms of oriented gradients (Dalal and Triggs, CVPR 2005).
The gradient is that of the structure tensor over the three channels of CIELAB (Di Zenzo, "A note on
the gradient of a multi-image", CVGIP 1986), so that an edge between two colours of equal brightness
counts too.

From each cell most of its mean over the orientations is taken away: what has no direction (grain,
foliage, paper) then says little, and a drawing of a few strokes can resemble a photo that is busy
all over.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Extractor, unit_rows
from image_search.extractors.orientations import by_orientation
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.shrinking import resized

NAME = "edges"
CELLS = 12
ORIENTATIONS = 9
DIM = CELLS * CELLS * ORIENTATIONS
MODEL = "image_search/edges-12x12x9/4"

_SIDE = 132  # working resolution in pixels; a multiple of CELLS
_SIGMA = 1.5  # of the smoothing before the gradient, in pixels
_BLANK = 1.0  # length below which a descriptor is rounding alone; the faintest stroke gives 30
_POWER = 0.7  # below 1, many faint agreements count beside few strong ones; drawings gain by it
_MEAN_KEPT = 0.35  # share of a cell's mean over orientations that stays; .25 to .5 serve alike


class EdgeOrientations:
    """Soft grid of edge orientations, 12 x 12 cells of 9 orientations."""

    name = NAME
    model = MODEL
    dim = DIM

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One RGB picture, (height, width, 3) uint8, to edge strengths, (1296,) float32."""
        strength, angle = _colour_edges(pixels)
        cells = _POOL @ by_orientation(strength, angle, ORIENTATIONS) @ _POOL.T
        # Under the root, a few strong edges do not drown the rest.
        cells = np.sqrt(np.maximum(cells, 0))
        cells -= np.float32(1 - _MEAN_KEPT) * cells.mean(axis=0)
        return cells.ravel()

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Edge strengths to embeddings, (len(inputs), 1296) float32; each row has length 1."""
        rows = np.asarray(inputs, dtype=np.float32).reshape(len(inputs), DIM)
        # A picture without any edge is like no drawing and like every other blank: it lies opposite
        # to the mean of all that have edges.
        blank = np.linalg.norm(rows, axis=1, keepdims=True) < _BLANK
        rows = unit_rows(np.where(blank, np.float32(-1), rows))
        return unit_rows(np.sign(rows) * np.abs(rows) ** np.float32(_POWER))


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
    cells = block.reshape(ORIENTATIONS, CELLS, CELLS)
    if half_turn:
        cells = cells[:, ::-1, ::-1]
    if mirrored:
        # The first orientation is its own mirror image; the others change places.
        cells = np.roll(cells[::-1], 1, axis=0)[:, :, ::-1]
    return np.ascontiguousarray(cells).reshape(DIM)


def load() -> Extractor:
    """The extractor, ready to use; there is nothing to fetch."""
    return EdgeOrientations()


def _colour_edges(pixels: Pixels) -> tuple[Floats, Floats]:
    """Strength of the colour gradient and its angle within half a turn, each (_SIDE, _SIDE).

    Dark on light and light on dark are the same edge, hence angles over half a turn.
    """
    lab = cv2.cvtColor(resized(pixels, _SIDE, _SIDE), cv2.COLOR_RGB2LAB).astype(np.float32)
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
    """Weights of pixels in cells, (CELLS, _SIDE): 1 at a cell's middle, 0 at its neighbours'."""
    cell = _SIDE / CELLS
    middles = (np.arange(CELLS) + 0.5) * cell
    pixels = np.arange(_SIDE) + 0.5
    distances = np.abs(pixels[None, :] - middles[:, None]) / cell
    return np.maximum(0.0, 1.0 - distances).astype(np.float32)


_POOL = _tents()
_OVER_CHANNELS = np.ones((1, 3), np.float32)
