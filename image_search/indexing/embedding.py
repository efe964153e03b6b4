"""Loaded files through the extractors, in batches that the threads of a pool work on."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from image_search.extractors.base import BATCH, Extractor
from image_search.imaging.arrays import Floats
from image_search.indexing.examining import LoadedImage
from image_search.search.ranking.fusion import Layout, stored_vectors
from image_search.storage import FileRecord

Embedded = tuple[list[FileRecord], Floats]
"""Records and their vectors, (records, layout.dim) float32."""


class Embedding:
    """Batches that are being embedded.

    Used by one thread, which adds files and gathers vectors in that order.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        extractors: Callable[[], Sequence[Extractor]],
        layout: Layout,
    ) -> None:
        self._pool, self._extractors, self._layout = pool, extractors, layout
        self._waiting: list[LoadedImage] = []
        self._pending: collections.deque[Future[Embedded]] = collections.deque()
        self._numbers = itertools.count()

    @property
    def pending(self) -> int:
        """Batches handed out and not gathered yet."""
        return len(self._pending)

    def add(self, loaded: LoadedImage) -> None:
        """Add a file with inputs to those that wait; a full batch is handed out."""
        self._waiting.append(loaded)
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand out what waits, though it may be only part of a batch, which costs more."""
        if self._waiting:
            batch, self._waiting = self._waiting, []
            self._pending.append(self._pool.submit(self._embedded, batch, next(self._numbers)))

    def gather(self, left: int) -> Iterator[Embedded]:
        """What is done, and after waiting for it, all but the last ``left`` batches."""
        while self.pending > left or (self._pending and self._pending[0].done()):
            yield self._pending.popleft().result()

    def _embedded(self, batch: list[LoadedImage], number: int) -> Embedded:
        inputs = [loaded.inputs for loaded in batch if loaded.inputs is not None]
        pairs = list(zip(self._extractors(), zip(*inputs, strict=True), strict=True))
        # Neighbours begin with different networks: the first ones then read these side by side.
        first = number % len(pairs)
        blocks = {
            extractor.name: extractor.embed(list(column))
            for extractor, column in pairs[first:] + pairs[:first]
        }
        return [loaded.record for loaded in batch], stored_vectors(self._layout, blocks)
