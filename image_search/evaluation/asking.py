"""How the product asks and ranks: where evaluation meets cleaning, centring, fusion and weights.

Nothing is computed here that a search does not compute; tests hold the scores against
``Library.search``. What a search finds out about its query is in ``PreparedQuery``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.evaluation.metrics import Integers
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.sheets.drawing import PreparedDrawing
from image_search.search.queries import AUTO, Query
from image_search.search.ranking.fusion import (
    ROUNDS,
    Calibration,
    Comparison,
    Round,
    active_extractors,
    chosen_weights,
    default_weights,
    expansion,
    query_vector,
    shares_of,
)
from image_search.search.ranking.variants import Variant, compared, lost
from image_search.search.search_index import DIGITS
from image_search.search.searching import recognised

FUSION = "fusion"


@dataclass(frozen=True, eq=False)
class EvaluationQuery:
    """A query picture as a search knows it: unit ``blocks`` (dim,) by extractor, not yet centred,
    what kind it is, and the ``variants`` of a drawing, not yet centred either."""

    blocks: Mapping[str, Floats]
    kind: str
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True)
class RankingConfig:
    """How to rank: by weights chosen by hand, or (``weights`` is None) by the default weights,
    with ``rounds`` of query expansion."""

    name: str
    weights: Mapping[str, float] | None = None
    rounds: tuple[Round, ...] = ROUNDS

    def shares(self, kind: str, names: Sequence[str], calibration: Calibration) -> dict[str, float]:
        """Each extractor's share in the score of a query of this kind."""
        return shares_of(names, self._weights(kind, names, calibration))

    def vectors(self, asked: EvaluationQuery, comparison: Comparison) -> tuple[Floats, Floats]:
        """For each variant of a query, the vector (variants, layout.dim) whose inner product with
        one that is ready to be compared is the score, and what is taken away from that."""
        calibration = comparison.calibration
        blocks = {
            name: comparison.query_block(name, block)
            for name, block in asked.blocks.items()
            if self.weights is None or self.weights.get(name, 0) > 0
        }
        shares = self.shares(asked.kind, tuple(blocks), calibration)
        variants = compared(asked.variants, comparison) or (Variant("", {}, 0.0),)
        vectors = [
            query_vector(
                calibration.layout,
                {name: variant.blocks.get(name, block) for name, block in blocks.items()},
                shares,
            )
            for variant in variants
        ]
        return np.stack(vectors), lost(variants, shares)

    def _weights(
        self, kind: str, names: Sequence[str], calibration: Calibration
    ) -> dict[str, float]:
        if self.weights is None:
            return default_weights(kind, names, calibration)
        return chosen_weights(self.weights, names, calibration)


def ranking_configs(names: Sequence[str]) -> tuple[RankingConfig, ...]:
    """Every extractor alone, then the default fusion where there is something to fuse."""
    alone = tuple(RankingConfig(name, {name: 1.0}) for name in names)
    return (*alone, RankingConfig(FUSION)) if len(names) > 1 else alone


def scores(
    config: RankingConfig,
    asked: Sequence[EvaluationQuery],
    calibration: Calibration,
    models: Mapping[str, str],
    centred: Floats,
    itself: Integers | None = None,
) -> Floats:
    """The score of every ``centred`` stored vector (n, layout.dim) for every query, (asked, n), to
    as many digits as a search distinguishes: what is equal then is not ranked.

    ``itself`` (asked,) is, for each query, the number of the one vector that is not there for it
    (the query itself), or -1; the score of that one means nothing.
    """
    found = np.zeros((len(asked), len(centred)), np.float32)
    kinds = np.array([one.kind for one in asked])
    for kind in sorted(set(kinds.tolist())):
        comparison = Comparison(calibration, models, kind)
        hubness_corrected = comparison.hubness_corrected(centred)
        chosen = np.flatnonzero(kinds == kind)
        queries_of_kind = [asked[i] for i in chosen.tolist()]
        cosines = _nearest(
            [config.vectors(one, comparison) for one in queries_of_kind], hubness_corrected
        )
        if itself is not None:
            away = itself[chosen] >= 0
            cosines[away, itself[chosen][away]] = -1
        if config.weights is None:
            shares = config.shares(kind, tuple(queries_of_kind[0].blocks), calibration)
            _expand(cosines, shares, comparison, centred, config.rounds)
        found[chosen] = cosines
    return np.round(found, DIGITS)


def _nearest(asked: Sequence[tuple[Floats, Floats]], hubness_corrected: Floats) -> Floats:
    """The score (asked, n) of each image for the variant of each query that it is nearest to."""
    vectors, behind = (np.concatenate(column) for column in zip(*asked, strict=True))
    first = np.cumsum([0, *(len(one) for one, _ in asked[:-1])])
    scores = vectors @ hubness_corrected.T - behind[:, None]
    return np.asarray(np.maximum.reduceat(scores, first, axis=0), np.float32)


def _expand(
    found: Floats,
    shares: Mapping[str, float],
    comparison: Comparison,
    centred: Floats,
    rounds: Sequence[Round],
) -> None:
    """Expand each row of ``found`` (queries, n) by its first results, as a search does."""
    calibration = comparison.calibration
    scale, places = np.float32(np.sqrt(len(calibration.layout.names))), calibration.layout.slices()
    active = active_extractors(calibration, comparison.kind, shares)
    rows = {name: centred[:, places[name]] * scale for name in active}
    for row in found:
        expansion_found = expansion(shares, rows, row, rounds)
        if expansion_found is not None:
            row[:] = expansion_found.of(row)


def prepared(pixels: Pixels, kind: str = AUTO) -> tuple[str, PreparedDrawing | None]:
    """Return the kind of query that a search takes a picture for if it is declared to be of this
    ``kind``, and the drawing that is compared in its place, if one is."""
    found, drawings = recognised(Query(kind=kind), [pixels], lambda _: None)
    return found, next(iter(drawings), None)
