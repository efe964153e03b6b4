"""What every vector index owes its callers; a new row of ``BUILDERS`` is tested too.

An approximate index may miss some of the true nearest: ``RECALL`` says how many it must find.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.engines.base import VectorIndex
from tests.engines.building import BUILDERS

Builder = Callable[[Floats], VectorIndex]
#: Share of the true ten nearest that must be found; exact where an index is not named.
RECALL: dict[str, float] = {}
DIM = 24


@pytest.fixture(params=list(BUILDERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def build(name: str) -> Builder:
    return BUILDERS[name]


def vectors(rows: int, seed: int = 0) -> Floats:
    return unit_rows(np.random.default_rng(seed).normal(size=(rows, DIM)))


def test_the_best_rows_come_first_with_their_inner_products(build: Builder, name: str) -> None:
    stored, queries = vectors(500), vectors(20, seed=1)
    index = build(stored)
    found = 0
    for query in queries:
        scores, rows = index.search(query, 10)
        true = stored @ query
        assert scores.shape == rows.shape == (10,)
        assert np.all(np.diff(scores) <= 0)
        assert scores == pytest.approx(true[rows], abs=1e-5)
        assert len(set(rows.tolist())) == 10
        found += len(set(rows.tolist()) & set(np.argsort(-true)[:10].tolist()))

    assert found >= RECALL.get(name, 1.0) * 200


def test_whoever_asks_does_the_work_alone(build: Builder) -> None:
    """Threads of OpenMP that wait for one another cost many times the search on busy cores."""
    stored = vectors(100)
    index = build(stored)

    def threads_after(ask: Callable[[Floats, int], object]) -> int:
        faiss.omp_set_num_threads(4)
        ask(stored[0], 5)
        return int(faiss.omp_get_max_threads())

    with ThreadPoolExecutor(1) as pool:
        assert list(pool.map(threads_after, (index.search, index.shortlist))) == [1, 1]


def test_a_stored_vector_finds_itself(build: Builder) -> None:
    stored = vectors(100)
    index = build(stored)

    for row in (0, 41, 99):
        scores, rows = index.search(stored[row], 1)
        assert rows.tolist() == [row]
        assert scores[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("top_k", [5, 6, 1000])
def test_more_than_there_is_gives_all_there_is(build: Builder, top_k: int) -> None:
    scores, rows = build(vectors(5)).search(vectors(1, seed=1)[0], top_k)

    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
    assert len(scores) == 5


def test_asking_for_none_gives_none(build: Builder) -> None:
    scores, rows = build(vectors(5)).search(vectors(1)[0], 0)

    assert len(scores) == len(rows) == 0


def test_an_empty_index_gives_none(build: Builder) -> None:
    scores, rows = build(np.zeros((0, DIM), np.float32)).search(vectors(1)[0], 3)

    assert len(scores) == len(rows) == 0


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_rows_that_are_masked_never_come_back(build: Builder, share: float) -> None:
    stored = vectors(203)
    keep = np.random.default_rng(3).random(203) < share
    query = vectors(1, seed=4)[0]
    index = build(stored)

    _, rows = index.search(query, 203, keep)

    assert set(rows.tolist()) == set(np.flatnonzero(keep).tolist())
    _, best = index.search(query, 1, keep)
    if keep.any():
        assert best[0] == np.flatnonzero(keep)[np.argmax(stored[keep] @ query)]


def test_it_does_not_hang_on_to_arrays_of_the_caller(build: Builder) -> None:
    stored = vectors(50)
    expected = stored.copy()
    index = build(stored)
    stored[:] = 0
    del stored
    gc.collect()

    assert index.search(expected[7], 1)[1].tolist() == [7]


def test_many_threads_may_search_at_once(build: Builder) -> None:
    stored = vectors(300)
    index = build(stored)
    keep = np.ones(300, np.bool_)

    def ask(row: int) -> int:
        return int(index.search(stored[row], 3, keep if row % 2 else None)[1][0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(300))) == list(range(300))


def test_read_only_and_strided_vectors_are_taken(build: Builder) -> None:
    wide = unit_rows(np.random.default_rng(0).normal(size=(40, 2 * DIM)))
    view = wide[::2, ::2]
    view.flags.writeable = False

    assert len(build(view).search(vectors(1)[0], 5)[1]) == 5
