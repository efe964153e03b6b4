"""Caches of earlier releases, brought up to the present form in place, by numbered migrations.

Each migration writes new files beside the old ones and then replaces the manifest, so that a crash
leaves the cache as it was. Nothing is embedded again. ``tests/storage/releases`` has a cache of
each released form.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from image_search.errors import CacheDamaged, CacheError, CacheLocked, NotACache
from image_search.storage import safe_pickle
from image_search.storage.columns import Block, StoredRows, split_vectors
from image_search.storage.records import Records, identities
from image_search.storage.segments import RECORDS, Segment, write_segment
from image_search.storage.snapshot import (
    FORMAT,
    SCHEMA,
    Snapshot,
    companion,
    manifest_of,
    mask_of,
    segment_folder,
)

# How long a start waits for another process that is upgrading, or updating, the same cache.
_WAIT_SECONDS = 60.0
_MALFORMED = (KeyError, TypeError, ValueError, OverflowError)
# Rows read at a time.
_ROWS = 4096


def upgrade(cache: Path) -> bool:
    """Bring ``cache`` up to the present form; whether that was necessary.

    Raises:
        CacheLocked: another process holds the writer's lock for too long.
        CacheError: the cache cannot be read or written.
    """
    if _schema(cache) not in MIGRATIONS:
        return False
    import filelock

    try:
        with filelock.FileLock(companion(cache) / "lock", timeout=_WAIT_SECONDS):
            return upgrade_locked(cache, segment_folder(cache))
    except filelock.Timeout:
        raise CacheLocked(
            f"Another process is updating {cache}, which is of an earlier release and has to be "
            "upgraded first; wait until it has finished, or stop it."
        ) from None
    except OSError as error:
        raise CacheError(
            f"The cache {cache} is of an earlier release and could not be upgraded "
            f"({error.strerror or error}); it is as it was. Make room on the disk, or check its "
            "permissions."
        ) from error


def upgrade_locked(cache: Path, folder: Path) -> bool:
    """As ``upgrade``, for a caller that holds the writer's lock; ``folder`` has the segments.

    Raises:
        OSError: the disk is full or not writable; the cache is as it was.
        CacheDamaged: it is damaged in a way that leaves nothing of it.
    """
    before = schema = _schema(cache)
    while schema in MIGRATIONS:
        try:
            plain = MIGRATIONS[schema](safe_pickle.load(cache), folder)
        except _MALFORMED as error:
            raise CacheDamaged(f"its content is malformed ({error})") from error
        safe_pickle.dump(cache, plain)
        schema = plain["schema"]
    if schema == before:
        return False
    # An index that was being made aside by the earlier release.
    cache.with_name(cache.name + ".next").unlink(missing_ok=True)
    return True


def _schema(cache: Path) -> int:
    """The schema of ``cache``; the present one where that cannot be made out."""
    try:
        plain = safe_pickle.load(cache)
    except (CacheDamaged, NotACache, OSError):
        return SCHEMA
    known = isinstance(plain, dict) and plain.get("format") == FORMAT
    schema = plain.get("schema") if known else SCHEMA
    return schema if type(schema) is int else SCHEMA


def _from_1(plain: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """All extractors' blocks side by side in one float32 file for each segment, to one column each.

    The lengths of the raw features are unknown. Segments that are damaged are left out; an update
    embeds their files again.
    """
    extractors = identities(plain["extractors"])
    segments, masks = [], []
    for name, count, bits in plain["segments"]:
        try:
            segment = _segment_from_1(folder, str(name))
            masks.append(mask_of(segment, int(count), bytes(bits)))
        except (CacheDamaged, FileNotFoundError, *_MALFORMED):
            continue
        segments.append(segment)
    snapshot = Snapshot(
        extractors,
        tuple(segments),
        tuple(masks),
        None if plain["updated"] is None else float(plain["updated"]),
        bool(plain["complete"]) and len(segments) == len(plain["segments"]),
        str(plain["folder"]),
        None if plain["calibration"] is None else dict(plain["calibration"]),
        int(plain.get("decoding", 1)),
        extractors,
    )
    return {**manifest_of(snapshot), "schema": 2}


def _segment_from_1(folder: Path, name: str) -> Segment:
    if not (name.isalnum() and name.isascii()):
        raise CacheDamaged(f"it names a segment {name!r}, which cannot be")
    plain = safe_pickle.load(folder / (name + RECORDS))
    extractors, records = identities(plain["extractors"]), Records.from_plain(plain)
    rows, dim = len(records.owners), sum(one.dim for one in extractors)
    stored = StoredRows(folder / f"{name}.vectors", rows, [("vector", "<f4", (dim,))])
    checksum = 0
    pieces = []
    for start in range(0, rows, _ROWS):
        vectors = np.ascontiguousarray(stored[start : start + _ROWS]["vector"])
        checksum = zlib.crc32(vectors.tobytes(), checksum)
        pieces.append(split_vectors(extractors, vectors))
    if checksum != int(plain["checksum"]):
        raise CacheDamaged(f"the vectors of segment {name} do not match their checksum")
    blocks = {
        one.name: Block.joined([piece[one.name] for piece in pieces], one.dim) for one in extractors
    }
    return write_segment(folder, extractors, list(records), blocks, int(plain.get("decoding", 1)))


MIGRATIONS: Mapping[int, Callable[[Mapping[str, Any], Path], dict[str, Any]]] = {1: _from_1}
"""From the schema that a migration reads to what it does; it writes the next one."""
