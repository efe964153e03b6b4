"""What the first answers say about the others, where a drawing asks.

Photos are much easier to compare with photos than with a drawing. So the first answers to a drawing
tell, through a trained network, which others belong to them. That is average query expansion (Chum
and others, "Total Recall", ICCV 2007), each answer counting as much as it scores.

Figures are in docs/quality.md. Photos are ranked without: there the score of an image would depend
on what else is in the collection, for less gain.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from image_search.calibration import Calibration
from image_search.extractors.base import Floats
from image_search.weighting import SKETCH, UNTRAINED

#: The name under which what the first answers say appears among a hit's scores.
NEIGHBOURS = "neighbours"
#: So many of the first answers speak, and so many keep their places: they may be the very picture,
#: of which there are no others.
SPEAKERS, KEPT = 10, 5
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


def heard(calibration: Calibration, kind: str, shares: Mapping[str, float]) -> Collection[str]:
    """The networks through which the first answers to a query of a kind speak, in which each
    extractor has its share; none for photos and in collections too small to be calibrated."""
    if kind != SKETCH or not calibration.fitted_on:
        return ()
    return tuple(name for name, share in shares.items() if name not in UNTRAINED and share > 0)


def expansion(
    shares: Mapping[str, float], centred: Mapping[str, Floats], scores: Floats
) -> Expansion | None:
    """From the first answers' unit blocks (few, dim), ``centred``, by each network that is heard,
    and their ``scores`` (few,); ``None`` where they have nothing to say, or no network has."""
    weights = np.maximum(scores, 0)
    if weights.sum() <= 0:
        return None
    means = {name: weights @ rows / weights.sum() for name, rows in centred.items()}
    # Of all the means side by side, each weighed by its share.
    length = math.sqrt(sum(shares[n] * float(mean @ mean) for n, mean in means.items()))
    length *= math.sqrt(sum(shares[name] for name in means))
    if length < 1e-9:
        return None
    directions = {
        n: np.asarray(mean * (shares[n] / length), np.float32) for n, mean in means.items()
    }
    return Expansion(directions, _SAY * length)
