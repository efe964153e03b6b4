"""The compressed index on what it must get right whatever it misses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.engines.faiss import depth
from tests.engines.building import compressed

DIMS = (48, 1200, 30)
ROWS = 6000


def clustered(rows: int, seed: int) -> Floats:
    """Vectors of three blocks each of the same length, around centres of their own."""
    rng = np.random.default_rng(7)
    shared = rng.integers(0, 60, rows)
    noise = np.random.default_rng(seed)
    blocks = [
        unit_rows(rng.normal(size=(60, dim))[shared] + noise.normal(size=(rows, dim)) * 0.8)
        for dim in DIMS
    ]
    return np.concatenate(blocks, axis=1) / np.float32(len(DIMS) ** 0.5)


STORED = clustered(ROWS, 0)
INDEX = compressed(STORED, DIMS)
# Drawn together with the stored ones, so that the centres are the same.
QUERIES = clustered(ROWS, 1)[:40]


def weighted(query: Floats, weights: tuple[float, ...]) -> Floats:
    return np.asarray(query * np.repeat(np.array(weights, np.float32), DIMS), np.float32)


@pytest.mark.parametrize(
    "weights", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0.02, 30), (-1, 1, 0)]
)
def test_nearly_all_of_the_nearest_are_found(weights: tuple[float, ...]) -> None:
    found = 0
    for query in QUERIES:
        asked = weighted(query, weights)
        true = np.argsort(-(STORED @ asked))[:10]
        scores, rows = INDEX.search(asked, 10)
        assert scores == pytest.approx(STORED[rows] @ asked, abs=1e-4)
        found += len(set(rows.tolist()) & set(true.tolist()))

    assert found >= 0.98 * 10 * len(QUERIES)


@given(st.integers(0, ROWS), st.integers(0, 2**31), st.integers(1, 40))
@settings(max_examples=30)
def test_a_few_rows_that_are_let_through_are_searched_exactly(
    count: int, seed: int, top_k: int
) -> None:
    rng = np.random.default_rng(seed)
    keep = np.zeros(ROWS, np.bool_)
    keep[rng.permutation(ROWS)[:count]] = True
    query = QUERIES[seed % len(QUERIES)]

    scores, rows = INDEX.search(query, top_k, keep)

    assert keep[rows].all()
    assert len(rows) == min(top_k, count)
    if count <= depth(top_k, ROWS):
        best = np.sort((STORED @ query)[keep])[::-1][:top_k]
        assert scores == pytest.approx(best, abs=1e-5)


def test_of_equal_rows_the_first_come_first() -> None:
    stored = np.repeat(STORED[:5], 20, axis=0)

    _, rows = compressed(stored, DIMS).search(STORED[2], 20)

    assert rows.tolist() == list(range(40, 60))


def test_a_query_of_nothing_gives_any_rows() -> None:
    scores, rows = INDEX.search(np.zeros(sum(DIMS), np.float32), 3)

    assert scores.tolist() == [0, 0, 0]
    assert len(set(rows.tolist())) == 3


def test_many_dimensions_do_not_overflow() -> None:
    stored = unit_rows(np.random.default_rng(0).normal(size=(1500, 7475)))
    index = compressed(stored, (512, 4096, 512, 1296, 1059))
    near = unit_rows(stored[:30] + np.random.default_rng(1).normal(size=(30, 7475)) * 0.02)

    assert [index.search(query, 1)[1][0] for query in near] == list(range(30))


def test_the_shortlist_holds_a_stored_vector_first() -> None:
    for row in (0, 100, ROWS - 1):
        estimates, rows = INDEX.shortlist(STORED[row], 10)
        assert len(rows) == depth(10, ROWS)
        assert row in rows[:3]
        assert estimates[0] == pytest.approx(1, abs=0.1)
