"""How what was found for a drawing is ranked, beyond a weighted sum of cosines.

A drawing and the photo of the same thing have little in common, so most cosines between them say
next to nothing. Two things do say something. A cosine of the layout far above what chance gives
means that the very thing was drawn; so what lies above is *emphasised*. And photos are much easier
to compare with photos: the first answers tell, through a trained network, which others belong to
them. That is average query expansion (Chum and others, "Total Recall", ICCV 2007), each answer
counting as much as it scores.

Figures are in docs/quality.md. Photos are ranked without: there the score of an image would depend
on what else is in the collection, for less gain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from image_search.calibration import Calibration
from image_search.extractors.base import Floats
from image_search.weighting import SKETCH, UNTRAINED

#: The name under which what the first answers say appears among a hit's scores.
NEIGHBOURS = "neighbours"
#: So many of the first answers speak.
SPEAKERS = 5
# The extractor whose cosines are emphasised: what lies between so many spreads, by so many times.
_EMPHASISED, _FROM, _TO, _TIMES = "edges", 1.5, 3.0, 6.0
# What the first answers say, were they all one picture, for every 1 of the networks.
_SAY = 1.0


@dataclass(frozen=True, eq=False)
class Expansion:
    """What the first answers say: their ``direction`` (layout.dim,), whose inner product with a
    centred stored vector is a cosine, and its ``weight`` beside the 1 of the query itself. Answers
    that have little to do with each other weigh little."""

    direction: Floats
    weight: float

    @property
    def share(self) -> float:
        """Of the first answers in the whole score."""
        return self.weight / (1 + self.weight)


@dataclass(frozen=True, eq=False)
class Reranking:
    """For queries in which each extractor has its share, as ``shares_of`` gives them."""

    calibration: Calibration
    shares: Mapping[str, float]

    @cached_property
    def whole(self) -> float:
        """What a cosine of 1 is emphasised to, so that scores stay within [-1, 1]."""
        if _EMPHASISED not in self.shares:
            return 1.0
        return 1 + _TIMES * (_TO - _FROM) * self.calibration.spreads[_EMPHASISED]

    def contribution(self, name: str, cosines: Floats) -> Floats:
        """What the ``cosines`` (n,) of an extractor add to the score."""
        if name == _EMPHASISED:
            spread = self.calibration.spreads[name]
            above = np.clip(cosines - _FROM * spread, 0, (_TO - _FROM) * spread)
            cosines = cosines + np.float32(_TIMES) * above
        return np.asarray(cosines * np.float32(self.shares[name] / self.whole), np.float32)

    def expansion(self, centred: Floats, scores: Floats) -> Expansion | None:
        """From the first answers' stored vectors (few, layout.dim), centred, and their ``scores``
        (few,); ``None`` where they have nothing to say, or no network has."""
        weights = np.maximum(scores, 0)
        direction = np.zeros(self.calibration.layout.dim, np.float32)
        heard = {n: s for n, s in self.shares.items() if n not in UNTRAINED and s > 0}
        if not heard or weights.sum() <= 0:
            return None
        mean = weights @ centred / weights.sum()
        for name, place in self.calibration.layout.slices().items():
            if name in heard:
                direction[place] = np.float32(heard[name]) * mean[place]
        # A cosine, were the vectors of the networks' blocks alone, each as long as its share.
        blocks = np.float32(len(self.calibration.layout.names))
        squares = (
            heard[name] * float(np.square(mean[place]).sum()) * float(blocks)
            for name, place in self.calibration.layout.slices().items()
            if name in heard
        )
        length = math.sqrt(sum(squares) * sum(heard.values()))
        if length < 1e-9:
            return None
        return Expansion(direction * blocks / np.float32(length), _SAY * length / self.whole)


def reranking(calibration: Calibration, kind: str, shares: Mapping[str, float]) -> Reranking | None:
    """How queries of a kind are ranked by default; ``None`` where by the plain sum, as for photos
    and in collections too small to be calibrated."""
    if kind != SKETCH or not calibration.fitted_on:
        return None
    return Reranking(calibration, shares)
