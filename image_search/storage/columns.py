"""One column: the embeddings by one extractor of all rows of a segment, in a file of its own.

A row holds a unit vector in half precision, and the length of the extractor's raw feature, so that
distances between raw features are exact to that precision too. A column that is complete never
changes. One that is added to a segment later is appended to and describes itself in a small pickle
beside it, so that an interruption costs the last few seconds of its work.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged, CacheError
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.storage import safe_pickle
from image_search.storage.records import ExtractorIdentity, identities
from image_search.storage.unmapped import OpenFile, Piece

COLUMN, DESCRIPTION = ".column", ".column.pkl"
# Numbers that are widened to single precision, scaled and centred at a time.
_AT_ONCE = 1 << 17
# Of 32 bits those of a half, shifted: the sign, which was extended, and the 15 bits that follow it.
_SIGN_AND_VALUE = np.array(0x8FFFE000, np.uint32).view(np.int32)
_BIAS = np.float32(2.0**112)
# Bytes read at a time while a checksum is computed.
_CHUNK = 1 << 24
# Rows of files up to this size stay in memory once they were read: 3,000 to 8,000 images, by each
# extractor. To read single rows of a file takes several times as long.
HELD = 1 << 23


class Block(NamedTuple):
    """Embeddings by one extractor: ``units`` (n, dim) of length 1, in half or single precision, or
    whole numbers (see ``ExtractorIdentity.number``), and the lengths (n,) of the raw features, 0
    where they are unknown."""

    units: npt.NDArray[np.floating] | npt.NDArray[np.int8]
    norms: Floats

    @staticmethod
    def joined(blocks: Sequence[Block], dim: int) -> Block:
        """Return the rows of all ``blocks``, one after the other."""
        units = [block.units for block in blocks] or [np.zeros((0, dim), np.float16)]
        norms = [np.zeros(0, np.float32), *(block.norms for block in blocks)]
        return Block(np.concatenate(units), np.concatenate(norms))


Blocks = Mapping[str, Block]
"""Embeddings of the same rows, by the name of the extractor."""


def split_vectors(extractors: Sequence[ExtractorIdentity], vectors: Floats) -> Blocks:
    """Return the parts of joined vectors (n, sum of dims) of length 1, to which each extractor
    contributes equally; the lengths of the raw features are unknown."""
    ends = np.cumsum([one.dim for one in extractors]).tolist()
    scale = np.float32(np.sqrt(len(extractors)))
    return {
        one.name: Block(
            (vectors[:, end - one.dim : end] * scale).astype(np.float16),
            np.zeros(len(vectors), np.float32),
        )
        for one, end in zip(extractors, ends, strict=True)
    }


def row_type(dim: int, number: str = "<f2") -> np.dtype[Any]:
    """Return what a row of a column is on disk."""
    return np.dtype([("unit", number, (dim,)), ("norm", "<f4")])


def row_of(extractor: ExtractorIdentity) -> np.dtype[Any]:
    """Return what a row of a column by ``extractor`` is on disk."""
    return row_type(extractor.dim, extractor.number)


def key_of(extractor: ExtractorIdentity) -> str:
    """Return what the file of a column by ``extractor`` is called after the name of its segment."""
    text = f"{extractor.name}\0{extractor.model}\0{extractor.dim}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def column_path(folder: Path, segment: str, extractor: ExtractorIdentity) -> Path:
    """Return where the column by ``extractor`` of a ``segment`` lies."""
    return folder / f"{segment}.{key_of(extractor)}{COLUMN}"


class Runs:
    """Rows by their ``numbers`` (n,), as runs of rows that follow each other; for several files."""

    def __init__(self, numbers: npt.NDArray[np.int64]) -> None:
        self.numbers = numbers
        begins = np.flatnonzero(np.diff(numbers) != 1) + 1
        firsts = np.concatenate([np.zeros(min(1, len(numbers)), np.int64), begins])
        lasts = np.append(begins, len(numbers))[: len(firsts)]
        self._places = np.stack([firsts, lasts, numbers[firsts]])

    def pieces(self, size: int) -> Iterable[Piece]:
        """Return where each run begins and ends among the numbers, and where it begins in a file,
        in bytes, of rows of so many bytes."""
        return zip(*(size * self._places).tolist(), strict=True)


class StoredRows:
    """Rows of one type in a file: asked for by their numbers, as of an array."""

    def __init__(self, path: Path, rows: int, dtype: npt.DTypeLike) -> None:
        """Open ``path``, which holds so many ``rows`` of ``dtype``.

        Raises:
            FileNotFoundError: it is not there.
            CacheDamaged: it is not of this size.
        """
        self._file = OpenFile(path)
        self._dtype, self._count = np.dtype(dtype), rows
        if self._file.size != self.nbytes:
            raise CacheDamaged(f"the file {path.name} is incomplete")

    @property
    def modified(self) -> int:
        """When the file was last changed, in nanoseconds since 1970."""
        return self._file.modified

    @property
    def itemsize(self) -> int:
        """Bytes of one row."""
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self._count * self.itemsize

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """Return one row, or the rows (n,) of a slice, a mask, of numbers (n,) or of ``Runs``.

        Raises:
            CacheDamaged: the file was changed since it was opened.
        """
        rows = key.numbers if isinstance(key, Runs) else np.arange(self._count)[key]
        # As bytes, which numpy copies faster than rows with fields.
        if self.nbytes <= HELD:
            found = np.ascontiguousarray(self._held[rows])
        else:
            runs = key if isinstance(key, Runs) else Runs(np.atleast_1d(rows))
            found = np.empty((len(runs.numbers), self.itemsize), np.uint8)
            # Rows that follow each other are read at once.
            self._file.read_into(found, runs.pieces(self.itemsize))
            found = found if np.ndim(rows) else found[0]
        return found.view(self._dtype)[..., 0]

    @cached_property
    def _held(self) -> npt.NDArray[np.uint8]:
        """The bytes (rows, itemsize) of a file that is small."""
        whole = np.empty((self._count, self.itemsize), np.uint8)
        self._file.read_into(whole, [(0, whole.nbytes, 0)])
        return whole

    def prefetch(self, runs: Runs) -> None:
        """Have these rows read ahead, unless a sample of them is in memory."""
        if self.nbytes > HELD:
            self._file.prefetch_missing(list(runs.pieces(self.itemsize)))


class Column:
    """A complete column, read from its file when rows are asked for."""

    def __init__(
        self, folder: Path, segment: str, extractor: ExtractorIdentity, rows: int, checksum: int
    ) -> None:
        """Open the column by ``extractor`` of a ``segment`` with so many ``rows``.

        Raises:
            FileNotFoundError: it is not there.
            CacheDamaged: it is of another length.
        """
        self.extractor, self.checksum, self.segment = extractor, checksum, segment
        path = column_path(folder, segment, extractor)
        self._rows = StoredRows(path, rows, row_of(extractor))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the file."""
        return self._rows.nbytes

    @property
    def modified(self) -> int:
        """When the file was last changed, in nanoseconds since 1970."""
        return self._rows.modified

    def units(
        self, key: Any, *, exact: bool = True, through: Callable[[Floats], object] | None = None
    ) -> Floats:
        """Return the unit vectors in these rows: one (dim,), or those of a slice, a mask, of
        numbers (n,) or of ``Runs``, (n, dim) float32; of length 1 after the rounding to half
        precision too, unless they need not be ``exact``. They go ``through`` what changes some of
        them (m, dim) in place.

        Raises:
            CacheDamaged: the file was changed since it was opened.
        """
        halves = self._rows[key]["unit"]
        rows = halves.reshape(-1, halves.shape[-1])
        found = np.empty(rows.shape, np.float32)
        # A few rows at a time, which stay in the processor's cache.
        at_once = max(1, _AT_ONCE // rows.shape[-1])
        for start in range(0, len(rows), at_once):
            some = found[start : start + at_once]
            widen(rows[start : start + at_once], some)
            if exact:
                unit_rows(some, in_place=True)
            if through is not None:
                through(some)
        return found.reshape(halves.shape)

    def block(self, key: Any) -> Block:
        """Return the rows of a slice, a mask or of numbers (n,), in half precision.

        Raises:
            CacheDamaged: the file was changed since it was opened.
        """
        rows = self._rows[key]
        return Block(rows["unit"], np.asarray(rows["norm"], np.float32))

    def prefetch(self, runs: Runs) -> None:
        """Have these rows read, all at once, where they are not in memory."""
        self._rows.prefetch(runs)

    def verify(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Compare the rows with the checksum written beside them; whether that was not
        ``cancelled``.

        Raises:
            CacheDamaged: the rows were altered on disk.
        """
        step, value = max(1, _CHUNK // self._rows.itemsize), 0
        for start in range(0, len(self), step):
            if cancelled():
                return False
            value = zlib.crc32(_bytes_of(self._rows[start : start + step]), value)
        if value != self.checksum:
            raise CacheDamaged(
                f"the {self.extractor.name} vectors of segment {self.segment} do not match their "
                "checksum"
            )
        return True


def widen(halves: npt.NDArray[np.float16], out: Floats) -> None:
    """Write finite ``halves`` into ``out``, float32 of the same shape.

    The same as an assignment, in a third of the time: numpy converts number by number. Exponent and
    fraction are shifted to their places in 32 bits, and the product corrects the exponent's bias
    (from 15 to 127), for the smallest numbers too.
    """
    bits = out.view(np.int32)
    bits[...] = halves.view(np.int16)
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, _SIGN_AND_VALUE, out=bits)
    np.multiply(out, _BIAS, out=out)


class JoinedColumns:
    """Several columns of one segment side by side, asked for by rows, as an array is.

    Rows are the concatenation of the unit vectors, each divided by the square root of how many
    there are, so that they are of length 1 again.
    """

    def __init__(self, columns: Sequence[Column], rows: int) -> None:
        """Join ``columns`` of so many ``rows``."""
        self._columns = tuple(columns)
        self.shape = rows, sum(column.extractor.dim for column in columns)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all rows in memory, as float32."""
        return 4 * self.shape[0] * self.shape[1]

    @cached_property
    def _scale(self) -> np.float32:
        return np.float32(1 / np.sqrt(max(1, len(self._columns))))

    def __getitem__(self, key: Any) -> Floats:
        """Return one row (dim,), or those of a slice, a mask or of numbers (n,), (n, dim) float32.

        Raises:
            CacheDamaged: a file was changed since it was opened.
        """
        parts = [column.units(key) for column in self._columns]
        if not parts:
            count = np.arange(self.shape[0])[key].shape
            return np.zeros((*count, 0), np.float32)
        joined: Floats = np.concatenate(parts, axis=-1)
        joined *= self._scale
        return joined


def write_column(folder: Path, segment: str, extractor: ExtractorIdentity, block: Block) -> int:
    """Write a complete column and return its checksum.

    Raises:
        OSError: the disk is full or not writable.
    """
    data = _bytes_of(_packed(block, extractor))
    safe_pickle.write_durably(column_path(folder, segment, extractor), data)
    return zlib.crc32(data)


@dataclass(frozen=True)
class Description:
    """What a column that was added later says of itself: the ``written`` rows of its segment, from
    the first one on, and their ``checksum``."""

    extractor: ExtractorIdentity
    written: int
    checksum: int


def described(path: Path) -> Description | None:
    """Return the description in ``path``; ``None`` where it is missing or damaged."""
    try:
        plain = safe_pickle.load(path)
        (extractor,) = identities([plain["extractor"]])
        return Description(extractor, int(plain["written"]), int(plain["checksum"]))
    except (CacheError, OSError, KeyError, TypeError, ValueError):
        return None


class GrowingColumn:
    """A column that is being added to a segment; each ``append`` is safe once it returns."""

    def __init__(self, folder: Path, segment: str, extractor: ExtractorIdentity) -> None:
        """Go on with the column where the last one who wrote it stopped.

        Raises:
            OSError: it cannot be written.
        """
        self._path = column_path(folder, segment, extractor)
        self._description = self._path.with_name(self._path.name.removesuffix(COLUMN) + DESCRIPTION)
        self.extractor, self._stride = extractor, row_of(extractor).itemsize
        known = described(self._description)
        size = self._path.stat().st_size if self._path.exists() else 0
        if known is None or known.extractor != extractor or size < known.written * self._stride:
            known = Description(extractor, 0, 0)
        self.written, self._checksum = known.written, known.checksum

    def append(self, block: Block) -> None:
        """Write the next rows.

        Raises:
            OSError: the disk is full or not writable; the rows before are kept.
        """
        data = _bytes_of(_packed(block, self.extractor))
        with self._path.open("r+b" if self._path.exists() else "x+b") as file:
            # What an interrupted call wrote after the last row that counts.
            file.truncate(self.written * self._stride)
            file.seek(0, os.SEEK_END)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        written = self.written + len(block.norms)
        checksum = zlib.crc32(data, self._checksum)
        extractor = self.extractor
        plain = {
            "extractor": (extractor.name, extractor.model, extractor.dim),
            "written": written,
            "checksum": checksum,
        }
        safe_pickle.dump(self._description, plain)
        self.written, self._checksum = written, checksum


def _packed(block: Block, extractor: ExtractorIdentity) -> npt.NDArray[Any]:
    dim = extractor.dim
    if block.units.shape != (len(block.norms), dim):
        raise ValueError(f"vectors {block.units.shape} do not fit {len(block.norms)} x {dim}")
    rows = np.empty(len(block.norms), row_of(extractor))
    rows["unit"], rows["norm"] = block.units, block.norms
    return rows


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
