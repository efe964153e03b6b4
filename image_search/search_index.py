"""A snapshot of the cache made searchable: an index over each segment, hits joined with facts."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from image_search.cache import Segment, Snapshot
from image_search.calibration import Calibration
from image_search.candidates import candidates
from image_search.comparing import Comparison
from image_search.extractors.base import Floats
from image_search.filters import Filter
from image_search.fusion import Layout, block_cosines, query_vector, shares_of
from image_search.indexes import Mask, Rows, VectorIndex
from image_search.name_search import NameIndex
from image_search.segment_indexes import index_of, is_large
from image_search.weighting import PHOTO

# The name under which the likeness of file and folder names appears among a hit's scores.
NAME = "name"
# Scores that differ by less than half of the last digit shown are equal.
DIGITS = 4


@dataclass(frozen=True)
class Hit:
    """A match joined with its image.

    ``score`` is fused, ``scores`` the cosine by extractor (about the collection's mean; 1 for the
    same photo; for drawings levelled, see ``comparing``), ``contributions`` what each of them adds
    to ``score``; ``size`` in bytes, ``modified`` in seconds since 1970,
    ``width`` and ``height`` in pixels.
    """

    rank: int
    id: str
    path: str
    score: float
    scores: dict[str, float]
    contributions: dict[str, float]
    width: int
    height: int
    size: int
    modified: float


@dataclass(frozen=True, eq=False)
class Question:
    """A query as numbers: unit ``blocks`` (dim,) by extractor, with a weight for each, and what it
    was taken for.

    ``words`` are looked for in the names of files and folders; names then have a share of
    ``name_weight`` / (1 + ``name_weight``) in the score, and all of it where there are no blocks.
    ``filter`` is what every hit must fulfil.
    """

    blocks: Mapping[str, Floats]
    weights: Mapping[str, float]
    kind: str = PHOTO
    words: tuple[str, ...] = ()
    name_weight: float = 0.0
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, eq=False)
class _Searchable:
    """What is built once for a segment and shared by all the snapshots that hold it."""

    segment: Segment
    index: VectorIndex

    @cached_property
    def names(self) -> NameIndex:
        return NameIndex(self.segment.records.paths)


@dataclass(frozen=True, eq=False)
class _Part:
    """A segment within one snapshot; ``keep`` (vectors,) masks those that count."""

    of: _Searchable
    keep: Mask


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """A snapshot made searchable. Immutable: a reindex makes a new one, sharing what is equal."""

    snapshot: Snapshot
    calibration: Calibration
    parts: tuple[_Part, ...]

    @staticmethod
    def of(snapshot: Snapshot, previous: SearchIndex | None = None) -> SearchIndex:
        """Build what ``previous`` does not have yet.

        Raises:
            CacheDamaged: the vectors of a segment were altered on disk.
        """
        names = tuple(extractor.name for extractor in snapshot.extractors)
        dims = tuple(extractor.dim for extractor in snapshot.extractors)
        calibration = Calibration.from_plain(Layout(names, dims), snapshot.calibration)
        built: dict[str, _Searchable] = {}
        if previous is not None and previous.snapshot.calibration == snapshot.calibration:
            built = {part.of.segment.name: part.of for part in previous.parts}
        verified = set() if previous is None else set(previous.verified)
        large = is_large(snapshot)
        if previous is not None and is_large(previous.snapshot) != large:
            built = {}
        parts = []
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            searchable = built.get(segment.name)
            if searchable is None:
                sound = segment.name in verified
                index = index_of(segment, snapshot, calibration, large=large, verified=sound)
                searchable = _Searchable(segment, index)
            parts.append(_Part(searchable, live[segment.records.owners]))
        return SearchIndex(snapshot, calibration, tuple(parts))

    @property
    def layout(self) -> Layout:
        """Which block lies where in a vector."""
        return self.calibration.layout

    def comparison(self, kind: str) -> Comparison:
        """How queries of a kind are compared with what is stored here."""
        models = {extractor.name: extractor.model for extractor in self.snapshot.extractors}
        return Comparison(self.calibration, models, kind)

    @property
    def verified(self) -> tuple[str, ...]:
        """The segments whose vectors were found to be as they were written."""
        return tuple(part.of.segment.name for part in self.parts)

    def stored_blocks(self, image_id: int) -> dict[str, Floats] | None:
        """The unit blocks (dim,) of an indexed image, or ``None`` where no image has this id."""
        scale = np.float32(np.sqrt(len(self.layout.names)))
        for part in self.parts:
            records = part.of.segment.records
            for row in np.flatnonzero(records.ids[records.owners] == np.uint64(image_id)):
                if part.keep[row]:
                    vector = np.asarray(part.of.segment.vectors[row]) * scale
                    return {name: vector[place] for name, place in self.layout.slices().items()}
        return None

    def search(self, question: Question, k: int) -> tuple[list[Hit], int]:
        """The ``k`` best hits, best first, ties by path; and how many images were compared."""
        query = (
            query_vector(self.layout, question.blocks, question.weights)
            if question.blocks
            else None
        )
        shares = shares_of(question.blocks, question.weights)
        allowed = [self._allowed(part, question.filter) for part in self.parts]
        if query is None:
            found = [np.zeros(0, np.int64) for _ in self.parts]
        else:
            searched = [(p.of.index, keep) for p, keep in zip(self.parts, allowed, strict=True)]
            reach = self.comparison(question.kind).reach(k)
            found = candidates(query, reach, searched, 10**-DIGITS)
        compared = sum(int(np.count_nonzero(keep)) for keep in allowed)
        hits: list[Hit] = []
        for part, keep, rows in zip(self.parts, allowed, found, strict=True):
            hits.extend(_search_part(self, part, keep, rows, question, shares, k))
        best = heapq.nsmallest(k, hits, key=lambda hit: (-hit.score, hit.path))
        return [replace(hit, rank=rank) for rank, hit in enumerate(best, start=1)], compared

    def hits_of(self, question: Question, contents: Iterable[bytes]) -> list[Hit]:
        """The images of these contents (SHA-256) that the filter admits, as hits without a rank,
        however far they are from the question."""
        wanted = set(contents)
        shares = shares_of(question.blocks, question.weights)
        hits: list[Hit] = []
        for part in self.parts:
            segment, allowed = part.of.segment, self._allowed(part, question.filter)
            facts = [fact for digest in wanted for fact in segment.holding(digest)]
            rows = segment.vector_of[facts].astype(np.int64) if facts else np.zeros(0, np.int64)
            rows = rows[allowed[rows]]
            hits.extend(_search_part(self, part, allowed, rows, question, shares, len(rows)))
        return hits

    def _allowed(self, part: _Part, condition: Filter) -> Mask:
        records = part.of.segment.records
        fits = condition.mask(records)
        return part.keep if fits is None else part.keep & fits[records.owners]


def _search_part(
    index: SearchIndex,
    part: _Part,
    keep: Mask,
    rows: Rows,
    question: Question,
    shares: Mapping[str, float],
    k: int,
) -> Iterable[Hit]:
    """The best hits of one segment among its candidates ``rows``, at least the ``k`` best."""
    records = part.of.segment.records
    named = np.zeros(len(keep), np.float32)
    if question.words and question.name_weight:
        named = part.of.names.scores(question.words)[records.owners]
        # A name may lift an image over those that only look alike, so all that are named compete.
        rows = np.union1d(rows, np.flatnonzero(keep & (named > 0)))
    if not len(rows):
        return []
    scores, contributions = _scored(index, part, rows, question, shares)
    if question.words and question.name_weight:
        scores[NAME] = named[rows]
        share = question.name_weight / (1 + question.name_weight) if question.blocks else 1.0
        contributions = {
            name: values * np.float32(1 - share) for name, values in contributions.items()
        }
        contributions[NAME] = named[rows] * np.float32(share)
    fused = np.sum(list(contributions.values()), axis=0)
    best = np.lexsort((rows, -fused))
    # Those that tie with the last one are kept, for ties are decided by path.
    last = np.round(fused[best[min(k, len(best)) - 1]], DIGITS)
    best = best[np.round(fused[best], DIGITS) >= last]
    return [
        _hit(part, int(rows[i]), float(fused[i]), _row(scores, i), _row(contributions, i))
        for i in best
    ]


def _scored(
    index: SearchIndex,
    part: _Part,
    rows: Rows,
    question: Question,
    shares: Mapping[str, float],
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    if not question.blocks:
        return {}, {}
    comparison = index.comparison(question.kind)
    vectors = comparison.stored(part.of.segment.rows(rows), question.blocks)
    scores = block_cosines(index.layout, vectors, question.blocks)
    return scores, {name: values * np.float32(shares[name]) for name, values in scores.items()}


def _row(columns: Mapping[str, Floats], i: int) -> dict[str, float]:
    return {name: round(float(values[i]), DIGITS) for name, values in columns.items()}


def _hit(
    part: _Part, row: int, score: float, scores: dict[str, float], contributions: dict[str, float]
) -> Hit:
    records = part.of.segment.records
    owner = int(records.owners[row])
    return Hit(
        rank=0,
        id=f"{int(records.ids[owner]):016x}",
        path=records.paths[owner],
        score=round(score, DIGITS),
        scores=scores,
        contributions=contributions,
        width=int(records.widths[owner]),
        height=int(records.heights[owner]),
        size=int(records.sizes[owner]),
        modified=int(records.mtimes[owner]) / 1e9,
    )
