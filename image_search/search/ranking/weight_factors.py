"""The factor by which each extractor's default weight is multiplied, fitted without any labels.

Neighbours that two extractors agree on are likely right. An extractor that agrees with no other
distinguishes little of what is in the collection, and gets a small factor.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from image_search.imaging.arrays import Floats

_NEIGHBOURS = 10
# Colour against layout, by texture, which is neither: how much more the nearest neighbours by
# `edges` agree with those by `texture` than those by `hsv` do. The constants were chosen on four
# labelled collections (docs/quality.md).
_ARBITER, _COLOUR, _LAYOUT = "texture", "hsv", "edges"
_EVEN, _POWER, _MOST_FACTOR = 1.1, 3.0, 4.0
_DESCRIPTORS = (_COLOUR, _LAYOUT, _ARBITER)
# A network against the descriptors together: where they share few of their nearest neighbours, it
# is the descriptors that distinguish little. The number of neighbours is a share of the sample, so
# that collections can be compared; a network that shares fewer than so many times as many as by
# chance distinguishes little itself. Found on five collections with two networks.
_NEAR_SHARE, _FEWEST_NEAR, _TIMES_CHANCE = 1 / 40, 5, 3.0
_EVEN_SHARE, _NETWORK_POWER, _LEAST_FACTOR = 0.5, 2.0, 1.25
# Networks among each other, by how far the nearest pictures stand out from the rest, less what they
# would in a normal distribution: the one in which they stand out most has factor 1, beside the
# package's own network only if they stand out so far. The own one is weighted beside the
# descriptors and keeps its factor: its results help where others stand out more (docs/quality.md).
_BELL, _LEAST_STANDING, _FULL_STANDING, _RIVAL_POWER, _OWN = 1.72, 0.05, 1.75, 5.0, "design"


def factors_of(cosines: Mapping[str, Floats], std: Mapping[str, float]) -> dict[str, float]:
    """The weight factor of each extractor.

    Args:
        cosines: by extractor, (queries, rows) within a sample of the collection; -inf for a picture
            with itself.
        std: by extractor, the standard deviation of its cosines.
    """
    factors = _descriptor_factors(cosines)
    factors |= _network_factors(cosines, std, factors)
    return {name: factors[name] * share for name, share in _shares(cosines).items()}


def _descriptor_factors(cosines: Mapping[str, Floats]) -> dict[str, float]:
    near = {name: _nearest(cosines[name], _NEIGHBOURS) for name in _DESCRIPTORS if name in cosines}
    factors = dict.fromkeys(cosines, 1.0)
    if {_ARBITER, _COLOUR, _LAYOUT} <= near.keys():
        layout = _agreement(near[_LAYOUT], near[_ARBITER])
        colour = _agreement(near[_COLOUR], near[_ARBITER])
        ratio = (max(layout, 1e-3) / max(colour, 1e-3) / _EVEN) ** _POWER
        ratio = min(max(ratio, 1 / _MOST_FACTOR), _MOST_FACTOR)
        factors[_LAYOUT], factors[_COLOUR] = ratio, 1 / ratio
    return factors


def _network_factors(
    cosines: Mapping[str, Floats], std: Mapping[str, float], factors: Mapping[str, float]
) -> dict[str, float]:
    """The factor of each network where the descriptors together have 1; empty where a descriptor is
    missing."""
    if not cosines.keys() >= set(_DESCRIPTORS):
        return {}
    together = np.sum([cosines[n] * (factors[n] / std[n]) for n in _DESCRIPTORS], axis=0)
    rows = together.shape[1]
    count = max(_FEWEST_NEAR, round(rows * _NEAR_SHARE))
    chance = count / (rows - 1)
    near = _nearest(together, count)
    found = {}
    for name in cosines.keys() - set(_DESCRIPTORS):
        shared = _agreement(_nearest(cosines[name], count), near)
        factor = (_EVEN_SHARE / max(shared, 1e-3)) ** _NETWORK_POWER
        knows = (shared / chance - 1) / (_TIMES_CHANCE - 1)
        found[name] = min(max(factor, _LEAST_FACTOR), _MOST_FACTOR) * min(max(knows, 0.01), 1.0)
    return found


def _shares(cosines: Mapping[str, Floats]) -> dict[str, float]:
    """The share of its factor that each extractor keeps: less than 1 for a network that hardly
    distinguishes pictures, or does so worse than another network.

    By a network that distinguishes its pictures, most pairs are about equally unlike and a few
    stand out. Two networks of equal weight are often worse than the better one alone.
    """
    networks = [name for name in cosines if name not in (*_DESCRIPTORS, _OWN)]
    standing = {
        name: max(_standing_out(cosines[name]) - _BELL, _LEAST_STANDING) for name in networks
    }
    full = max([_FULL_STANDING if _OWN in cosines else 0.0, *standing.values()])
    shares = dict.fromkeys(cosines, 1.0)
    return shares | {name: (value / full) ** _RIVAL_POWER for name, value in standing.items()}


def _standing_out(cosines: Floats) -> float:
    """How far the nearest hundredth lies above the middle, in distances between the quartiles: the
    few pictures that a collection has twice do not change it."""
    low, middle, high, near = np.quantile(cosines[np.isfinite(cosines)], [0.25, 0.5, 0.75, 0.99])
    return float((near - middle) / max(high - low, 1e-6))


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The mean share of neighbours that two rankings have in common."""
    shared = (one[:, :, None] == other[:, None, :]).any(axis=2)
    return float(shared.mean())


def _nearest(cosines: Floats, count: int) -> np.ndarray:
    """Of ``cosines`` (queries, rows) the columns of the ``count`` largest, (queries, count)."""
    return np.argpartition(-cosines, count, axis=1)[:, :count]
