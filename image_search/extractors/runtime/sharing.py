"""Extractors for queries: many threads ask at once, share batches, and nothing is asked twice.

While a network is busy, what is asked meanwhile gathers, and goes through it as one batch. Whoever
asks alone waits for nobody. Indexing makes batches of its own and does not come through here.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Extractor, TextExtractor
from image_search.extractors.runtime.batches import BATCH
from image_search.imaging.arrays import Floats

# Of what waits, so many go through a network together at most: networks are warmed up for batches
# of each of these sizes, and a full batch would go through the one that indexing uses (``forms``),
# which nobody should wait for to be loaded.
MOST = BATCH // 2
# Bytes of embeddings that each extractor remembers: thousands of queries, an afternoon's work of a
# studio, for less than a picture of its catalogue.
REMEMBERED_BYTES = 1 << 24

Item = TypeVar("Item")


@dataclass(eq=False)
class _Asked(Generic[Item]):
    item: Item
    key: bytes
    row: Floats | None = None
    error: BaseException | None = None

    @property
    def answered(self) -> bool:
        return self.row is not None or self.error is not None


class MicroBatcher(Generic[Item]):
    """``compute``, (items) to rows (items, dim), for many threads at once.

    What waits is computed together, at most ``MOST`` items at a time and ``at_once`` batches side
    by side. Items of equal ``key`` are computed once; their rows are kept until they take more than
    ``most_bytes``, those asked for longest ago being forgotten first.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Item]], Floats],
        key: Callable[[Item], bytes],
        *,
        at_once: int,
        most_bytes: int = REMEMBERED_BYTES,
    ) -> None:
        self._compute, self._key = compute, key
        self._free, self._most_bytes = at_once, most_bytes
        self._changed = threading.Condition()
        self._waiting: deque[_Asked[Item]] = deque()
        self._under_way: dict[bytes, _Asked[Item]] = {}
        self._rows: OrderedDict[bytes, Floats] = OrderedDict()
        self._bytes = 0

    def __call__(self, items: Sequence[Item]) -> Floats:
        """Rows (len(items), dim). Raises what ``compute`` raises."""
        return self.result(self.submit(items))

    def submit(self, items: Sequence[Item]) -> Sequence[_Asked[Item]]:
        """Put ``items`` to those that wait, without waiting for an ``answer``: whoever computes
        next takes them along."""
        keyed = [(item, self._key(item)) for item in items]
        with self._changed:
            return [self._ask(item, key) for item, key in keyed]

    def result(self, asked: Sequence[_Asked[Item]]) -> Floats:
        """Rows (len(asked), dim) of what was asked. Raises what ``compute`` raises."""
        with self._changed:
            while not all(one.answered for one in asked):
                # Whoever waits also computes, for others where its own is under way.
                if self._free and self._waiting:
                    self._lead()
                else:
                    self._changed.wait()
        for one in asked:
            if one.error is not None:
                raise one.error
        return np.stack([one.row for one in asked if one.row is not None])

    def _ask(self, item: Item, key: bytes) -> _Asked[Item]:
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
            return _Asked(item, key, row)
        asked = self._under_way.get(key)
        if asked is None:
            asked = self._under_way[key] = _Asked(item, key)
            self._waiting.append(asked)
        return asked

    def _lead(self) -> None:
        """Compute some of what waits, with the lock given up meanwhile."""
        # What the others that are free may take is left to them.
        count = min(MOST, -(-len(self._waiting) // self._free))
        batch = [self._waiting.popleft() for _ in range(count)]
        self._free -= 1
        self._changed.release()
        rows, failure = None, None
        try:
            rows = self._compute([one.item for one in batch])
        except BaseException as error:
            failure = error
        finally:
            self._changed.acquire()
            self._free += 1
            for number, one in enumerate(batch):
                del self._under_way[one.key]
                if rows is None:
                    one.error = failure
                else:
                    one.row = rows[number].copy()
                    self._remember(one.key, one.row)
            self._changed.notify_all()

    def _remember(self, key: bytes, row: Floats) -> None:
        self._rows[key] = row
        self._bytes += row.nbytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._rows.popitem(last=False)[1].nbytes


class Shared:
    """An extractor whose ``embed`` is shared; everything else is its own."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self.name, self.model, self.dim = extractor.name, extractor.model, extractor.dim
        self._embed = MicroBatcher(extractor.embed, _content, at_once=os.cpu_count() or 1)

    def prepare(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
        """See ``Extractor.prepare``."""
        return self._extractor.prepare(pixels)

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """See ``Extractor.embed``."""
        return self._embed(inputs) if inputs else self._extractor.embed(inputs)

    def ask(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Callable[[], Floats]:
        """As ``embed``, in two steps: between the two calls others may ask, for the same batch."""
        asked = self._embed.submit(inputs)
        return lambda: self._embed.result(asked)


class SharedWithWords(Shared):
    """The same for an extractor that reads words, too."""

    def __init__(self, extractor: Extractor, reader: TextExtractor) -> None:
        super().__init__(extractor)
        self._reader = reader
        self._embed_text = MicroBatcher(
            reader.embed_text, lambda text: text.encode("utf-8", "surrogatepass"), at_once=1
        )

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """See ``TextExtractor.embed_text``."""
        return self._embed_text(texts) if texts else self._reader.embed_text(texts)


def shared(extractor: Extractor) -> Extractor:
    """``extractor`` for queries of many threads."""
    if isinstance(extractor, TextExtractor):
        return SharedWithWords(extractor, extractor)
    return Shared(extractor)


def _content(prepared: npt.NDArray[np.generic]) -> bytes:
    digest = hashlib.sha256(f"{prepared.dtype} {prepared.shape}".encode())
    digest.update(np.ascontiguousarray(prepared).data)
    return digest.digest()
