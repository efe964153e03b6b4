"""One immutable segment: a pickle of facts, and its vectors as a raw buffer to be memory-mapped."""

from __future__ import annotations

import itertools
import mmap
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.cache import safe_pickle
from image_search.cache.records import ExtractorIdentity, Fact, Records, identities
from image_search.errors import CacheDamaged, NotACache
from image_search.extractors.base import Floats

FACTS, VECTORS = ".facts.pkl", ".vectors"
# How names of files end that hold what can be derived from a segment again.
CODES = ".codes"
# Bytes read at a time while a checksum is computed.
_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class Segment:
    """Facts of some files and the vectors of those that could be read.

    ``vectors`` is (len(records.owners), dim) float32, memory-mapped and read-only, from a file last
    ``modified`` then, in nanoseconds since 1970.
    """

    name: str
    extractors: tuple[ExtractorIdentity, ...]
    records: Records
    vectors: Floats
    checksum: int
    folder: Path
    modified: int

    @cached_property
    def vector_of(self) -> npt.NDArray[np.int32]:
        """(facts,) int32: each fact's vector row, -1 where it has none."""
        rows = np.full(len(self.records), -1, dtype=np.int32)
        rows[self.records.owners] = np.arange(len(self.records.owners), dtype=np.int32)
        return rows

    @cached_property
    def _by_id(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The ids in order, and their facts."""
        order = np.argsort(self.records.ids)
        return self.records.ids[order], order

    def of_ids(self, ids: npt.NDArray[np.uint64]) -> list[int]:
        """The facts, by their rows, whose image has one of these ``ids``."""
        keys, facts = self._by_id
        wanted = np.unique(ids)
        firsts, lasts = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, "right")
        found = np.flatnonzero(lasts > firsts).tolist()
        return [int(row) for one in found for row in facts[firsts[one] : lasts[one]]]

    @cached_property
    def _by_content(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The first 8 bytes of the digests of what could be read, in order, and their facts."""
        facts = np.flatnonzero(self.vector_of >= 0)
        digests = self.records.digests
        joined = b"".join(itertools.compress(digests, (self.vector_of >= 0).tolist()))
        if len(joined) != 32 * len(facts):  # never written so, but a file can be altered
            joined = b"".join(digests[fact][:32].ljust(32, b"\0") for fact in facts)
        table = np.frombuffer(joined, np.uint8).reshape(-1, 32)
        keys = np.ascontiguousarray(table[:, :8]).view(">u8")[:, 0].astype(np.uint64)
        order = np.argsort(keys)
        return keys[order], facts[order]

    def holding(self, digest: bytes) -> list[int]:
        """The readable facts whose content has this SHA-256, by their rows."""
        keys, facts = self._by_content
        key = np.uint64(int.from_bytes(digest[:8], "big"))
        first, last = np.searchsorted(keys, key), np.searchsorted(keys, key, "right")
        return [int(row) for row in facts[first:last] if self.records.digests[row] == digest]

    def rows(self, numbers: npt.NDArray[np.int64]) -> Floats:
        """The vectors (n, dim) in these rows, read from the disk all at once where they are not in
        memory."""
        self.foresee(numbers)
        return np.asarray(self.vectors[numbers])

    def foresee(self, numbers: npt.NDArray[np.int64]) -> None:
        """Have the vectors in these rows read, all at once, where they are not in memory."""
        mapped = getattr(self.vectors, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_WILLNEED"):
            length = self.vectors.shape[1] * self.vectors.itemsize
            for number in numbers.tolist():
                start = number * length // mmap.PAGESIZE * mmap.PAGESIZE
                mapped.madvise(mmap.MADV_WILLNEED, start, (number + 1) * length - start)

    def verify(self) -> None:
        """Compare the vectors with the checksum written beside them.

        Raises:
            CacheDamaged: the vectors were altered on disk.
        """
        if _checksum(self.vectors) != self.checksum:
            raise CacheDamaged(f"the vectors of segment {self.name} do not match their checksum")


def write_segment(
    folder: Path,
    extractors: tuple[ExtractorIdentity, ...],
    facts: Sequence[Fact],
    vectors: Floats,
) -> Segment:
    """Write a new segment into ``folder`` and read it back, memory-mapped.

    ``vectors`` is (readable facts, dim) float32. Nothing refers to the segment until a manifest
    names it, so a crash in here leaves only an orphan, swept away by the next writer.

    Raises:
        OSError: the disk is full or not writable.
    """
    name = secrets.token_hex(8)
    vectors = np.ascontiguousarray(vectors, dtype="<f4")
    records = Records.of(facts)
    if len(records.owners) != len(vectors):
        raise ValueError(f"{len(records.owners)} readable files but {len(vectors)} vectors")
    safe_pickle.write_durably(folder / (name + VECTORS), _bytes_of(vectors))
    plain = records.to_plain() | {
        "extractors": [(e.name, e.model, e.dim) for e in extractors],
        "shape": vectors.shape,
        "checksum": _checksum(vectors),
    }
    safe_pickle.dump(folder / (name + FACTS), plain)
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
        plain = safe_pickle.load(folder / (name + FACTS))
    except NotACache as error:
        raise CacheDamaged(f"segment {name} is none ({error})") from error
    try:
        extractors = identities(plain["extractors"])
        records = Records.from_plain(plain)
        rows, dim = (int(length) for length in plain["shape"])
        checksum = int(plain["checksum"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CacheDamaged(f"segment {name} is malformed ({error})") from error
    if (rows, dim) != (len(records.owners), sum(extractor.dim for extractor in extractors)):
        raise CacheDamaged(f"segment {name} is malformed (its vectors do not fit its files)")
    path = folder / (name + VECTORS)
    stat = path.stat()
    if stat.st_size != rows * dim * 4:
        raise CacheDamaged(f"the vectors of segment {name} are incomplete")
    vectors: Floats
    if rows:
        vectors = np.memmap(path, dtype="<f4", mode="r", shape=(rows, dim))
    else:
        vectors = np.zeros((0, dim), dtype=np.float32)
    return Segment(name, extractors, records, vectors, checksum, folder, stat.st_mtime_ns)


def _bytes_of(array: Floats) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _checksum(vectors: Floats) -> int:
    value = 0
    flat = vectors.reshape(-1)
    for start in range(0, flat.size, _CHUNK // 4):
        value = zlib.crc32(_bytes_of(flat[start : start + _CHUNK // 4]), value)
    return value
