"""Vectors made by other programs become a column that searches by indexed images can use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from image_search.errors import CacheError, InvalidQuery, SettingsError
from image_search.exchange.exporting import shown
from image_search.exchange.vector_files import VectorFile, check_dim
from image_search.extractors import REGISTRY
from image_search.extractors.base import unit_rows
from image_search.extractors.model_sets import SETS
from image_search.imaging.arrays import Floats
from image_search.indexing.reports import Progress
from image_search.search.queries import GROUPS
from image_search.search.ranking.fitting import SAMPLE, fit_block
from image_search.search.ranking.fusion import FEWEST
from image_search.storage import Block, Snapshot
from image_search.storage.imported import ColumnFile, check_name, imported_folder
from image_search.storage.records import READABLE

# Paths without an image that are named in the answer.
_NAMED = 5


@dataclass(frozen=True)
class Imported:
    """What was taken up: vectors of ``images`` images as ``name``, of ``dim`` numbers.

    ``unknown`` paths, of which the first are ``examples``, are of no image of the index;
    ``without`` images of the index have no vector.
    """

    name: str
    dim: int
    images: int
    without: int
    unknown: int
    examples: tuple[str, ...] = ()
    cancelled: bool = False


def take_vectors(
    snapshot: Snapshot,
    cache: Path,
    images: Path,
    name: str,
    vectors: VectorFile,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Imported:
    """Take up ``vectors`` as ``name``; those of an earlier import under this name are replaced.

    Args:
        snapshot: the index that they are for.
        cache: where it lies.
        images: the image folder; paths may begin with it.
        name: what searches will call them.
        vectors: where they are.
        on_progress: is called now and then.
        cancelled: is asked now and then; where it returns true, nothing is taken up.

    Raises:
        InvalidQuery: the name is that of an extractor, or cannot be one.
        SettingsError: the file cannot be used, or none of its paths is that of an image.
        CacheError: the disk is full or not writable.
    """
    check_name(name)
    if name in REGISTRY or name in SETS or name in (*GROUPS, "auto", "name"):
        raise InvalidQuery(f"{name} is a name of this program; choose another one.")
    try:
        taking = _Taking(snapshot, cache, images, name, vectors)
        try:
            return taking.run(on_progress, cancelled)
        finally:
            taking.close()
    except OSError as error:
        raise CacheError(
            f"The vectors could not be kept in {imported_folder(cache)} "
            f"({error.strerror or error})."
        ) from error


class _Taking:
    """One import."""

    def __init__(
        self, snapshot: Snapshot, cache: Path, images: Path, name: str, vectors: VectorFile
    ) -> None:
        self._folder, self._name, self._vectors = imported_folder(cache), name, vectors
        self._root = images.resolve()
        self._by_path: dict[str, bytes] = {}
        self._by_name: dict[str, bytes | None] = {}
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            records = segment.records
            for row in np.flatnonzero(live & (records.verdicts == READABLE)).tolist():
                path = shown(records.paths[row])
                self._by_path[path] = records.digests[row]
                last = path.rpartition("/")[2]
                # A name alone stands for an image only where there is one of this name.
                self._by_name[last] = None if last in self._by_name else records.digests[row]
        self._column: ColumnFile | None = None
        self._done = False

    def close(self) -> None:
        """Leave nothing behind unless the import was completed."""
        if self._column is not None and not self._done:
            self._column.abandon()

    def run(
        self, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
    ) -> Imported:
        file = self._vectors.file
        seen, unknown, count = set[bytes](), list[str](), 0
        for paths, rows in self._vectors.batches():
            if cancelled():
                return Imported(self._name, 0, 0, 0, 0, cancelled=True)
            if self._column is None:
                check_dim(file, rows.shape[1])
                self._column = ColumnFile(self._folder, self._name, rows.shape[1])
            if rows.shape[1] != self._column.dim:
                raise SettingsError(f"{file} has vectors of different lengths.")
            digests = [self._content(path) for path in paths]
            unknown += [p for p, digest in zip(paths, digests, strict=True) if digest is None]
            keep = [digest is not None and digest not in seen for digest in digests]
            taken = [d for d, kept in zip(digests, keep, strict=True) if kept and d is not None]
            # Two paths of one content, in one batch.
            firsts = dict[bytes, int]()
            for at, digest in enumerate(taken):
                firsts.setdefault(digest, at)
            chosen = sorted(firsts.values())
            names = [path for path, kept in zip(paths, keep, strict=True) if kept]
            some = _checked(file, [names[at] for at in chosen], rows[np.array(keep)][chosen])
            seen.update(firsts)
            self._column.append([taken[at] for at in chosen], some)
            count += len(paths)
            on_progress(Progress("importing", done=count))
        if self._column is None or not seen:
            example = f" (such as {unknown[0]!r})" if unknown else ""
            raise SettingsError(
                f"None of the {count:,} paths in {file}{example} is that of an indexed image. They "
                f"must be relative to the image folder {self._root}, or begin with it."
            )
        mean, std = self._fitted()
        self._column.finish(file.name, mean, std)
        self._done = True
        left = len({*self._by_path.values()} - seen)
        return Imported(
            self._name, self._column.dim, len(seen), left, len(unknown), tuple(unknown[:_NAMED])
        )

    def _content(self, path: str) -> bytes | None:
        """The content (SHA-256) of the image that ``path`` names."""
        text = path.replace("\\", "/").removeprefix("./")
        if PurePath(path).is_absolute() and PurePath(path).is_relative_to(self._root):
            text = PurePath(path).relative_to(self._root).as_posix()
        found = self._by_path.get(path) or self._by_path.get(text)
        return found or self._by_name.get(text)

    def _fitted(self) -> tuple[Floats, float]:
        """The mean (dim,) and the standard deviation of cosines, of a sample of the column."""
        assert self._column is not None
        rows = self._column.rows()
        sample = rows[:: max(1, len(rows) // SAMPLE)]["unit"].astype(np.float32)
        if len(sample) < FEWEST:
            return np.zeros(self._column.dim, np.float32), 1.0
        fitted = fit_block(unit_rows(sample, in_place=True))
        return fitted.mean, fitted.std


def _checked(file: Path, names: Iterable[str], rows: Floats) -> Block:
    """Vectors (n, dim) as they are kept.

    Raises:
        SettingsError: one has no direction, or holds what is no number.
    """
    norms = np.linalg.norm(rows.astype(np.float64), axis=1).astype(np.float32)
    for name, norm in zip(names, norms.tolist(), strict=True):
        if not np.isfinite(norm):
            raise SettingsError(f"{file}: the vector of {name!r} holds what is no finite number.")
        if norm < 1e-12:
            raise SettingsError(f"{file}: the vector of {name!r} is zero, which has no direction.")
    return Block(unit_rows(rows).astype(np.float16), norms)
