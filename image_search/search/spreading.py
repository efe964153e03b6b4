"""Hits that differ from each other: the same answer, spread out."""

from __future__ import annotations

import numpy as np

from image_search.imaging.arrays import Floats


def spread(vectors: Floats, count: int) -> list[int]:
    """The places of ``count`` rows, each as unlike those before it as can be; the first stays.

    It is farthest-first traversal (Gonzalez, "Clustering to minimize the maximum intercluster
    distance", 1985): of a few hundred candidates that are close to a query it shows what kinds
    there are.

    Args:
        vectors: (n, dim) unit vectors of the candidates, the best first.
        count: how many are wanted; all of them if there are fewer.
    """
    wanted = min(count, len(vectors))
    if wanted < 1:
        return []
    chosen = [0]
    likest = vectors @ vectors[0]  # of each row, its likeness to the likest of those chosen
    while len(chosen) < wanted:
        likest[chosen[-1]] = np.inf
        chosen.append(int(np.argmin(likest)))
        likest = np.maximum(likest, vectors @ vectors[chosen[-1]])
    return chosen
