"""Queries of many threads share batches: every thread gets its own rows, and nothing is asked
twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from image_search.extractors import TextExtractor
from image_search.extractors.base import MOST, MicroBatcher, shared
from image_search.imaging.arrays import Floats

THREADS = 16


def rows_of(items: Sequence[int]) -> Floats:
    return np.array([[item, -item] for item in items], np.float32)


def key_of(item: int) -> bytes:
    return item.to_bytes(8, "big")


class Slow:
    """Computes only when let, and notes which batches it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.let, self.begun = threading.Event(), threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> Floats:
        self.batches.append(list(items))
        self.begun.release()
        assert self.let.wait(20)
        return rows_of(items)


def wait_until(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(2000):
        if condition():
            return
        done.wait(0.005)
    raise AssertionError("it did not happen")


def test_many_threads_get_their_own_rows() -> None:
    batches = MicroBatcher(rows_of, key_of, at_once=2)

    def ask(thread: int) -> bool:
        return all(
            (batches([item, item + 1]) == rows_of([item, item + 1])).all()
            for item in range(thread * 50, thread * 50 + 200)
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(ask, range(THREADS)))


def test_whoever_is_alone_waits_for_nobody() -> None:
    given: list[int] = []

    def compute(items: Sequence[int]) -> Floats:
        given.append(len(items))
        return rows_of(items)

    batches = MicroBatcher(compute, key_of, at_once=2)

    for item in range(5):
        batches([item])

    assert given == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("at_once", [1, 2])
def test_what_waits_is_computed_together(at_once: int) -> None:
    slow = Slow()
    batches = MicroBatcher(slow, key_of, at_once=at_once)
    with ThreadPoolExecutor(THREADS) as pool:
        first = [pool.submit(batches, [item]) for item in range(at_once)]
        for _ in first:
            assert slow.begun.acquire(timeout=20)
        later = [pool.submit(batches, [100 + item]) for item in range(12)]
        wait_until(lambda: len(batches._waiting) == 12)
        assert len(slow.batches) == at_once
        slow.let.set()
        found = [future.result(20) for future in (*first, *later)]

    items = [*range(at_once), *range(100, 112)]
    assert all((row == rows_of([item])).all() for row, item in zip(found, items, strict=True))
    assert sorted(item for batch in slow.batches for item in batch) == items
    assert len(slow.batches) <= at_once + 4
    assert max(map(len, slow.batches)) >= 12 / at_once / 2


def test_what_is_asked_first_and_wanted_later_is_computed_by_whoever_comes() -> None:
    given: list[list[int]] = []

    def compute(items: Sequence[int]) -> Floats:
        given.append(list(items))
        return rows_of(items)

    batches = MicroBatcher(compute, key_of, at_once=1)
    early, late = batches.submit([1, 2]), batches.submit([3])
    batches.submit([9])  # of somebody who went away

    assert not given
    assert (batches.result(late) == rows_of([3])).all()
    assert (batches.result(early) == rows_of([1, 2])).all()
    assert given == [[1, 2, 3, 9]]


def test_a_batch_is_bounded() -> None:
    given: list[int] = []

    def compute(items: Sequence[int]) -> Floats:
        given.append(len(items))
        return rows_of(items)

    items = list(range(3 * MOST + 1))
    assert (MicroBatcher(compute, key_of, at_once=1)(items) == rows_of(items)).all()
    assert max(given) == MOST


def test_the_same_is_not_computed_twice_also_at_the_same_time() -> None:
    slow = Slow()
    batches = MicroBatcher(slow, key_of, at_once=2)
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(batches, [7]) for _ in range(THREADS)]
        assert slow.begun.acquire(timeout=20)
        slow.let.set()
        assert all((future.result(20) == rows_of([7])).all() for future in asked)
    assert (batches([7, 8, 7]) == rows_of([7, 8, 7])).all()

    assert slow.batches == [[7], [8]]


def test_what_is_given_out_can_be_altered_without_harm() -> None:
    batches = MicroBatcher(rows_of, key_of, at_once=1)

    batches([3])[:] = 0

    assert (batches([3]) == rows_of([3])).all()


def test_memory_is_bounded_and_the_oldest_is_forgotten() -> None:
    given: list[int] = []

    def compute(items: Sequence[int]) -> Floats:
        given.extend(items)
        return rows_of(items)

    batches = MicroBatcher(compute, key_of, at_once=1, most_bytes=3 * 8)
    for item in (1, 2, 3, 1, 4, 1, 3, 2):
        batches([item])

    assert given == [1, 2, 3, 4, 2]
    assert batches._bytes == 3 * 8 == sum(row.nbytes for row in batches._rows.values())


def test_a_failure_reaches_all_it_concerns_and_is_not_remembered() -> None:
    failing = True

    def compute(items: Sequence[int]) -> Floats:
        if failing:
            raise ValueError("out of order")
        return rows_of(items)

    batches = MicroBatcher(compute, key_of, at_once=2)
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(batches, [item % 3]) for item in range(THREADS)]:
            with pytest.raises(ValueError, match="out of order"):
                future.result(20)
    failing = False

    assert (batches([1]) == rows_of([1])).all()


class Fake:
    """Three numbers of the picture; words by their length."""

    name, model, dim = "fake", "made/up/1", 3

    def __init__(self) -> None:
        self.seen, self.read = 0, 0

    def prepare(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
        return np.asarray(pixels[0])

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        self.seen += len(inputs)
        return np.array([one[0] for one in inputs], np.float32).reshape(-1, 3)


class FakeReader(Fake):
    def embed_text(self, texts: Sequence[str]) -> Floats:
        self.read += len(texts)
        return np.array([[len(text)] * 3 for text in texts], np.float32).reshape(-1, 3)


def test_pictures_of_equal_content_are_embedded_once() -> None:
    fake = Fake()
    extractor = shared(fake)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (4, 5, 3), dtype=np.uint8) for _ in range(6)]

    for _ in range(3):
        for picture in pictures:
            rows = extractor.embed([extractor.prepare(picture.copy())])
            assert rows.tolist() == [picture[0, 0].tolist()]

    assert fake.seen == 6
    assert extractor.embed([]).shape == (0, 3)
    assert (extractor.name, extractor.model, extractor.dim) == (fake.name, fake.model, fake.dim)
    assert not isinstance(extractor, TextExtractor)


def test_inputs_of_equal_bytes_and_another_shape_are_not_the_same() -> None:
    fake = Fake()
    extractor = shared(fake)
    numbers = np.arange(6, dtype=np.float32)

    extractor.embed([numbers.reshape(2, 3)])
    rows = extractor.embed([numbers.reshape(1, 6)[:, :3], numbers.reshape(2, 3)[:1]])

    assert fake.seen == 2
    assert rows.tolist() == [[0, 1, 2], [0, 1, 2]]


def test_words_are_read_once() -> None:
    fake = FakeReader()
    extractor = shared(fake)
    assert isinstance(extractor, TextExtractor)

    for _ in range(2):
        assert extractor.embed_text(["ring", "leaf ring"]).tolist() == [[4] * 3, [9] * 3]

    assert fake.read == 2
    assert extractor.embed_text([]).shape == (0, 3)
