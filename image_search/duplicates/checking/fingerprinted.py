"""The fingerprints of the collection as it is now, brought up to date and searchable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from image_search.duplicates.fingerprinting import update_fingerprints
from image_search.duplicates.fingerprints import FingerprintIndex, FingerprintStore
from image_search.errors import ImageSearchError, UnknownImage
from image_search.indexing.originals import Originals
from image_search.indexing.reports import Progress, Report
from image_search.settings import Settings
from image_search.storage import Snapshot

# Counts of an update that are reported with the progress after its images are embedded.
_COUNTED = ("added", "changed", "moved", "removed", "unreadable")


class Fingerprinted:
    """The fingerprints of what a snapshot, asked for each time, holds. Safe to use from many
    threads."""

    def __init__(
        self, settings: Settings, snapshot: Callable[[], Snapshot], originals: Originals
    ) -> None:
        self._settings, self._snapshot, self._originals = settings, snapshot, originals
        self.store = FingerprintStore(settings.state_dir / "fingerprints")
        self._lock = threading.Lock()
        self._indexed: Snapshot | None = None
        self._index: FingerprintIndex | None = None
        self._missing: tuple[bytes, ...] = ()

    def index(self) -> FingerprintIndex:
        """The index over the contents that can be found now."""
        return self._current()[0]

    def missing(self) -> tuple[bytes, ...]:
        """The contents that have no fingerprint yet."""
        return self._current()[1]

    def reopen(self) -> None:
        """Read everything from the disk once more, for a file there was changed."""
        with self._lock:
            self.store.reopen()
            self._indexed, self._index, self._missing = None, None, ()

    def _current(self) -> tuple[FingerprintIndex, tuple[bytes, ...]]:
        snapshot = self._snapshot()
        with self._lock:
            stale = self._indexed is not snapshot
            if stale or self._missing:
                # Another process may be adding those that are missing.
                self.store.refresh()
            if self._index is None or stale:
                contents = snapshot.contents()
                self._missing = tuple(self.store.missing(sorted(contents)))
                if self._index is None:
                    self._index = FingerprintIndex(self.store, contents)
                else:
                    self._index.update(contents)
                self._indexed = snapshot
            elif self._missing:
                missing = tuple(self.store.missing(self._missing))
                if len(missing) < len(self._missing):
                    self._missing = missing
                    self._index.update(snapshot.contents())
            return self._index, self._missing

    def catch_up(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Make the fingerprints that are missing; whether that went to its end.

        Raises:
            CacheError: they cannot be written; what was kept before still is.
        """
        snapshot = self._snapshot()
        whole = update_fingerprints(
            self.store,
            self.missing(),
            lambda content: self._read(snapshot, content),
            threads=self._settings.workers,
            max_megapixels=self._settings.image_megapixels,
            on_progress=on_progress,
            cancelled=cancelled,
            number_of=lambda content: _number_of(snapshot, content),
        )
        if whole:
            self.store.sweep(snapshot.contents())
        return whole

    def after(
        self,
        report: Report,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> Report:
        """Catch up after an update of the index, and return its ``report`` with that in it.

        Raises:
            CacheError: as for ``catch_up``.
        """

        def note(progress: Progress) -> None:
            counts = {name: getattr(report, name) for name in _COUNTED}
            on_progress(replace(progress, **counts))

        started = time.monotonic()
        whole = self.catch_up(note, cancelled)
        seconds = report.seconds + time.monotonic() - started
        return replace(report, cancelled=not whole, seconds=seconds)

    def _read(self, snapshot: Snapshot, content: bytes) -> bytes:
        reason = "The image is no longer in the index."
        for record in snapshot.files_of(content):
            try:
                return self._originals.read(record)
            except ImageSearchError as error:
                reason = str(error)  # a copy may be there still
        raise UnknownImage(reason)


def _number_of(snapshot: Snapshot, content: bytes) -> int:
    """The number of the page or frame that represents a content; 0 where it is one picture."""
    return next((record.regions[0].number for record in snapshot.files_of(content)), 0)
