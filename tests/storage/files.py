"""Records and vectors made up for the tests of the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.storage import (
    Block,
    Blocks,
    CacheWriter,
    ExtractorIdentity,
    FileRecord,
    Snapshot,
    read_snapshot,
)
from image_search.storage.records import UNREADABLE
from image_search.storage.snapshot import segment_folder

Content = dict[str, tuple[FileRecord, "tuple[float, ...] | None"]]

DIM = 6
FAKE = (ExtractorIdentity("fake", "made/up/1", DIM),)
OTHER = (ExtractorIdentity("other", "made/up/2", DIM + 1),)


def record(path: str, content: int = 0, *, readable: bool = True) -> FileRecord:
    """A record of a file whose content is that number."""
    return FileRecord(
        path=path,
        size=100 + content,
        mtime_ns=1_700_000_000_000_000_000 + content,
        digest=hashlib.sha256(str(content).encode()).digest(),
        width=10 if readable else 0,
        height=20 if readable else 0,
        verdict=0 if readable else UNREADABLE,
        reason="" if readable else "It is made up.",
    )


def vectors_of(records: Sequence[FileRecord], dim: int = DIM) -> Floats:
    """One unit row for each region of the readable records, decided by its content, as precise as
    it is kept."""
    rows = [
        np.random.default_rng([record.size, number]).normal(size=dim)
        for record in records
        if not record.reason
        for number in range(len(record.regions))
    ]
    units = unit_rows(np.array(rows, dtype=np.float32).reshape(len(rows), dim))
    return np.asarray(units.astype(np.float16), np.float32)


def blocks(records: Sequence[FileRecord], extractors: Sequence[ExtractorIdentity] = FAKE) -> Blocks:
    """Vectors of ``records`` by each of these extractors, with the sizes of the files as norms."""
    sizes = [float(r.size) for r in records if not r.reason for _ in r.regions]
    norms = np.array(sizes, np.float32)
    return {one.name: Block(vectors_of(records, one.dim), norms) for one in extractors}


def write(cache: Path, *batches: Sequence[FileRecord], gone: Sequence[str] = ()) -> Snapshot:
    """One whole update that commits each batch on its own."""
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(FAKE)
        for batch in batches:
            writer.commit(batch, blocks(batch))
        if gone:
            writer.commit([], {}, gone)
        return writer.finish()


def read(cache: Path) -> Snapshot | None:
    return read_snapshot(cache, segment_folder(cache))


def content(snapshot: Snapshot | None) -> Content:
    """Every record that counts with its vector, by path; a path may count only once. Of segments
    that lack a column, as a writer sees them, there is nothing."""
    assert snapshot is not None
    found: Content = {}
    for number, row, known in snapshot.records():
        segment = snapshot.segments[number]
        if not segment.has(segment.extractors):
            continue
        place = int(segment.vector_of[row])
        assert known.path not in found
        assert (place < 0) == bool(known.reason)
        rows = segment.columns(segment.extractors)[0].block(slice(place, place + 1)).units
        found[known.path] = known, tuple(rows[0].tolist()) if place >= 0 else None
    return found


def expected(records: Sequence[FileRecord]) -> Content:
    """What ``content`` must be when exactly these records count."""
    return {
        known.path: (known, None if known.reason else tuple(vectors_of([known])[0].tolist()))
        for known in records
    }


def segment_files(cache: Path) -> list[Path]:
    return sorted(segment_folder(cache).iterdir())
