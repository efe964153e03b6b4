"""A snapshot of the cache made searchable: an index over each segment, and hits joined with
facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.cache import Segment, Snapshot
from image_search.extractors.base import Floats
from image_search.fusion import Layout, block_cosines, query_vector
from image_search.indexes import Mask, VectorIndex, build_index


@dataclass(frozen=True)
class Hit:
    """A match joined with its image.

    ``score`` is fused, ``scores`` the cosine by extractor; ``size`` in bytes, ``modified`` in
    seconds since 1970, ``width`` and ``height`` in pixels.
    """

    rank: int
    id: str
    path: str
    score: float
    scores: dict[str, float]
    width: int
    height: int
    size: int
    modified: float


@dataclass(frozen=True, eq=False)
class _Part:
    """One segment with the index over its vectors; ``keep`` (vectors,) masks those that count."""

    segment: Segment
    index: VectorIndex
    keep: Mask | None
    count: int


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """A snapshot made searchable. Immutable: a reindex makes a new one, which shares what is
    equal."""

    snapshot: Snapshot
    layout: Layout
    parts: tuple[_Part, ...]

    @staticmethod
    def of(snapshot: Snapshot, previous: SearchIndex | None = None) -> SearchIndex:
        """Build what ``previous`` does not have yet.

        Raises:
            CacheDamaged: the vectors of a segment were altered on disk.
        """
        built = {part.segment.name: part.index for part in previous.parts} if previous else {}
        parts = []
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            if segment.name not in built:
                segment.verify()
            keep = live[segment.records.owners]
            parts.append(
                _Part(
                    segment=segment,
                    index=built.get(segment.name) or build_index(segment.vectors),
                    keep=None if keep.all() else keep,
                    count=int(np.count_nonzero(keep)),
                )
            )
        names = tuple(extractor.name for extractor in snapshot.extractors)
        dims = tuple(extractor.dim for extractor in snapshot.extractors)
        return SearchIndex(snapshot, Layout(names, dims), tuple(parts))

    def search(
        self, blocks: Mapping[str, Floats], weights: Mapping[str, float], k: int
    ) -> list[Hit]:
        """The ``k`` best hits for unit ``blocks`` (dim,) by extractor; ties go by path."""
        query = query_vector(self.layout, blocks, weights)
        found: list[tuple[float, int, int]] = []
        for number, part in enumerate(self.parts):
            scores, rows = part.index.search(query, min(k, part.count), part.keep)
            found.extend(zip(scores.tolist(), [number] * len(rows), rows.tolist(), strict=True))
        found.sort(key=lambda match: (-round(match[0], 4), self._path(match)))
        found = found[:k]
        cosines = self._cosines(found, blocks)
        return [
            self._hit(rank, match, scores)
            for rank, (match, scores) in enumerate(zip(found, cosines, strict=True), start=1)
        ]

    def _cosines(
        self, found: Sequence[tuple[float, int, int]], blocks: Mapping[str, Floats]
    ) -> list[dict[str, float]]:
        answer: list[dict[str, float]] = [{} for _ in found]
        for number, part in enumerate(self.parts):
            places = [i for i, match in enumerate(found) if match[1] == number]
            if places:
                rows = np.array([found[i][2] for i in places])
                per_block = block_cosines(self.layout, part.segment.vectors[rows], blocks)
                for name, values in per_block.items():
                    for i, value in zip(places, values.tolist(), strict=True):
                        answer[i][name] = round(value, 4)
        return answer

    def _path(self, match: tuple[float, int, int]) -> str:
        records = self.parts[match[1]].segment.records
        return records.paths[int(records.owners[match[2]])]

    def _hit(self, rank: int, match: tuple[float, int, int], scores: dict[str, float]) -> Hit:
        score, number, row = match
        records = self.parts[number].segment.records
        owner = int(records.owners[row])
        return Hit(
            rank=rank,
            id=f"{int(records.ids[owner]):016x}",
            path=records.paths[owner],
            score=round(score, 4),
            scores=scores,
            width=int(records.widths[owner]),
            height=int(records.heights[owner]),
            size=int(records.sizes[owner]),
            modified=int(records.mtimes[owner]) / 1e9,
        )
