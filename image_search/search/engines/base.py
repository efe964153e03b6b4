"""The protocol of a vector index, so that engines can be replaced."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class VectorIndex(Protocol):
    """Finds the rows with the highest inner product. Immutable once built; safe to share."""

    def search(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """The best ``top_k`` rows for ``query`` (dim,), best first: scores and row numbers.

        ``keep`` (rows,) bool restricts the result to the rows where it is true. Fewer than
        ``top_k`` are returned if there are no more.
        """

    def shortlist(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """Scores, which may be estimates, and rows that the best ``top_k`` are among.

        More than ``top_k`` are returned if scores are estimates; the caller compares these
        exactly.
        """
