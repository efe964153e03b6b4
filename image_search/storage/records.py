"""File records as columns: a million of them are a dozen arrays, not objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

# Verdicts on a file, kept so that a bad file is not tried again until it changes.
READABLE = 0
UNREADABLE = 1
# Bytes of a SHA-256.
DIGEST = 32
# Extractors of one index, and numbers in the block of each; every known one has a few thousand.
MOST_EXTRACTORS, MOST_DIM = 64, 1 << 16
# Unreadable for a reason outside the file (permission, a limit in the settings): tried every time.
RETRY = 2
# In a format that is not read (yet), and no image at all: no picture of the studio's is lost.
NOT_READ = 3
NOT_AN_IMAGE = 4


@dataclass(frozen=True)
class ExtractorIdentity:
    """Which extractor made a block of the stored vectors, down to the exact model."""

    name: str
    model: str
    dim: int


def identities(plain: Any) -> tuple[ExtractorIdentity, ...]:
    """The extractors that a file of the cache names.

    Raises:
        TypeError, ValueError: they cannot be.
    """
    found = tuple(ExtractorIdentity(*row) for row in plain)
    if len(found) > MOST_EXTRACTORS:
        raise ValueError("too many extractors")
    for one in found:
        if not (type(one.name) is type(one.model) is str and type(one.dim) is int):
            raise TypeError("an extractor without a name, a model or a length")
        if not 1 <= one.dim <= MOST_DIM:
            raise ValueError(f"an extractor of length {one.dim}")
    return found


@dataclass(frozen=True)
class FileRecord:
    """One file: its path relative to the image folder (with ``/``), and what is known of it.

    ``size`` in bytes, ``mtime_ns`` and ``ctime_ns`` (0 where it is unknown) in nanoseconds since
    1970, ``digest`` the SHA-256 of its content
    (empty where it could not be read), ``width`` and ``height`` in pixels, upright. ``reason`` says
    why it could not be read, in words, where ``verdict`` is not ``READABLE``. ``note`` says what
    else should be known about what is shown, such as "page 2 of 12".
    """

    path: str
    size: int
    mtime_ns: int
    digest: bytes = b""
    width: int = 0
    height: int = 0
    verdict: int = READABLE
    reason: str = ""
    note: str = ""
    ctime_ns: int = 0


def image_id(path: str) -> int:
    """The id of an image: 64 bits of its relative path's SHA-256, stable as long as the path is."""
    encoded = path.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(encoded).digest()[:8], "big")


@dataclass(frozen=True)
class Records:
    """``n`` file records as columns, and for every vector row the record it belongs to.

    ``owners`` is (vectors,) int32: a readable file owns one vector today; the layout allows several
    (parts of a picture, frames of a video).
    """

    paths: tuple[str, ...]
    ids: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.int64]
    mtimes: npt.NDArray[np.int64]
    digests: tuple[bytes, ...]
    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    verdicts: npt.NDArray[np.uint8]
    reasons: dict[int, str]
    owners: npt.NDArray[np.int32]
    notes: dict[int, str] = field(default_factory=dict)
    ctimes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @staticmethod
    def of(records: Sequence[FileRecord]) -> Records:
        """Columns of ``records``; the readable ones own one vector each, in this order."""
        verdicts = np.array([record.verdict for record in records], dtype=np.uint8)
        return Records(
            paths=tuple(record.path for record in records),
            ids=np.array([image_id(record.path) for record in records], dtype=np.uint64),
            sizes=np.array([record.size for record in records], dtype=np.int64),
            mtimes=np.array([record.mtime_ns for record in records], dtype=np.int64),
            digests=tuple(record.digest for record in records),
            widths=np.array([record.width for record in records], dtype=np.int32),
            heights=np.array([record.height for record in records], dtype=np.int32),
            verdicts=verdicts,
            reasons={i: record.reason for i, record in enumerate(records) if record.reason},
            owners=np.flatnonzero(verdicts == READABLE).astype(np.int32),
            notes={i: record.note for i, record in enumerate(records) if record.note},
            ctimes=np.array([record.ctime_ns for record in records], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.paths)

    def record(self, row: int) -> FileRecord:
        """Row ``row`` as a ``FileRecord``."""
        return FileRecord(
            path=self.paths[row],
            size=int(self.sizes[row]),
            mtime_ns=int(self.mtimes[row]),
            digest=self.digests[row],
            width=int(self.widths[row]),
            height=int(self.heights[row]),
            verdict=int(self.verdicts[row]),
            reason=self.reasons.get(row, ""),
            note=self.notes.get(row, ""),
            ctime_ns=int(self.ctimes[row]),
        )

    def __iter__(self) -> Iterator[FileRecord]:
        return (self.record(row) for row in range(len(self)))

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the pickle: arrays as bytes, little-endian."""
        return {
            "paths": list(self.paths),
            "sizes": self.sizes.astype("<i8").tobytes(),
            "mtimes": self.mtimes.astype("<i8").tobytes(),
            "digests": list(self.digests),
            "widths": self.widths.astype("<i4").tobytes(),
            "heights": self.heights.astype("<i4").tobytes(),
            "verdicts": self.verdicts.tobytes(),
            "reasons": dict(self.reasons),
            "ids": self.ids.astype("<u8").tobytes(),
            "owners": self.owners.astype("<i4").tobytes(),
            "notes": dict(self.notes),
            "ctimes": self.ctimes.astype("<i8").tobytes(),
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Records:
        """The inverse of ``to_plain``.

        Raises:
            KeyError, TypeError, ValueError: a column is missing or does not fit the others.
        """
        records = Records(
            paths=tuple(plain["paths"]),
            ids=np.frombuffer(plain["ids"], "<u8").astype(np.uint64),
            sizes=np.frombuffer(plain["sizes"], "<i8").astype(np.int64),
            mtimes=np.frombuffer(plain["mtimes"], "<i8").astype(np.int64),
            digests=tuple(plain["digests"]),
            widths=np.frombuffer(plain["widths"], "<i4").astype(np.int32),
            heights=np.frombuffer(plain["heights"], "<i4").astype(np.int32),
            verdicts=np.frombuffer(plain["verdicts"], np.uint8).copy(),
            reasons=dict(plain["reasons"]),
            owners=np.frombuffer(plain["owners"], "<i4").astype(np.int32),
            # Added later than the rest.
            notes=dict(plain.get("notes", {})),
            ctimes=np.frombuffer(plain.get("ctimes", bytes(len(plain["sizes"]))), "<i8").astype(
                np.int64
            ),
        )
        columns = (
            records.ids, records.sizes, records.mtimes, records.digests,
            records.widths, records.heights, records.verdicts, records.ctimes,
        )  # fmt: skip
        if any(len(column) != len(records) for column in columns):
            raise ValueError("columns of different length")
        if len(records.owners) and not 0 <= records.owners.min() <= records.owners.max() < len(
            records
        ):
            raise ValueError("a vector without a file")
        if not {str}.issuperset(map(type, records.paths)):
            raise TypeError("a path that is no text")
        if not {bytes}.issuperset(map(type, records.digests)):
            raise TypeError("a content hash that is no bytes")
        # What could not be read at all has none.
        if not {0, DIGEST}.issuperset(map(len, records.digests)):
            raise ValueError("a content hash of another length")
        if not all(records.digests[owner] for owner in records.owners.tolist()):
            raise ValueError("an image without a content hash")
        if not all(0 <= row < len(records) for row in records.reasons):
            raise ValueError("a reason without a file")
        if not {str}.issuperset(map(type, records.reasons.values())):
            raise TypeError("a reason that is no text")
        return records
