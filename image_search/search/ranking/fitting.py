"""What is fitted to a collection: for each extractor by itself, without labels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fusion import (
    FEWEST,
    Calibration,
    Layout,
)

# Images looked at: a mean and a standard deviation need no more.
SAMPLE = 2000
# The mean counts as if so many images without any common part had been seen too.
_SHRINK = 20
_PAIRS = 4000
# The contrast is the mean over so many images, of so many of the nearest to each.
_QUERIES, _NEAREST = 300, 10


def fit(layout: Layout, sample: Floats, images: int) -> Calibration:
    """The calibration fitted to a ``sample`` of stored vectors (n, layout.dim).

    The same sample gives the same result. ``images`` is the size of the collection.
    """
    if len(sample) < FEWEST:
        return Calibration.none(layout)
    scale = np.float32(math.sqrt(len(layout.names)))
    fitted = {n: fit_block(sample[:, place] * scale) for n, place in layout.slices().items()}
    return Calibration(
        layout,
        {name: one.mean for name, one in fitted.items()},
        {name: one.std for name, one in fitted.items()},
        {name: one.contrast for name, one in fitted.items()},
        images,
    )


class FittedBlock(NamedTuple):
    """What is fitted to the blocks of one extractor; ``mean`` is (dim,)."""

    mean: Floats
    std: float
    contrast: float


def fit_block(block: Floats) -> FittedBlock:
    """What is fitted to a sample of unit rows (n, dim) of one extractor; n is at least FEWEST."""
    rng = np.random.default_rng(0)
    ones, others = rng.integers(0, len(block), (2, _PAIRS))
    ones, others = ones[ones != others], others[ones != others]
    mean = block.mean(axis=0) * np.float32(len(block) / (len(block) + _SHRINK))
    rows = unit_rows(block - mean)
    cosines = np.einsum("ij,ij->i", rows[ones], rows[others])
    std = max(float(cosines.std()), 1e-3)
    queries = rng.permutation(len(block))[:_QUERIES]
    near = rows[queries] @ rows.T
    near[np.arange(len(queries)), queries] = -np.inf
    nearest = np.argpartition(-near, _NEAREST, axis=1)[:, :_NEAREST]
    # The cosines of all pairs of unit vectors follow from the length of their sum.
    sums = rows[nearest].sum(axis=1)
    pairs = _NEAREST * (_NEAREST - 1)
    among = (float(np.square(sums).sum(axis=1).mean()) - _NEAREST) / pairs
    return FittedBlock(mean, std, max((among - float(cosines.mean())) / std, 1e-3))
