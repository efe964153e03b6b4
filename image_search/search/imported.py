"""Searches by imported vectors, alone or beside extractors.

An imported column knows the images it was made of and nothing else, so only indexed images can ask
by it. Its vectors are compared as those of an extractor: centred, or raw where the query has a
metric. An image without a vector gets nothing from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery, UnknownImage
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.distances import similarity
from image_search.search.engines.base import Mask, Rows
from image_search.search.engines.faiss import candidates
from image_search.search.queries import AUTO, COSINE, Hit, Query, by_extractor
from image_search.search.ranking.fusion import PHOTO, query_vector
from image_search.search.search_index import (
    DIGITS,
    Scored,
    Scoring,
    ScoringQuery,
    SearchIndex,
    best,
)
from image_search.search.searching import PreparedQuery
from image_search.storage import Segment
from image_search.storage.imported import ImportedColumn
from image_search.storage.records import parse_id

# Beside extractors, so many images that either side finds nearest are scored by both.
REACH = 20_000
# Bytes of vectors, as float32, that are compared at a time.
_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class ImportedQuery:
    """What is asked of imported columns: by name, the column, the vector (dim,) of the query, and
    the share of each in the score; by a ``metric``, or ``auto``."""

    columns: Mapping[str, ImportedColumn]
    vectors: Mapping[str, Floats]
    shares: Mapping[str, float]
    metric: str = AUTO

    def search(
        self, index: SearchIndex, question: ScoringQuery, k: int
    ) -> tuple[list[Hit], int, tuple[str, ...]]:
        """The ``k`` best hits, how many images were compared, and warnings.

        Where ``question`` has blocks, its score is added, and images without an imported vector
        count by that alone; else these are left out.
        """
        allowed = []
        for part in index.parts:
            records = part.of.segment.records
            fits = question.filter.mask(records)
            allowed.append(part.keep if fits is None else part.keep & fits[records.owners])
        images = sum(
            len(np.unique(part.of.segment.records.owners[keep]))
            for part, keep in zip(index.parts, allowed, strict=True)
        )
        if question.blocks:
            scored, without = self._beside(index, question, k, allowed), 0
        else:
            scored = self._alone(index, allowed)
            without = images - sum(len(one.rows) for one in scored)
        hits = [one.hit(rank) for rank, one in enumerate(best(scored, k), start=1)]
        names = " and ".join(self.columns)
        warnings = (f"{without:,} images have no vector in {names}.",) if without else ()
        return hits, images - without, warnings

    @cached_property
    def _scores(self) -> dict[str, Floats]:
        """Of each column, the score of every row."""
        return {name: self._of_column(name, column) for name, column in self.columns.items()}

    def _of_column(self, name: str, column: ImportedColumn) -> Floats:
        found = np.empty(len(column), np.float32)
        step = max(1, _CHUNK // (4 * column.dim))
        for start in range(0, len(column), step):
            some = slice(start, start + step)
            block = column.block(some)
            units = unit_rows(block.units.astype(np.float32), in_place=True)
            if self.metric == AUTO:
                found[some] = unit_rows(units - column.mean) @ self.vectors[name]
            else:
                found[some] = similarity(self.metric, units, block.norms, self.vectors[name])
        return found

    def _by_record(self, segment: Segment, name: str) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The score (records,) of each record by one column, 0 where it has no vector, and whether
        it has one."""
        rows = self.columns[name].rows_of(segment.name, segment.records)
        has = rows >= 0
        return np.where(has, self._scores[name][rows], np.float32(0)), has

    def _alone(self, index: SearchIndex, allowed: Sequence[Mask]) -> list[Scored]:
        found = []
        for part, keep in zip(index.parts, allowed, strict=True):
            segment = part.of.segment
            by_record = {name: self._by_record(segment, name) for name in self.columns}
            has = np.any([has for _, has in by_record.values()], axis=0)
            rows = np.flatnonzero(keep & has[segment.records.owners])
            # A document has one vector, whichever of its pages count.
            rows = rows[np.diff(segment.records.owners[rows], prepend=-1) != 0]
            owners = segment.records.owners[rows]
            scores = {name: each[owners] for name, (each, _) in by_record.items()}
            parts = {name: each * np.float32(self.shares[name]) for name, each in scores.items()}
            found.append(Scored(segment, rows, scores, parts))
        return found

    def _beside(
        self, index: SearchIndex, question: ScoringQuery, k: int, allowed: Sequence[Mask]
    ) -> list[Scored]:
        reach = max(k, REACH)
        query = query_vector(index.layout, question.blocks, question.shares)
        searched = [(p.of.index, keep) for p, keep in zip(index.parts, allowed, strict=True)]
        nearest = candidates(query, k, searched, 10**-DIGITS, reach)
        scoring = Scoring(index.comparison(question.kind), question, index.in_memory)
        left = np.float32(1 - sum(self.shares.values()))
        found = []
        for part, keep, rows in zip(index.parts, allowed, nearest, strict=True):
            segment = part.of.segment
            owners = segment.records.owners
            by_record = {name: self._by_record(segment, name)[0] for name in self.columns}
            both = np.union1d(rows, self._first(by_record, owners, keep, reach))
            one = scoring.scored(part.of, both, keep)
            stays = np.full(len(one.rows), left, np.float32)
            for name, each in by_record.items():
                scores = each[owners[one.rows]]
                added = scores * np.float32(self.shares[name])
                one = one.with_added(name, scores, added, stays)
                stays = np.ones_like(stays)
            found.append(one)
        return found

    def _first(
        self, by_record: Mapping[str, Floats], owners: npt.NDArray[np.int32], keep: Mask, reach: int
    ) -> Rows:
        """The rows that the imported vectors put first."""
        rows = np.flatnonzero(keep)
        nothing = np.zeros(len(rows), np.float32)
        scores = sum((each[owners[rows]] * np.float32(self.shares[name])
                      for name, each in by_record.items()), nothing)  # fmt: skip
        if len(rows) > reach:
            rows = rows[np.argpartition(-scores, reach)[:reach]]
        return np.sort(rows)


def ask_with_imported(
    index: SearchIndex,
    query: Query,
    columns: Mapping[str, ImportedColumn],
    usable: Sequence[str],
    ask: Callable[[Query], PreparedQuery],
) -> PreparedQuery:
    """``query`` prepared for ``index``, whose weights name some of the imported ``columns``.

    ``ask`` prepares what the query asks of extractors, some of those ``usable``.

    Raises:
        InvalidQuery: it asks an imported column with anything but indexed images, or none of these
            has a vector in it.
        UnknownImage: the query names an image that is not indexed.
    """
    rest, used = split(query, columns)
    if not used:
        return ask(rest)
    others = 0.0
    if any((rest.weights or {}).values()):
        asked = ask(rest)
        # The weights of a question are in proportion to the largest of them.
        chosen = by_extractor(rest.weights or {}, usable)
        largest = max(chosen.get(name, 0.0) for name in asked.question.blocks)
        others = largest * sum(asked.question.weights.values())
    else:
        nothing = ScoringQuery({}, {}, filter=query.filter)
        asked = PreparedQuery(nothing, PHOTO, (), (), ())
    weights = {name: (query.weights or {})[name] for name in used}
    found = imported_query(index, query, used, weights, others)
    return replace(asked, imported=found, extractors=(*asked.extractors, *used))


def split(
    query: Query, columns: Mapping[str, ImportedColumn]
) -> tuple[Query, dict[str, ImportedColumn]]:
    """``query`` without the weights of imported ``columns``, and those of them that it weighs.

    Raises:
        InvalidQuery: it asks an imported column with anything but indexed images.
    """
    weights = query.weights or {}
    used = {name: column for name, column in columns.items() if weights.get(name, 0) > 0}
    rest = {name: weight for name, weight in weights.items() if name not in columns}
    if not used:
        return replace(query, weights=rest), {}
    if query.images or query.color or query.worded or not query.like:
        name = next(iter(used))
        raise InvalidQuery(
            f"The vectors {name} were imported, so there is nothing here that could compute one "
            f"for a new picture, words or colours. Search with images of the collection (like, "
            f"or More like this), or leave {name} out."
        )
    if query.metric != AUTO and (len(used) > 1 or any(rest.values())):
        raise InvalidQuery(f"metric={query.metric} compares one extractor; weigh no other.")
    return replace(query, weights=rest), used


def imported_query(
    index: SearchIndex,
    query: Query,
    columns: Mapping[str, ImportedColumn],
    weights: Mapping[str, float],
    others: float,
) -> ImportedQuery:
    """What ``query`` asks of ``columns``: the mean of the vectors of the images that it is like.

    ``weights`` are those of the columns, and ``others`` the sum of those of the extractors beside
    them, each over the standard deviation of its cosines.

    Raises:
        UnknownImage: the query names an image that is not indexed.
        InvalidQuery: none of its images has a vector in a column.
    """
    digests = [_content(index, image_id) for image_id in query.like]
    scaled = {name: weights[name] / columns[name].std for name in columns}
    total = sum(scaled.values()) + others
    vectors = {}
    for name, column in columns.items():
        rows = [row for digest in digests if (row := column.row_of(digest)) is not None]
        if not rows:
            raise InvalidQuery(f"The image that was asked with has no vector in {name}.")
        block = column.block(np.array(rows))
        units = unit_rows(block.units.astype(np.float32), in_place=True)
        if query.metric == AUTO:
            vectors[name] = unit_rows(unit_rows(units - column.mean).mean(axis=0)[None])[0]
        else:
            lengths = np.ones_like(block.norms) if query.metric == COSINE else block.norms
            vectors[name] = (units * lengths[:, None]).mean(axis=0)
    shares = {name: weight / total for name, weight in scaled.items()}
    if query.metric != AUTO:
        shares = dict.fromkeys(shares, 1.0)
    return ImportedQuery(columns, vectors, shares, query.metric)


def _content(index: SearchIndex, image_id: str) -> bytes:
    wanted, _ = parse_id(image_id) or (-1, 0)
    for part in index.parts if wanted >= 0 else ():
        records = part.of.segment.records
        for row in np.flatnonzero(records.ids == np.uint64(wanted)).tolist():
            if part.keep[part.of.segment.vector_of[row]] and part.of.segment.vector_of[row] >= 0:
                return records.digests[row]
    raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")
