"""The registry of vector indexes: the one place to add an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Mask, Rows, VectorIndex
from image_search.search.engines.compressed import FEW, PER_HIT, CompressedIndex, depth
from image_search.search.engines.flat import FlatIndex

# Exact search reads every vector: up to so many bytes of them that takes some 10 ms of one core,
# and above they are compressed. At 10,000 images of all extractors (300 MB) the codes took less
# than half of the time for a query, and a start need not read and check all vectors.
EXACT_BYTES = 1 << 27

BUILDERS: Mapping[str, Callable[[Floats], VectorIndex]] = {
    "flat": FlatIndex,
    "compressed": CompressedIndex.of,
}

__all__ = [
    "BUILDERS",
    "EXACT_BYTES",
    "FEW",
    "PER_HIT",
    "CompressedIndex",
    "FlatIndex",
    "Mask",
    "Rows",
    "VectorIndex",
    "build_index",
    "depth",
]


def build_index(vectors: Floats) -> VectorIndex:
    """The index in memory that suits ``vectors``, (rows, dim) float32."""
    return BUILDERS["flat" if vectors.nbytes <= EXACT_BYTES else "compressed"](vectors)
