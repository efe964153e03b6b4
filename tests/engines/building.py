"""Every index there is, built over vectors in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import VectorIndex
from image_search.search.engines.faiss import Coder, CompressedIndex, FlatIndex


def compressed(vectors: Floats, dims: Sequence[int] | None = None) -> CompressedIndex:
    """One over a copy of ``vectors`` (rows, dim), made of blocks of the lengths ``dims``."""
    kept = np.array(vectors, dtype=np.float32)
    dims = dims or (kept.shape[1],)
    return CompressedIndex(Coder(dims).encode([kept]), dims, kept.__getitem__)


BUILDERS: Mapping[str, Callable[[Floats], VectorIndex]] = {
    "flat": FlatIndex,
    "compressed": compressed,
}
