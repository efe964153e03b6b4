"""How the blocks of a query and of stored vectors are compared, and the weight of each extractor.

Every extractor yields one unit-length *block*. A stored vector is the blocks of one picture,
concatenated and L2-normalised (early fusion). Weights go onto the query, so that the inner product
of query and stored vector is the weighted mean of the blocks' cosines: other weights, or a query
that lacks a block, need no re-indexing.

Cosines of different extractors have different scales, and in some collections one extractor
distinguishes little. So each block is *centred* (the collection's mean is subtracted and the rest
normalised again, which removes what all images share; cf. Su et al., "Whitening Sentence
Representations", 2021, and Jegou and Chum, "Negative evidences and co-occurences in image
retrieval", ECCV 2012), divided by the *standard deviation* of its cosines, and weighted with
a *weight factor*. Everything is fitted once and kept in the cache with the number of images it was
fitted on, so that adding images does not change old scores unnoticed.

Then comes *query expansion*. A query shows one picture, or a drawing, which is hard to compare with
photos; the first results together show what they have in common, so the others are also compared
with the mean of these. That is average query expansion (Chum and others, "Total Recall", ICCV
2007), each result weighted by its score, with one difference: the very first keep their places and
their scores, since one of them may be the picture itself. After a round the first results are
better ones, so there is a second, in which more of them are kept. Figures are in docs/quality.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from image_search.errors import InvalidQuery
from image_search.extractors import REGISTRY
from image_search.extractors.base import unit_rows
from image_search.extractors.drawings import Drawings, drawings_of
from image_search.imaging.arrays import Floats
from image_search.search.ranking.weight_factors import factors_of

PHOTO, SKETCH, TEXT = "photo", "sketch", "text"
KINDS = (PHOTO, SKETCH)

# The share of a colour picked by hand, and the weight of file and folder names beside what the
# pictures show.
COLOUR_SHARE = 0.5
NAME_WEIGHT = 0.25

# Measured by ``benchmarks/quality.py``; the figures are in docs/quality.md. For photos the trained
# networks weigh a few times as much as all the descriptors without training together. The
# weights of these add up to one, in proportion to their weight factors. In a drawing neither colour
# nor surface means anything.
_NETWORKS: Mapping[str, Mapping[str, float]] = {
    PHOTO: {"clip": 1.5, "resnet50": 1.0},
    SKETCH: {"clip": 1.0},
    TEXT: {"clip": 1.0},
}
_DESCRIPTORS: Mapping[str, Mapping[str, float]] = {
    PHOTO: {"hsv": 1.0, "edges": 1.0, "texture": 1.0},
    SKETCH: {"edges": 1.0},
    TEXT: {},
}
# What was not trained on pictures.
UNTRAINED = frozenset(_DESCRIPTORS[PHOTO])
# The weight of the package's own network for every 1 of the descriptors, within their one; for
# photos times the cube of its weight factor.
_BESIDE: Mapping[str, Mapping[str, float]] = {
    PHOTO: {"design": 0.5},
    SKETCH: {"design": 3.0},
    TEXT: {},
}
# The weight that a network which these figures do not know has for a drawing at most: it has hardly
# seen any, and stands beside one that has. With .1 to .2 none that was tried did harm.
_PLUGGED_IN = 0.2

# Share of the collection's mean taken away from a picture's block before it is compared. A drawing
# lacks much of what photos have in common.
MEAN_SHARE: Mapping[str, float] = {PHOTO: 1.0, SKETCH: 0.5, TEXT: 1.0}
# Of colours picked by hand: with all of it, pictures without the common background would count as
# near to any colour; with none, shares would no longer matter.
COLOUR_MEAN_SHARE = 0.5

#: The name of query expansion among a hit's scores and contributions.
QUERY_EXPANSION = "query_expansion"
#: So many of the first results are averaged in each round.
EXPANSION_SIZE = 10
#: So many of the nearest images are compared with the first results.
REACH = 512
# Of fewer images, a mean of a thousand dimensions is not reliable.
FEWEST = 50
# Images looked at: a mean and a standard deviation need no more.
SAMPLE = 2000
# The mean counts as if so many images without any common part had been seen too.
_SHRINK = 20
_PAIRS = 4000
_QUERIES = 300
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
    """What was fitted to a collection, by block: ``means`` (dim,), ``std`` (standard deviation of
    the cosine of two images), and ``weight_factors`` of the default weights.

    ``fitted_on`` is the number of images; 0 if nothing was fitted and blocks are used as they are.
    """

    layout: Layout
    means: Mapping[str, Floats]
    std: Mapping[str, float]
    weight_factors: Mapping[str, float]
    fitted_on: int

    @staticmethod
    def none(layout: Layout) -> Calibration:
        """A calibration that leaves blocks as they are and weighs all equally."""
        means = {n: np.zeros(d, np.float32) for n, d in zip(layout.names, layout.dims, strict=True)}
        ones = dict.fromkeys(layout.names, 1.0)
        return Calibration(layout, means, ones, ones, 0)

    def outdated(self, images: int) -> bool:
        """Whether a collection of now ``images`` images should be fitted again: it has doubled or
        halved since, or has become large enough to be fitted at all."""
        if images < FEWEST:
            return False
        return not self.fitted_on / 2 < images < self.fitted_on * 2

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

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the cache. The keys are those of the file format."""
        return {
            "fitted_on": self.fitted_on,
            "means": {name: mean.astype("<f4").tobytes() for name, mean in self.means.items()},
            "spreads": dict(self.std),
            "trust": dict(self.weight_factors),
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
            weight_factors = {name: float(plain["trust"][name]) for name in layout.names}
            fitted_on = int(plain["fitted_on"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return Calibration.none(layout)
        scales = (*std.values(), *weight_factors.values())
        if fitted_on < 1 or not all(0 < scale < math.inf for scale in scales):
            return Calibration.none(layout)
        if not all(np.isfinite(mean).all() for mean in means.values()):
            return Calibration.none(layout)
        return Calibration(layout, means, std, weight_factors, fitted_on)


def fit(layout: Layout, sample: Floats, images: int) -> Calibration:
    """The calibration fitted to a ``sample`` of stored vectors (n, layout.dim).

    The same sample gives the same result. ``images`` is the size of the collection.
    """
    if len(sample) < FEWEST:
        return Calibration.none(layout)
    scale = np.float32(math.sqrt(len(layout.names)))
    means, std, cosines_of = {}, {}, {}
    rng = np.random.default_rng(0)
    ones, others = rng.integers(0, len(sample), (2, _PAIRS))
    ones, others = ones[ones != others], others[ones != others]
    queries = rng.permutation(len(sample))[:_QUERIES]
    for name, place in layout.slices().items():
        block = sample[:, place] * scale
        means[name] = block.mean(axis=0) * np.float32(len(block) / (len(block) + _SHRINK))
        rows = unit_rows(block - means[name])
        cosines = np.einsum("ij,ij->i", rows[ones], rows[others])
        std[name] = max(float(cosines.std()), 1e-3)
        cosines_of[name] = rows[queries] @ rows.T
        cosines_of[name][np.arange(len(queries)), queries] = -np.inf
    return Calibration(layout, means, std, factors_of(cosines_of, std), images)


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
        return self.calibration.centred_block(name, block, MEAN_SHARE.get(self.kind, 1.0))

    def stored(self, vectors: Floats, names: Collection[str] | None = None) -> Floats:
        """Stored ``vectors`` (n, layout.dim) as they are compared: inner products with a
        ``query_block`` are the scores, which are cosines unless there are ``drawings``.

        Where only some blocks are needed, ``names`` lists them; the others are then undefined.
        """
        return self.hubness_corrected(self.calibration.centred(vectors, names), names)

    def hubness_corrected(self, centred: Floats, names: Collection[str] | None = None) -> Floats:
        """As ``stored``, for vectors that are centred already."""
        concerned = [name for name in self.drawings if names is None or name in names]
        if not concerned:
            return centred
        rows = centred.copy()
        places = self.calibration.layout.slices()
        scale = np.float32(np.sqrt(len(places)))
        for name in concerned:
            place = places[name]
            rows[:, place] = self.hubness_corrected_rows(name, rows[:, place] * scale) / scale
        return rows

    def hubness_corrected_rows(self, name: str, centred: Floats) -> Floats:
        """As ``hubness_corrected``, for the unit rows (n, dim) of one block."""
        if name not in self.drawings:
            return centred
        return self.drawings[name].hubness_corrected(centred)

    def reach(self, k: int) -> int:
        """How many of the nearest by cosine must be scored to find the ``k`` best."""
        return max(_TIMES * k, _LEAST) if self.drawings else k


def default_weights(kind: str, names: Sequence[str], calibration: Calibration) -> dict[str, float]:
    """The default weight for the cosine of each extractor in ``names``, for this ``kind`` of query.

    If a kind's own extractors are all missing, the others have equal weights.
    """
    networks, descriptors = _NETWORKS[kind], _DESCRIPTORS[kind]
    adjusted = {
        name: descriptors[name] * calibration.weight_factors[name]
        for name in names
        if name in descriptors
    }
    together = sum(adjusted.values()) or 1.0
    adjusted |= {
        name: weight * together * (calibration.weight_factors[name] ** 3 if kind == PHOTO else 1.0)
        for name, weight in _BESIDE[kind].items()
        if name in names
    }
    total = sum(adjusted.values())
    weights = {name: adjusted.get(name, 0.0) / total if total else 0.0 for name in names}
    known = _NETWORKS[PHOTO].keys() | UNTRAINED
    originals = [_original(name) for name in names]
    for name, original in zip(names, originals, strict=True):
        # An extractor that was plugged in is assumed to be a trained network. Its use for photos is
        # measured on the collection; one that is no use for photos is none for drawings of them.
        factor = calibration.weight_factors[name]
        other = factor if kind == PHOTO else min(1.0, factor)
        if kind == SKETCH:
            other *= _PLUGGED_IN
        whole = networks.get(
            original, weights[name] if original in known or weights[name] else other
        )
        # Two sets of weights of one network share its weight.
        weights[name] = whole / originals.count(original)
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


class Round(NamedTuple):
    """A round of query expansion: how many of the first results are ``kept`` in place, and the
    ``weight`` of the likeness to the first results for every 1 of the query, if these were all
    equal."""

    kept: int
    weight: float


#: At first little, so that few results that are like no other lose their place among the first.
ROUNDS = (Round(5, 2.0), Round(10, 5.0))


@dataclass(frozen=True, eq=False)
class Expansion:
    """What query expansion changes in the scores of images (n,): the share of each score that
    ``stays`` and what is ``added`` to it; ``likeness`` (n,) is the cosine of each with the mean of
    the first results."""

    stays: Floats
    added: Floats
    likeness: Floats

    def of(self, scores: Floats) -> Floats:
        """The ``scores`` (n,) after query expansion."""
        return scores * self.stays + self.added

    def then(self, later: Expansion) -> Expansion:
        """This expansion followed by a ``later`` one."""
        return Expansion(self.stays * later.stays, later.of(self.added), later.likeness)


def active_extractors(
    calibration: Calibration, kind: str, shares: Mapping[str, float]
) -> Collection[str]:
    """The extractors that query expansion compares images by, among those with ``shares`` in the
    score: for photos all, for drawings the trained networks; none for words, and in collections
    too small to be calibrated."""
    if kind not in (PHOTO, SKETCH) or not calibration.fitted_on:
        return ()
    left_out = UNTRAINED if kind == SKETCH else frozenset()
    return tuple(name for name, share in shares.items() if share > 0 and name not in left_out)


def expansion(
    shares: Mapping[str, float],
    centred: Mapping[str, Floats],
    scores: Floats,
    rounds: Sequence[Round] = ROUNDS,
) -> Expansion | None:
    """The query expansion of images with these ``scores`` (n,).

    Args:
        shares: by extractor, its share in the score.
        centred: by active extractor, the centred unit blocks (n, dim) of the images.
        scores: (n,), higher is better.
        rounds: what to do, one round after the other.

    Returns:
        ``None`` if there are too few good results to expand by.
    """
    combined = None
    for this in rounds:
        now = scores if combined is None else combined.of(scores)
        one = _mean_of_first(this, shares, centred, now)
        if one is None:
            break
        combined = one if combined is None else combined.then(one)
    return combined


def _mean_of_first(
    this: Round, shares: Mapping[str, float], centred: Mapping[str, Floats], scores: Floats
) -> Expansion | None:
    kept = this.kept
    order = np.argsort(-scores, kind="stable")
    if not centred or len(order) <= kept or scores[order[kept - 1]] <= 0:
        return None
    first = order[:EXPANSION_SIZE]
    weights = np.maximum(scores[first], 0)
    means = {name: weights @ rows[first] / weights.sum() for name, rows in centred.items()}
    # Of all the means side by side, each weighted by its share. Results that have little in common
    # have a short one, and count little.
    length = math.sqrt(sum(shares[n] * float(mean @ mean) for n, mean in means.items()))
    length *= math.sqrt(sum(shares[name] for name in means))
    if length < 1e-9:
        return None
    cosines = [centred[name] @ mean * (shares[name] / length) for name, mean in means.items()]
    likeness = np.asarray(np.sum(cosines, axis=0), np.float32)
    share = this.weight * length / (1 + this.weight * length)
    stays = np.full(len(scores), 1 - share, np.float32)
    # A likeness of 1 adds up to the score of the last one that is kept.
    added = likeness * np.float32(share * scores[order[kept - 1]])
    stays[order[:kept]], added[order[:kept]] = 1, 0
    return Expansion(stays, added, likeness)
