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
from image_search.imaging.version import DECODING
from image_search.storage import safe_pickle
from image_search.storage.columns import (
    COLUMN,
    DESCRIPTION,
    Block,
    Blocks,
    GrowingColumn,
    key_of,
)
from image_search.storage.merging import merge_small_segments
from image_search.storage.migrations import upgrade_locked
from image_search.storage.records import ExtractorIdentity, FileRecord, identities, image_id
from image_search.storage.segments import (
    CODES,
    RECORDS,
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
    ends the update. Extractors that the index lacks are added column by column: until every segment
    has theirs, searches go on with the others.
    """

    def __init__(self, cache: Path, images: Path) -> None:
        """Prepare to write ``cache``, the index over the folder ``images``."""
        self._cache = cache
        self._images = str(images.resolve())
        self._folder = segment_folder(cache)
        # Imported where something is written: it brings asyncio along.
        import filelock

        self._lock = filelock.FileLock(companion(cache) / "lock", timeout=0)
        self._locked = filelock.Timeout
        self._kept: tuple[ExtractorIdentity, ...] = ()
        #: The extractors that searches used before this update.
        self.found: tuple[ExtractorIdentity, ...] = ()
        #: Everything the manifest names, segments that cannot be searched yet included.
        self.snapshot = Snapshot(())
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
        kept: tuple[ExtractorIdentity, ...] = (),
        beside: tuple[ExtractorIdentity, ...] = (),
    ) -> Snapshot:
        """What an update with ``extractors`` goes on from.

        A damaged cache is set aside under a name that ``warnings`` gives, and every segment that is
        still whole is kept. ``verified`` names segments that need no verifying; those that the
        caller has ``opened`` already, by name, are not read again. Columns by the extractors in
        ``kept`` stay on disk where they are no longer used; all others are removed at the end.
        Every segment gets columns by those ``beside`` as well, which are no part of a vector.

        Raises:
            CacheError: the cache cannot be read or written.
        """
        with self._plain_words():
            return self._begin(extractors, verified, opened or {}, kept, beside)

    def _begin(
        self,
        extractors: tuple[ExtractorIdentity, ...],
        verified: Collection[str],
        opened: Mapping[str, Segment],
        kept: tuple[ExtractorIdentity, ...],
        beside: tuple[ExtractorIdentity, ...],
    ) -> Snapshot:
        self._kept = (*kept, *beside)
        current = self._read(opened)
        if current is None:
            # A cache that was deleted is built again; one that was damaged loses only its
            # damaged parts.
            current = self._salvaged(extractors) if self.warnings else Snapshot(extractors)
        self.found = current.extractors
        used = tuple(one for one in current.extractors if one in extractors)
        if not current.segments:
            used = extractors
        # What a search uses as long as nothing that is wanted is complete.
        used = used or current.extractors
        segments = tuple(segment.searched_by(used) for segment in current.segments)
        self.snapshot = dataclasses.replace(
            current, extractors=used, wanted=extractors, segments=segments, beside=beside
        )
        self._drop_altered(verified)
        self._adopt_complete()
        added = [one for one in extractors if one not in self.snapshot.extractors]
        if added:
            self.warnings.append(
                f"{_names(added)}: computed for the {self.snapshot.images:,} images of the index; "
                f"until that is done, searches use {_names(self.snapshot.extractors)}."
            )
        self._sweep()
        return self.snapshot

    @property
    def lacking(self) -> tuple[tuple[Segment, tuple[ExtractorIdentity, ...]], ...]:
        """Segments with the extractors whose column is to be written and not complete."""
        found = [
            (segment, tuple(one for one in self._written if segment.column(one) is None))
            for segment in self.snapshot.segments
        ]
        return tuple((segment, missing) for segment, missing in found if missing)

    @property
    def _written(self) -> tuple[ExtractorIdentity, ...]:
        """Those that every segment gets a column by."""
        return (*self.snapshot.wanted, *self.snapshot.beside)

    def commit(
        self, records: Sequence[FileRecord], blocks: Blocks, gone: Iterable[str] = ()
    ) -> Snapshot:
        """Write ``records`` and the vectors of their regions to the cache, durably.

        ``blocks`` hold, by each extractor that is wanted or beside these, a row for each region of
        the readable records. Records of the same path are replaced; the paths in ``gone`` drop out.

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
                segment = write_segment(self._folder, self._written, records, blocks)
                segments.append(segment.searched_by(self.snapshot.extractors))
                masks.append(np.ones(len(records), dtype=np.bool_))
            self._publish(segments, masks, complete=False)
        return self.snapshot

    def column(self, segment: Segment, extractor: ExtractorIdentity) -> GrowingColumn:
        """Return the column by ``extractor`` of ``segment``, to be added to.

        Raises:
            CacheError: it cannot be written.
        """
        with self._plain_words():
            return GrowingColumn(segment.folder, segment.name, extractor)

    def add(self, column: GrowingColumn, block: Block) -> None:
        """Append the next rows to ``column``, durably.

        Raises:
            CacheError: the disk is full or not writable; the rows before are kept.
        """
        with self._plain_words():
            column.append(block)

    def finish(
        self, calibration: Mapping[str, Any] | None = None, *, looked_at_all: bool = True
    ) -> Snapshot:
        """End the update: use the extractors whose columns are complete, merge small segments, tidy
        up. ``calibration``, where there is one, is kept from now on. Where every file was
        ``looked_at_all``, none looks as an earlier version of the readers showed it.

        Raises:
            CacheError: the disk is full or not writable; every commit so far is kept.
        """
        with self._plain_words():
            self._adopt_complete()
            held = tuple(dict.fromkeys((*self.snapshot.extractors, *self._kept)))
            segments, masks = merge_small_segments(
                self._folder, held, self.snapshot.segments, self.snapshot.live
            )
            if calibration is not None:
                self.snapshot = dataclasses.replace(self.snapshot, calibration=calibration)
            if looked_at_all:
                self.snapshot = dataclasses.replace(self.snapshot, decoding=DECODING)
            self._publish(list(segments), list(masks), complete=not self.lacking)
            self._sweep()
        return self.snapshot

    def _adopt_complete(self) -> None:
        """Use all extractors that are wanted, if every segment has their columns."""
        snapshot = self.snapshot
        if snapshot.extractors != snapshot.wanted and not self.lacking:
            segments = tuple(one.searched_by(snapshot.wanted) for one in snapshot.segments)
            self.snapshot = dataclasses.replace(
                snapshot, extractors=snapshot.wanted, segments=segments
            )

    def _publish(self, segments: list[Segment], masks: list[np.ndarray], *, complete: bool) -> None:
        extractors = self.snapshot.extractors
        snapshot = dataclasses.replace(
            self.snapshot,
            segments=tuple(segment.searched_by(extractors) for segment in segments),
            live=tuple(masks),
            updated=time.time(),
            complete=complete,
            folder=self._images,
        )
        safe_pickle.dump(self._cache, manifest_of(snapshot))
        self.snapshot = snapshot

    def _read(self, opened: Mapping[str, Segment]) -> Snapshot | None:
        """The cache with all segments that it names; ``None`` where it is missing or damaged."""
        try:
            upgrade_locked(self._cache, self._folder)
            return read_snapshot(self._cache, self._folder, opened, for_update=True)
        except NotACache:
            raise  # a file of another program is not renamed
        except CacheDamaged as error:
            aside = _free_name(self._cache)
            self._cache.replace(aside)
            self.warnings.append(
                f"The cache {self._cache.name} is damaged: {error}. It was set aside as "
                f"{aside.name} and is rebuilt."
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
                segment = read_segment(self._folder, path.name[: -len(RECORDS)], extractors)
                if any(segment.column(one) is not None for one in extractors):
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
        """Remove columns that were altered on disk; an update adds them again."""
        altered: dict[str, int] = {}
        for segment in self.snapshot.segments:
            if segment.name in verified:
                continue
            for extractor in {*self.snapshot.extractors, *self._written}:
                column = segment.column(extractor)
                try:
                    if column is None:
                        # One that the segment was written with and that is there, but of another
                        # length.
                        if extractor in segment.born and not segment.written(extractor):
                            raise CacheDamaged("its column is missing")
                    else:
                        column.verify()
                except CacheDamaged:
                    segment.drop(extractor)
                    altered[extractor.name] = altered.get(extractor.name, 0) + segment.rows
        for name, rows in sorted(altered.items()):
            self.warnings.append(
                f"The {name} vectors of {rows:,} images were altered or lost on disk; they are "
                "computed again."
            )

    def _sweep(self) -> None:
        """Remove files that no manifest names: orphans of a crash, segments merged away, and
        columns of extractors that are no longer used."""
        named = {segment.name for segment in self.snapshot.segments}
        try:
            plain = safe_pickle.load(self._cache)
            named |= {str(row[0]) for row in (*plain["segments"], *plain["pending"])}
            served = identities(plain["extractors"])
        except FileNotFoundError:
            served = ()
        except (CacheError, KeyError, TypeError, ValueError, IndexError):
            return  # what it names is unknown, so nothing is removed
        used = {*served, *self.snapshot.extractors, *self.snapshot.wanted, *self._kept}
        keys = {key_of(extractor) for extractor in used}
        for path in self._folder.iterdir():
            stem, _, rest = path.name.partition(".")
            key, _, ending = rest.partition(".")
            if stem in named and (
                rest == RECORDS[1:]
                or rest.endswith(CODES[1:])
                or (key in keys and f".{ending}" in (COLUMN, DESCRIPTION))
            ):
                continue
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


def _names(extractors: Iterable[ExtractorIdentity]) -> str:
    return ", ".join(one.name for one in extractors)


def _free_name(manifest: Path) -> Path:
    """Where a damaged manifest is kept: a name that no file has."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = manifest.with_name(f"{manifest.name}.damaged-{stamp}")
    while aside.exists():
        aside = aside.with_name(aside.name + "-again")
    return aside
