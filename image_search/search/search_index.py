"""A snapshot of the cache made searchable: candidates from each segment, scored, made into hits."""

from __future__ import annotations

import bisect
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import Labeller, QueryExtractors, Shared
from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Mask, Rows, VectorIndex
from image_search.search.engines.faiss import candidates
from image_search.search.engines.segment_indexes import fits_memory, index_of, is_large
from image_search.search.name_search import NameIndex
from image_search.search.queries import Filter, Hit, classifies
from image_search.search.ranking.fusion import (
    PHOTO,
    REACH,
    RERANKER,
    Calibration,
    Comparison,
    Layout,
    active_extractors,
    block_scores,
    query_vector,
    shares_of,
)
from image_search.search.ranking.variants import Variant
from image_search.storage import Segment, Snapshot
from image_search.storage.columns import Column, Runs
from image_search.storage.records import KINDS, WHOLE

# Scores that differ by less than half of the last digit shown are equal.
DIGITS = 4
# Of a share of the images: the first of a million is closer than 0.999999 of them.
SHARE_DIGITS = 6
# As for a drawing as it is (see ``fusion.Comparison``), but fewer: what is not among them is behind
# anyway.
VARIANT_TIMES, VARIANT_LEAST = 5, 250
# Hits that are given labels: more than a page shows at first.
LABELLED = 200
# Of fewer images, no share is given for how many of them a hit is closer than.
FEWEST_COMPARED = 50
# The name under which the likeness of file and folder names appears among a hit's scores.
NAME = "name"


@dataclass(frozen=True, eq=False)
class ScoringQuery:
    """A query as numbers: unit ``blocks`` (dim,) by extractor, with a weight for each, and its
    ``kind``.

    ``words`` are looked for in the names of files and folders; names then have a share of
    ``name_weight`` / (1 + ``name_weight``) in the score, and all of it where there are no blocks.
    ``filter`` is what every hit must fulfil. Where ``expanded``, the others are also compared with
    the first results, for kinds where that helps. Where there are ``variants``, the first as it is
    drawn, each image is compared with all of them, and the best counts.
    """

    blocks: Mapping[str, Floats]
    weights: Mapping[str, float]
    kind: str = PHOTO
    words: tuple[str, ...] = ()
    name_weight: float = 0.0
    filter: Filter = field(default_factory=Filter)
    expanded: bool = False
    variants: tuple[Variant, ...] = ()

    @property
    def plain(self) -> ScoringQuery:
        """The question without query expansion: the score of two pictures then depends on no
        others."""
        return replace(self, expanded=False)

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each extractor's share in the score."""
        return shares_of(self.blocks, self.weights)


@dataclass(frozen=True, eq=False)
class Searchable:
    """A segment with its index; built once and shared by all snapshots that hold the segment."""

    segment: Segment
    index: VectorIndex

    @cached_property
    def columns(self) -> list[Column]:
        """The vectors of each extractor."""
        return self.segment.columns(self.segment.extractors)

    @cached_property
    def names(self) -> NameIndex:
        """The index over the names of its files and folders."""
        return NameIndex(self.segment.records.paths)


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows (n,) of a segment with the columns (n,) of ``scores`` and ``contributions``, by
    extractor or what else adds to the score; ``features`` are their centred blocks (n, dim) by
    network through which others may be compared with them. Of the ``variants`` of a drawing, by
    name, ``variant`` (n,) is the number of the one that each row was compared with."""

    segment: Segment
    rows: Rows
    scores: dict[str, Floats]
    contributions: dict[str, Floats]
    features: Mapping[str, Floats] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    variant: npt.NDArray[np.intp] | None = None

    @cached_property
    def fused(self) -> Floats:
        """The score (n,) of each row."""
        nothing = np.zeros(len(self.rows), np.float32)
        return np.asarray(sum(self.contributions.values(), nothing), np.float32)

    def best_regions(self) -> Scored:
        """The same with the best row of each file alone."""
        if not self.segment.records.several:
            return self
        order = np.lexsort((-self.fused, self.segment.records.owners[self.rows]))
        owners = self.segment.records.owners[self.rows[order]]
        best = np.sort(order[np.flatnonzero(np.diff(owners, prepend=-1))])
        return replace(
            self,
            rows=self.rows[best],
            scores={name: values[best] for name, values in self.scores.items()},
            contributions={name: values[best] for name, values in self.contributions.items()},
            features={name: rows[best] for name, rows in self.features.items()},
            variant=None if self.variant is None else self.variant[best],
        )

    def with_added(self, name: str, scores: Floats, added: Floats, stays: Floats) -> Scored:
        """A copy with another column of ``scores``, called ``name``.

        Args:
            name: of the column, in ``scores`` and ``contributions``.
            scores: (n,) the likeness itself.
            added: (n,) what it adds to the score of each row.
            stays: (n,) the share that stays of what the other columns add.
        """
        contributions = {other: values * stays for other, values in self.contributions.items()}
        return replace(
            self,
            scores=self.scores | {name: scores},
            contributions=contributions | {name: added},
            features={},
        )

    def found(self, least: float = -math.inf) -> list[Found]:
        """The rows whose rounded score is at least ``least``, in no order."""
        shown = np.round(self.fused, DIGITS)
        places = np.flatnonzero(shown >= least)
        records = self.segment.records
        owners = records.owners[self.rows[places]].tolist()
        return [
            Found(-round(score, DIGITS), records.paths[owner], owner, place, self)
            for score, owner, place in zip(
                shown[places].tolist(), owners, places.tolist(), strict=True
            )
        ]


def labellers(names: Iterable[str], extractors: QueryExtractors) -> dict[str, Labeller]:
    """The extractors among ``names`` that have names for what pictures show."""
    found = dict[str, Labeller]()
    for name in filter(classifies, names):
        extractor = extractors.load(name)
        inner = extractor.extractor if isinstance(extractor, Shared) else extractor
        if isinstance(inner, Labeller):
            found[name] = inner
    return found


def best(scored: Sequence[Scored], k: int) -> list[Found]:
    """The ``k`` best rows of all segments, and those that tie with the last; best first, ties by
    path."""
    fused = np.concatenate([np.zeros(0, np.float32), *[one.fused for one in scored]])
    least = np.round(np.partition(fused, -k)[-k], DIGITS) if k < len(fused) else -math.inf
    return sorted(row for one in scored for row in one.found(least))


def closer_than(below: Sequence[float], compared: int) -> list[float | None]:
    """For each hit, the share of the images that are less like the query, rounded down.

    It follows from the order of all images, so that no sample of them is needed.

    Args:
        below: the scores of the hits below 0, in order, with those of all that tie with the last.
        compared: how many images there are; of fewer than ``FEWEST_COMPARED`` there is no share.
    """
    if compared < FEWEST_COMPARED:
        return [None] * len(below)
    farther = [compared - bisect.bisect_right(below, one) for one in below]
    return [count * 10**SHARE_DIGITS // compared / 10**SHARE_DIGITS for count in farther]


def _files(owners: npt.NDArray[np.int32]) -> int:
    """How many files own the vectors whose ``owners``, in order, these are."""
    return int(np.count_nonzero(np.diff(owners, prepend=-1)))


@dataclass(frozen=True, order=True)
class Found:
    """A row that may become a hit; the first of several is the best, ties by path.

    ``below`` is the score below 0, ``owner`` the number of the image in its segment, ``at`` the
    place among the rows that were ``scored``.
    """

    below: float
    path: str
    owner: int
    at: int
    scored: Scored = field(compare=False)

    @property
    def row(self) -> int:
        """The number of the row in its segment."""
        return int(self.scored.rows[self.at])

    def hit(self, rank: int = 0, closer: float | None = None) -> Hit:
        """The row joined with its image; ``closer`` is ``Hit.closer_than``."""
        scored, records, owner = self.scored, self.scored.segment.records, self.owner
        regions, row = records.regions, int(scored.rows[self.at])
        kind, number = KINDS[regions.kinds[row]], int(regions.numbers[row])
        known, note = f"{int(records.ids[owner]):016x}", records.notes.get(owner, "")
        part = kind != KINDS[WHOLE]
        return Hit(
            rank=rank,
            id=known,
            path=self.path,
            score=-self.below,
            scores=_row(scored.scores, self.at),
            contributions=_row(scored.contributions, self.at),
            width=int(records.widths[owner]),
            height=int(records.heights[owner]),
            size=int(records.sizes[owner]),
            modified=int(records.mtimes[owner]) / 1e9,
            note=regions[row].note(note) if part else note,
            variant="" if scored.variant is None else scored.variants[scored.variant[self.at]],
            kind=kind,
            page=number if kind == "page" else 0,
            time=round(float(regions.times[row]), 3),
            region_id=f"{known}:{number}" if part else known,
            closer_than=closer,
        )


def _row(columns: Mapping[str, Floats], i: int) -> dict[str, float]:
    return {name: round(float(values[i]), DIGITS) for name, values in columns.items()}


@dataclass(frozen=True, eq=False)
class Scoring:
    """How rows are scored for one ``question``, compared as its kind is.

    Unless the vectors may be expected ``in_memory``, they are read ahead.
    """

    comparison: Comparison
    question: ScoringQuery
    in_memory: bool = True

    def scored(self, searchable: Searchable, rows: Rows, keep: Mask) -> Scored:
        """The scores of candidates in one segment.

        Args:
            searchable: the segment.
            rows: (n,) the candidates.
            keep: (vectors,) bool, the rows that may be hits. Those whose names hold words of the
                question are scored as well.
        """
        records = searchable.segment.records
        question, named = self.question, np.zeros(len(keep), np.float32)
        by_name = bool(question.words) and question.name_weight > 0
        if by_name:
            named = searchable.names.scores(question.words)[records.owners]
            # A name may lift an image over those that only look similar, so all that are named
            # compete.
            rows = np.union1d(rows, np.flatnonzero(keep & (named > 0)))
        found = self._compared(searchable, rows).best_regions()
        rows = found.rows
        if not by_name:
            return found
        weight = question.name_weight
        share = np.float32(weight / (1 + weight) if question.blocks else 1)
        stays = np.full(len(rows), 1 - share, np.float32)
        return found.with_added(NAME, named[rows], named[rows] * share, stays)

    def _compared(self, searchable: Searchable, rows: Rows) -> Scored:
        question, comparison, segment = self.question, self.comparison, searchable.segment
        if not question.blocks or not len(rows):
            return Scored(segment, rows, {}, {})
        calibration = comparison.calibration
        centred: dict[str, Floats] = {}
        ready: dict[str, Floats] = {}
        compared = [one for one in searchable.columns if one.extractor.name in question.blocks]
        runs = Runs(rows)
        if not self.in_memory:
            for column in compared:
                column.prefetch(runs)
        for column in compared:
            name = column.extractor.name
            # What is centred is scaled afterwards anyway.
            centre = partial(calibration.centred_rows, name, in_place=True)
            exact = not calibration.fitted_on
            centred[name] = column.units(runs, exact=exact, through=None if exact else centre)
            ready[name] = comparison.stored_rows(name, centred[name])
        found = block_scores(question.blocks, question.shares, ready, question.variants)
        features = {name: centred[name] for name in self._active}
        names = () if found.variant is None else tuple(one.name for one in question.variants)
        return Scored(
            segment, rows, found.scores, found.contributions, features, names, found.variant
        )

    def reach(self, k: int) -> int:
        """How many of the nearest by cosine must be scored to find the ``k`` best."""
        return max(self.comparison.reach(k), REACH if self._active else k)

    def variant_reach(self, k: int) -> int:
        """As ``reach``, for a drawing that was mirrored or turned."""
        return max(VARIANT_TIMES * k, VARIANT_LEAST) if self.comparison.drawings else k

    @cached_property
    def _active(self) -> Collection[str]:
        if not self.question.expanded:
            return ()
        return active_extractors(
            self.comparison.calibration, self.question.kind, self.question.shares
        )

    def expanded(self, found: Sequence[Scored]) -> Sequence[Scored]:
        """The candidates ``found`` after query expansion, if the question is expanded."""
        known = [one for one in found if one.features]
        if not known:
            return found
        features = {
            name: np.concatenate([one.features[name] for one in known]) for name in self._active
        }
        scores = np.concatenate([one.fused for one in known])
        effect = RERANKER.rerank(self.question.shares, features, scores)
        if effect is None:
            return found
        ends = np.cumsum([len(one.rows) for one in known])[:-1]
        columns = (np.split(of, ends) for of in (effect.likeness, effect.added, effect.stays))
        return [
            one.with_added(RERANKER.name, *of_one)
            for one, *of_one in zip(known, *columns, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Part:
    """A segment within one snapshot; ``keep`` (vectors,) masks those that count."""

    of: Searchable
    keep: Mask


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """A snapshot that can be searched; ``in_memory`` is whether its vectors fit there.

    Immutable: a reindex makes a new one, which shares unchanged segments.
    """

    snapshot: Snapshot
    calibration: Calibration
    parts: tuple[Part, ...]
    in_memory: bool = True

    @staticmethod
    def of(snapshot: Snapshot, previous: SearchIndex | None = None) -> SearchIndex:
        """The index over ``snapshot``; what ``previous`` has already is shared.

        Raises:
            CacheDamaged: the vectors of a segment were altered on disk.
        """
        names = tuple(extractor.name for extractor in snapshot.extractors)
        dims = tuple(extractor.dim for extractor in snapshot.extractors)
        calibration = Calibration.from_plain(Layout(names, dims), snapshot.calibration)
        built: dict[str, Searchable] = {}
        if (
            previous is not None
            and previous.snapshot.calibration == snapshot.calibration
            and previous.snapshot.extractors == snapshot.extractors
        ):
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
                searchable = Searchable(segment, index)
            parts.append(Part(searchable, live[segment.records.owners]))
        return SearchIndex(snapshot, calibration, tuple(parts), fits_memory(snapshot))

    @property
    def layout(self) -> Layout:
        """The blocks of a stored vector."""
        return self.calibration.layout

    def comparison(self, kind: str) -> Comparison:
        """How queries of a ``kind`` are compared with the stored vectors."""
        models = {extractor.name: extractor.model for extractor in self.snapshot.extractors}
        return Comparison(self.calibration, models, kind)

    @property
    def verified(self) -> tuple[str, ...]:
        """The segments whose vectors were found to be as they were written."""
        return tuple(part.of.segment.name for part in self.parts)

    def search(
        self, question: ScoringQuery, k: int, labellers: Mapping[str, Labeller] | None = None
    ) -> tuple[list[Hit], int]:
        """The ``k`` best hits, best first, ties by path; and how many images were compared. The
        first ``LABELLED`` of them are labelled by ``labellers``, which are given by extractor."""
        allowed = [self.allowed(part, question.filter) for part in self.parts]
        compared = sum(
            _files(part.of.segment.records.owners[keep])
            for part, keep in zip(self.parts, allowed, strict=True)
        )
        scoring = self.scoring(question)
        if not question.blocks:
            found = [np.zeros(0, np.int64) for _ in self.parts]
        else:
            query = query_vector(self.layout, question.blocks, question.shares)
            searched = [(p.of.index, keep) for p, keep in zip(self.parts, allowed, strict=True)]
            found = candidates(query, k, searched, 10**-DIGITS, scoring.reach(k))
            for variant in question.variants[1:]:
                blocks = {**question.blocks, **variant.blocks}
                query = query_vector(self.layout, blocks, question.shares)
                more = candidates(query, k, searched, 10**-DIGITS, scoring.variant_reach(k))
                found = [np.union1d(*both) for both in zip(found, more, strict=True)]
        scored = scoring.expanded(
            [
                scoring.scored(part.of, rows, keep)
                for part, rows, keep in zip(self.parts, found, allowed, strict=True)
            ]
        )
        found_rows = best(scored, k)
        shares = closer_than([one.below for one in found_rows], compared)
        ranked = zip(found_rows[:k], shares, strict=False)
        hits = [one.hit(rank, closer) for rank, (one, closer) in enumerate(ranked, start=1)]
        first = found_rows[: min(k, LABELLED)]
        for name, labeller in (labellers or {}).items() if first else ():
            labelled = zip(hits, labeller.labels(*self._stored(first, name)), strict=False)
            hits[: len(first)] = [replace(hit, labels=labels) for hit, labels in labelled]
        return hits, compared

    def _stored(self, found: Sequence[Found], name: str) -> tuple[Floats, Floats]:
        """What the extractor ``name`` saw of each: unit vectors (n, dim), and the lengths (n,) of
        the raw features, 0 where they are unknown."""
        dims = dict(zip(self.layout.names, self.layout.dims, strict=True))
        units = np.empty((len(found), dims[name]), np.float32)
        norms = np.empty(len(found), np.float32)
        for part in self.parts:
            at = [i for i, one in enumerate(found) if one.scored.segment is part.of.segment]
            if at:
                [column] = [one for one in part.of.columns if one.extractor.name == name]
                units[at], norms[at] = column.block([found[i].row for i in at])
        return units, norms

    def scoring(self, question: ScoringQuery) -> Scoring:
        """How rows are scored for ``question``."""
        return Scoring(self.comparison(question.kind), question, self.in_memory)

    @staticmethod
    def allowed(part: Part, condition: Filter) -> Mask:
        """The rows (vectors,) of ``part``, as a mask, whose images the filter admits."""
        records = part.of.segment.records
        fits = condition.mask(records)
        return part.keep if fits is None else part.keep & fits[records.owners]
