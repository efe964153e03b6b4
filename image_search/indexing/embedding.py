"""Loaded files through the extractors, in batches that the threads of a pool work on."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import BATCH, Extractor, with_norms
from image_search.indexing.examining import LoadedImage
from image_search.storage import Block, Blocks, ExtractorIdentity, FileRecord

Embedded = tuple[list[FileRecord], Blocks]
"""Records and the vectors of their regions."""


class Embedding:
    """Batches that are being embedded.

    Used by one thread, which adds files and gathers vectors in that order.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        extractors: Callable[[], Sequence[Extractor]],
        identities: Sequence[ExtractorIdentity],
    ) -> None:
        self._pool, self._extractors, self._identities = pool, extractors, identities
        self._waiting: list[LoadedImage] = []
        self._pending: collections.deque[Future[Embedded]] = collections.deque()
        self._numbers = itertools.count()

    @property
    def pending(self) -> int:
        """Batches handed out and not gathered yet."""
        return len(self._pending)

    def add(self, loaded: LoadedImage) -> None:
        """Add a file to those that wait; a full batch is handed out. The regions of one without
        inputs get vectors of zeros."""
        self._waiting.append(loaded)
        if sum(len(one.record.regions) for one in self._waiting) >= BATCH:
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
        inputs = [one for loaded in batch for one in loaded.inputs or ()]
        filled = np.repeat(
            [loaded.inputs is not None for loaded in batch],
            [len(loaded.record.regions) for loaded in batch],
        )
        blocks = {
            one.name: Block(
                np.zeros((len(filled), one.dim), _kept_as(one)), np.zeros(len(filled), np.float32)
            )
            for one in self._identities
        }
        if inputs:
            pairs = list(zip(self._extractors(), zip(*inputs, strict=True), strict=True))
            # Neighbours begin with different networks: the first ones then read these side by side.
            first = number % len(pairs)
            for extractor, column in pairs[first:] + pairs[:first]:
                block = blocks[extractor.name]
                block.units[filled], block.norms[filled] = with_norms(extractor, list(column))
        return [loaded.record for loaded in batch], blocks


def _kept_as(extractor: ExtractorIdentity) -> npt.DTypeLike:
    """What embeddings are kept as until they are written: single precision, or whole numbers."""
    return np.float32 if extractor.number == "<f2" else extractor.number
