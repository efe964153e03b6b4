"""How the product ranks: the one place where evaluation meets fusion and its weights.

Nothing is computed here that a search does not compute; tests hold the scores against
``Library.search``. What a search comes to know of its query is a field of ``Question``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.extractors.base import Floats
from image_search.fusion import Layout, query_vector
from image_search.weighting import default_weights

FUSION = "fusion"
# A search tells scores apart to so many digits; what is equal then is in no order of merit.
DIGITS = 4


@dataclass(frozen=True, eq=False)
class Question:
    """What a search knows of its query: unit blocks (dim,) by extractor, and what kind it is."""

    blocks: Mapping[str, Floats]
    kind: str


@dataclass(frozen=True)
class Way:
    """A way to rank: one extractor alone, or (``weights`` is None) as the product does unasked."""

    name: str
    weights: Mapping[str, float] | None = None

    def weights_for(self, question: Question) -> Mapping[str, float]:
        """The weights that a query gets."""
        return default_weights(tuple(question.blocks)) if self.weights is None else self.weights


def ways(names: Sequence[str]) -> tuple[Way, ...]:
    """Every extractor alone, then the default fusion where there is something to fuse."""
    alone = [Way(name, {other: float(other == name) for other in names}) for name in names]
    return (*alone, Way(FUSION)) if len(names) > 1 else tuple(alone)


def scores(layout: Layout, way: Way, questions: Sequence[Question], stored: Floats) -> Floats:
    """The score of every ``stored`` vector (n, layout.dim) for every question, (questions, n)."""
    asked = [query_vector(layout, q.blocks, way.weights_for(q)) for q in questions]
    return np.round(np.stack(asked) @ stored.T, DIGITS)
