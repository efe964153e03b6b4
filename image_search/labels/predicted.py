"""What a classifier of labels predicts for every image of an index."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged
from image_search.imaging.arrays import Floats
from image_search.labels.head import LabelHead
from image_search.labels.naming import namer
from image_search.storage.segments import Segment
from image_search.storage.snapshot import Snapshot

# Rows read at a time.
_ROWS = 2048


@dataclass(frozen=True, eq=False)
class _OfSegment:
    """The probabilities (n, labels) of images, and their ``records`` (n,)."""

    records: npt.NDArray[np.int64]
    probabilities: Floats


class Predictions:
    """The probabilities of one classifier, computed once for each segment; 1 for labels that the
    name of a file or folder states, where the classifier learnt from these. Safe to use from many
    threads."""

    def __init__(self, head: LabelHead) -> None:
        """Predict with ``head``."""
        self.head = head
        self._of_path = namer(head.source)
        self._of_segment: dict[str, _OfSegment] = {}
        self._lock = threading.Lock()

    def usable(self, snapshot: Snapshot) -> bool:
        """Whether the index has all embeddings that the classifier needs."""
        return all(one in snapshot.extractors for one in self.head.extractors)

    def ids_with(self, snapshot: Snapshot, label: str, least: float) -> npt.NDArray[np.uint64]:
        """Return the ids (n,) of the images that have ``label`` with a probability of at least
        ``least``."""
        column = self.head.labels.index(label)
        found = [np.zeros(0, np.uint64)]
        for segment, live, of_segment in self._segments(snapshot):
            fits = live[of_segment.records] & (of_segment.probabilities[:, column] >= least)
            found.append(segment.records.ids[of_segment.records[fits]])
        return np.concatenate(found)

    def of_records(
        self, snapshot: Snapshot, segment: Segment, records: Sequence[int]
    ) -> dict[int, Floats]:
        """Return the probabilities (labels,) of images of one segment, by the row of their
        record."""
        found = dict[int, Floats]()
        for one, _, of_segment in self._segments(snapshot):
            if one is segment:
                places = np.searchsorted(of_segment.records, np.array(records, np.int64)).tolist()
                for record, at in zip(records, places, strict=True):
                    if at < len(of_segment.records) and of_segment.records[at] == record:
                        found[record] = of_segment.probabilities[at]
        return found

    def _segments(
        self, snapshot: Snapshot
    ) -> Iterator[tuple[Segment, npt.NDArray[np.bool_], _OfSegment]]:
        names = {segment.name for segment in snapshot.segments}
        with self._lock:
            for gone in self._of_segment.keys() - names:
                del self._of_segment[gone]
            for segment in snapshot.segments:
                if segment.name not in self._of_segment:
                    self._of_segment[segment.name] = self._predicted(segment)
            known = dict(self._of_segment)
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            if segment.name in known:
                yield segment, live, known[segment.name]

    def _predicted(self, segment: Segment) -> _OfSegment:
        records = np.flatnonzero(segment.vector_of >= 0)
        rows = segment.vector_of[records].astype(np.int64)
        parts = [np.zeros((0, len(self.head.labels)), np.float32)]
        try:
            columns = segment.columns(self.head.extractors)
        except FileNotFoundError as error:
            raise CacheDamaged(f"the file {error.filename} is missing") from error
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            blocks = {column.extractor.name: column.units(some) for column in columns}
            parts.append(self.head.probabilities(blocks))
        probabilities = np.concatenate(parts)
        self._state(segment, records, probabilities)
        return _OfSegment(records, probabilities)

    def _state(
        self, segment: Segment, records: npt.NDArray[np.int64], probabilities: Floats
    ) -> None:
        """Put the labels that the names of files and folders state into ``probabilities``."""
        column = {label: number for number, label in enumerate(self.head.labels)}
        for at, record in enumerate(records.tolist()):
            stated = [
                column[one] for one in self._of_path(segment.records.paths[record]) & column.keys()
            ]
            if stated and self.head.exclusive:
                probabilities[at] = 0
            probabilities[at, stated] = 1
