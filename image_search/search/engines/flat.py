"""Exact search: every vector is compared (FAISS ``IndexFlatIP``)."""

from __future__ import annotations

import faiss
import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.engines.alone import searched
from image_search.search.engines.base import Mask, Rows


class FlatIndex:
    """All vectors in memory, compared one by one; the reference for every other index."""

    def __init__(self, vectors: Floats) -> None:
        """Take a copy of ``vectors``, (rows, dim) float32."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def search(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """See ``VectorIndex.search``."""
        top_k = min(top_k, self._index.ntotal)
        if top_k < 1:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        parameters = None
        if keep is not None:
            bits = np.packbits(keep, bitorder="little")
            # FAISS's Python layer takes arrays and keywords here, which its type hints do not know.
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        asked = np.ascontiguousarray(query[None], dtype=np.float32)
        scores, rows = searched(self._index, asked, top_k, parameters)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def shortlist(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """The result of ``search`` itself."""
        return self.search(query, top_k, keep)
