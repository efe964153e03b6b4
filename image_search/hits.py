"""Rows of one segment with their scores, and the hits that they are made into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from image_search.cache import Segment
from image_search.extractors.base import Floats
from image_search.indexes import Rows

# Scores that differ by less than half of the last digit shown are equal.
DIGITS = 4


@dataclass(frozen=True)
class Hit:
    """A match joined with its image.

    ``score`` is fused, ``scores`` the cosine by extractor (about the collection's mean; 1 for the
    same photo; for drawings levelled, see ``comparing``), ``contributions`` what each of them adds
    to ``score``; both may hold ``name`` and ``neighbours`` too; ``size`` in bytes, ``modified`` in
    seconds since 1970, ``width`` and ``height`` in pixels.
    """

    rank: int
    id: str
    path: str
    score: float
    scores: dict[str, float]
    contributions: dict[str, float]
    width: int
    height: int
    size: int
    modified: float


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows (n,) of a segment with the columns (n,) of ``scores`` and ``contributions``, by
    extractor or what else adds to the score; ``speaking`` are their centred blocks (n, dim) by
    network through which they may speak about others."""

    segment: Segment
    rows: Rows
    scores: dict[str, Floats]
    contributions: dict[str, Floats]
    speaking: Mapping[str, Floats] = field(default_factory=dict)

    @cached_property
    def fused(self) -> Floats:
        """The score (n,) of each row."""
        return np.asarray(np.sum(list(self.contributions.values()), axis=0), np.float32)

    def with_share(self, name: str, scores: Floats, share: float) -> Scored:
        """With another column of ``scores`` (n,), which has this ``share`` of the whole."""
        contributions = {
            other: values * np.float32(1 - share) for other, values in self.contributions.items()
        }
        contributions[name] = scores * np.float32(share)
        return Scored(self.segment, self.rows, self.scores | {name: scores}, contributions)

    def best(self, k: int) -> list[Found]:
        """The best rows, best first, at least ``k`` where there are as many."""
        if not len(self.rows):
            return []
        fused = self.fused
        order = np.lexsort((self.rows, -fused))
        # Those that tie with the last one are kept, for ties are decided by path.
        last = np.round(fused[order[min(k, len(order)) - 1]], DIGITS)
        order = order[np.round(fused[order], DIGITS) >= last]
        records = self.segment.records
        owners = records.owners[self.rows[order]].tolist()
        return [
            Found(-round(float(fused[i]), DIGITS), records.paths[owner], owner, i, self)
            for owner, i in zip(owners, order.tolist(), strict=True)
        ]


@dataclass(frozen=True, order=True)
class Found:
    """A row that may become a hit; the first of several is the best, ties by path.

    ``below`` is the score below 0, ``owner`` the number of the image in its segment, ``at`` the
    place among the rows that were ``scored``.
    """

    below: float
    path: str
    owner: int
    at: int
    scored: Scored = field(compare=False)

    def hit(self, rank: int = 0) -> Hit:
        """The match joined with its image."""
        records, owner = self.scored.segment.records, self.owner
        return Hit(
            rank=rank,
            id=f"{int(records.ids[owner]):016x}",
            path=self.path,
            score=-self.below,
            scores=_row(self.scored.scores, self.at),
            contributions=_row(self.scored.contributions, self.at),
            width=int(records.widths[owner]),
            height=int(records.heights[owner]),
            size=int(records.sizes[owner]),
            modified=int(records.mtimes[owner]) / 1e9,
        )


def _row(columns: Mapping[str, Floats], i: int) -> dict[str, float]:
    return {name: round(float(values[i]), DIGITS) for name, values in columns.items()}
