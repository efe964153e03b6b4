"""Bringing the fingerprints up to date with the collection, at a cost in proportion to what is
missing."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from image_search.duplicates.fingerprints import Fingerprint, FingerprintStore, fingerprint
from image_search.errors import ImageSearchError
from image_search.imaging.decoding import WORKING_SIDE
from image_search.imaging.parts import decode_part
from image_search.indexing.reports import Progress

# What is made is safe after so many seconds, or so many pictures.
SAVE_SECONDS = 2.0
SAVE_PICTURES = 4096
# Pictures being worked on, or waiting for it, for each thread.
_AHEAD = 16


def update_fingerprints(
    store: FingerprintStore,
    contents: Sequence[bytes],
    read: Callable[[bytes], bytes],
    *,
    threads: int,
    max_megapixels: float,
    on_progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    number_of: Callable[[bytes], int] = lambda _: 0,
) -> bool:
    """Make the fingerprints of those of ``contents`` (SHA-256 digests) that ``store`` lacks;
    whether that went to its end.

    ``read`` gives a content, and ``number_of`` the number of the page or frame that represents it,
    or 0; where it raises an ``ImageSearchError`` (the file is gone) or the
    picture is damaged, the content stays missing. Work is saved every few seconds, so that an
    interruption costs next to nothing.

    Raises:
        CacheError: the fingerprints cannot be written; what was kept before still is.
    """
    missing = store.missing(contents)

    def make(content: bytes) -> Fingerprint | None:
        try:
            data, number = read(content), number_of(content)
            shown = decode_part(data, number, max_megapixels=max_megapixels, side=WORKING_SIDE)
            return fingerprint(shown.pixels)
        except ImageSearchError:
            return None

    made: list[tuple[bytes, Fingerprint]] = []
    began = saved = time.monotonic()
    stopped = False
    with ThreadPoolExecutor(threads, thread_name_prefix="fingerprints") as pool:
        for done, (content, found) in enumerate(_in_order(pool, missing, make, threads), start=1):
            if found is not None:
                made.append((content, found))
            now = time.monotonic()
            stopped = cancelled()
            if stopped or now - saved >= SAVE_SECONDS or len(made) >= SAVE_PICTURES:
                store.add(made)
                made, saved = [], now
                rate = done / max(now - began, 1e-6)
                left = (len(missing) - done) / rate
                on_progress(
                    Progress("fingerprints", done, len(missing), rate=rate, seconds_left=left)
                )
            if stopped:
                pool.shutdown(cancel_futures=True)
                break
    store.add(made)
    return not stopped


def _in_order(
    pool: ThreadPoolExecutor,
    work: Sequence[bytes],
    make: Callable[[bytes], Fingerprint | None],
    threads: int,
) -> Iterator[tuple[bytes, Fingerprint | None]]:
    """Each content with its fingerprint, a bounded number being worked on."""
    queue = iter(work)
    window: collections.deque[tuple[bytes, Future[Fingerprint | None]]] = collections.deque()
    while True:
        for content in itertools.islice(queue, _AHEAD * threads - len(window)):
            window.append((content, pool.submit(make, content)))
        if not window:
            return
        content, future = window.popleft()
        yield content, future.result()
