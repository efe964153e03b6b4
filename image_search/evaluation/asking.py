"""How the product asks and ranks: where evaluation meets cleaning, centring, fusion and weights.

Nothing is computed here that a search does not compute; tests hold the scores against
``Library.search``. What a search finds out about its query is in ``PreparedQuery``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.evaluation.metrics import Integers
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.sheets.drawing import PreparedDrawing
from image_search.search.queries import AUTO, COSINE, DOT_PRODUCT, Query
from image_search.search.ranking.fusion import (
    RERANKER,
    Calibration,
    Comparison,
    Reranker,
    active_extractors,
    block_scores,
    chosen_weights,
    default_weights,
    shares_of,
)
from image_search.search.ranking.variants import Variant
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
    """How to rank: by weights chosen by hand, or (``weights`` is None) by the default weights and
    a ``reranker``, if any. With a ``metric``, raw features of the one extractor that has a weight
    are compared by it."""

    name: str
    weights: Mapping[str, float] | None = None
    reranker: Reranker | None = RERANKER
    metric: str = AUTO

    def shares(self, kind: str, names: Sequence[str], calibration: Calibration) -> dict[str, float]:
        """Each extractor's share in the score of a query of this kind."""
        if self.weights is None:
            return shares_of(names, default_weights(kind, names, calibration))
        return shares_of(names, chosen_weights(self.weights, names, calibration))


def ranking_configs(names: Sequence[str], metrics: Sequence[str] = ()) -> tuple[RankingConfig, ...]:
    """Every extractor alone, by each of ``metrics`` and then as a search by it ranks; at the end
    the default fusion where there is something to fuse."""
    alone = [
        RankingConfig(name if metric == AUTO else f"{name}, {metric}", {name: 1.0}, metric=metric)
        for name in names
        for metric in (*metrics, AUTO)
    ]
    return (*alone, RankingConfig(FUSION)) if len(names) > 1 else tuple(alone)


def metric_scores(metric: str, asked: Floats, rows: Floats) -> Floats:
    """How similar raw features are by ``metric``, (asked, n), as ``distances.similarity`` has it.

    ``asked`` (asked, dim) are those of the queries, ``rows`` (n, dim) those of the gallery. All are
    compared at once, which is less exact where two distances are nearly 0.
    """
    if metric == COSINE:
        return np.round(unit_rows(asked) @ unit_rows(rows).T, DIGITS)
    if metric == DOT_PRODUCT:
        return np.round(asked @ rows.T, DIGITS)
    # About their mean, which changes no distance, so that less is lost in the difference.
    mean = rows.mean(axis=0)
    asked, rows = asked - mean, rows - mean
    squares = np.vecdot(asked, asked)[:, None] + np.vecdot(rows, rows) - 2 * (asked @ rows.T)
    return np.asarray(-np.round(np.sqrt(np.maximum(squares, 0)), DIGITS), np.float32)


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
    layout = calibration.layout
    scale, places = np.float32(np.sqrt(len(layout.names))), layout.slices()
    weights = config.weights
    names = [n for n in asked[0].blocks if weights is None or weights.get(n, 0) > 0]
    rows = {name: centred[:, places[name]] * scale for name in names}
    found = np.zeros((len(asked), len(centred)), np.float32)
    for kind in sorted({one.kind for one in asked}):
        comparison = Comparison(calibration, models, kind)
        ready = {name: comparison.stored_rows(name, rows[name]) for name in names}
        shares = config.shares(kind, names, calibration)
        active = active_extractors(calibration, kind, shares)
        features = {name: rows[name] for name in active}
        for number, one in enumerate(asked):
            if one.kind != kind:
                continue
            blocks = {name: comparison.query_block(name, one.blocks[name]) for name in names}
            fused = found[number]
            by_block = block_scores(blocks, shares, ready, comparison.compared(one.variants))
            fused[:] = sum(by_block.contributions.values())
            if itself is not None and itself[number] >= 0:
                fused[itself[number]] = -1
            if weights is None and config.reranker is not None:
                effect = config.reranker.rerank(shares, features, fused)
                fused[:] = fused if effect is None else effect.of(fused)
    return np.round(found, DIGITS)


def prepared(pixels: Pixels, kind: str = AUTO) -> tuple[str, PreparedDrawing | None]:
    """Return the kind of query that a search takes a picture for if it is declared to be of this
    ``kind``, and the drawing that is compared in its place, if one is."""
    found, drawings = recognised(Query(kind=kind), [pixels], lambda _id, _side: None)
    return found, next(iter(drawings), None)
