"""Files of vectors that other programs write: CSV, NumPy arrays, Parquet."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.errors import SettingsError
from image_search.exchange.exporting import NO_PYARROW
from image_search.exchange.spreadsheets import unescaped
from image_search.imaging.arrays import Floats
from image_search.storage.records import MOST_DIM

# Rows that are in memory at a time.
_AT_ONCE = 1024
# Characters of one line of a CSV file: 65,536 numbers of 30 digits.
_LONGEST_LINE = 1 << 21


@dataclass(frozen=True)
class VectorFile:
    """Where vectors come from. ``paths`` is a text file with a path in each line, for one array of
    all vectors; ``column`` names the column of vectors of a Parquet file."""

    file: Path
    paths: Path | None = None
    column: str | None = None

    def batches(self) -> Iterator[tuple[list[str], Floats]]:
        """Paths and their vectors (n, dim), some at a time.

        Raises:
            SettingsError: the file cannot be read, or is not of a form that is known.
        """
        try:
            yield from self._batches()
        except OSError as error:
            raise SettingsError(
                f"{error.filename or self.file} cannot be read ({error.strerror or error})."
            ) from error

    def _batches(self) -> Iterator[tuple[list[str], Floats]]:
        ending = self.file.suffix.lower()
        if self.paths is not None and ending != ".npy":
            raise SettingsError("--paths belongs to one .npy file with all vectors.")
        if self.file.is_dir():
            return _arrays_in(self.file)
        if ending == ".csv":
            return _csv_rows(self.file)
        if ending == ".parquet":
            return _parquet_rows(self.file, self.column)
        if ending == ".npy":
            if self.paths is None:
                raise SettingsError(
                    "An array has no names: give a text file with the path of an image in each "
                    "line with --paths, in the order of the rows."
                )
            return _array_rows(self.file, self.paths)
        raise SettingsError(
            f"{self.file} ends in none of .csv, .npy and .parquet, and is no folder of arrays."
        )


def _csv_rows(file: Path) -> Iterator[tuple[list[str], Floats]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        limit = csv.field_size_limit(_LONGEST_LINE)
        try:
            rows = csv.reader(text)
            first = next(rows, None)
            if first is None:
                raise SettingsError(f"{file} is empty.")
            header = len(first) > 1 and not _is_number(first[1])
            lines = enumerate(rows if header else itertools.chain([first], rows), 1 + header)
            dim = len(first) - 1
            while some := list(itertools.islice(lines, _AT_ONCE)):
                yield _csv_batch(file, [(number, row) for number, row in some if row], dim)
        except (csv.Error, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} is no table that can be read ({error}).") from error
        finally:
            csv.field_size_limit(limit)


def _csv_batch(
    file: Path, some: Sequence[tuple[int, list[str]]], dim: int
) -> tuple[list[str], Floats]:
    vectors = np.empty((len(some), dim), np.float32)
    for vector, (number, row) in zip(vectors, some, strict=True):
        if len(row) != dim + 1:
            raise SettingsError(
                f"Line {number} of {file} has {len(row) - 1} numbers, and the first has {dim}."
            )
        try:
            vector[:] = [float(cell) for cell in row[1:]]
        except ValueError as error:
            raise SettingsError(f"Line {number} of {file}: {error}.") from error
    return [unescaped(row[0]) for _, row in some], vectors


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _array_rows(file: Path, listed: Path) -> Iterator[tuple[list[str], Floats]]:
    paths = [line for line in listed.read_text("utf-8-sig").splitlines() if line]
    # Mapped: not all of it needs to fit into memory.
    array = _array(file, mapped=True)
    if array.ndim != 2:
        raise SettingsError(f"{file} must hold rows of vectors, not an array {array.shape}.")
    if len(array) != len(paths):
        raise SettingsError(
            f"{file} has {len(array):,} rows, and {listed} has {len(paths):,} paths."
        )
    for start in range(0, len(paths), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        yield paths[some], np.asarray(array[some], np.float32)


def _arrays_in(folder: Path) -> Iterator[tuple[list[str], Floats]]:
    files = sorted(folder.rglob("*.npy"))
    if not files:
        raise SettingsError(f"{folder} holds no .npy files.")
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        vectors = [_array(file).reshape(-1) for file in some]
        for file, vector in zip(some, vectors, strict=True):
            if len(vector) != len(vectors[0]):
                raise SettingsError(
                    f"{file} has {len(vector)} numbers, and others have {len(vectors[0])}."
                )
        names = [file.relative_to(folder).as_posix().removesuffix(".npy") for file in some]
        yield names, np.stack(vectors).astype(np.float32)


def _array(file: Path, *, mapped: bool = False) -> npt.NDArray[np.generic]:
    try:
        array = np.load(file, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise SettingsError(f"{file} is no NumPy array of numbers ({error}).") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise SettingsError(f"{file} is no NumPy array of numbers.")
    return array


def _parquet_rows(file: Path, column: str | None) -> Iterator[tuple[list[str], Floats]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise SettingsError(NO_PYARROW) from error
    try:
        with pq.ParquetFile(file) as table:
            schema = table.schema_arrow
            name = column or _vector_column(file, schema)
            if "path" not in schema.names or name not in schema.names:
                raise SettingsError(f"{file} needs the columns path and {name}.")
            for batch in table.iter_batches(_AT_ONCE, columns=["path", name]):
                paths, vectors = batch.column("path"), batch.column(name)
                if not paths.null_count == vectors.null_count == 0:
                    raise SettingsError(f"{file} has rows without a path or without a vector.")
                yield paths.to_pylist(), _stacked(file, vectors.to_pylist())
    except pa.ArrowException as error:
        raise SettingsError(f"{file} cannot be read ({error}).") from error


def _vector_column(file: Path, schema: Any) -> str:
    """The one column that holds lists of numbers."""
    import pyarrow.types as kinds

    found = [
        field.name
        for field in schema
        if (kinds.is_list(field.type) or kinds.is_fixed_size_list(field.type))
        and kinds.is_floating(field.type.value_type)
    ]
    if len(found) != 1:
        raise SettingsError(
            f"{file} has {len(found)} columns of vectors ({', '.join(found)}); name one with "
            "--column."
        )
    return str(found[0])


def _stacked(file: Path, rows: Sequence[Sequence[float]]) -> Floats:
    if len({len(row) for row in rows}) > 1:
        raise SettingsError(f"{file} has vectors of different lengths.")
    try:
        return np.array(rows, np.float32).reshape(len(rows), -1)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{file} has vectors that are no numbers ({error}).") from error


def check_dim(file: Path, dim: int) -> None:
    """Check that vectors of ``file`` may have ``dim`` numbers.

    Raises:
        SettingsError: they may not.
    """
    if not 1 <= dim <= MOST_DIM:
        raise SettingsError(
            f"The vectors of {file} have {dim:,} numbers; they must have 1 to {MOST_DIM:,}."
        )
