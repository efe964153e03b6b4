"""Records and vectors made up for the tests of the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.storage import CacheWriter, ExtractorIdentity, FileRecord, Snapshot, read_snapshot
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
    """One row for each readable record, decided by its content."""
    rows = [
        np.random.default_rng(record.size).normal(size=dim)
        for record in records
        if not record.reason
    ]
    return np.array(rows, dtype=np.float32).reshape(len(rows), dim)


def write(cache: Path, *batches: Sequence[FileRecord], gone: Sequence[str] = ()) -> Snapshot:
    """One whole update that commits each batch on its own."""
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(FAKE)
        for batch in batches:
            writer.commit(batch, vectors_of(batch))
        if gone:
            writer.commit([], vectors_of([]), gone)
        return writer.finish()


def read(cache: Path) -> Snapshot | None:
    return read_snapshot(cache, segment_folder(cache))


def content(snapshot: Snapshot | None) -> Content:
    """Every record that counts with its vector, by path; a path may count only once."""
    assert snapshot is not None
    found: Content = {}
    for number, row, known in snapshot.records():
        segment = snapshot.segments[number]
        place = int(segment.vector_of[row])
        assert known.path not in found
        assert (place < 0) == bool(known.reason)
        found[known.path] = (
            known,
            tuple(segment.vectors[place].tolist()) if place >= 0 else None,
        )
    return found


def expected(records: Sequence[FileRecord]) -> Content:
    """What ``content`` must be when exactly these records count."""
    return {
        known.path: (known, None if known.reason else tuple(vectors_of([known])[0].tolist()))
        for known in records
    }


def segment_files(cache: Path) -> list[Path]:
    return sorted(segment_folder(cache).iterdir())
