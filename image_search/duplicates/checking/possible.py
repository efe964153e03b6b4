"""The verdict on a drawing of which no copy is in the collection: where its design may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from image_search.duplicates.checking.drawings import (
    ASSUMED_LINE,
    DEPTH,
    DrawingLine,
    answer_of,
    judge,
)
from image_search.duplicates.checking.verdict import NEW, POSSIBLE, CheckHit
from image_search.duplicates.decisions import DIFFERENT, Pair, pair_of
from image_search.search.queries import Hit
from image_search.search.search_index import ScoringQuery, SearchIndex


@dataclass(frozen=True)
class Possible:
    """The ``verdict`` on a drawing with its ``hits``, best first; the ``chance`` that the design,
    if it is in the collection, is among them, ``None`` where the design is new. ``suppressed``
    images were left out because a person decided that they are different."""

    verdict: str
    hits: list[CheckHit]
    chance: float | None
    suppressed: int


def designs_of(
    index: SearchIndex,
    question: ScoringQuery,
    found: Sequence[CheckHit],
    nearest: Sequence[Hit],
    compared: int,
    line: DrawingLine | None,
    sample: Mapping[bytes, str],
    decided: Mapping[str, str],
) -> Possible:
    """Where the design of a drawing may be.

    Args:
        index: what was searched.
        question: the prepared query.
        found: what is the same drawing but for a part, which comes first.
        nearest: the first hits of the search, without those that need no further look.
        compared: how many images were searched.
        line: what was fitted for drawings.
        sample: contents that stand for the whole collection.
        decided: what people decided about the drawing and some images, by their ids.
    """
    shown = {one.hit.id: one for one in found}
    left = [hit for hit in nearest if decided.get(hit.id) != DIFFERENT]
    hits = [*(one.hit for one in found), *left][:DEPTH]
    answer, _ = answer_of(index, question, hits, compared, sample)
    judged = judge(answer, hits, line or ASSUMED_LINE)
    suppressed = len(nearest) - len(left)
    if judged.new and not found:
        return Possible(NEW, [], None, suppressed)
    possible = [
        replace(shown[hit.id], relation=POSSIBLE)
        if hit.id in shown
        else CheckHit(hit, POSSIBLE, decision=decided.get(hit.id))
        for hit in judged.hits
    ]
    return Possible(POSSIBLE, possible, judged.chance, suppressed)


def decisions_on(
    index: SearchIndex, content: bytes, hits: Sequence[Hit], decisions: Mapping[Pair, str]
) -> dict[str, str]:
    """What people decided about the picture of this ``content`` and ``hits``, by their ids."""
    if not decisions:
        return {}
    records = {hit.id: index.snapshot.find(int(hit.id, 16)) for hit in hits}
    pairs = {name: pair_of(content, record.digest) for name, record in records.items() if record}
    return {name: decisions[pair] for name, pair in pairs.items() if pair in decisions}
