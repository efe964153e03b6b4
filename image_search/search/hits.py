"""Rows of one segment with their scores, and the hits that they are made into."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Rows
from image_search.storage import Segment

# Scores that differ by less than half of the last digit shown are equal.
DIGITS = 4


@dataclass(frozen=True)
class Hit:
    """A match joined with its image.

    ``score`` is fused, ``scores`` the cosine by extractor (about the collection's mean; 1 for the
    same photo; for drawings levelled, see ``comparing``, less what a variant is behind),
    ``contributions`` what each of them adds to ``score``; both may hold ``name`` and ``neighbours``
    too (which adds nothing to those that keep their places, see ``expansion``); ``size`` in bytes,
    ``modified`` in seconds since 1970, ``width`` and ``height`` in pixels; ``note`` says what else
    should be known about what is shown, such as "page 2 of 12"; ``variant`` is what was done to a
    drawing before it was most like this image, such as ``mirrored``, and empty for as it is drawn.
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
    note: str = ""
    variant: str = ""


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows (n,) of a segment with the columns (n,) of ``scores`` and ``contributions``, by
    extractor or what else adds to the score; ``features`` are their centred blocks (n, dim) by
    network through which they may speak about others. Of the ``variants`` of a drawing, by name,
    ``variant`` (n,) tells by number which of them each row was compared with."""

    segment: Segment
    rows: Rows
    scores: dict[str, Floats]
    contributions: dict[str, Floats]
    features: Mapping[str, Floats] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    variant: npt.NDArray[np.intp] | None = None

    @cached_property
    def fused(self) -> Floats:
        """The score (n,) of each row."""
        nothing = np.zeros(len(self.rows), np.float32)
        return np.asarray(sum(self.contributions.values(), nothing), np.float32)

    def with_share(self, name: str, scores: Floats, share: float) -> Scored:
        """With another column of ``scores`` (n,), which has this ``share`` of the whole."""
        stays = np.full(len(self.rows), 1 - share, np.float32)
        return self.with_added(name, scores, scores * np.float32(share), stays)

    def with_added(self, name: str, scores: Floats, added: Floats, stays: Floats) -> Scored:
        """With another column of ``scores`` (n,), of which so much is ``added`` (n,) to the share
        that ``stays`` (n,) of the others."""
        contributions = {other: values * stays for other, values in self.contributions.items()}
        return replace(
            self,
            scores=self.scores | {name: scores},
            contributions=contributions | {name: added},
            features={},
        )

    def variant_at(self, place: int) -> str:
        """What was done to the drawing before it was compared with the row at this ``place``."""
        return "" if self.variant is None else self.variants[self.variant[place]]

    def found(self, least: float = -math.inf) -> list[Found]:
        """The rows whose score is, to the digits shown, at least ``least``, in no order."""
        shown = np.round(self.fused, DIGITS)
        places = np.flatnonzero(shown >= least)
        records = self.segment.records
        owners = records.owners[self.rows[places]].tolist()
        return [
            Found(-round(score, DIGITS), records.paths[owner], owner, place, self)
            for score, owner, place in zip(
                shown[places].tolist(), owners, places.tolist(), strict=True
            )
        ]


def best(scored: Sequence[Scored], k: int) -> list[Found]:
    """The ``k`` best rows of all, best first, ties by path."""
    fused = np.concatenate([np.zeros(0, np.float32), *[one.fused for one in scored]])
    # Those that tie with the last one take part, for ties are decided by path.
    least = np.round(np.partition(fused, -k)[-k], DIGITS) if k < len(fused) else -math.inf
    return sorted(row for one in scored for row in one.found(least))[:k]


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
            note=records.notes.get(owner, ""),
            variant=self.scored.variant_at(self.at),
        )


def _row(columns: Mapping[str, Floats], i: int) -> dict[str, float]:
    return {name: round(float(values[i]), DIGITS) for name, values in columns.items()}
