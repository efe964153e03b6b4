"""One immutable segment: a pickle of records, and its vectors as a raw buffer beside it."""

from __future__ import annotations

import itertools
import secrets
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged, NotACache
from image_search.imaging.arrays import Floats
from image_search.imaging.version import DECODING
from image_search.storage import safe_pickle
from image_search.storage.records import ExtractorIdentity, FileRecord, Records, identities
from image_search.storage.unmapped import StoredVectors

RECORDS, VECTORS = ".facts.pkl", ".vectors"
# How names of files end that hold what can be derived from a segment again.
CODES = ".codes"
# Bytes read at a time while a checksum is computed.
_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class Segment:
    """Records of some files and the vectors of those that could be read.

    ``vectors`` is (len(records.owners), dim) float32, read from their file when they are asked for;
    the file was last ``modified`` then, in nanoseconds since 1970; ``decoding`` is
    the lowest version of the readers that made out one of the pictures.
    """

    name: str
    extractors: tuple[ExtractorIdentity, ...]
    records: Records
    vectors: StoredVectors
    checksum: int
    folder: Path
    decoding: int = DECODING

    @property
    def modified(self) -> int:
        """When the vectors were last changed, in nanoseconds since 1970."""
        return self.vectors.modified

    @cached_property
    def vector_of(self) -> npt.NDArray[np.int32]:
        """(records,) int32: each record's vector row, -1 where it has none."""
        rows = np.full(len(self.records), -1, dtype=np.int32)
        rows[self.records.owners] = np.arange(len(self.records.owners), dtype=np.int32)
        return rows

    @cached_property
    def _by_id(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The ids in order, and their records."""
        order = np.argsort(self.records.ids)
        return self.records.ids[order], order

    def of_ids(self, ids: npt.NDArray[np.uint64]) -> list[int]:
        """The records, by their rows, whose image has one of these ``ids``."""
        keys, rows = self._by_id
        wanted = np.unique(ids)
        firsts, lasts = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, "right")
        found = np.flatnonzero(lasts > firsts).tolist()
        return [int(row) for one in found for row in rows[firsts[one] : lasts[one]]]

    @cached_property
    def _by_content(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The first 8 bytes of the digests of what could be read, in order, and their records."""
        rows = np.flatnonzero(self.vector_of >= 0)
        digests = self.records.digests
        joined = b"".join(itertools.compress(digests, (self.vector_of >= 0).tolist()))
        if len(joined) != 32 * len(rows):  # never written so, but a file can be altered
            joined = b"".join(digests[row][:32].ljust(32, b"\0") for row in rows)
        table = np.frombuffer(joined, np.uint8).reshape(-1, 32)
        keys = np.ascontiguousarray(table[:, :8]).view(">u8")[:, 0].astype(np.uint64)
        order = np.argsort(keys)
        return keys[order], rows[order]

    def holding(self, digest: bytes) -> list[int]:
        """The readable records whose content has this SHA-256, by their rows."""
        return self.holding_any([digest])

    def holding_any(self, digests: Collection[bytes]) -> list[int]:
        """As ``holding``, of any of these contents; many are looked up at once."""
        keys, rows = self._by_content
        wanted = np.array([int.from_bytes(digest[:8], "big") for digest in digests], np.uint64)
        first, last = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, "right")
        return [
            int(row)
            for digest, start, end in zip(digests, first, last, strict=True)
            if start < end
            for row in rows[start:end]
            if self.records.digests[row] == digest
        ]

    def rows(self, numbers: npt.NDArray[np.int64]) -> Floats:
        """The vectors (n, dim) in these rows, read from the disk all at once where they are not in
        memory."""
        self.prefetch(numbers)
        return self.vectors[numbers]

    def prefetch(self, numbers: npt.NDArray[np.int64]) -> None:
        """Have the vectors in these rows read, all at once, where they are not in memory."""
        self.vectors.prefetch(numbers)

    def verify(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Compare the vectors with the checksum written beside them; whether that was not
        ``cancelled``.

        Raises:
            CacheDamaged: the vectors were altered on disk.
        """
        step, value = max(1, _CHUNK // (4 * max(1, self.vectors.shape[1]))), 0
        for start in range(0, len(self.vectors), step):
            if cancelled():
                return False
            value = zlib.crc32(_bytes_of(self.vectors[start : start + step]), value)
        if value != self.checksum:
            raise CacheDamaged(f"the vectors of segment {self.name} do not match their checksum")
        return True


def write_segment(
    folder: Path,
    extractors: tuple[ExtractorIdentity, ...],
    records: Sequence[FileRecord],
    vectors: Floats,
    decoding: int = DECODING,
) -> Segment:
    """Write a new segment into ``folder`` and open it.

    ``vectors`` is (readable records, dim) float32. Nothing refers to the segment until a manifest
    names it, so a crash in here leaves only an orphan, swept away by the next writer.

    Raises:
        OSError: the disk is full or not writable.
    """
    name = secrets.token_hex(8)
    vectors = np.ascontiguousarray(vectors, dtype="<f4")
    columns = Records.of(records)
    if len(columns.owners) != len(vectors):
        raise ValueError(f"{len(columns.owners)} readable files but {len(vectors)} vectors")
    safe_pickle.write_durably(folder / (name + VECTORS), _bytes_of(vectors))
    plain = columns.to_plain() | {
        "extractors": [(e.name, e.model, e.dim) for e in extractors],
        "shape": vectors.shape,
        "checksum": zlib.crc32(_bytes_of(vectors)),
        "decoding": decoding,
    }
    safe_pickle.dump(folder / (name + RECORDS), plain)
    return read_segment(folder, name)


def read_segment(folder: Path, name: str) -> Segment:
    """Open the segment ``name`` in ``folder``; its vectors stay on disk until they are touched.

    Raises:
        FileNotFoundError: it is not there (a newer writer may have merged it away).
        CacheDamaged: it is truncated or altered.
    """
    if not (name.isalnum() and name.isascii()):
        raise CacheDamaged(f"it names a segment {name!r}, which cannot be")
    try:
        plain = safe_pickle.load(folder / (name + RECORDS))
    except NotACache as error:
        raise CacheDamaged(f"segment {name} is none ({error})") from error
    try:
        extractors = identities(plain["extractors"])
        records = Records.from_plain(plain)
        rows, dim = (int(length) for length in plain["shape"])
        checksum = int(plain["checksum"])
        decoding = int(plain.get("decoding", 1))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CacheDamaged(f"segment {name} is malformed ({error})") from error
    if (rows, dim) != (len(records.owners), sum(extractor.dim for extractor in extractors)):
        raise CacheDamaged(f"segment {name} is malformed (its vectors do not fit its files)")
    vectors = StoredVectors(folder / (name + VECTORS), rows, dim)
    return Segment(name, extractors, records, vectors, checksum, folder, decoding)


def _bytes_of(array: Floats) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
