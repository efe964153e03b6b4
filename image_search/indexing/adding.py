"""Extractors added to an index: their columns of the segments that lack them, and nothing else.

Searches go on with the extractors that are complete; a new one joins when every segment has its
column. What was computed is saved every few seconds, so that an interruption costs next to nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from image_search.errors import UnreadableImage
from image_search.extractors.base import Extractor
from image_search.imaging.reading import MAX_FILE_BYTES
from image_search.indexing.embedding import Embedding
from image_search.indexing.examining import LoadedImage, in_order, inputs_of
from image_search.indexing.scanning import is_outside
from image_search.settings import Settings
from image_search.storage import Block, Blocks, CacheWriter, FileRecord, Segment
from image_search.storage.columns import GrowingColumn

# A save makes all that came before it safe: after so many seconds, or so many vectors.
SAVE_SECONDS = 3.0
SAVE_VECTORS = 4096


@dataclass(eq=False)
class ColumnFilling:
    """Adds the columns that ``writer.lacking`` names.

    ``load`` gives extractors by their names; ``on_progress`` is called with how many vectors of how
    many there are. ``embedded`` counts the images that went through an extractor.
    """

    settings: Settings
    writer: CacheWriter
    pool: ThreadPoolExecutor
    load: Callable[[Sequence[str]], Sequence[Extractor]]
    on_progress: Callable[[int, int], None]
    cancelled: Callable[[], bool]
    embedded: int = 0
    _gone: list[str] = field(default_factory=list)

    def run(self) -> bool:
        """Add all columns; whether that was not cancelled.

        Raises:
            CacheError: the disk is full or not writable; what was saved is kept.
            ModelUnavailable: an extractor cannot be loaded.
        """
        snapshot = self.writer.snapshot
        live = {s.name: mask for s, mask in zip(snapshot.segments, snapshot.live, strict=True)}
        work = [
            (segment, group)
            for segment, missing in self.writer.lacking
            for group in _groups([self.writer.column(segment, one) for one in missing])
        ]
        total = sum(segment.rows for segment, _ in work)
        done = 0
        # Readers see from the manifest what is being added.
        self.writer.commit([], {})
        self.on_progress(done, total)
        for segment, group in work:
            if not self._fill(segment, live[segment.name], group, done, total):
                return False
            done += segment.rows
        if self._gone:
            self.writer.commit([], {}, self._gone)
        return True

    def _fill(
        self,
        segment: Segment,
        live: npt.NDArray[np.bool_],
        columns: Sequence[GrowingColumn],
        done: int,
        total: int,
    ) -> bool:
        """Write the rest of ``columns``, which are equally long; whether that was not cancelled."""
        extractors = self.load([column.extractor.name for column in columns])
        embedding = Embedding(
            self.pool, lambda: extractors, tuple(column.extractor for column in columns)
        )
        waiting: list[Blocks] = []
        saved = time.monotonic()

        def look(record: FileRecord, counts: bool) -> LoadedImage:
            return self._loaded(record, extractors) if counts else LoadedImage(record)

        def gather(left: int) -> None:
            waiting.extend(blocks for _, blocks in embedding.gather(left))

        files = _files(segment, live, columns[0].written)
        for loaded in in_order(self.pool, look, files, self.settings.workers + 1):
            self.embedded += loaded.inputs is not None
            embedding.add(loaded)
            gather(self.settings.workers)
            rows = sum(len(block.norms) for blocks in waiting for block in blocks.values())
            if time.monotonic() - saved >= SAVE_SECONDS or rows >= SAVE_VECTORS:
                self._save(columns, waiting)
                waiting, saved = [], time.monotonic()
                self.on_progress(done + columns[0].written, total)
            if self.cancelled():
                gather(0)
                self._save(columns, waiting)
                return False
        embedding.flush()
        gather(0)
        self._save(columns, waiting)
        self.on_progress(done + segment.rows, total)
        return True

    def _save(self, columns: Sequence[GrowingColumn], waiting: Sequence[Blocks]) -> None:
        for column in columns:
            name, dim = column.extractor.name, column.extractor.dim
            self.writer.add(column, Block.joined([blocks[name] for blocks in waiting], dim))

    def _loaded(self, record: FileRecord, extractors: Sequence[Extractor]) -> LoadedImage:
        """The inputs of one file's regions. A file that is no longer what it was has none, and
        drops out of the index; the next update sees it as a new one."""
        folder, limit = self.settings.images.resolve(), self.settings.image_megapixels
        path = folder / record.path
        try:
            if not is_outside(folder, path) and path.stat().st_size <= MAX_FILE_BYTES:
                data = path.read_bytes()
                if hashlib.sha256(data).digest() == record.digest:
                    return LoadedImage(record, inputs_of(data, record, limit, extractors))
        except (OSError, UnreadableImage):
            pass
        self._gone.append(record.path)
        return LoadedImage(record)


def _groups(columns: Sequence[GrowingColumn]) -> list[list[GrowingColumn]]:
    """The same, those together that are equally long."""
    ordered = sorted(columns, key=lambda column: column.written)
    return [list(group) for _, group in itertools.groupby(ordered, lambda column: column.written)]


def _files(
    segment: Segment, live: npt.NDArray[np.bool_], first: int
) -> Iterator[tuple[FileRecord, bool]]:
    """From vector ``first`` on, each file with those of its regions, and whether it counts."""
    owners = segment.records.owners[first:].tolist()
    for owner, group in itertools.groupby(owners):
        record = segment.records.record(owner)
        regions = record.regions[-len(list(group)) :]
        yield replace(record, regions=regions), bool(live[owner])
