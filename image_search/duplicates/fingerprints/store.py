"""Fingerprints kept on disk by the digest of the content they were made from."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from image_search.duplicates.fingerprints.fingerprint import Fingerprint
from image_search.duplicates.fingerprints.segments import (
    SUFFIX,
    Columns,
    Segment,
    columns_of,
    digest_rows,
    merged,
    read_segment,
    write_segment,
)
from image_search.errors import CacheDamaged, CacheError

# A file that belongs to no segment is removed when it is so old.
ORPHAN_SECONDS = 3600.0
# Held while segments are merged.
LOCK = "merge.lock"
# So many segments of like size are merged into one: each fingerprint is rewritten a few times as a
# collection grows, and a lookup meets a few dozen segments at most.
FANOUT = 8
# Segments are rewritten without what is no longer wanted once this share of them is.
DEAD_SHARE = 0.3


class FingerprintStore:
    """The fingerprints in ``folder``, in immutable segments. Safe to use from many threads, and
    from several processes at once.

    A segment is written aside and renamed, so a kill at any instant loses only what was not yet
    given to ``add``. Where two processes added the same content, one of the two counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._segments: tuple[Segment, ...] = ()
        self.refresh()

    @property
    def folder(self) -> Path:
        """Where the segments lie."""
        return self._folder

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments as last seen, the oldest first."""
        return self._segments

    def __len__(self) -> int:
        """How many fingerprints there are; one that two processes added may count twice."""
        return sum(len(segment.columns) for segment in self._segments)

    def refresh(self) -> None:
        """Load the segments that other processes have added or merged.

        A damaged segment is renamed, and its pictures have no fingerprint again.
        """
        with self._lock:
            known = {segment.name: segment for segment in self._segments}
            found = []
            for path in sorted(self._folder.glob("*" + SUFFIX)):
                name = path.name.removesuffix(SUFFIX)
                try:
                    found.append(known.get(name) or read_segment(self._folder, name))
                except CacheDamaged:
                    with contextlib.suppress(OSError):
                        path.replace(path.with_name(path.name + ".damaged"))
                except OSError:
                    continue  # merged away since the folder was listed
            self._segments = tuple(found)

    def reopen(self) -> None:
        """Open every file once more, for one of them was changed."""
        with self._lock:
            self._segments = ()
            self.refresh()

    def missing(self, digests: Iterable[bytes]) -> list[bytes]:
        """Those of ``digests`` that have no fingerprint yet, each once, in their order."""
        wanted = list(dict.fromkeys(digests))
        rows = digest_rows(wanted)
        absent = np.ones(len(wanted), np.bool_)
        for segment in self._segments:
            segment.file.check()
            absent &= segment.find(rows) < 0
        return [digest for digest, gone in zip(wanted, absent, strict=True) if gone]

    def get(self, digest: bytes) -> Fingerprint | None:
        """The fingerprint of this content, or ``None`` where there is none."""
        row = digest_rows([digest])
        for segment in self._segments:
            segment.file.check()
            found = int(segment.find(row)[0])
            if found >= 0:
                return segment.columns.fingerprint(found)
        return None

    def add(self, items: Sequence[tuple[bytes, Fingerprint]]) -> None:
        """Keep fingerprints with the digests of their contents; they are on the disk on return.

        Raises:
            CacheError: the disk is full or not writable; what was kept before still is.
        """
        if not items:
            return
        with self._lock, self._plain_words():
            self._folder.mkdir(parents=True, exist_ok=True)
            write_segment(self._folder, columns_of(items))
            # Another process may have merged it away already.
            self.refresh()
            self._merge()

    def forget(self, contents: Collection[bytes]) -> None:
        """Drop the fingerprints of these contents, so that they are missing.

        Raises:
            CacheError: the disk is full or not writable.
        """
        unwanted = digest_rows(sorted(contents))
        if not self._folder.is_dir() or not contents:
            return
        with self._lock, self._plain_words(), self._alone() as alone:
            if not alone:
                return  # another process merges; it is only a fingerprint that is out of date
            self.refresh()
            for segment in self._segments:
                rows = segment.find(unwanted)
                rest = np.setdiff1d(np.arange(len(segment.columns)), rows[rows >= 0])
                if len(rest) < len(segment.columns):
                    self._replace([segment], segment.columns.rows(rest) if len(rest) else None)

    def sweep(self, keep: Collection[bytes]) -> None:
        """Drop the contents that are not in ``keep``, once they are many.

        Raises:
            CacheError: the disk is full or not writable; what was kept before still is.
        """
        if not self._folder.is_dir():
            return
        wanted = digest_rows(sorted(keep))
        with self._lock, self._plain_words(), self._alone() as alone:
            if not alone:
                return
            self.refresh()
            for segment in self._segments:
                rows = segment.find(wanted)
                rows = rows[rows >= 0]
                if len(rows) < (1 - DEAD_SHARE) * len(segment.columns):
                    self._replace([segment], segment.columns.rows(rows) if len(rows) else None)
            names = {segment.name for segment in self._segments}
            for path in self._folder.iterdir():
                # Damaged, of another recipe, or left behind by a kill; what is young may be another
                # process's, in the making.
                if path.name != LOCK and path.name.split(".")[0] not in names:
                    with contextlib.suppress(OSError):
                        if time.time() - path.stat().st_mtime > ORPHAN_SECONDS:
                            path.unlink()

    def _merge(self) -> None:
        """Merge segments of like size, while there are many."""
        while self._crowd():
            with self._alone() as alone:
                if not alone:
                    return  # another process is at it
                self.refresh()
                crowd = self._crowd()
                if crowd:
                    self._replace(crowd, merged([segment.columns for segment in crowd]))

    def _crowd(self) -> list[Segment]:
        """The smallest segments of which there are too many of like size."""
        tiers: dict[int, list[Segment]] = {}
        for segment in self._segments:
            tiers.setdefault(int(math.log(len(segment.columns), FANOUT)), []).append(segment)
        return next((tiers[tier] for tier in sorted(tiers) if len(tiers[tier]) >= FANOUT), [])

    def _replace(self, old: Sequence[Segment], columns: Columns | None) -> None:
        if columns is not None:
            write_segment(self._folder, columns)
        for segment in old:
            for path in self._folder.glob(segment.name + ".*"):
                # On Windows a file that is mapped stays; it is merged again, to the same end.
                with contextlib.suppress(OSError):
                    path.unlink()
        self.refresh()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process merges now; none will until the end."""
        lock = FileLock(self._folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextlib.contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CacheError(
                f"The fingerprints in {self._folder} could not be written "
                f"({error.strerror or error}); make room on the disk and index again."
            ) from error
