"""How much each extractor says where the query does not tell: figures from evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from image_search.extractors import REGISTRY
from image_search.search.ranking.calibration import Calibration

PHOTO, SKETCH, TEXT = "photo", "sketch", "text"
KINDS = (PHOTO, SKETCH)

# The share of a colour picked by hand, and the weight of file and folder names beside what the
# pictures show.
COLOUR_SHARE = 0.5
NAME_WEIGHT = 0.25

# Measured by ``benchmarks/quality.py``; the figures are in docs/quality.md. For photos the trained
# networks say a few times as much as all the descriptors without training together, whose say is
# one, divided by the trust that the collection has in each. In a drawing neither colour nor surface
# means anything.
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
# What the package's own network says for every 1 of the descriptors, within their one; for photos
# times the cube of the trust that the collection has in it.
_BESIDE: Mapping[str, Mapping[str, float]] = {
    PHOTO: {"design": 0.5},
    SKETCH: {"design": 3.0},
    TEXT: {},
}
# What a network that these figures do not know says of a drawing at most: it has hardly seen any,
# and stands beside one that has. With .1 to .2 none that was tried did harm.
_PLUGGED_IN = 0.2

# Share of the collection's mean taken away from a picture's block before it is compared. A drawing
# lacks much of what photos have in common.
MEAN_SHARE: Mapping[str, float] = {PHOTO: 1.0, SKETCH: 0.5, TEXT: 1.0}
# Of colours picked by hand: with all of it, pictures without the common background would count as
# near to any colour; with none, shares would no longer matter.
COLOUR_MEAN_SHARE = 0.5


def default_weights(kind: str, names: Sequence[str], calibration: Calibration) -> dict[str, float]:
    """A weight for the cosine of each extractor in ``names``, for a query of this ``kind``.

    Where a kind's own extractors are all missing, those that are there count alike.
    """
    networks, descriptors = _NETWORKS[kind], _DESCRIPTORS[kind]
    trusted = {
        name: descriptors[name] * calibration.trust[name] for name in names if name in descriptors
    }
    together = sum(trusted.values()) or 1.0
    trusted |= {
        name: say * together * (calibration.trust[name] ** 3 if kind == PHOTO else 1.0)
        for name, say in _BESIDE[kind].items()
        if name in names
    }
    total = sum(trusted.values())
    say = {name: trusted.get(name, 0.0) / total if total else 0.0 for name in names}
    known = _NETWORKS[PHOTO].keys() | UNTRAINED
    originals = [_original(name) for name in names]
    for name, original in zip(names, originals, strict=True):
        # An extractor that was plugged in is a trained network as far as anybody knows here; what
        # it is worth among photos shows in the collection, and what knows nothing of photos knows
        # nothing of drawings of them.
        trust = calibration.trust[name]
        other = trust if kind == PHOTO else min(1.0, trust)
        if kind == SKETCH:
            other *= _PLUGGED_IN
        whole = networks.get(original, say[name] if original in known or say[name] else other)
        # Two sets of weights of one network say the same thing twice.
        say[name] = whole / originals.count(original)
    if not any(say.values()):
        say = dict.fromkeys(names, 1.0)
    return {name: value / calibration.std[name] for name, value in say.items()}


def _original(name: str) -> str:
    """The extractor itself, or the one whose other weights it has."""
    return (REGISTRY[name].variant_of if name in REGISTRY else "") or name


def chosen_weights(
    weights: Mapping[str, float], names: Sequence[str], calibration: Calibration
) -> dict[str, float]:
    """Weights chosen by hand, on one scale: equal numbers give extractors an equal say."""
    # Against the largest first, so that nothing overflows.
    largest = max((weights.get(name, 0.0) for name in names), default=0.0) or 1.0
    return {name: weights.get(name, 0.0) / largest / calibration.std[name] for name in names}
