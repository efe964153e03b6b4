"""Weights by hand in words: groups of extractors, and mixtures of them that have a name.

The one source of both, for the library, the command line, the HTTP interface and the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from image_search.extractors import REGISTRY

MEANING, STRUCTURE, COLOUR = "meaning", "structure", "colour"
_GROUPS: Mapping[str, str] = {
    "edges": STRUCTURE,
    "texture": STRUCTURE,
    "hsv": COLOUR,
}
GROUPS = (MEANING, STRUCTURE, COLOUR)

PRESETS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "idea": {MEANING: 80, STRUCTURE: 15, COLOUR: 5},
        "form": {MEANING: 10, STRUCTURE: 85, COLOUR: 5},
        "colours": {MEANING: 5, STRUCTURE: 10, COLOUR: 85},
        "even": {MEANING: 50, STRUCTURE: 50, COLOUR: 50},
    }
)
"""Say of each group, in any unit."""


def group_of(name: str) -> str:
    """The group that an extractor belongs to. One that was plugged in is a trained network as far
    as anybody knows here."""
    return _GROUPS.get(name, MEANING)


def by_extractor(weights: Mapping[str, float], usable: Sequence[str]) -> dict[str, float]:
    """``weights`` of extractors and of groups as weights of extractors alone.

    What a group has to say is shared alike by its members among the ``usable`` extractors, and lost
    where it has none.
    """
    say = {name: number for name, number in weights.items() if name not in GROUPS}
    for group in GROUPS:
        members = [name for name in usable if group_of(name) == group]
        for name in members:
            say[name] = say.get(name, 0.0) + weights.get(group, 0.0) / len(members)
    return say


def unused_weights(weights: Mapping[str, float], usable: Sequence[str]) -> tuple[str, ...]:
    """The groups that ``weights`` give at least half of the say, but that have no member among the
    ``usable`` extractors."""
    present = set(groups_of(usable).values())
    most = sum(weights.values()) / 2
    return tuple(
        group for group in GROUPS if weights.get(group, 0) >= most > 0 and group not in present
    )


def groups_of(names: Iterable[str] = tuple(REGISTRY)) -> dict[str, str]:
    """The group of each of these extractors; by default of all there are."""
    return {name: group_of(name) for name in names}
