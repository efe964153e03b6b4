"""Two stages: codes in memory give a shortlist, exact vectors decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Mask, Rows
from image_search.search.engines.codes import Coder, Codes

# Rows on the shortlist: at least so many, and so many for each one wanted. Chosen on a million
# vectors (docs/performance.md).
DEPTH, PER_HIT = 512, 8
# Of so few rows half does as well: 10,000 real ones missed none of the best 30 with a third.
FEW = 1 << 15


def depth(top_k: int, rows: int) -> int:
    """How many candidates of so many ``rows`` must be compared exactly to find the best
    ``top_k``."""
    return max(DEPTH if rows > FEW else DEPTH // 2, PER_HIT * top_k)


class CompressedIndex:
    """A thirtieth of the vectors' memory; scores are exact, a true neighbour is missed at times.

    ``exact`` reads vectors (n, dim) by their rows, from wherever they lie.
    """

    def __init__(self, codes: Codes, dims: Sequence[int], exact: Callable[[Rows], Floats]) -> None:
        """Take a copy of ``codes``, as ``Coder(dims)`` made them."""
        self._coder, self._exact = Coder(dims), exact
        self._index = self._coder.index(codes)

    @staticmethod
    def of(vectors: Floats, dims: Sequence[int] | None = None) -> CompressedIndex:
        """An index over a copy of ``vectors`` (rows, dim), made of blocks of the lengths
        ``dims``."""
        kept = np.array(vectors, dtype=np.float32)
        dims = dims or (kept.shape[1],)
        return CompressedIndex(Coder(dims).encode([kept]), dims, kept.__getitem__)

    def shortlist(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """See ``VectorIndex.shortlist``."""
        rows = self._index.ntotal
        wanted = min(depth(top_k, rows), rows) if top_k > 0 else 0
        if keep is not None:
            wanted = min(wanted, int(np.count_nonzero(keep)))
        if wanted < 1:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        return self._coder.estimate(self._index, query, wanted, keep)

    def search(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """See ``VectorIndex.search``; where ``keep`` leaves few rows, these are all compared."""
        rows = np.sort(self.shortlist(query, top_k, keep)[1])
        scores = np.asarray(self._exact(rows) @ query, dtype=np.float32)
        best = np.lexsort((rows, -scores))[:top_k]
        return scores[best], rows[best]
