"""The space to learn: where the teacher sees pictures, in fewer directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import unit_rows
from image_search.extractors.design_network import MEANING
from image_search.imaging.arrays import Floats

#: What is seen in each cell of pictures, (..., n, n, MEANING): so many that half precision must do.
Grids = npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Space:
    """The directions of the teacher's features that vary most, made more even: what the network
    is to place pictures in."""

    mean: Floats
    directions: Floats

    @staticmethod
    def of(features: Floats) -> Space:
        """Fitted to ``features`` (n, teacher's dim).

        Half-way to whitening (the fourth root of the variances), which on held-out sets finds a
        little more than the teacher's own space does.
        """
        rows = unit_rows(features)
        mean = rows.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov((rows - mean).T))
        kept = slice(-1, -1 - MEANING, -1)
        scaled = vectors[:, kept] / np.maximum(variances[kept], 1e-9) ** 0.25
        return Space(mean, scaled.astype(np.float32))

    def place(self, features: Floats) -> Floats:
        """(n, teacher's dim) to unit rows (n, MEANING)."""
        return unit_rows((unit_rows(features) - self.mean) @ self.directions)

    def located(self, grid: Floats) -> Grids:
        """What the teacher sees in each cell, (n, n, teacher's dim), to (n, n, MEANING). The mean
        over the cells, made unit, is where ``place`` puts what it sees in all of the picture."""
        length = np.linalg.norm(grid.mean(axis=(0, 1)))
        return ((grid / length - self.mean) @ self.directions).astype(np.float16)
