"""A snapshot of the cache made searchable: an index over each segment, hits joined with facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Mask
from image_search.search.engines.faiss import candidates
from image_search.search.engines.segment_indexes import fits_memory, index_of, is_large
from image_search.search.hits import DIGITS, Hit, best
from image_search.search.queries import Filter
from image_search.search.ranking.calibration import Calibration
from image_search.search.ranking.comparing import Comparison
from image_search.search.ranking.fusion import Layout, query_vector
from image_search.search.ranking.scoring import Scoring, ScoringQuery, Searchable
from image_search.storage import Snapshot


@dataclass(frozen=True, eq=False)
class _Part:
    """A segment within one snapshot; ``keep`` (vectors,) masks those that count."""

    of: Searchable
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
        built: dict[str, Searchable] = {}
        if previous is not None and previous.snapshot.calibration == snapshot.calibration:
            built = {part.of.segment.name: part.of for part in previous.parts}
        verified = set() if previous is None else set(previous.verified)
        large, in_memory = is_large(snapshot), fits_memory(snapshot)
        if previous is not None and is_large(previous.snapshot) != large:
            built = {}
        parts = []
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            searchable = built.get(segment.name)
            if searchable is None:
                sound = segment.name in verified
                index = index_of(segment, snapshot, calibration, large=large, verified=sound)
                searchable = Searchable(segment, index, in_memory)
            elif searchable.in_memory != in_memory:
                searchable = replace(searchable, in_memory=in_memory)
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
                    vector = part.of.segment.vectors[int(row)] * scale
                    return {name: vector[place] for name, place in self.layout.slices().items()}
        return None

    def search(self, question: ScoringQuery, k: int) -> tuple[list[Hit], int]:
        """The ``k`` best hits, best first, ties by path; and how many images were compared."""
        allowed = [self._allowed(part, question.filter) for part in self.parts]
        compared = sum(int(np.count_nonzero(keep)) for keep in allowed)
        scoring = Scoring(self.comparison(question.kind), question)
        if not question.blocks:
            found = [np.zeros(0, np.int64) for _ in self.parts]
        else:
            query = query_vector(self.layout, question.blocks, question.weights)
            searched = [(p.of.index, keep) for p, keep in zip(self.parts, allowed, strict=True)]
            found = candidates(query, k, searched, 10**-DIGITS, scoring.reach(k))
            for variant in question.variants[1:]:
                blocks = {**question.blocks, **variant.blocks}
                query = query_vector(self.layout, blocks, question.weights)
                more = candidates(query, k, searched, 10**-DIGITS, scoring.variant_reach(k))
                found = [np.union1d(*both) for both in zip(found, more, strict=True)]
        scored = scoring.expanded(
            [
                scoring.scored(part.of, rows, keep)
                for part, rows, keep in zip(self.parts, found, allowed, strict=True)
            ]
        )
        hits = [one.hit(rank) for rank, one in enumerate(best(scored, k), start=1)]
        return hits, compared

    def hits_of(self, question: ScoringQuery, contents: Iterable[bytes]) -> list[Hit]:
        """The images of these contents (SHA-256) that the filter admits, as hits without a rank,
        however far they are from the question; what is near to them has no say."""
        wanted = set(contents)
        scoring = Scoring(self.comparison(question.kind), question)
        hits: list[Hit] = []
        for part in self.parts:
            segment, allowed = part.of.segment, self._allowed(part, question.filter)
            facts = segment.holding_any(wanted)
            rows = segment.vector_of[facts].astype(np.int64) if facts else np.zeros(0, np.int64)
            rows = rows[allowed[rows]]
            hits.extend(one.hit() for one in scoring.scored(part.of, rows, allowed).found())
        return hits

    def contents(self, condition: Filter) -> set[bytes]:
        """The contents (SHA-256) of the images that the filter admits."""
        found = set()
        for part in self.parts:
            records, allowed = part.of.segment.records, self._allowed(part, condition)
            found |= {records.digests[owner] for owner in records.owners[allowed].tolist()}
        return found

    def folders(self) -> set[str]:
        """Every folder that holds an image, below the image folder, as it is written there."""
        return {
            part.of.segment.records.paths[owner].rpartition("/")[0]
            for part in self.parts
            for owner in part.of.segment.records.owners[part.keep]
        }

    def _allowed(self, part: _Part, condition: Filter) -> Mask:
        records = part.of.segment.records
        fits = condition.mask(records)
        return part.keep if fits is None else part.keep & fits[records.owners]
