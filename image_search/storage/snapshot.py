"""The cache as a reader sees it at one moment: segments, and which of their rows still count."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged, CacheError, NewerCache, NotACache
from image_search.imaging.version import DECODING
from image_search.storage import safe_pickle
from image_search.storage.records import (
    NOT_AN_IMAGE,
    NOT_READ,
    READABLE,
    ExtractorIdentity,
    FileRecord,
    identities,
)
from image_search.storage.segments import RECORDS, Segment, read_segment

# Numbered migrations, see ``migrations.py``, bring older caches up to this.
SCHEMA = 2
FORMAT = "image_search cache"
NEWER = (
    "it was made by a newer version of image_search (schema {}, this version reads up to {}); "
    "install that version, or name another cache with --cache or IMAGE_SEARCH_CACHE"
)
# A writer may merge segments between a reader's look at the manifest and its look at a segment.
_ATTEMPTS = 5


Pending = tuple[str, int, bytes]
"""A segment that cannot be searched yet: its name, how many records it has, and the bits of those
that count."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Segments with, for each, a mask of the records that still count ((records,) bool).

    ``updated`` is in seconds since 1970. ``complete`` says that the last update went to its end;
    where it is false, the next one goes on from here. ``folder`` is the image folder it was made
    from. ``calibration`` are plain values that a search needs, of no meaning in here. All
    pictures look as version ``decoding`` of the readers shows them.

    ``extractors`` are those that a search uses. While others are ``wanted``, their columns are
    being added. Segments in ``pending`` lack a column of what a search uses; until an update has
    added it, their images are not found. Columns by the extractors ``beside`` these are no part of
    a vector: segments may lack them.
    """

    extractors: tuple[ExtractorIdentity, ...]
    segments: tuple[Segment, ...] = ()
    live: tuple[npt.NDArray[np.bool_], ...] = ()
    updated: float | None = None
    complete: bool = False
    folder: str = ""
    calibration: Mapping[str, Any] | None = None
    decoding: int = DECODING
    wanted: tuple[ExtractorIdentity, ...] = ()
    pending: tuple[Pending, ...] = ()
    beside: tuple[ExtractorIdentity, ...] = ()

    @property
    def dim(self) -> int:
        """Length of a stored vector."""
        return sum(extractor.dim for extractor in self.extractors)

    @cached_property
    def images(self) -> int:
        """How many images can be found."""
        return sum(
            int(np.count_nonzero(live & (segment.records.verdicts == READABLE)))
            for segment, live in zip(self.segments, self.live, strict=True)
        )

    @cached_property
    def failures(self) -> tuple[FileRecord, ...]:
        """The pictures that could not be read, the damaged ones first, then by path; files that are
        no images are none of them."""
        found = [record for record in self._unread() if record.verdict != NOT_AN_IMAGE]
        return tuple(sorted(found, key=lambda record: (record.verdict == NOT_READ, record.path)))

    @cached_property
    def not_images(self) -> tuple[FileRecord, ...]:
        """The files that are no images, by path."""
        found = [record for record in self._unread() if record.verdict == NOT_AN_IMAGE]
        return tuple(sorted(found, key=lambda record: record.path))

    def _unread(self) -> Iterator[FileRecord]:
        for segment, live in zip(self.segments, self.live, strict=True):
            for row in np.flatnonzero(live & (segment.records.verdicts != READABLE)):
                yield segment.records.record(int(row))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex characters that change whenever what can be found changes."""
        digest = hashlib.sha256(repr(self.extractors).encode())
        for segment, live in zip(self.segments, self.live, strict=True):
            digest.update(segment.name.encode() + np.packbits(live).tobytes())
        return digest.hexdigest()[:16]

    def records(self) -> Iterator[tuple[int, int, FileRecord]]:
        """Every record that counts, with its segment's number and its row."""
        for number, (segment, live) in enumerate(zip(self.segments, self.live, strict=True)):
            for row in np.flatnonzero(live):
                yield number, int(row), segment.records.record(int(row))

    def sample(
        self, most: int, extractors: tuple[ExtractorIdentity, ...] | None = None
    ) -> npt.NDArray[np.float32]:
        """At most about ``most`` vectors that count, (n, dim), taken evenly from the first regions
        of all images; by ``extractors``, unless these are the snapshot's own."""
        by = self.extractors if extractors is None else extractors
        rows = [
            (segment, segment.vector_of[np.flatnonzero(live)])
            for segment, live in zip(self.segments, self.live, strict=True)
        ]
        step = max(1, -(-self.images // most))
        chosen = [segment.joined(by)[found[found >= 0][::step]] for segment, found in rows]
        return np.concatenate([*chosen, np.zeros((0, sum(e.dim for e in by)), np.float32)])

    def adding(self) -> dict[str, tuple[int, int]]:
        """Of each extractor that is being added, how many vectors of how many it has so far."""
        missing = [one for one in self.wanted if one not in self.extractors]
        total = sum(segment.rows for segment in self.segments)
        return {
            one.name: (sum(segment.written(one) for segment in self.segments), total)
            for one in missing
        }

    def digests(self) -> set[bytes]:
        """The SHA-256 of every content that counts."""
        return {
            segment.records.digests[row]
            for segment, live in zip(self.segments, self.live, strict=True)
            for row in np.flatnonzero(live)
        }

    def contents(self) -> set[bytes]:
        """The SHA-256 of every content that can be found."""
        return {
            segment.records.digests[row]
            for segment, live in zip(self.segments, self.live, strict=True)
            for row in np.flatnonzero(live & (segment.vector_of >= 0))
        }

    def files_of(self, digest: bytes) -> list[FileRecord]:
        """The images of this content (SHA-256), by path."""
        found = [
            segment.records.record(row)
            for segment, live in zip(self.segments, self.live, strict=True)
            for row in segment.holding(digest)
            if live[row]
        ]
        return sorted(found, key=lambda record: record.path)

    def without_altered(self, verified: Collection[str] = ()) -> Snapshot:
        """The snapshot less the segments whose vectors were altered on disk.

        Those named in ``verified`` were verified before and are not read again.
        """
        sound = []
        for segment, live in zip(self.segments, self.live, strict=True):
            with contextlib.suppress(CacheDamaged):
                if segment.name not in verified:
                    segment.verify()
                sound.append((segment, live))
        segments, masks = tuple(s for s, _ in sound), tuple(m for _, m in sound)
        return dataclasses.replace(self, segments=segments, live=masks)

    def without(self, name: str) -> Snapshot:
        """The snapshot less the segment of this name."""
        left = [pair for pair in zip(self.segments, self.live, strict=True) if pair[0].name != name]
        segments, masks = tuple(s for s, _ in left), tuple(m for _, m in left)
        return dataclasses.replace(self, segments=segments, live=masks)

    def find(self, image_id: int) -> FileRecord | None:
        """The record whose image has this id, if there is one."""
        for segment, live in zip(self.segments, self.live, strict=True):
            for row in np.flatnonzero(live & (segment.records.ids == np.uint64(image_id))):
                return segment.records.record(int(row))
        return None


def companion(cache: Path) -> Path:
    """The folder beside the cache that holds its segments and everything else that is kept."""
    return cache.with_suffix(".files")


def segment_folder(cache: Path) -> Path:
    """Where the segments of this cache lie."""
    return companion(cache) / "segments"


def manifest_of(snapshot: Snapshot) -> dict[str, Any]:
    """The small pickle's content for ``snapshot``."""
    rows = [
        (segment.has(snapshot.extractors), (segment.name, len(live), np.packbits(live).tobytes()))
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
    ]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "extractors": [(e.name, e.model, e.dim) for e in snapshot.extractors],
        "segments": [row for searchable, row in rows if searchable],
        "wanted": [(e.name, e.model, e.dim) for e in snapshot.wanted],
        "pending": [row for searchable, row in rows if not searchable],
        "beside": [(e.name, e.model, e.dim) for e in snapshot.beside],
        "updated": snapshot.updated,
        "complete": snapshot.complete,
        "folder": snapshot.folder,
        "calibration": snapshot.calibration,
        "decoding": snapshot.decoding,
    }


def read_snapshot(
    manifest: Path,
    segments: Path,
    known: Mapping[str, Segment] | None = None,
    *,
    for_update: bool = False,
) -> Snapshot | None:
    """What ``manifest`` describes, or ``None`` where there is no such file.

    ``known`` are segments already open, by name; being immutable, they are taken as they are. An
    update sees all segments among ``Snapshot.segments``, those without all columns included.

    Raises:
        NotACache: the manifest is no file of this program, or no regular file.
        CacheDamaged: the manifest or a segment is hostile, truncated, altered or of another schema.
        NewerCache: a newer version made it.
        CacheError: the system does not let it be read.
    """
    try:
        for _ in range(_ATTEMPTS):
            try:
                plain = safe_pickle.load(manifest)
            except FileNotFoundError:
                return None
            try:
                return _snapshot(plain, segments, known or {}, for_update=for_update)
            except FileNotFoundError as error:
                missing = error.filename
    except NewerCache as error:
        raise NewerCache(f"The cache {manifest} cannot be used: {error}.") from None
    except NotACache as error:
        if _is_emptied(manifest, segments):
            raise CacheDamaged("it is empty") from error
        raise NotACache(
            f"The file {manifest} is not a cache of this program ({error}), and is left as it is; "
            "name another one with --cache or IMAGE_SEARCH_CACHE."
        ) from error
    except OSError as error:
        raise CacheError(
            f"The cache {manifest} cannot be read ({error.strerror or error}); check its "
            "permissions and the disk."
        ) from error
    raise CacheDamaged(f"the file {missing} is missing")


def read_cache(cache: Path, known: Mapping[str, Segment] | None = None) -> tuple[Snapshot, str]:
    """The cache as it is on the disk, empty where there is none or it is damaged; and, in words,
    what is wrong with it. ``known`` is as for ``read_snapshot``.

    Raises:
        NotACache: the file is another one.
        CacheError: the cache cannot be read.
    """
    try:
        return read_snapshot(cache, segment_folder(cache), known) or Snapshot(()), ""
    except NotACache:
        raise
    except CacheDamaged as error:
        damage = f"The cache {cache} is damaged: {error}. Reindex to rebuild it."
        return Snapshot(()), damage


def _is_emptied(manifest: Path, segments: Path) -> bool:
    """Whether this was a cache before its content was lost: what belongs to it lies beside it."""
    status = manifest.stat()
    return (
        stat.S_ISREG(status.st_mode)
        and not status.st_size
        and any(True for _ in segments.glob("*" + RECORDS))
    )


def _snapshot(
    plain: Any, folder: Path, known: Mapping[str, Segment], *, for_update: bool
) -> Snapshot:
    try:
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise NotACache("it is another file of this program")
        schema = plain["schema"]
        if type(schema) is int and schema > SCHEMA:
            raise NewerCache(NEWER.format(schema, SCHEMA))
        if schema != SCHEMA:
            raise CacheDamaged(f"it has schema {schema}, this version reads schema {SCHEMA}")
        extractors, wanted = identities(plain["extractors"]), identities(plain["wanted"])
        beside = identities(plain.get("beside", ()))
        rows, pending = _rows(plain["segments"]), _rows(plain["pending"])
        updated = None if plain["updated"] is None else float(plain["updated"])
        complete = bool(plain["complete"])
        folder_of_images = str(plain["folder"])
        calibration = None if plain["calibration"] is None else dict(plain["calibration"])
        decoding = int(plain.get("decoding", 1))  # added later than the rest
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CacheDamaged(f"its content is malformed ({error})") from error
    segments, masks = [], []
    if for_update:
        rows, pending = rows + pending, []
    for name, count, bits in rows:
        segment = (known.get(name) or read_segment(folder, name)).searched_by(extractors)
        if not for_update:
            # Opened now, so that they stay readable when an update removes them.
            segment.columns(extractors)
            segment.has(beside)
        segments.append(segment)
        masks.append(mask_of(segment, count, bits))
    return Snapshot(
        extractors,
        tuple(segments),
        tuple(masks),
        updated,
        complete,
        folder_of_images,
        calibration,
        decoding,
        wanted,
        tuple(pending),
        beside,
    )


def mask_of(segment: Segment, count: int, bits: bytes) -> npt.NDArray[np.bool_]:
    """Return which records of ``segment`` count, (records,) bool, as the manifest says.

    Raises:
        CacheDamaged: the segment has another number of records.
    """
    if len(segment.records) != count or len(bits) != (count + 7) // 8:
        raise CacheDamaged(f"segment {segment.name} has another length than the manifest says")
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=count).astype(np.bool_)


def _rows(plain: Any) -> list[Pending]:
    return [(str(name), int(count), bytes(bits)) for name, count, bits in plain]
