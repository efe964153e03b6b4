"""The one writer of a cache: locked, atomic, durable, resumable."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from image_search.errors import CacheDamaged, CacheError, CacheLocked, NotACache
from image_search.imaging.arrays import Floats
from image_search.imaging.version import DECODING
from image_search.storage import safe_pickle
from image_search.storage.merging import merge_small_segments
from image_search.storage.records import ExtractorIdentity, FileRecord, image_id
from image_search.storage.segments import (
    CODES,
    RECORDS,
    VECTORS,
    Segment,
    read_segment,
    write_segment,
)
from image_search.storage.snapshot import (
    Snapshot,
    companion,
    manifest_of,
    read_snapshot,
    segment_folder,
)


class CacheWriter:
    """Holds the writer's lock from ``with`` to the end of its block.

    ``begin`` decides what to go on from; each ``commit`` makes the work so far safe; ``finish``
    ends the update. While another set of extractors is being built up, commits go to a manifest
    aside (``image_features.pkl.next``) and the old index, ``serving``, goes on until ``finish``.
    """

    def __init__(self, cache: Path, images: Path) -> None:
        """Prepare to write ``cache``, the index over the folder ``images``."""
        self._cache = cache
        self._images = str(images.resolve())
        self._next = cache.with_name(cache.name + ".next")
        self._folder = segment_folder(cache)
        # Imported where something is written: it brings asyncio along.
        import filelock

        self._lock = filelock.FileLock(companion(cache) / "lock", timeout=0)
        self._locked = filelock.Timeout
        self._manifest = cache
        self.snapshot = Snapshot(())
        self.serving = Snapshot(())
        self.warnings: list[str] = []

    def __enter__(self) -> CacheWriter:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except self._locked:
            raise CacheLocked(
                f"Another process is updating {self._cache}; wait until it has finished, "
                "or stop it."
            ) from None
        except OSError as error:
            raise CacheError(
                f"The folder of the cache {self._cache} cannot be written ({error.strerror}); "
                "choose another place with IMAGE_SEARCH_CACHE."
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def begin(
        self,
        extractors: tuple[ExtractorIdentity, ...],
        verified: Collection[str] = (),
        opened: Mapping[str, Segment] | None = None,
    ) -> Snapshot:
        """What an update with ``extractors`` goes on from: the cache itself, a rebuild that was
        interrupted, or nothing.

        A damaged cache is set aside under a name that ``warnings`` gives, and every segment that is
        still whole is kept. ``verified`` names segments that need no verifying; those that the
        caller has ``opened`` already, by name, are not read again.

        Raises:
            CacheError: the cache cannot be read or written.
        """
        with self._plain_words():
            return self._begin(extractors, verified, opened or {})

    def _begin(
        self,
        extractors: tuple[ExtractorIdentity, ...],
        verified: Collection[str],
        opened: Mapping[str, Segment],
    ) -> Snapshot:
        current = self._read(self._cache, opened)
        self.serving = current or Snapshot(())
        if current is not None and current.extractors == extractors:
            self._next.unlink(missing_ok=True)
            self._manifest, self.snapshot = self._cache, current
        elif current is None or not current.segments:
            # A cache that was deleted is built again; one that was damaged loses only its
            # damaged parts.
            fresh = self._salvaged(extractors) if self.warnings else Snapshot(extractors)
            self._manifest, self.snapshot = self._cache, fresh
        else:
            self._manifest = self._next
            unfinished = self._read(self._next, opened)
            self.snapshot = (
                unfinished
                if unfinished is not None and unfinished.extractors == extractors
                else Snapshot(extractors)
            )
            old = ", ".join(e.name for e in current.extractors)
            new = ", ".join(e.name for e in extractors)
            self.warnings.append(
                f"The cache was made with other extractors or models ({old}); it is rebuilt with "
                f"{new}, and the old index serves until that is done."
            )
        self._drop_altered(verified)
        self._sweep()
        return self.snapshot

    @property
    def aside(self) -> bool:
        """Whether commits go aside while another index keeps serving."""
        return self._manifest != self._cache

    def commit(
        self, records: Sequence[FileRecord], vectors: Floats, gone: Iterable[str] = ()
    ) -> Snapshot:
        """Write ``records`` and their ``vectors`` to the cache, durably.

        ``vectors`` is (readable records, dim) float32. Records of the same path are replaced; the
        paths in ``gone`` drop out.

        Raises:
            CacheError: the disk is full or not writable; the cache is as it was before the call.
        """
        with self._plain_words():
            segments, masks = list(self.snapshot.segments), list(self.snapshot.live)
            replaced = {*(record.path for record in records), *gone}
            ids = np.array([image_id(path) for path in replaced], np.uint64)
            for number, segment in enumerate(segments):
                paths = segment.records.paths
                rows = [row for row in segment.of_ids(ids) if paths[row] in replaced]
                if rows:
                    masks[number] = masks[number].copy()
                    masks[number][rows] = False
            if records:
                segment = write_segment(self._folder, self.snapshot.extractors, records, vectors)
                segments.append(segment)
                masks.append(np.ones(len(records), dtype=np.bool_))
            self._publish(segments, masks, complete=False)
        return self.snapshot

    def finish(
        self, calibration: Mapping[str, Any] | None = None, *, looked_at_all: bool = True
    ) -> Snapshot:
        """End the update: merge small segments, put a rebuilt index in the old one's place, tidy
        up. ``calibration``, where there is one, is kept from now on. Where every file was
        ``looked_at_all``, none looks as an earlier version of the readers showed it.

        Raises:
            CacheError: the disk is full or not writable; every commit so far is kept.
        """
        with self._plain_words():
            segments, masks = merge_small_segments(
                self._folder, self.snapshot.extractors, self.snapshot.segments, self.snapshot.live
            )
            if calibration is not None:
                self.snapshot = dataclasses.replace(self.snapshot, calibration=calibration)
            if looked_at_all:
                self.snapshot = dataclasses.replace(self.snapshot, decoding=DECODING)
            self._publish(list(segments), list(masks), complete=True)
            if self.aside:
                self._next.replace(self._cache)
                safe_pickle.sync_folder(self._cache.parent)
                self._manifest = self._cache
            self._sweep()
        return self.snapshot

    def _publish(self, segments: list[Segment], masks: list[np.ndarray], *, complete: bool) -> None:
        snapshot = dataclasses.replace(
            self.snapshot,
            segments=tuple(segments),
            live=tuple(masks),
            updated=time.time(),
            complete=complete,
            folder=self._images,
        )
        safe_pickle.dump(self._manifest, manifest_of(snapshot))
        self.snapshot = snapshot

    def _read(self, manifest: Path, opened: Mapping[str, Segment]) -> Snapshot | None:
        try:
            return read_snapshot(manifest, self._folder, opened)
        except NotACache:
            raise  # a file of another program is not renamed
        except CacheDamaged as error:
            aside = _free_name(manifest)
            manifest.replace(aside)
            self.warnings.append(
                f"The cache {manifest.name} is damaged: {error}. It was set aside as {aside.name} "
                "and is rebuilt."
            )
            return None

    def _salvaged(self, extractors: tuple[ExtractorIdentity, ...]) -> Snapshot:
        """Whatever whole segments lie about without a manifest; embedding them again would take
        hours.

        Their records are checked against the files by the update itself, like all others.
        """
        paths = sorted(self._folder.glob("*" + RECORDS), key=lambda path: path.stat().st_mtime_ns)
        whole = []
        for path in paths:
            with contextlib.suppress(CacheDamaged, OSError):
                segment = read_segment(self._folder, path.name[: -len(RECORDS)])
                if segment.extractors == extractors:
                    segment.verify()
                    whole.append(segment)
        seen: set[str] = set()
        masks = []
        for segment in reversed(whole):
            fresh = [path not in seen for path in segment.records.paths]
            seen.update(segment.records.paths)
            masks.append(np.array(fresh, dtype=np.bool_))
        decoding = min((segment.decoding for segment in whole), default=DECODING)
        return Snapshot(extractors, tuple(whole), tuple(reversed(masks)), decoding=decoding)

    def _drop_altered(self, verified: Collection[str]) -> None:
        before = self.snapshot.images
        self.snapshot = self.snapshot.without_altered(verified)
        if self.snapshot.images < before:
            self.warnings.append(
                f"The vectors of {before - self.snapshot.images:,} images were altered on disk; "
                "they are computed again."
            )

    def _sweep(self) -> None:
        """Remove files that no manifest names: orphans of a crash, and segments merged away."""
        named = {segment.name for segment in self.snapshot.segments}
        for manifest in (self._cache, self._next):
            try:
                plain = safe_pickle.load(manifest)
                named |= {str(row[0]) for row in plain["segments"]}
            except FileNotFoundError:
                continue
            except (CacheError, KeyError, TypeError, IndexError):
                return  # what it names is unknown, so nothing is removed
        for path in self._folder.iterdir():
            stem, _, rest = path.name.partition(".")
            if stem not in named or not rest.endswith((RECORDS[1:], VECTORS[1:], CODES[1:])):
                # On Windows a file that another process has mapped stays; the next sweep gets it.
                with contextlib.suppress(OSError):
                    path.unlink()
        for path in self._cache.parent.glob(self._cache.name + ".*.tmp"):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CacheError(
                f"The cache {self._cache} could not be written ({error.strerror or error}). The "
                "index is as it was at the last save; make room on the disk and index again."
            ) from error


def _free_name(manifest: Path) -> Path:
    """Where a damaged manifest is kept: a name that no file has."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = manifest.with_name(f"{manifest.name}.damaged-{stamp}")
    while aside.exists():
        aside = aside.with_name(aside.name + "-again")
    return aside
