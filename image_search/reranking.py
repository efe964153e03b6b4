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
_EMPHASISED, _FROM, _TO, _TIMES = "edges", 1.5, 3.0, 14.0
# What the first answers say, were they all one picture, for every 1 that the networks say.
_SAY = 0.7


@dataclass(frozen=True, eq=False)
class Expansion:
    """What the first answers say: ``directions`` (dim,) by extractor, whose inner products with the
    centred unit blocks of an image add up to a cosine, and the ``weight`` of that beside the 1 of
    the query itself. Answers that have little to do with each other weigh little."""

    directions: Mapping[str, Floats]
    weight: float

    def likeness(self, centred: Mapping[str, Floats]) -> Floats:
        """The cosine (n,) of images, by their ``centred`` blocks (n, dim), with these answers."""
        found = [centred[name] @ direction for name, direction in self.directions.items()]
        return np.asarray(np.sum(found, axis=0), np.float32)

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

    @property
    def heard(self) -> list[str]:
        """The networks through which the first answers speak."""
        return [n for n, share in self.shares.items() if n not in UNTRAINED and share > 0]

    def expansion(self, centred: Mapping[str, Floats], scores: Floats) -> Expansion | None:
        """From the first answers' unit blocks (few, dim), centred, and their ``scores`` (few,);
        ``None`` where they have nothing to say, or no network has."""
        weights = np.maximum(scores, 0)
        if weights.sum() <= 0:
            return None
        shares = {name: self.shares[name] for name in self.heard}
        means = {name: weights @ centred[name] / weights.sum() for name in shares}
        # Of all the means side by side, each weighed by its share.
        length = math.sqrt(sum(shares[n] * float(means[n] @ means[n]) for n in shares))
        length *= math.sqrt(sum(shares.values()))
        if length < 1e-9:
            return None
        directions = {n: np.asarray(means[n] * (shares[n] / length), np.float32) for n in shares}
        return Expansion(directions, _SAY * length / self.whole)


def reranking(calibration: Calibration, kind: str, shares: Mapping[str, float]) -> Reranking | None:
    """How queries of a kind are ranked by default; ``None`` where by the plain sum, as for photos
    and in collections too small to be calibrated."""
    if kind != SKETCH or not calibration.fitted_on:
        return None
    return Reranking(calibration, shares)
