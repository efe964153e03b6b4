"""What a vector index is: the seam behind which engines can be exchanged."""

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

        ``keep`` (rows,) bool restricts the answer to the rows where it is true. Fewer than
        ``top_k`` come back where fewer there are.
        """

    def shortlist(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """Rows with the best ``top_k`` among them, and scores, which may be estimates.

        More than ``top_k`` come back where scores are estimates; comparing these exactly is left
        to the caller.
        """
