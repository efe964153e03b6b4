"""Work that takes much memory is bounded: so much at once, and nothing larger than an image."""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_search.duplicates.checking import Checker
from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging import thumbnails
from image_search.imaging.parts import decode_part
from image_search.imaging.reading import read_image_file
from image_search.library import CHECKS, Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import draw_into, picture


class AtWork:
    """Counts how often a function is called, and how many calls of it run at the same time."""

    def __init__(self, function: Any) -> None:
        self._function, self._lock = function, threading.Lock()
        self.now = self.most = self.calls = 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            self.now, self.calls = self.now + 1, self.calls + 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)  # so that others would join it if they could
        try:
            return self._function(*arguments, **options)
        finally:
            with self._lock:
                self.now -= 1


@pytest.fixture
def library(settings: Settings, folder: Path) -> Library:
    draw_into(folder, 6)
    opened = Library.open(replace(settings, threads=3))
    opened.update()
    return opened


def ids(library: Library) -> list[str]:
    return [hit.id for hit in library.search(Query((picture(0),))).hits]


def test_checks_wait_for_each_other(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.prepare()
    work = AtWork(Checker.check)
    monkeypatch.setattr(Checker, "check", lambda *arguments: work(*arguments))
    queries = [Query((picture(number),)) for number in range(6)] + [Query(like=(ids(library)[0],))]

    with ThreadPoolExecutor(len(queries)) as pool:
        verdicts = list(pool.map(library.check, queries))

    assert work.calls == len(queries)
    assert work.most == CHECKS
    assert {verdict.verdict for verdict in verdicts[:6]} == {"exact"}


def test_thumbnails_wait_for_each_other_and_are_made_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = AtWork(decode_part)
    monkeypatch.setattr(thumbnails, "decode_part", work)
    wanted = ids(library) * 3

    with ThreadPoolExecutor(len(wanted)) as pool:
        paths = list(pool.map(library.originals.thumbnail, wanted))

    assert work.most <= library.settings.workers
    assert len(set(paths)) == len(set(wanted)) == 6
    # Those that wait while an image's thumbnail is made find it there.
    assert work.calls < len(wanted)


def test_a_file_that_was_replaced_by_a_huge_one_is_not_read(library: Library) -> None:
    image_id = ids(library)[0]
    with library.originals.path(image_id).open("wb") as file:
        file.truncate(4_000_000_000)  # sparse: it takes no room

    tracemalloc.start()
    try:
        for look in (
            lambda: library.originals.thumbnail(image_id),
            lambda: library.check(Query(like=(image_id,))),
        ):
            with pytest.raises(ImageTooLarge, match="more than 500 MB"):
                look()
        # What was indexed of it still answers.
        assert library.search(Query(like=(image_id,))).hits[0].id == image_id
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ring.jpg")
    with pytest.raises(UnreadableImage, match=r"ring\.jpg is not a file"):
        read_image_file(tmp_path / "ring.jpg")
