"""How images are scored by their blocks, and what the first of them change in the order of others.

Searches, checks and evaluations all score by ``block_scores``, and then by ``RERANKER``. A query
shows one picture, or a drawing, which is hard to compare with photos; the first results together
show what they have in common, so the others are also compared with the mean of these: alpha query
expansion (Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation",
TPAMI 2018; after Chum and others, "Total Recall", ICCV 2007), with one difference: the very first
keep their places and their scores, since one of them may be the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats
from image_search.search.ranking.variants import TURNED, Variant, lost

#: The name of query expansion among a hit's scores and contributions.
QUERY_EXPANSION = "query_expansion"


@dataclass(frozen=True, eq=False)
class BlockScores:
    """The ``scores`` (n,) of images by extractor and what each adds to the fused score, its
    ``contributions``. Of the variants of a drawing, ``variant`` (n,) is the number of the one that
    each image was compared with."""

    scores: dict[str, Floats]
    contributions: dict[str, Floats]
    variant: npt.NDArray[np.intp] | None = None


def block_scores(
    blocks: Mapping[str, Floats],
    shares: Mapping[str, float],
    rows: Mapping[str, Floats],
    variants: Sequence[Variant] = (),
) -> BlockScores:
    """How images are scored: in searches, checks and evaluations.

    Args:
        blocks: the query's, (dim,) by extractor; see ``Comparison.query_block``.
        shares: by extractor, its share in the score.
        rows: the images', (n, dim) by extractor; see ``Comparison.stored_rows``.
        variants: of a drawing, the first as it is drawn; the best counts for each image.
    """
    scores = {name: rows[name] @ block for name, block in blocks.items()}
    chosen = None
    turned = [name for name in TURNED if name in scores]
    if variants and turned:
        # (variants, n) by extractor.
        cosines = {
            name: np.stack(
                [rows[name] @ one.blocks[name] if name in one.blocks else scores[name]
                 for one in variants]
            )
            for name in turned
        }  # fmt: skip
        views = sum(each * np.float32(shares[name]) for name, each in cosines.items())
        chosen = np.argmax(views - lost(variants, shares)[:, None], axis=0)
        behind = np.array([variant.behind for variant in variants], np.float32)[chosen]
        for name, each in cosines.items():
            scores[name] = np.take_along_axis(each, chosen[None], axis=0)[0] - behind
    contributions = {name: values * np.float32(shares[name]) for name, values in scores.items()}
    return BlockScores(scores, contributions, chosen)


@dataclass(frozen=True, eq=False)
class Reranked:
    """What changes in the scores of images (n,): the share of each score that ``stays`` and what is
    ``added`` to it; ``likeness`` (n,) is what is shown for it."""

    stays: Floats
    added: Floats
    likeness: Floats

    def of(self, scores: Floats) -> Floats:
        """The ``scores`` (n,) after the change."""
        return scores * self.stays + self.added


class Reranker(Protocol):
    """Looks at the candidates of a query together, and changes their scores."""

    @property
    def name(self) -> str:
        """What its part is called among a hit's scores and contributions."""
        ...

    def rerank(
        self, shares: Mapping[str, float], centred: Mapping[str, Floats], scores: Floats
    ) -> Reranked | None:
        """What changes in the ``scores`` (n,) of candidates; ``None`` if nothing does.

        Args:
            shares: by extractor, its share in the score.
            centred: the centred unit blocks (n, dim) of the candidates, by those of the extractors
                that candidates may be compared by.
            scores: (n,), higher is better.
        """
        ...


@dataclass(frozen=True)
class QueryExpansion:
    """Compares candidates with the mean of the first ``size``, each of which counts as the
    ``power`` of its score; the first ``kept`` stay as they are.

    The mean counts up to ``weight`` for every 1 of the query, and the less, the less the first
    results have in common.
    """

    size: int = 10
    kept: int = 3
    weight: float = 6.0
    power: float = 3.0
    name: str = QUERY_EXPANSION

    def rerank(
        self, shares: Mapping[str, float], centred: Mapping[str, Floats], scores: Floats
    ) -> Reranked | None:
        """See ``Reranker``; ``None`` if there are too few good results to expand by."""
        order = np.argsort(-scores, kind="stable")
        if not centred or len(order) <= self.kept or scores[order[self.kept - 1]] <= 0:
            return None
        last = scores[order[self.kept - 1]]
        first = order[: self.size]
        weights = np.maximum(scores[first], 0) ** np.float32(self.power)
        means = {name: weights @ rows[first] / weights.sum() for name, rows in centred.items()}
        # Of all the means side by side, each weighted by its share. Results that have little in
        # common have a short one, and count little.
        length = math.sqrt(sum(shares[n] * float(mean @ mean) for n, mean in means.items()))
        length *= math.sqrt(sum(shares[name] for name in means))
        if length < 1e-9:
            return None
        cosines = [centred[name] @ mean * (shares[name] / length) for name, mean in means.items()]
        likeness = np.asarray(np.sum(cosines, axis=0), np.float32)
        share = self.weight * length / (1 + self.weight * length)
        stays = np.full(len(scores), 1 - share, np.float32)
        # A likeness of 1 adds up to the score of the last one that is kept.
        added = likeness * np.float32(share * last)
        stays[order[: self.kept]], added[order[: self.kept]] = 1, 0
        return Reranked(stays, added, likeness)


#: The one that searches use.
RERANKER: Reranker = QueryExpansion()
