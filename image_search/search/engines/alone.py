"""A search of FAISS in the thread that asks, and in no other."""

from __future__ import annotations

from typing import Any

import faiss

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Rows


def searched(index: Any, queries: Floats, top_k: int, parameters: Any) -> tuple[Floats, Rows]:
    """Scores and rows, (queries, top_k) each; -1 as a row where there are fewer.

    FAISS divides queries, not rows, among threads, and searches ask one at a time: others would
    have nothing to do, and to wait for them at the end costs many times the search where the cores
    are busy. OpenMP keeps the number by thread, hence every time.
    """
    faiss.omp_set_num_threads(1)
    scores, rows = index.search(queries, top_k, params=parameters)
    return scores, rows
