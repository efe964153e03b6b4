"""How the blocks of a query and of stored vectors are compared, and the weight of each extractor.

Every extractor yields one unit-length *block*. A stored vector is the blocks of one picture,
concatenated and L2-normalised (early fusion). Weights go onto the query, so that the inner product
of query and stored vector is the weighted mean of the blocks' cosines: other weights, or a query
that lacks a block, need no re-indexing.

Cosines of different extractors have different scales, and in some collections one extractor
distinguishes little. So each block is *centred* (the collection's mean is subtracted and the rest
normalised again, which removes what all images share; cf. Su et al., "Whitening Sentence
Representations", 2021, and Jegou and Chum, "Negative evidences and co-occurences in image
retrieval", ECCV 2012), divided by the *standard deviation* of its cosines, which makes it a
z-score, and weighted: *prior* times a power of the *contrast*. The contrast is how many standard
deviations the ten images nearest to one are more alike than any two images: where an extractor
distinguishes kinds of things, these form a tight group, and where it sees noise, they do not.

All that is fitted to an extractor's blocks alone, without labels, and kept in the cache with the
number of images it was fitted on, so that adding images does not change old scores unnoticed.

Searches, checks and evaluations all score by ``block_scores``, and then by ``RERANKER``. A query
shows one picture, or a drawing, which is hard to compare with photos; the first results together
show what they have in common, so the others are also compared with the mean of these: alpha query
expansion (Radenovic, Tolias and Chum, "Fine-tuning CNN image retrieval with no human annotation",
TPAMI 2018; after Chum and others, "Total Recall", ICCV 2007), with one difference: the very first
keep their places and their scores, since one of them may be the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery
from image_search.extractors import REGISTRY
from image_search.extractors.base import unit_rows
from image_search.extractors.drawings import Drawings, drawings_of
from image_search.imaging.arrays import Floats
from image_search.search.ranking.priors import OTHER, POWER, PRIORS
from image_search.search.ranking.variants import TURNED, Variant, lost

#: The name of query expansion among a hit's scores and contributions.
QUERY_EXPANSION = "query_expansion"

PHOTO, SKETCH, TEXT = "photo", "sketch", "text"
KINDS = (PHOTO, SKETCH)

# The share of a colour picked by hand, and the weight of file and folder names beside what the
# pictures show.
COLOUR_SHARE = 0.5
NAME_WEIGHT = 0.25

# Of colours picked by hand: with all of it, pictures without the common background would count as
# near to any colour; with none, shares would no longer matter.
COLOUR_MEAN_SHARE = 0.5

#: So many of the nearest images are compared with the first results.
REACH = 512
# Of fewer images, a mean of a thousand dimensions is not reliable.
FEWEST = 50
# Hits wanted for a drawing are looked for among so many times as many of the nearest, and among at
# least so many: what is near to all drawings is only then put behind.
_TIMES, _LEAST = 20, 1000


@dataclass(frozen=True)
class Layout:
    """The blocks of a stored vector: their names and lengths, in order."""

    names: tuple[str, ...]
    dims: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Length of a stored vector."""
        return sum(self.dims)

    def slices(self) -> dict[str, slice]:
        """The part of a stored vector that each block takes, by name."""
        ends = np.cumsum(self.dims).tolist()
        return {
            name: slice(end - dim, end)
            for name, dim, end in zip(self.names, self.dims, ends, strict=True)
        }


def stored_vectors(layout: Layout, blocks: Mapping[str, Floats]) -> Floats:
    """Stored vectors (n, layout.dim) of length 1, joined from unit ``blocks``.

    Args:
        layout: the order of the blocks.
        blocks: by extractor, (n, dim of the extractor).
    """
    rows = np.concatenate([blocks[name] for name in layout.names], axis=1)
    return (rows / math.sqrt(len(layout.names))).astype(np.float32)


def shares_of(names: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    """Each extractor's share in the fused score: its weight over the sum of all, 0 where that is
    0."""
    names = tuple(names)
    largest = max((abs(weights[name]) for name in names), default=0.0)
    if largest <= 0:
        return dict.fromkeys(names, 0.0)
    # Against the largest first, so that no sum overflows.
    relative = {name: weights[name] / largest for name in names}
    total = sum(abs(value) for value in relative.values())
    return {name: value / total for name, value in relative.items()}


def query_vector(
    layout: Layout, blocks: Mapping[str, Floats], shares: Mapping[str, float]
) -> Floats:
    """The vector (layout.dim,) whose inner product with a stored vector is the fused score.

    ``blocks`` are unit vectors (dim of the extractor,), for the extractors that compare what the
    query holds, and ``shares`` those of each in the score (see ``shares_of``). The fused score is
    the mean of the blocks' cosines weighted by their shares, hence within [-1, 1].

    Raises:
        InvalidQuery: all the shares are zero.
    """
    if not any(shares.values()):
        raise InvalidQuery(
            "All extractors that can compare this query have weight zero; give one of them more."
        )
    query = np.zeros(layout.dim, dtype=np.float32)
    for name, place in layout.slices().items():
        if name in blocks:
            query[place] = blocks[name] * np.float32(shares[name])
    return query * np.float32(math.sqrt(len(layout.names)))


def pooled(blocks: Sequence[Floats]) -> Floats:
    """The mean direction (dim,) of several unit vectors (dim,)."""
    mean = np.mean(blocks, axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 1e-9 else blocks[0], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was fitted to a collection, by extractor, each from its blocks alone: ``means`` (dim,),
    ``std`` (standard deviation of the cosine of two images), and ``contrast``.

    ``fitted_on`` is the number of images; 0 if nothing was fitted and blocks are used as they are.
    ``contrast`` is empty where an earlier release fitted the rest; then it counts as 1.
    """

    layout: Layout
    means: Mapping[str, Floats]
    std: Mapping[str, float]
    contrast: Mapping[str, float]
    fitted_on: int

    @staticmethod
    def none(layout: Layout) -> Calibration:
        """A calibration that leaves blocks as they are and weighs all equally."""
        means = {n: np.zeros(d, np.float32) for n, d in zip(layout.names, layout.dims, strict=True)}
        ones = dict.fromkeys(layout.names, 1.0)
        return Calibration(layout, means, ones, ones, 0)

    def outdated(self, images: int) -> bool:
        """Whether a collection of now ``images`` images should be fitted again: it has doubled or
        halved since, has become large enough to be fitted at all, or lacks the contrast."""
        if images < FEWEST:
            return False
        return not self.contrast or not self.fitted_on / 2 < images < self.fitted_on * 2

    def centred(self, vectors: Floats, names: Collection[str] | None = None) -> Floats:
        """Stored ``vectors`` (n, layout.dim) with centred blocks, still of length 1.

        Where only some blocks are needed, ``names`` lists them; the others are then undefined.
        """
        if not self.fitted_on:
            return vectors
        scale = np.float32(math.sqrt(len(self.layout.names)))
        rows = np.zeros(vectors.shape, dtype=np.float32)
        for name, place in self.layout.slices().items():
            if names is None or name in names:
                units = vectors[:, place] * scale
                rows[:, place] = self.centred_rows(name, units, in_place=True) / scale
        return rows

    def centred_rows(self, name: str, rows: Floats, *, in_place: bool = False) -> Floats:
        """Unit ``rows`` (n, dim) of one extractor, centred and of length 1.

        With ``in_place``, the result takes the memory of ``rows``.
        """
        if not self.fitted_on:
            return rows
        out = rows if in_place else None
        return unit_rows(np.subtract(rows, self.means[name], out=out), in_place=True)

    def centred_block(self, name: str, block: Floats, share: float = 1.0) -> Floats:
        """A unit ``block`` (dim,) of a query, less ``share`` of the collection's mean."""
        if not self.fitted_on:
            return block
        rows = unit_rows((block - np.float32(share) * self.means[name])[None])
        return np.asarray(rows[0], dtype=np.float32)

    def joined(self, other: Calibration) -> Calibration:
        """This calibration with what was fitted to the extractors of ``other`` added."""
        layout = Layout(
            self.layout.names + other.layout.names, self.layout.dims + other.layout.dims
        )
        means, std = {**self.means, **other.means}, {**self.std, **other.std}
        return Calibration(layout, means, std, {**self.contrast, **other.contrast}, self.fitted_on)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the cache. The keys are those of the file format."""
        return {
            "fitted_on": self.fitted_on,
            "means": {name: mean.astype("<f4").tobytes() for name, mean in self.means.items()},
            "spreads": dict(self.std),
            "contrast": dict(self.contrast),
        }

    @staticmethod
    def from_plain(layout: Layout, plain: Mapping[str, Any] | None) -> Calibration:
        """The calibration that ``to_plain`` described; an empty one if ``plain`` is ``None`` or
        does not fit ``layout``."""
        if plain is None:
            return Calibration.none(layout)
        try:
            means = {
                name: np.frombuffer(plain["means"][name], "<f4").astype(np.float32).reshape(dim)
                for name, dim in zip(layout.names, layout.dims, strict=True)
            }
            std = {name: float(plain["spreads"][name]) for name in layout.names}
            contrast = plain.get("contrast") or {}
            contrast = {name: float(contrast[name]) for name in layout.names if contrast}
            fitted_on = int(plain["fitted_on"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return Calibration.none(layout)
        scales = (*std.values(), *contrast.values())
        if fitted_on < 1 or not all(0 < scale < math.inf for scale in scales):
            return Calibration.none(layout)
        if not all(np.isfinite(mean).all() for mean in means.values()):
            return Calibration.none(layout)
        return Calibration(layout, means, std, contrast, fitted_on)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How queries of one ``kind`` are compared with the stored vectors that ``calibration`` was
    fitted to; ``models`` are those that made the vectors, by extractor."""

    calibration: Calibration
    models: Mapping[str, str]
    kind: str

    @cached_property
    def drawings(self) -> dict[str, Drawings]:
        """By extractor, the corrections for drawings; empty for other kinds."""
        if self.kind != SKETCH or not self.calibration.fitted_on:
            return {}
        found = {name: drawings_of(self.models[name]) for name in self.calibration.layout.names}
        return {name: one for name, one in found.items() if one is not None}

    def query_block(self, name: str, block: Floats) -> Floats:
        """A unit ``block`` (dim,) of a query as it is compared, again of length 1."""
        if name in self.drawings:
            return self.drawings[name].asked(block)
        return self.calibration.centred_block(name, block)

    def compared(self, variants: Sequence[Variant]) -> tuple[Variant, ...]:
        """The same with their blocks as queries are compared."""
        return tuple(
            replace(
                variant,
                blocks={n: self.query_block(n, block) for n, block in variant.blocks.items()},
            )
            for variant in variants
        )

    def stored_rows(self, name: str, centred: Floats) -> Floats:
        """The ``centred`` unit rows (n, dim) of one block as they are compared: inner products with
        a ``query_block`` are the scores, which are cosines unless there are ``drawings``."""
        if name not in self.drawings:
            return centred
        return self.drawings[name].hubness_corrected(centred)

    def reach(self, k: int) -> int:
        """How many of the nearest by cosine must be scored to find the ``k`` best."""
        return max(_TIMES * k, _LEAST) if self.drawings else k


def default_weights(kind: str, names: Sequence[str], calibration: Calibration) -> dict[str, float]:
    """The default weight for the cosine of each extractor in ``names``, for this ``kind`` of query:
    prior times a power of the contrast, over the standard deviation.

    If those that are meant for a kind are all missing, the others have equal weights.
    """
    originals = [_original(name) for name in names]
    weights = {
        # Two sets of weights of one network, or two of its layers, share its weight.
        name: getattr(PRIORS.get(original, OTHER), kind)
        * calibration.contrast.get(name, 1.0) ** POWER[kind]
        / originals.count(original)
        for name, original in zip(names, originals, strict=True)
    }
    if not any(weights.values()):
        weights = dict.fromkeys(names, 1.0)
    return {name: value / calibration.std[name] for name, value in weights.items()}


def _original(name: str) -> str:
    """The extractor itself, or the one whose other weights it has."""
    return (REGISTRY[name].variant_of if name in REGISTRY else "") or name


def chosen_weights(
    weights: Mapping[str, float], names: Sequence[str], calibration: Calibration
) -> dict[str, float]:
    """Weights chosen by hand, on one scale: equal numbers give extractors equal weight."""
    # Against the largest first, so that nothing overflows.
    largest = max((weights.get(name, 0.0) for name in names), default=0.0) or 1.0
    return {name: weights.get(name, 0.0) / largest / calibration.std[name] for name in names}


def active_extractors(
    calibration: Calibration, kind: str, shares: Mapping[str, float]
) -> Collection[str]:
    """The extractors that the first results are compared by with the others, among those with
    ``shares`` in the score: for photos all, for drawings the trained networks; none for words, and
    in collections too small to be calibrated."""
    if kind not in KINDS or not calibration.fitted_on:
        return ()
    return tuple(
        name
        for name, share in shares.items()
        if share > 0 and (kind == PHOTO or name not in REGISTRY or REGISTRY[name].weights)
    )


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
