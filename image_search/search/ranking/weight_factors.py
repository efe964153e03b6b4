"""How far a collection trusts each of its extractors, found without any labels.

Neighbours that two extractors agree on are likely right, so an extractor that agrees with none
knows little of what is in this collection.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from image_search.imaging.arrays import Floats

_NEIGHBOURS = 10
# Trust between colour and layout, arbitrated by texture, which is neither: how much more the
# nearest neighbours by `edges` agree with those by `texture` than those by `hsv` do. The constants
# were chosen on four labelled collections (docs/quality.md).
_ARBITER, _COLOUR, _LAYOUT = "texture", "hsv", "edges"
_EVEN, _POWER, _LIMIT = 1.1, 3.0, 4.0
_DESCRIPTORS = (_COLOUR, _LAYOUT, _ARBITER)
# Trust in a network against the descriptors together: where they share few of their nearest
# neighbours, it is the descriptors that know little. Neighbours are a share of the sample here, for
# it is compared between collections; at least so many times as many as by chance must be shared for
# the network to know anything itself. Found on five collections with two networks.
_NEAR_SHARE, _FEWEST_NEAR, _TIMES_CHANCE = 1 / 40, 5, 3.0
_ALIKE, _NETWORK_POWER, _LEAST_SAY = 0.5, 2.0, 1.25
# Trust in networks by how far what is near stands out from the rest, less what it would in a bell
# curve: full trust has the one in which it does most, beside the package's own network only if that
# is so far. The own one is weighed beside the descriptors and keeps its say: its answers help where
# others stand out more (docs/quality.md).
_BELL, _LEAST_STANDING, _FULL_STANDING, _RIVAL_POWER, _OWN = 1.72, 0.05, 1.75, 5.0, "design"


def trust_in(cosines: Mapping[str, Floats], std: Mapping[str, float]) -> dict[str, float]:
    """The trust in each extractor, from its ``cosines`` (queries, rows) within a sample of the
    collection, those of a picture with itself being -inf, and their ``std``."""
    trust = _trust_in_descriptors(cosines)
    trust |= _trust_in_networks(cosines, std, trust)
    return {name: trust[name] * share for name, share in _shares(cosines).items()}


def _trust_in_descriptors(cosines: Mapping[str, Floats]) -> dict[str, float]:
    near = {name: _nearest(cosines[name], _NEIGHBOURS) for name in _DESCRIPTORS if name in cosines}
    trust = dict.fromkeys(cosines, 1.0)
    if {_ARBITER, _COLOUR, _LAYOUT} <= near.keys():
        layout = _agreement(near[_LAYOUT], near[_ARBITER])
        colour = _agreement(near[_COLOUR], near[_ARBITER])
        ratio = (max(layout, 1e-3) / max(colour, 1e-3) / _EVEN) ** _POWER
        ratio = min(max(ratio, 1 / _LIMIT), _LIMIT)
        trust[_LAYOUT], trust[_COLOUR] = ratio, 1 / ratio
    return trust


def _trust_in_networks(
    cosines: Mapping[str, Floats], std: Mapping[str, float], trust: Mapping[str, float]
) -> dict[str, float]:
    """How much each network says for every 1 that the descriptors say together; nothing where they
    are not all there."""
    if not cosines.keys() >= set(_DESCRIPTORS):
        return {}
    together = np.sum([cosines[n] * (trust[n] / std[n]) for n in _DESCRIPTORS], axis=0)
    rows = together.shape[1]
    count = max(_FEWEST_NEAR, round(rows * _NEAR_SHARE))
    chance = count / (rows - 1)
    near = _nearest(together, count)
    found = {}
    for name in cosines.keys() - set(_DESCRIPTORS):
        shared = _agreement(_nearest(cosines[name], count), near)
        say = (_ALIKE / max(shared, 1e-3)) ** _NETWORK_POWER
        knows = (shared / chance - 1) / (_TIMES_CHANCE - 1)
        found[name] = min(max(say, _LEAST_SAY), _LIMIT) * min(max(knows, 0.01), 1.0)
    return found


def _shares(cosines: Mapping[str, Floats]) -> dict[str, float]:
    """What is left of the trust in each, because it tells pictures hardly apart, or another network
    tells them better apart.

    To a network that knows its pictures, most pairs are about equally unlike and a few stand out.
    Two networks with an equal say are often worse than the better one alone.
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
