"""What the first answers say about the others.

A query shows one picture, or a drawing, which is hard to compare with photos; its first answers
together show what they have in common. So they tell which others belong to them. That is average
query expansion (Chum and others, "Total Recall", ICCV 2007), each answer counting as much as it
scores, but for this: the very first keep their places and their scores, for one of them may be the
very picture, of which there are no others. After a round the first answers are better ones, so
there is a second, in which more of them are kept.

Figures are in docs/quality.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from image_search.imaging.arrays import Floats
from image_search.search.ranking.calibration import Calibration
from image_search.search.ranking.weighting import PHOTO, SKETCH, UNTRAINED

#: The name under which what the first answers say appears among a hit's scores.
NEIGHBOURS = "neighbours"
#: So many of the first answers speak in each round.
EXPANSION_SIZE = 10
#: Among so many of the nearest the first answers look for those that belong to them.
REACH = 512


class Round(NamedTuple):
    """How many of the first answers are ``kept``, and what they ``say`` about the others for every
    1 that the query says, were they all one picture."""

    kept: int
    say: float


#: At first little, so that few are driven out of the first answers that are like no other.
ROUNDS = (Round(5, 2.0), Round(10, 5.0))


@dataclass(frozen=True, eq=False)
class Expansion:
    """What the first answers said of images (n,): of the score of each the share that ``stays``,
    and what is ``added`` to it; ``likeness`` is the cosine of each with the first answers."""

    stays: Floats
    added: Floats
    likeness: Floats

    def of(self, scores: Floats) -> Floats:
        """The ``scores`` (n,) with what the first answers say."""
        return scores * self.stays + self.added

    def then(self, later: Expansion) -> Expansion:
        """Both, one after the other."""
        return Expansion(self.stays * later.stays, later.of(self.added), later.likeness)


def active_extractors(
    calibration: Calibration, kind: str, shares: Mapping[str, float]
) -> Collection[str]:
    """The extractors through which the first answers to a query of a kind speak, of those that have
    ``shares`` in the score: for photos all, for drawings the trained networks; none for words, and
    in collections too small to be calibrated."""
    if kind not in (PHOTO, SKETCH) or not calibration.fitted_on:
        return ()
    silent = UNTRAINED if kind == SKETCH else frozenset()
    return tuple(name for name, share in shares.items() if share > 0 and name not in silent)


def expansion(
    shares: Mapping[str, float],
    centred: Mapping[str, Floats],
    scores: Floats,
    rounds: Sequence[Round] = ROUNDS,
) -> Expansion | None:
    """What the first of some images with these ``scores`` (n,) say about the others, by the
    ``centred`` unit blocks (n, dim) of each extractor that is heard, which has its share in the
    score; ``None`` where they have nothing to say."""
    said = None
    for this in rounds:
        now = scores if said is None else said.of(scores)
        one = _mean_of_first(this, shares, centred, now)
        if one is None:
            break
        said = one if said is None else said.then(one)
    return said


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
    # Of all the means side by side, each weighed by its share. Answers that have little to do with
    # each other have a short one, and weigh little.
    length = math.sqrt(sum(shares[n] * float(mean @ mean) for n, mean in means.items()))
    length *= math.sqrt(sum(shares[name] for name in means))
    if length < 1e-9:
        return None
    cosines = [centred[name] @ mean * (shares[name] / length) for name, mean in means.items()]
    likeness = np.asarray(np.sum(cosines, axis=0), np.float32)
    share = this.say * length / (1 + this.say * length)
    stays = np.full(len(scores), 1 - share, np.float32)
    # A likeness of 1 comes to what the last of those that are kept scores.
    added = likeness * np.float32(share * scores[order[kept - 1]])
    stays[order[:kept]], added[order[:kept]] = 1, 0
    return Expansion(stays, added, likeness)
