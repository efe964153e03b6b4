"""``hsv``: which colours a picture holds and how much of each; needs no downloaded weights.

A joint histogram of hue, saturation and value (Swain and Ballard, "Color Indexing", IJCV 1991). The
square root before normalising turns the inner product of two embeddings into the Bhattacharyya
coefficient of the two colour distributions, so that large plain areas do not drown the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Extractor, unit_rows
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.shrinking import within

NAME = "hsv"
BINS = (8, 8, 8)
DIM = BINS[0] * BINS[1] * BINS[2]
MODEL = "opencv/hsv-8x8x8-sqrt/1"

# A histogram of shares needs no more pixels than this; bounds the work for large pictures.
_LONGEST_SIDE = 256
# OpenCV's 8-bit hue runs from 0 to 179; upper bounds are exclusive.
_RANGES = (0, 180, 0, 256, 0, 256)


class HsvHistogram:
    """Colour histogram of 8 hues, 8 saturations and 8 values."""

    name = NAME
    model = MODEL
    dim = DIM

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One RGB picture, (height, width, 3) uint8, to its histogram of shares, (512,) float32."""
        hsv = cv2.cvtColor(within(pixels, _LONGEST_SIDE), cv2.COLOR_RGB2HSV)
        counts = cv2.calcHist([hsv], [0, 1, 2], None, list(BINS), list(_RANGES))
        shares: Floats = counts.ravel().astype(np.float32) / np.float32(hsv.shape[0] * hsv.shape[1])
        return shares

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Histograms to embeddings, (len(inputs), 512) float32; each row has length 1."""
        rows = np.asarray(inputs, dtype=np.float32).reshape(len(inputs), DIM)
        return unit_rows(np.sqrt(rows))


def load() -> Extractor:
    """The extractor, ready to use; there is nothing to fetch."""
    return HsvHistogram()
