"""Vectors that another program made, kept beside the segments, one column for each name.

A row belongs to the content of an image (its SHA-256), so it stays with a file that is moved or
indexed again. A column is two files: rows as in any other column, and a small pickle that names
them, which is replaced last.
"""

from __future__ import annotations

import os
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged, CacheError, InvalidQuery
from image_search.imaging.arrays import Floats
from image_search.storage import safe_pickle
from image_search.storage.columns import Block, StoredRows, row_type
from image_search.storage.records import DIGEST, MOST_DIM, Records
from image_search.storage.snapshot import companion

FORMAT = "image_search imported vectors"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_DESCRIPTION, _ROWS = ".imported.pkl", ".imported"
# Segments whose rows are remembered; an index has a few dozen.
_SEGMENTS = 256
# Bytes of rows that are verified at a time.
_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class ImportedColumn:
    """Vectors (n, dim) by the ``name`` they were imported under, from the file ``source``.

    ``digests`` (n, 32) are the contents they belong to. ``mean`` (dim,) and ``std`` are what was
    fitted to them (see ``fusion.Calibration``); the mean is 0 where they are too few. ``path`` is
    the file of the ``vectors``.
    """

    name: str
    dim: int
    source: str
    digests: npt.NDArray[np.uint8]
    mean: Floats
    std: float
    vectors: StoredRows
    checksum: int
    path: Path

    def __len__(self) -> int:
        return len(self.digests)

    def block(self, key: Any) -> Block:
        """The rows of a slice or of numbers (n,).

        Raises:
            CacheDamaged: the file was changed since it was opened.
        """
        rows = self.vectors[key]
        return Block(rows["unit"], np.asarray(rows["norm"], np.float32))

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {digest.tobytes(): row for row, digest in enumerate(self.digests)}

    def row_of(self, digest: bytes) -> int | None:
        """The row of an image's content; ``None`` where it has none."""
        return self._places.get(digest)

    def rows_of(self, segment: str, records: Records) -> npt.NDArray[np.int64]:
        """(records,): the row of each of the ``records`` of a ``segment``, -1 where it has none."""
        found = self._by_segment.get(segment)
        if found is None:
            places = self._places
            found = np.array([places.get(digest, -1) for digest in records.digests], np.int64)
            if len(self._by_segment) >= _SEGMENTS:  # of segments that were merged since
                self._by_segment.clear()
            self._by_segment[segment] = found
        return found

    @cached_property
    def _by_segment(self) -> dict[str, npt.NDArray[np.int64]]:
        return {}

    def verify(self) -> None:
        """Compare the rows with the checksum that was written beside them.

        Raises:
            CacheDamaged: they were altered on disk.
        """
        step, value = max(1, _CHUNK // self.vectors.itemsize), 0
        for start in range(0, len(self), step):
            value = zlib.crc32(self.vectors[start : start + step].tobytes(), value)
        if value != self.checksum:
            raise CacheDamaged(_damaged(self.name, "they do not match their checksum"))


def imported_folder(cache: Path) -> Path:
    """Where the imported columns of this cache lie."""
    return companion(cache) / "imported"


def check_name(name: str) -> None:
    """Check that a column may be imported as ``name``.

    Raises:
        InvalidQuery: it may not.
    """
    if not NAME.fullmatch(name):
        raise InvalidQuery(
            f"{name[:40]!r} cannot be the name of imported vectors; use up to 40 small letters, "
            "digits, - and _."
        )


class ColumnFile:
    """Rows on their way into a new imported column; nothing is in its place before ``finish``."""

    def __init__(self, folder: Path, name: str, dim: int) -> None:
        """Begin a column of rows of ``dim`` numbers.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name, self.dim = folder, name, dim
        self._token = secrets.token_hex(8)
        self.path = folder / f"{name}.{self._token}{_ROWS}"
        self._file = self.path.open("xb")
        self._checksum = 0
        self.digests: list[bytes] = []

    def append(self, digests: Sequence[bytes], block: Block) -> None:
        """Write the next rows, which belong to these contents."""
        rows = np.empty(len(digests), row_type(self.dim))
        rows["unit"], rows["norm"] = block.units, block.norms
        data = rows.tobytes()
        self._file.write(data)
        self._checksum = zlib.crc32(data, self._checksum)
        self.digests.extend(digests)

    def rows(self) -> StoredRows:
        """What was written so far."""
        self._file.flush()
        return StoredRows(self.path, len(self.digests), row_type(self.dim))

    def finish(self, source: str, mean: Floats, std: float) -> None:
        """Put the column into its place; one of the same name is replaced."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        plain = {
            "format": FORMAT,
            "name": self._name,
            "dim": self.dim,
            "source": source,
            "rows": self._token,
            "digests": b"".join(self.digests),
            "mean": mean.astype("<f4").tobytes(),
            "std": float(std),
            "checksum": self._checksum,
        }
        safe_pickle.dump(self._folder / f"{self._name}{_DESCRIPTION}", plain)
        for other in self._folder.glob(f"{self._name}.*{_ROWS}"):
            if other != self.path:
                other.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove what was written."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def imported_names(cache: Path) -> tuple[str, ...]:
    """The names of the imported columns of ``cache``, in alphabetical order."""
    found = imported_folder(cache).glob(f"*{_DESCRIPTION}")
    return tuple(sorted(path.name.removesuffix(_DESCRIPTION) for path in found))


def open_imported(cache: Path, name: str) -> ImportedColumn | None:
    """The column imported as ``name``; ``None`` where there is none.

    Raises:
        CacheDamaged: it is damaged.
        CacheError: it cannot be read.
    """
    if not NAME.fullmatch(name):
        return None
    folder = imported_folder(cache)
    try:
        plain = safe_pickle.load(folder / f"{name}{_DESCRIPTION}")
    except FileNotFoundError:
        return None
    try:
        if plain.get("format") != FORMAT or plain["name"] != name:
            raise ValueError("it is another file")
        dim, token = int(plain["dim"]), str(plain["rows"])
        digests = np.frombuffer(plain["digests"], np.uint8).reshape(-1, DIGEST)
        mean = np.frombuffer(plain["mean"], "<f4").astype(np.float32)
        std, checksum = float(plain["std"]), int(plain["checksum"])
        if not (1 <= dim <= MOST_DIM and mean.shape == (dim,) and token.isalnum() and std > 0):
            raise ValueError("its numbers do not fit")
        path = folder / f"{name}.{token}{_ROWS}"
        vectors = StoredRows(path, len(digests), row_type(dim))
        column = ImportedColumn(
            name, dim, str(plain["source"]), digests, mean, std, vectors, checksum, path
        )
        # Each search reads all rows anyway.
        column.verify()
        return column
    except FileNotFoundError as error:
        raise CacheDamaged(_damaged(name, "its rows are missing")) from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CacheDamaged(_damaged(name, str(error))) from error
    except OSError as error:
        raise CacheError(
            f"The vectors imported as {name} cannot be read ({error.strerror or error})."
        ) from error


def imported_files(cache: Path) -> list[tuple[Path, int | None]]:
    """The files of all imported columns, each with its checksum if it has one beside it; what
    names others comes after these.

    Raises:
        CacheDamaged, CacheError: as ``open_imported`` does.
    """
    folder, found = imported_folder(cache), list[tuple[Path, int | None]]()
    for name in imported_names(cache):
        column = open_imported(cache, name)
        if column is not None:
            found += [(column.path, column.checksum), (folder / f"{name}{_DESCRIPTION}", None)]
    return found


def imported_paths(cache: Path, name: str) -> tuple[Path, ...]:
    """All files of the column imported as ``name``, whole or not."""
    folder = imported_folder(cache)
    return (folder / f"{name}{_DESCRIPTION}", *sorted(folder.glob(f"{name}.*{_ROWS}")))


def remove_imported(cache: Path, name: str) -> bool:
    """Remove the column imported as ``name``; whether there was one.

    Raises:
        OSError: it cannot be removed.
    """
    if not NAME.fullmatch(name):
        return False
    description, *rows = imported_paths(cache, name)
    if not description.exists():
        return False
    description.unlink()
    for path in rows:
        path.unlink(missing_ok=True)
    return True


def _damaged(name: str, why: str) -> str:
    return f"the vectors imported as {name} are damaged ({why}); import them again"


class ImportedColumns:
    """The imported columns of a cache as they are on disk now; each is opened once."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._opened: dict[str, tuple[tuple[int, int], ImportedColumn]] = {}

    def names(self) -> tuple[str, ...]:
        """Their names, in alphabetical order."""
        return imported_names(self._cache)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def get(self, name: str) -> ImportedColumn | None:
        """The column of this name; ``None`` where there is none.

        Raises:
            CacheDamaged, CacheError: as ``open_imported`` does.
        """
        if not NAME.fullmatch(name):
            return None
        try:
            status = (imported_folder(self._cache) / f"{name}{_DESCRIPTION}").stat()
        except OSError:
            return None
        stamp = status.st_mtime_ns, status.st_size
        known = self._opened.get(name)
        if known is None or known[0] != stamp:
            opened = open_imported(self._cache, name)
            if opened is None:
                return None
            known = self._opened[name] = stamp, opened
        return known[1]

    def among(self, names: Iterable[str]) -> dict[str, ImportedColumn]:
        """Those of these ``names`` that there are."""
        return {name: found for name in names if (found := self.get(name)) is not None}
