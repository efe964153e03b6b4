"""What the rows of a segment score for a question, and what each extractor adds to that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Mask, Rows, VectorIndex
from image_search.search.hits import Scored
from image_search.search.name_search import NameIndex
from image_search.search.queries import Filter
from image_search.search.ranking.comparing import Comparison
from image_search.search.ranking.expansion import NEIGHBOURS, REACH, active_extractors, expansion
from image_search.search.ranking.fusion import shares_of
from image_search.search.ranking.variants import TURNED, Variant, lost
from image_search.search.ranking.weighting import PHOTO
from image_search.storage import Segment

# As for a drawing as it is (see ``comparing``), but fewer: what is not among them is behind anyway.
VARIANT_TIMES, VARIANT_LEAST = 5, 250
# The name under which the likeness of file and folder names appears among a hit's scores.
NAME = "name"


@dataclass(frozen=True, eq=False)
class ScoringQuery:
    """A query as numbers: unit ``blocks`` (dim,) by extractor, with a weight for each, and what it
    was taken for.

    ``words`` are looked for in the names of files and folders; names then have a share of
    ``name_weight`` / (1 + ``name_weight``) in the score, and all of it where there are no blocks.
    ``filter`` is what every hit must fulfil. Where ``expanded``, the first answers speak about the
    others if that helps its kind. Where there are ``variants``, the first as it is drawn, each
    image is compared with all of them, and the best counts.
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
        """The same, scored by the plain sum, which says the same of any two pictures wherever they
        are."""
        return replace(self, expanded=False)

    @property
    def shares(self) -> dict[str, float]:
        """Each extractor's share in the score."""
        return shares_of(self.blocks, self.weights)


@dataclass(frozen=True, eq=False)
class Searchable:
    """What is built once for a segment and shared by all the snapshots that hold it; whether its
    vectors may be expected ``in_memory``, or must be foreseen."""

    segment: Segment
    index: VectorIndex
    in_memory: bool = True

    @cached_property
    def names(self) -> NameIndex:
        """The index over the names of its files and folders."""
        return NameIndex(self.segment.records.paths)


@dataclass(frozen=True, eq=False)
class Scoring:
    """Of rows for one ``question``, compared as its kind is."""

    comparison: Comparison
    question: ScoringQuery

    def scored(self, searchable: Searchable, rows: Rows, keep: Mask) -> Scored:
        """The candidates ``rows`` of a segment, and those of the rows that ``keep`` (vectors,)
        admits whose names hold words of the question, with their scores."""
        records = searchable.segment.records
        question, named = self.question, np.zeros(len(keep), np.float32)
        by_name = bool(question.words) and question.name_weight > 0
        if by_name:
            named = searchable.names.scores(question.words)[records.owners]
            # A name may lift an image over those that only look alike, so all that are named
            # compete.
            rows = np.union1d(rows, np.flatnonzero(keep & (named > 0)))
        if not searchable.in_memory:
            searchable.segment.prefetch(rows)
        found = self._compared(searchable.segment, rows)
        if not by_name:
            return found
        weight = question.name_weight
        return found.with_share(NAME, named[rows], weight / (1 + weight) if question.blocks else 1)

    def _compared(self, segment: Segment, rows: Rows) -> Scored:
        question, comparison = self.question, self.comparison
        if not question.blocks or not len(rows):
            return Scored(segment, rows, {}, {})
        calibration = comparison.calibration
        places, centred, hubness_corrected = calibration.layout.slices(), {}, {}
        vectors = segment.vectors[rows]
        for name in question.blocks:
            # Taken out of the others, and so free to be worked on: fresh memory costs more than
            # the arithmetic.
            taken = np.ascontiguousarray(vectors[:, places[name]])
            centred[name] = calibration.centred_rows(name, taken, in_place=True)
            hubness_corrected[name] = comparison.hubness_corrected_rows(name, centred[name])
        shares = question.shares
        cosines = {name: hubness_corrected[name] @ block for name, block in question.blocks.items()}
        added = {name: values * np.float32(shares[name]) for name, values in cosines.items()}
        features = {name: centred[name] for name in self._active}
        as_drawn = Scored(segment, rows, cosines, added, features)
        return self._with_variants(as_drawn, hubness_corrected) if question.variants else as_drawn

    def _with_variants(self, as_drawn: Scored, hubness_corrected: Mapping[str, Floats]) -> Scored:
        """Each row compared with the variant of the drawing that it is nearest to."""
        variants, shares = self.question.variants, self.question.shares
        scores, contributions = dict(as_drawn.scores), dict(as_drawn.contributions)
        turned = [name for name in TURNED if name in scores]
        # (variants, rows) by extractor.
        cosines = {
            name: np.stack(
                [
                    hubness_corrected[name] @ one.blocks[name]
                    if name in one.blocks
                    else scores[name]
                    for one in variants
                ]
            )
            for name in turned
        }
        views = sum(each * np.float32(shares[name]) for name, each in cosines.items())
        chosen = np.argmax(views - lost(variants, shares)[:, None], axis=0)
        behind = np.array([variant.behind for variant in variants], np.float32)[chosen]
        for name, each in cosines.items():
            scores[name] = np.take_along_axis(each, chosen[None], axis=0)[0] - behind
            contributions[name] = scores[name] * np.float32(shares[name])
        names = tuple(variant.name for variant in variants)
        return replace(
            as_drawn, scores=scores, contributions=contributions, variants=names, variant=chosen
        )

    def reach(self, k: int) -> int:
        """Among how many of the nearest by cosine the ``k`` best are."""
        return max(self.comparison.reach(k), REACH if self._active else k)

    def variant_reach(self, k: int) -> int:
        """As ``reach``, of a drawing that is not as it was drawn."""
        return max(VARIANT_TIMES * k, VARIANT_LEAST) if self.comparison.drawings else k

    @cached_property
    def _active(self) -> Collection[str]:
        if not self.question.expanded:
            return ()
        return active_extractors(
            self.comparison.calibration, self.question.kind, self.question.shares
        )

    def expanded(self, found: Sequence[Scored]) -> Sequence[Scored]:
        """All the candidates ``found``, with what the first of them say about the others, where
        the question is ranked like that."""
        known = [one for one in found if one.features]
        if not known:
            return found
        features = {
            name: np.concatenate([one.features[name] for one in known]) for name in self._active
        }
        scores = np.concatenate([one.fused for one in known])
        said = expansion(self.question.shares, features, scores)
        if said is None:
            return found
        ends = np.cumsum([len(one.rows) for one in known])[:-1]
        columns = (np.split(of, ends) for of in (said.likeness, said.added, said.stays))
        return [
            one.with_added(NEIGHBOURS, *of_one)
            for one, *of_one in zip(known, *columns, strict=True)
        ]
