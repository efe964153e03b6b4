"""The cache on disk taken up into memory and made searchable, for many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from image_search.errors import CacheDamaged, NotACache
from image_search.storage import Snapshot, read_snapshot, signature
from image_search.storage.snapshot import segment_folder

if TYPE_CHECKING:
    from image_search.search.search_index import SearchIndex


class Serving:
    """What is served of one cache. A cache that another process has updated is taken up by itself.

    ``damage`` says, in words, what is wrong with the cache; it is empty where nothing is.
    """

    def __init__(self, cache: Path) -> None:
        """Take up ``cache``; where there is none yet, it is empty.

        Raises:
            NotACache: the file is another one.
            CacheError: the cache cannot be read.
        """
        self._cache = cache
        self._lock, self._building = threading.Lock(), threading.Lock()
        self._snapshot = Snapshot(())
        self._signature: tuple[int, int, int] | None = None
        self._index: SearchIndex | None = None
        self.damage = ""
        self._started = False
        self._sound: set[str] = set()
        self.snapshot()
        self._started = True

    def snapshot(self) -> Snapshot:
        """The cache as it is on disk now, less what is damaged.

        Raises:
            CacheError: the cache cannot be read.
        """
        with self._lock:
            now = signature(self._cache)
            if now != self._signature:
                known = {segment.name: segment for segment in self._snapshot.segments}
                try:
                    found = read_snapshot(self._cache, segment_folder(self._cache), known)
                    self._snapshot, self.damage = found or Snapshot(()), ""
                except NotACache as error:
                    # Exchanged under a service, it leaves that without an index, but running.
                    if not self._started:
                        raise
                    self._snapshot, self._index, self.damage = Snapshot(()), None, str(error)
                except CacheDamaged as error:
                    self._snapshot, self._index = Snapshot(()), None
                    self.damage = (
                        f"The cache {self._cache} is damaged: {error}. Reindex to rebuild it."
                    )
                self._signature = now
            return self._snapshot

    def reopen(self) -> None:
        """Read everything from the disk once more, for a file there was changed."""
        with self._lock:
            self._snapshot, self._index, self._signature = Snapshot(()), None, None
            self._sound = set()
        self.snapshot()

    def index(self, *, wait: bool = False) -> SearchIndex:
        """The index over the cache as it is now, built where need be.

        While another thread builds it, the index so far is given, unless ``wait`` is true.
        """
        snapshot, index = self.snapshot(), self._index
        if index is not None and index.snapshot is snapshot:
            return index
        if not self._building.acquire(blocking=wait or index is None):
            assert index is not None
            return index
        try:
            return self._built()
        finally:
            self._building.release()

    @property
    def verified(self) -> tuple[str, ...] | None:
        """The segments whose vectors were found sound; ``None`` before there is an index."""
        index = self._index
        return None if index is None else index.verified

    def verify(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Compare the vectors of a large collection with their checksums; whether that went to its
        end. At a start it is left out: codes that were kept vouch for files that were not touched,
        but a disk may lose bits all the same.

        What is altered is no longer searched, and told as ``damage``; an update computes it again.
        """
        from image_search.search.engines.segment_indexes import is_large

        snapshot = self.snapshot()
        for segment in snapshot.segments if is_large(snapshot) else ():
            if segment.name in self._sound:
                continue
            try:
                if not segment.verify(cancelled):
                    return False
            except CacheDamaged as error:
                self._leave_out(segment.name, error)
            else:
                self._sound.add(segment.name)
        return True

    def _leave_out(self, name: str, error: CacheDamaged) -> None:
        from image_search.search.search_index import SearchIndex

        with self._building:
            with self._lock:
                snapshot, index = self._snapshot, self._index
            left = SearchIndex.of(snapshot.without(name), index)
            with self._lock:
                if self._snapshot is snapshot:  # else another update was quicker
                    self._snapshot, self._index = left.snapshot, left
                    self.damage = f"Part of the cache is damaged: {error}. Reindex to repair it."

    def _built(self) -> SearchIndex:
        # Only now, with FAISS: to tell the state of the cache needs neither.
        from image_search.search.search_index import SearchIndex

        with self._lock:
            snapshot, index = self._snapshot, self._index
        if index is not None and index.snapshot is snapshot:
            return index  # another thread was quicker
        damage = ""
        try:
            index = SearchIndex.of(snapshot, index)
        except CacheDamaged as error:
            damage = f"Part of the cache is damaged: {error}. Reindex to repair it."
            index = SearchIndex.of(snapshot.without_altered())
        with self._lock:
            if self._snapshot is snapshot:  # else the next search builds anew
                self._snapshot, self._index = index.snapshot, index
                self.damage = damage or self.damage
        return index
