"""A network for full batches beside one for any: which is read when, and what comes out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.extractors.base import BATCH, Forward
from image_search.extractors.runtime.openvino_engine import FILLED, FullBatchModel, LazyModel
from image_search.imaging.arrays import Floats


class Network:
    """Sums each row; remembers the sizes that it was given, and how often it was read."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.read = 0

    def load(self) -> Forward:
        self.read += 1
        return self

    def __call__(self, batch: npt.NDArray[Any]) -> Floats:
        self.sizes.append(len(batch))
        rows = batch.reshape(len(batch), -1).sum(axis=1, keepdims=True)
        return np.asarray(rows, np.float32)


def pair() -> tuple[FullBatchModel, Network, Network]:
    full, any_size = Network(), Network()
    return FullBatchModel(LazyModel(full.load), LazyModel(any_size.load)), full, any_size


def batch(size: int) -> npt.NDArray[np.uint8]:
    return np.arange(size * 4, dtype=np.uint8).reshape(size, 2, 2)


@given(st.lists(st.integers(1, BATCH), max_size=40))
def test_whichever_form_it_goes_through_the_rows_are_the_same(sizes: list[int]) -> None:
    forms, full, any_size = pair()

    for size in sizes:
        rows = forms(batch(size))
        np.testing.assert_array_equal(rows[:, 0], batch(size).sum(axis=(1, 2)))

    assert set(full.sizes) <= {BATCH}
    assert BATCH not in any_size.sizes
    assert full.read <= 1
    assert any_size.read <= 1
    # Each full batch through the form for these, and only so many others filled up for it.
    assert 0 <= len(full.sizes) - sizes.count(BATCH) <= FILLED


def test_the_rest_of_an_update_reads_no_second_network() -> None:
    forms, full, any_size = pair()

    for size in (BATCH, BATCH, 10):
        forms(batch(size))

    assert (full.read, any_size.read) == (1, 0)


def test_queries_read_no_network_for_full_batches() -> None:
    forms, full, any_size = pair()

    for size in (1, 3, BATCH - 1):
        forms(batch(size))

    assert (full.read, any_size.read) == (0, 1)


def test_what_comes_often_gets_the_network_that_suits_it() -> None:
    forms, full, any_size = pair()
    forms(batch(BATCH))

    for _ in range(FILLED + 5):
        forms(batch(1))

    assert any_size.sizes == [1] * 5
    assert full.sizes == [BATCH] * (1 + FILLED)


def test_threads_that_need_it_first_at_once_read_it_once() -> None:
    network, together = Network(), threading.Barrier(4)
    needed = LazyModel(network.load)

    def ask(_: int) -> Floats:
        together.wait(10)
        return needed(batch(2))

    with ThreadPoolExecutor(4) as pool:
        assert all(len(rows) == 2 for rows in pool.map(ask, range(4)))
    assert network.read == 1


def test_what_cannot_be_read_is_tried_again() -> None:
    network = Network()
    failures = [OSError("damaged")]

    def load() -> Forward:
        if failures:
            raise failures.pop()
        return network.load()

    needed = LazyModel(load)
    with pytest.raises(OSError, match="damaged"):
        needed(batch(1))
    assert not needed.ready
    assert len(needed(batch(1))) == 1
    assert needed.ready
