"""Which rows of a collection are worth comparing exactly: every segment is asked, those of a large
collection side by side."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.engines import FEW, PER_HIT, FlatIndex, Mask, Rows, VectorIndex, depth

# Asked for beyond what is wanted, so that rows equal to the last one are rarely asked for again.
_MORE = 16


def candidates(
    query: Floats,
    k: int,
    searched: Sequence[tuple[VectorIndex, Mask]],
    equal: float,
    reach: int = 0,
) -> list[Rows]:
    """For each index its rows that may be among the ``k`` best of all, and those whose score is
    less than ``equal`` below the last of them; in all at least ``reach`` of the nearest.

    The mask (rows,) beside an index says which of its rows may be found.
    """

    def ask(one: tuple[VectorIndex, Mask]) -> tuple[Floats, Rows]:
        # One that estimates gives several for each one asked for.
        some = reach if isinstance(one[0], FlatIndex) else -(-reach // PER_HIT)
        return _nearest(one[0], query, max(k, some), one[1], equal)

    if len(searched) == 1 and isinstance(searched[0][0], FlatIndex):
        return [ask(searched[0])[1]]
    rows = sum(len(keep) for _, keep in searched)
    # A few are looked through in milliseconds: to hand the work over, and to wait for it, would
    # take as long.
    found = list((map if rows <= FEW else _pool().map)(ask, searched))
    scores = np.concatenate([scores for scores, _ in found]) if found else np.zeros(0, np.float32)
    # Estimates must be compared exactly before they tell which are the best; exact scores tell.
    exact = all(isinstance(index, FlatIndex) for index, _ in searched)
    most = max(reach, k if exact else depth(k, rows))
    if len(scores) <= most:
        return [rows for _, rows in found]
    last = np.partition(scores, -most)[-most] - (equal if exact else 0)
    return [rows[scores >= last] for scores, rows in found]


def _nearest(
    index: VectorIndex, query: Floats, k: int, keep: Mask, equal: float
) -> tuple[Floats, Rows]:
    count = int(np.count_nonzero(keep))
    if not count:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    k = min(k, count)
    wanted = k + _MORE
    while True:
        scores, rows = index.shortlist(query, wanted, None if count == len(keep) else keep)
        # More than asked for are estimates, with a margin of their own.
        if len(rows) != wanted or scores[-1] < scores[k - 1] - equal:
            return scores, rows
        wanted *= 2


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "search")
