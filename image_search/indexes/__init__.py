"""The registry of vector indexes: the one place to add an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from image_search.extractors.base import Floats
from image_search.indexes.base import Mask, Rows, VectorIndex
from image_search.indexes.flat import FlatIndex

BUILDERS: Mapping[str, Callable[[Floats], VectorIndex]] = {"flat": FlatIndex}

__all__ = ["BUILDERS", "FlatIndex", "Mask", "Rows", "VectorIndex", "build_index"]


def build_index(vectors: Floats) -> VectorIndex:
    """The index that suits ``vectors``, (rows, dim) float32."""
    return BUILDERS["flat"](vectors)
