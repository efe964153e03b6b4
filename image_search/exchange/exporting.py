"""What one extractor saw of every image, for other programs: as a table, as NumPy arrays, as
Parquet.

Files are written aside and renamed, so that no reader finds half of one; what lies there already
and is not an earlier export of ours is left alone unless overwriting is allowed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from image_search.errors import ImageSearchError, InvalidQuery, SettingsError
from image_search.exchange.spreadsheets import escaped
from image_search.extractors import REGISTRY
from image_search.extractors.base import Labeller, unit_rows
from image_search.imaging.arrays import Floats
from image_search.indexing.reports import Progress
from image_search.search.searching import SURE
from image_search.storage import ExtractorIdentity, Snapshot
from image_search.storage.columns import Column
from image_search.storage.records import Records

CSV, NPY, PARQUET = "csv", "npy", "parquet"
FORMATS = (CSV, NPY, PARQUET)
#: In a folder of arrays, the list of those that an export wrote.
LIST = "image-search-export.json"
# Images whose features are in memory at a time.
_AT_ONCE = 512


@dataclass(frozen=True)
class Exported:
    """What was written: so many ``images`` into ``path``. ``unit`` is whether features were scaled
    to length 1, and ``warnings`` say why where that was not asked for."""

    path: str
    format: str
    extractor: str
    model: str
    dim: int
    images: int
    unit: bool
    cancelled: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Image:
    """An image of the snapshot: where its record and its first vector are."""

    path: str
    segment: int
    owner: int
    row: int


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some images with their ``features`` (n, dim), and the ``labels`` of each."""

    images: Sequence[_Image]
    features: Floats
    labels: Sequence[Sequence[str]]


def export(
    snapshot: Snapshot,
    extractor: str,
    kind: str,
    out: Path,
    *,
    unit: bool = False,
    force: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Exported:
    """Write what ``extractor`` saw of every image of ``snapshot``, in the order of their paths.

    A document or an animation is exported as its representative page.

    Args:
        snapshot: the index.
        extractor: by its name; its vectors must be in the index.
        kind: one of ``FORMATS``.
        out: the file, or for ``npy`` the folder.
        unit: whether features are scaled to length 1, rather than of the length that the network
            gave them.
        force: whether files that are none of ours may be overwritten.
        on_progress: is called now and then.
        cancelled: is asked now and then; where it returns true, a file is not written at all.

    Raises:
        InvalidQuery: the index has no vectors by the extractor, or no such format is known.
        SettingsError: there is something else at ``out``, or it cannot be written.
        CacheDamaged: a file of the index was changed.
    """
    if kind not in FORMATS:
        raise InvalidQuery(f"The format must be one of {', '.join(FORMATS)}, not {kind[:40]!r}.")
    found = {one.name: one for one in snapshot.extractors}
    if extractor not in found:
        raise InvalidQuery(
            f"The index has no vectors by {extractor[:40]!r}; it has those by "
            f"{', '.join(found) or 'no extractor, because nothing is indexed'}."
        )
    source = _Source(snapshot, found[extractor], unit, labelled=kind == PARQUET)
    written = _Progress(len(source.images), on_progress, cancelled)
    try:
        with _plain_words(out):
            writers = {CSV: _write_csv, NPY: _write_arrays, PARQUET: _write_parquet}
            writers[kind](source, out, written, force=force)
    except _Stopped:
        written.stopped = True
    return Exported(
        str(out),
        kind,
        extractor,
        found[extractor].model,
        found[extractor].dim,
        written.done if kind == NPY or not written.stopped else 0,
        source.unit,
        written.stopped,
        source.warnings,
    )


class _Stopped(Exception):
    """The export was cancelled."""


class _Progress:
    """Counts images, reports, and stops where that is asked for."""

    def __init__(
        self, total: int, report: Callable[[Progress], None], cancelled: Callable[[], bool]
    ) -> None:
        self.done, self.stopped = 0, False
        self._total, self._report, self._cancelled = total, report, cancelled

    def add(self, count: int) -> None:
        self.done += count
        self._report(Progress("exporting", done=self.done, total=self._total))
        if self._cancelled() and self.done < self._total:
            raise _Stopped


class _Source:
    """The images of a snapshot and what one extractor saw of them."""

    def __init__(
        self, snapshot: Snapshot, extractor: ExtractorIdentity, unit: bool, *, labelled: bool
    ) -> None:
        self.extractor, self.unit = extractor, unit
        self.warnings: tuple[str, ...] = ()
        self._snapshot = snapshot
        self._columns = [one.columns([extractor])[0] for one in snapshot.segments]
        self.images = sorted(_images(snapshot), key=lambda image: image.path)
        self._labeller, self._seen = _labeller(snapshot) if labelled else (None, [])
        if not unit and not self._lengths_known():
            self.unit = True
            self.warnings = (UNKNOWN_LENGTHS.format(name=extractor.name),)

    def records(self, image: _Image) -> Records:
        """The records that hold an image."""
        return self._snapshot.segments[image.segment].records

    def batches(self) -> Iterator[_Batch]:
        """Some images at a time, with their features."""
        for start in range(0, len(self.images), _AT_ONCE):
            some = self.images[start : start + _AT_ONCE]
            units, norms = self._stored(some, self._columns, self.extractor.dim)
            features = units if self.unit else units * norms[:, None]
            yield _Batch(some, features, self._labels(some))

    def _labels(self, some: Sequence[_Image]) -> list[list[str]]:
        if self._labeller is None:
            return [[] for _ in some]
        labeller, dim = self._labeller
        found = labeller.labels(*self._stored(some, self._seen, dim))
        return [[name for name, sure in one.items() if sure >= SURE] for one in found]

    def _stored(
        self, some: Sequence[_Image], columns: Sequence[Column], dim: int
    ) -> tuple[Floats, Floats]:
        """Unit vectors (n, dim), and the lengths (n,) of the raw features."""
        units = np.empty((len(some), dim), np.float32)
        norms = np.empty(len(some), np.float32)
        for number in {image.segment for image in some}:
            at = np.array([i for i, image in enumerate(some) if image.segment == number])
            rows = np.array([some[i].row for i in at.tolist()])
            # Rows are read in their order.
            order = np.argsort(rows)
            block = columns[number].block(rows[order])
            units[at[order]], norms[at[order]] = block.units, block.norms
        return unit_rows(units, in_place=True), norms

    def _lengths_known(self) -> bool:
        step = max(1, (1 << 24) // (2 * self.extractor.dim))
        for column in self._columns:
            for start in range(0, len(column), step):
                if (column.block(slice(start, start + step)).norms <= 0).any():
                    return False
        return True


def _images(snapshot: Snapshot) -> Iterator[_Image]:
    for number, (segment, live) in enumerate(zip(snapshot.segments, snapshot.live, strict=True)):
        for owner in np.flatnonzero(live & (segment.vector_of >= 0)).tolist():
            row = int(segment.vector_of[owner])
            yield _Image(segment.records.paths[owner], number, owner, row)


def _labeller(snapshot: Snapshot) -> tuple[tuple[Labeller, int] | None, list[Column]]:
    """What names the things that images show, with the length of its vectors, and its columns;
    ``None`` where the index has none, or it cannot be loaded here."""
    for identity in snapshot.extractors:
        row = REGISTRY.get(identity.name)
        if row is not None and row.classifies and row.model == identity.model:
            with contextlib.suppress(ImageSearchError):
                extractor = row.load()
                if isinstance(extractor, Labeller):
                    columns = [one.columns([identity])[0] for one in snapshot.segments]
                    return (extractor, identity.dim), columns
    return None, []


@contextlib.contextmanager
def _plain_words(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{out} cannot be written ({error.strerror or error}).") from error


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; at the end it takes that place, unless writing failed."""
    aside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.tmp")
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _check_free(out: Path, force: bool) -> None:
    """Check that the file ``out`` may be written."""
    if out.is_dir():
        raise SettingsError(f"{out} is a folder; name a file with --out.")
    if not out.absolute().parent.is_dir():
        raise SettingsError(f"The folder {out.absolute().parent} does not exist; create it.")
    if (out.exists() or out.is_symlink()) and not force:
        raise SettingsError(f"{out} exists already; name another file, or overwrite with --force.")


def _write_csv(source: _Source, out: Path, written: _Progress, *, force: bool) -> None:
    _check_free(out, force)
    row = ",%.7g" * source.extractor.dim + "\n"
    # The writer would end each row by itself.
    cell = io.StringIO()
    table = csv.writer(cell, lineterminator="")
    with replaced(out) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        file.write("path" + "".join(f",f{n}" for n in range(source.extractor.dim)) + "\n")
        for batch in source.batches():
            for image, feature in zip(batch.images, batch.features.tolist(), strict=True):
                cell.seek(0)
                cell.truncate()
                table.writerow([escaped(shown(image.path))])
                file.write(cell.getvalue() + row % tuple(feature))
            written.add(len(batch.images))


def shown(path: str) -> str:
    """A path as text: bytes that are none, which names on disk may hold, are written out."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _write_arrays(source: _Source, out: Path, written: _Progress, *, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is a file; for npy name a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    ours = _listed(out)
    targets = {image.path: _inside(out, image.path) for image in source.images}
    if not force:
        for path, target in targets.items():
            if f"{path}.npy" not in ours and (target.exists() or target.is_symlink()):
                raise SettingsError(
                    f"{target} exists already and is not of an earlier export; name another "
                    "folder, or overwrite with --force."
                )
    # First the list, so that what an interrupted export wrote is known to be ours.
    _list(out, ours | {f"{path}.npy" for path in targets})
    for batch in source.batches():
        for image, feature in zip(batch.images, batch.features, strict=True):
            target = targets[image.path]
            target.parent.mkdir(parents=True, exist_ok=True)
            # A link on the way may lead anywhere.
            if not target.parent.resolve().is_relative_to(out.resolve()):
                raise SettingsError(
                    f"{target.parent} leads out of {out}; nothing is written there."
                )
            with replaced(target) as aside, aside.open("wb") as file:
                np.save(file, feature, allow_pickle=False)
        written.add(len(batch.images))
    # Images that are gone; what was written for them by an earlier export would mislead.
    for name in ours - {f"{path}.npy" for path in targets}:
        target = _inside(out, name.removesuffix(".npy"))
        if target.parent.resolve().is_relative_to(out.resolve()):
            target.unlink(missing_ok=True)
    _list(out, {f"{path}.npy" for path in targets})


def _inside(out: Path, path: str) -> Path:
    """Where the array of the image ``path`` goes, which is below ``out`` whatever it is called."""
    pure = PurePosixPath(path)
    unsafe = pure.is_absolute() or ".." in pure.parts or not pure.parts
    # On Windows a name may hold a drive, or end a folder.
    if unsafe or (os.name == "nt" and any(mark in path for mark in ":\\")):
        raise SettingsError(f"No file can be named after the image {path!r}.")
    return out.joinpath(*pure.parts[:-1], pure.name + ".npy")


def _listed(out: Path) -> set[str]:
    """The arrays that earlier exports wrote into ``out``."""
    try:
        plain: Any = json.loads((out / LIST).read_bytes().decode("utf-8", "surrogatepass"))
        return {str(name) for name in plain["files"]}
    except FileNotFoundError:
        return set()
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{out / LIST} is damaged, so it is unknown what an earlier export wrote; name another "
            "folder."
        ) from error


def _list(out: Path, names: set[str]) -> None:
    text = json.dumps({"files": sorted(names)}, ensure_ascii=False, indent=0)
    with replaced(out / LIST) as aside:
        aside.write_bytes(text.encode("utf-8", "surrogatepass"))


def _write_parquet(source: _Source, out: Path, written: _Progress, *, force: bool) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise SettingsError(NO_PYARROW) from error
    _check_free(out, force)
    dim = source.extractor.dim
    vectors = pa.list_(pa.float32(), dim)
    schema = pa.schema([
        ("path", pa.string()), ("folder", pa.string()), ("size", pa.int64()),
        ("width", pa.int32()), ("height", pa.int32()), ("modified", pa.timestamp("ms", "UTC")),
        ("labels", pa.list_(pa.string())), ("vector", vectors),
    ], metadata={"extractor": source.extractor.name, "model": source.extractor.model})  # fmt: skip
    with replaced(out) as aside, pq.ParquetWriter(aside, schema) as file:
        for batch in source.batches():
            records = [(source.records(image), image.owner) for image in batch.images]
            paths = [shown(image.path) for image in batch.images]
            features = pa.array(batch.features.reshape(-1))
            columns = [
                paths,
                [path.rpartition("/")[0] for path in paths],
                [int(each.sizes[owner]) for each, owner in records],
                [int(each.widths[owner]) for each, owner in records],
                [int(each.heights[owner]) for each, owner in records],
                [int(each.mtimes[owner]) // 10**6 for each, owner in records],
                batch.labels,
                pa.FixedSizeListArray.from_arrays(features, dim),
            ]
            arrays = [
                column if isinstance(column, pa.Array) else pa.array(column, field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            file.write_batch(pa.record_batch(arrays, schema=schema))
            written.add(len(batch.images))


UNKNOWN_LENGTHS = (
    "The lengths of the features by {name} are unknown, because release 0.1 did not keep them; "
    "vectors of length 1 are written. `image-search index --renew {name}` computes them again."
)
NO_PYARROW = (
    "Parquet needs the library pyarrow, which is not installed. Run "
    "`pip install 'image-search[parquet]'`, or use csv or npy."
)
