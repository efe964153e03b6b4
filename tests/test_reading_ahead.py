"""Files are loaded ahead of what takes them, within bounds that hold for files of many pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from image_search.indexing.examining import AHEAD, LoadedImage, in_order
from image_search.storage import FileRecord

THREADS = 3


class Loading:
    """Loads files of so many pages, and notes how many pages wait to be taken."""

    def __init__(self, pages: int) -> None:
        self.pages, self.loaded, self.most, self.taken = pages, 0, 0, 0
        self._lock = threading.Lock()

    def look(self, number: int, _: bool) -> LoadedImage:
        time.sleep(0.0005 * (number % 3))  # they end in another order than they begin
        with self._lock:
            self.loaded += self.pages
            self.most = max(self.most, self.loaded - self.taken)
        inputs = tuple((np.zeros(1, np.float32),) for _ in range(self.pages))
        return LoadedImage(FileRecord(f"{number}", 1, 1), inputs)

    def take(self, _: LoadedImage) -> None:
        with self._lock:
            self.taken += self.pages


def numbered(files: int) -> Iterator[tuple[int, bool]]:
    return ((number, False) for number in range(files))


@pytest.mark.parametrize("pages", [1, 7, 40])
def test_the_pages_that_wait_are_bounded(pages: int) -> None:
    loading = Loading(pages)
    paths = []
    with ThreadPoolExecutor(THREADS) as pool:
        for loaded in in_order(pool, loading.look, numbered(120), THREADS):
            time.sleep(0.002)  # loading is faster than what follows
            paths.append(loaded.record.path)
            loading.take(loaded)

    assert paths == [str(number) for number in range(120)]
    # One file for each thread may be in the making when the bound is reached, and one is taken.
    assert loading.most <= AHEAD * THREADS + (THREADS + 1) * pages
    assert loading.most >= min(120, AHEAD * THREADS // 2)


def test_files_are_loaded_by_all_threads_at_once() -> None:
    meeting = threading.Barrier(THREADS, timeout=30)

    def look(number: int, _: bool) -> LoadedImage:
        if number < THREADS:
            meeting.wait()
        return LoadedImage(FileRecord(f"{number}", 1, 1))

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(list(in_order(pool, look, numbered(20), THREADS))) == 20


def test_an_error_reaches_the_one_who_takes() -> None:
    def look(number: int, _: bool) -> LoadedImage:
        if number == 5:
            raise ValueError("the fifth")
        return LoadedImage(FileRecord(f"{number}", 1, 1))

    with ThreadPoolExecutor(THREADS) as pool:
        results = in_order(pool, look, numbered(100), THREADS)
        assert [next(results).record.path for _ in range(5)] == ["0", "1", "2", "3", "4"]
        with pytest.raises(ValueError, match="the fifth"):
            next(results)


def test_a_pool_that_is_shut_down_ends_the_loading() -> None:
    loading = Loading(1)
    pool = ThreadPoolExecutor(THREADS)
    results = in_order(pool, loading.look, numbered(10_000), THREADS)
    next(results)
    pool.shutdown(cancel_futures=True)
    assert loading.loaded < 1000
