"""Blocks side by side, weights on the query: pure functions of arrays.

Every extractor yields one unit-length *block*. A stored vector is the blocks of one picture,
concatenated and L2-normalised (early fusion). Weights go onto the query, so that the inner product
of query and stored vector is the weighted mean of the blocks' cosines: other weights, or a query
that lacks a block, need no re-indexing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.errors import InvalidQuery
from image_search.imaging.arrays import Floats


@dataclass(frozen=True)
class Layout:
    """Which block lies where in a stored vector: names and lengths, in order."""

    names: tuple[str, ...]
    dims: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Length of a stored vector."""
        return sum(self.dims)

    def slices(self) -> dict[str, slice]:
        """Each block's place."""
        ends = np.cumsum(self.dims).tolist()
        return {
            name: slice(end - dim, end)
            for name, dim, end in zip(self.names, self.dims, ends, strict=True)
        }


def stored_vectors(layout: Layout, blocks: Mapping[str, Floats]) -> Floats:
    """Unit blocks, each (n, dim of its extractor), to stored vectors (n, layout.dim) of length
    1."""
    rows = np.concatenate([blocks[name] for name in layout.names], axis=1)
    return (rows / math.sqrt(len(layout.names))).astype(np.float32)


def shares_of(names: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    """Each extractor's share in the fused score: its weight over the sum of all, 0 where that is
    0."""
    names = tuple(names)
    largest = max((abs(weights[name]) for name in names), default=0.0)
    if largest <= 0:
        return dict.fromkeys(names, 0.0)
    # Against the largest first, so that no sum overflows.
    relative = {name: weights[name] / largest for name in names}
    total = sum(abs(value) for value in relative.values())
    return {name: value / total for name, value in relative.items()}


def query_vector(
    layout: Layout, blocks: Mapping[str, Floats], weights: Mapping[str, float]
) -> Floats:
    """The vector (layout.dim,) whose inner product with a stored vector is the fused score.

    ``blocks`` are unit vectors (dim of the extractor,), for the extractors that the query can speak
    for; ``weights`` must hold a number for each. The fused score is the mean of the blocks' cosines
    weighted by ``weights``, hence within [-1, 1].

    Raises:
        InvalidQuery: all the weights are zero.
    """
    shares = shares_of(blocks, weights)
    if not any(shares.values()):
        raise InvalidQuery("All weights are zero for what the query holds; give one above zero.")
    query = np.zeros(layout.dim, dtype=np.float32)
    for name, place in layout.slices().items():
        if name in blocks:
            query[place] = blocks[name] * np.float32(shares[name])
    return query * np.float32(math.sqrt(len(layout.names)))


def pooled(blocks: Sequence[Floats]) -> Floats:
    """Several unit vectors (dim,) that ask for the same thing as one: their mean direction."""
    mean = np.mean(blocks, axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 1e-9 else blocks[0], dtype=np.float32)
