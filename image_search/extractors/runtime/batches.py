"""Prepared squares through a network, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats

Forward = Callable[[npt.NDArray[Any]], Floats]
"""A network: (n, ...) of what it takes to (n, dim) float32, n at most BATCH. Squares are (n, side,
side, 3) uint8 RGB, texts (n, 77) int64 tokens. It may be called from many threads at once."""

# Where the rate per core is highest; the activations of more no longer fit into a core's cache.
BATCH = 16


def embed_squares(inputs: Sequence[npt.NDArray[np.generic]], forward: Forward, dim: int) -> Floats:
    """Squares of one size, (side, side, 3) uint8 each, to unit rows, (len(inputs), dim) float32."""
    if not inputs:
        return np.empty((0, dim), dtype=np.float32)
    starts = range(0, len(inputs), BATCH)
    rows = [forward(np.stack(inputs[i : i + BATCH]).astype(np.uint8, copy=False)) for i in starts]
    return unit_rows(np.concatenate(rows))
