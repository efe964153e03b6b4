"""What the collection itself tells about its blocks: their means, their spreads, whom to trust.

Cosines of different extractors live on different scales, and in some collections one extractor
knows little. So each block is *centred* (the collection's mean is taken away and the rest
normalised again, which removes what all images share; cf. Su et al., "Whitening Sentence
Representations", 2021, and Jegou and Chum, "Negative evidences and co-occurences in image
retrieval", ECCV 2012), divided by the *spread* of its cosines, and weighted by *trust*. Everything
is fitted once and kept in the cache with the number of images it was fitted on, so that adding
images does not change old scores unnoticed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fusion import Layout
from image_search.search.ranking.trust import trust_in

# Fewer images say nothing reliable about a mean of a thousand dimensions.
FEWEST = 50
# Images looked at: a mean and a standard deviation need no more.
SAMPLE = 2000
# The mean counts as if so many images without any common part had been seen too.
_SHRINK = 20
_PAIRS = 4000
_QUERIES = 300


@dataclass(frozen=True, eq=False)
class Calibration:
    """Per block: ``means`` (dim,), ``std`` (standard deviation of the cosine of two images),
    and ``trust``. ``fitted_on`` images; 0 where nothing was fitted and every block is taken as it
    is.
    """

    layout: Layout
    means: Mapping[str, Floats]
    std: Mapping[str, float]
    trust: Mapping[str, float]
    fitted_on: int

    @staticmethod
    def none(layout: Layout) -> Calibration:
        """Blocks as they are, all alike."""
        means = {n: np.zeros(d, np.float32) for n, d in zip(layout.names, layout.dims, strict=True)}
        ones = dict.fromkeys(layout.names, 1.0)
        return Calibration(layout, means, ones, ones, 0)

    def outdated(self, images: int) -> bool:
        """Whether a collection of now ``images`` images should be fitted anew: it has doubled or
        halved since, or has become large enough to be fitted at all."""
        if images < FEWEST:
            return False
        return not self.fitted_on / 2 < images < self.fitted_on * 2

    def centred(self, vectors: Floats, names: Collection[str] | None = None) -> Floats:
        """Stored ``vectors`` (n, layout.dim), their blocks centred; still of length 1.

        Where only some blocks are needed, ``names`` may tell them; the others are then undefined.
        """
        if not self.fitted_on:
            return vectors
        scale = np.float32(math.sqrt(len(self.layout.names)))
        rows = np.zeros(vectors.shape, dtype=np.float32)
        for name, place in self.layout.slices().items():
            if names is None or name in names:
                rows[:, place] = self.centred_rows(name, vectors[:, place]) / scale
        return rows

    def centred_rows(self, name: str, rows: Floats, *, in_place: bool = False) -> Floats:
        """Rows (n, dim) of one block of stored vectors, centred, and of length 1; ``in_place``, so
        that the memory of ``rows`` holds the result."""
        scale, out = np.float32(math.sqrt(len(self.layout.names))), rows if in_place else None
        if not self.fitted_on:
            return np.multiply(rows, scale, out=out)
        return unit_rows(np.subtract(rows, self.means[name] / scale, out=out), in_place=True)

    def centred_block(self, name: str, block: Floats, share: float = 1.0) -> Floats:
        """A unit ``block`` (dim,) of a query, less ``share`` of the collection's mean."""
        if not self.fitted_on:
            return block
        rows = unit_rows((block - np.float32(share) * self.means[name])[None])
        return np.asarray(rows[0], dtype=np.float32)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the cache."""
        return {
            "fitted_on": self.fitted_on,
            "means": {name: mean.astype("<f4").tobytes() for name, mean in self.means.items()},
            "spreads": dict(self.std),
            "trust": dict(self.trust),
        }

    @staticmethod
    def from_plain(layout: Layout, plain: Mapping[str, Any] | None) -> Calibration:
        """The inverse of ``to_plain``; ``None``, and what does not fit ``layout``, count as nothing
        fitted."""
        if plain is None:
            return Calibration.none(layout)
        try:
            means = {
                name: np.frombuffer(plain["means"][name], "<f4").astype(np.float32).reshape(dim)
                for name, dim in zip(layout.names, layout.dims, strict=True)
            }
            std = {name: float(plain["spreads"][name]) for name in layout.names}
            trust = {name: float(plain["trust"][name]) for name in layout.names}
            fitted_on = int(plain["fitted_on"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return Calibration.none(layout)
        scales = (*std.values(), *trust.values())
        if fitted_on < 1 or not all(0 < scale < math.inf for scale in scales):
            return Calibration.none(layout)
        if not all(np.isfinite(mean).all() for mean in means.values()):
            return Calibration.none(layout)
        return Calibration(layout, means, std, trust, fitted_on)


def fit(layout: Layout, sample: Floats, images: int) -> Calibration:
    """Fit to a ``sample`` of stored vectors, (n, layout.dim), of a collection of ``images``.

    The same sample gives the same result.
    """
    if len(sample) < FEWEST:
        return Calibration.none(layout)
    scale = np.float32(math.sqrt(len(layout.names)))
    means, std, cosines_of = {}, {}, {}
    dice = np.random.default_rng(0)
    ones, others = dice.integers(0, len(sample), (2, _PAIRS))
    ones, others = ones[ones != others], others[ones != others]
    queries = dice.permutation(len(sample))[:_QUERIES]
    for name, place in layout.slices().items():
        block = sample[:, place] * scale
        means[name] = block.mean(axis=0) * np.float32(len(block) / (len(block) + _SHRINK))
        rows = unit_rows(block - means[name])
        cosines = np.einsum("ij,ij->i", rows[ones], rows[others])
        std[name] = max(float(cosines.std()), 1e-3)
        cosines_of[name] = rows[queries] @ rows.T
        cosines_of[name][np.arange(len(queries)), queries] = -np.inf
    return Calibration(layout, means, std, trust_in(cosines_of, std), images)
