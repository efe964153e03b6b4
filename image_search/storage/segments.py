"""One segment: an immutable pickle of records, and a column of vectors for each extractor beside
it."""

from __future__ import annotations

import contextlib
import errno
import itertools
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged, NotACache
from image_search.imaging.version import DECODING
from image_search.storage import safe_pickle
from image_search.storage.columns import (
    DESCRIPTION,
    Blocks,
    Column,
    JoinedColumns,
    column_path,
    described,
    key_of,
    write_column,
)
from image_search.storage.records import ExtractorIdentity, FileRecord, Records, identities

RECORDS = ".facts.pkl"
# How names of files end that hold what can be derived from a segment again.
CODES = ".codes"


@dataclass(frozen=True, eq=False)
class Segment:
    """Records of some files and, in a column for each extractor, the vectors of their regions.

    Every column has a row for each of ``records.owners``. ``extractors`` are those whose vectors a
    search compares, ``born`` those of the columns that were written with the segment, with their
    checksums; ``decoding`` is the lowest version of the readers that made out one of the pictures.
    """

    name: str
    extractors: tuple[ExtractorIdentity, ...]
    records: Records
    born: Mapping[ExtractorIdentity, int]
    folder: Path
    decoding: int = DECODING

    @property
    def rows(self) -> int:
        """Rows of each column."""
        return len(self.records.owners)

    def column(self, extractor: ExtractorIdentity) -> Column | None:
        """Return the column by ``extractor``; ``None`` where it is missing, damaged in length, or
        not complete yet."""
        if extractor not in self._opened:
            with contextlib.suppress(CacheDamaged, FileNotFoundError):
                self._opened[extractor] = self._open(extractor)
        return self._opened.get(extractor)

    def columns(self, extractors: Iterable[ExtractorIdentity]) -> list[Column]:
        """Return the columns by ``extractors``, in this order.

        Raises:
            FileNotFoundError: one of them is not there.
            CacheDamaged: one of them is incomplete.
        """
        return [
            self._opened.get(one) or self._opened.setdefault(one, self._open(one))
            for one in extractors
        ]

    def has(self, extractors: Iterable[ExtractorIdentity]) -> bool:
        """Whether there is a complete column by each of ``extractors``."""
        return all(self.column(one) is not None for one in extractors)

    def written(self, extractor: ExtractorIdentity) -> int:
        """Return how many rows the column by ``extractor`` has so far."""
        known = described(self._description(extractor))
        if known is None or known.extractor != extractor:
            return self.rows if self.has([extractor]) else 0
        return min(known.written, self.rows)

    def drop(self, extractor: ExtractorIdentity) -> None:
        """Remove the column by ``extractor``."""
        self._opened.pop(extractor, None)
        self._description(extractor).unlink(missing_ok=True)
        column_path(self.folder, self.name, extractor).unlink(missing_ok=True)

    def searched_by(self, extractors: tuple[ExtractorIdentity, ...]) -> Segment:
        """Return this segment for searches by other ``extractors``."""
        return self if extractors == self.extractors else replace(self, extractors=extractors)

    def _description(self, extractor: ExtractorIdentity) -> Path:
        return self.folder / f"{self.name}.{key_of(extractor)}{DESCRIPTION}"

    def _open(self, extractor: ExtractorIdentity) -> Column:
        checksum = self.born.get(extractor)
        path = self._description(extractor)
        # A column of those the segment was written with may have been computed again.
        if checksum is None or path.exists():
            known = described(path)
            if known is None:
                raise FileNotFoundError(errno.ENOENT, "No such column", path.name)
            if known.written != self.rows or known.extractor != extractor:
                raise CacheDamaged(f"the column {extractor.name} of {self.name} is incomplete")
            checksum = known.checksum
        return Column(self.folder, self.name, extractor, self.rows, checksum)

    @cached_property
    def _opened(self) -> dict[ExtractorIdentity, Column]:
        return {}

    @cached_property
    def vectors(self) -> JoinedColumns:
        """The vectors (rows, dim) that a search compares."""
        return self.joined(self.extractors)

    def joined(self, extractors: Iterable[ExtractorIdentity]) -> JoinedColumns:
        """Return the columns by ``extractors`` side by side.

        Raises:
            FileNotFoundError: one of them is not there.
            CacheDamaged: one of them is incomplete.
        """
        return JoinedColumns(self.columns(extractors), self.rows)

    @property
    def checksums(self) -> tuple[tuple[str, int, int], ...]:
        """Name, checksum and time of the last change of each column that a search compares."""
        columns = self.columns(self.extractors)
        return tuple((one.extractor.name, one.checksum, one.modified) for one in columns)

    @cached_property
    def vector_of(self) -> npt.NDArray[np.int32]:
        """(records,) int32: the row of each record's first region, -1 where it has none."""
        rows = np.full(len(self.records), -1, dtype=np.int32)
        # The last assignment counts, hence from the last row to the first.
        rows[self.records.owners[::-1]] = np.arange(self.rows - 1, -1, -1, dtype=np.int32)
        return rows

    def rows_of(self, records: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        """Return the rows of all regions of these ``records`` (n,)."""
        owners = self.records.owners
        # Of the same type: numpy would convert all owners otherwise.
        firsts = np.searchsorted(owners, records.astype(owners.dtype))
        lasts = np.searchsorted(owners, records.astype(owners.dtype), "right")
        counts = lasts - firsts
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.asarray(np.repeat(firsts, counts) + within, np.int64)

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

    def verify(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Compare the columns that a search uses with their checksums; whether that was not
        ``cancelled``.

        Raises:
            CacheDamaged: a column was altered on disk.
        """
        return all(column.verify(cancelled) for column in self.columns(self.extractors))


def write_segment(
    folder: Path,
    extractors: tuple[ExtractorIdentity, ...],
    records: Sequence[FileRecord],
    blocks: Blocks,
    decoding: int = DECODING,
) -> Segment:
    """Write a new segment with a column for each of ``extractors`` into ``folder`` and open it.

    ``blocks`` hold a row for each region of the readable records. Nothing refers to the segment
    until a manifest names it, so a crash in here leaves only an orphan, swept away by the next
    writer.

    Raises:
        OSError: the disk is full or not writable.
    """
    name = secrets.token_hex(8)
    columns = Records.of(records)
    born = []
    for extractor in extractors:
        block = blocks[extractor.name]
        if len(columns.owners) != len(block.norms):
            raise ValueError(f"{len(columns.owners)} regions but {len(block.norms)} vectors")
        checksum = write_column(folder, name, extractor, block)
        born.append((extractor.name, extractor.model, extractor.dim, checksum))
    plain = columns.to_plain() | {"columns": born, "decoding": decoding}
    safe_pickle.dump(folder / (name + RECORDS), plain)
    return read_segment(folder, name, extractors)


def read_segment(
    folder: Path, name: str, extractors: tuple[ExtractorIdentity, ...] = ()
) -> Segment:
    """Open the segment ``name`` in ``folder``, to be searched by ``extractors``; its vectors stay
    on disk until they are touched.

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
        held = identities([row[:3] for row in plain["columns"]])
        checksums = [int(row[3]) for row in plain["columns"]]
        records = Records.from_plain(plain)
        decoding = int(plain.get("decoding", 1))
    except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CacheDamaged(f"segment {name} is malformed ({error})") from error
    born = dict(zip(held, checksums, strict=True))
    return Segment(name, extractors, records, born, folder, decoding)
