"""What a check answers: the verdict, the hits that justify it, and how sure it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from image_search.fingerprints import Exchange, Match
from image_search.hits import Hit
from image_search.imaging.drawing import PreparedDrawing
from image_search.queries import Region
from image_search.reports import Unreadable
from image_search.weighting import SKETCH

EXACT, NEAR, SIMILAR, NEW = "exact", "near", "similar", "new"
# The verdicts under which a picture exists already.
EXISTING = (EXACT, NEAR)
WORDS = {
    EXACT: "Exact duplicate",
    NEAR: "Near-duplicate",
    SIMILAR: "Similar",
    NEW: "New",
}
SAME_BYTES = "the same file, byte for byte"
SAME_PIXELS = "the same pixels, in another file"

Outline = tuple[tuple[float, float], ...]
WHOLE: Outline = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Evidence:
    """Why two pictures are held to be the same; see ``fingerprints.Match`` for the fields. Where a
    part of one was exchanged for another, it is outlined as ``part_query`` and ``part_hit``."""

    words: str
    inliers: int
    score: float
    mirrored: bool
    rotation: float
    scale: float
    of_query: float
    of_other: float
    outline_query: Outline
    outline_hit: Outline
    part_query: Outline = ()
    part_hit: Outline = ()

    @staticmethod
    def of(match: Match | None, words: str = "") -> Evidence:
        """The evidence that ``match`` gives, told in ``words`` where they say more. ``None`` stands
        for two pictures known to be equal, which may show nothing that can be matched."""
        if match is None:
            return Evidence(words, 0, 0.0, False, 0.0, 1.0, 1.0, 1.0, WHOLE, WHOLE)
        return Evidence(
            words=words or match.words(),
            inliers=match.inliers,
            score=round(match.score, 4),
            mirrored=match.mirrored,
            rotation=round(match.rotation, 1),
            scale=round(match.scale, 4),
            of_query=round(match.of_query, 4),
            of_other=round(match.of_other, 4),
            outline_query=_rounded(match.outline_query),
            outline_hit=_rounded(match.outline_other),
        )

    def but(self, exchange: Exchange) -> Evidence:
        """This evidence of two pictures that are the same but for a part."""
        return replace(
            self,
            words=f"{self.words}, {exchange.words()}",
            part_query=_rounded(exchange.outline_query),
            part_hit=_rounded(exchange.outline_other),
        )

    def on_whole(self, region: Region | None) -> Evidence:
        """The evidence where the query was only this part of a picture, which is then outlined on
        the whole of it."""
        if region is None:
            return self
        whole, part = (
            tuple((region.x + x * region.width, region.y + y * region.height) for x, y in outline)
            for outline in (self.outline_query, self.part_query)
        )
        return replace(self, outline_query=_rounded(whole), part_query=_rounded(part))


def _rounded(outline: Outline) -> Outline:
    return tuple((round(x, 4), round(y, 4)) for x, y in outline)


@dataclass(frozen=True)
class CheckHit:
    """An image that justifies the verdict: exact, near or similar; the last with evidence where it
    is the same picture but for a part.

    ``decision`` is what a person decided about it and the picture: same, colourway or nothing.
    """

    hit: Hit
    relation: str
    evidence: Evidence | None = None
    decision: str | None = None


@dataclass(frozen=True)
class Certainty:
    """How often a verdict of near-duplicate errs in this collection, for this ``kind`` of query.

    ``false_alarms`` is the share of pictures not in the collection that are called near-duplicates,
    ``misses`` the share of edited copies that are not, over all kinds and strengths of edits, both
    ``measured_on`` edited pictures of the collection itself.
    """

    false_alarms: float
    misses: float
    measured_on: int
    kind: str


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one picture, and what it was compared with.

    ``hits`` justify the verdict, the surest first; ``nearest`` are the closest images whatever they
    are. ``suppressed`` images were left out because a person decided that they are different.
    ``compared`` images were looked at, every one that the filters admit; ``unprinted`` of them only
    by their likeness and their bytes, because they have no fingerprint yet. ``content`` is the
    SHA-256 of the picture's bytes, ``fingerprint`` that of the index, ``checked`` in seconds since
    1970. ``drawing`` is what was compared of a sketch, beside its fingerprint.
    """

    verdict: str
    words: str
    certainty: Certainty | None
    hits: tuple[CheckHit, ...]
    nearest: tuple[Hit, ...]
    compared: int
    unprinted: int
    unreadable: int
    unreadable_files: tuple[Unreadable, ...]
    suppressed: int
    took_ms: float
    kind: str
    extractors: tuple[str, ...]
    fingerprint: str
    content: str
    checked: float
    warnings: tuple[str, ...]
    drawing: PreparedDrawing | None = None

    @property
    def exists(self) -> bool:
        """Whether the picture is in the collection already, as it is or edited."""
        return self.verdict in EXISTING


def words_of(verdict: str, best: CheckHit | None, kind: str) -> str:
    """The verdict on a picture of this ``kind`` as a sentence."""
    if best is not None and best.evidence is not None:
        return f"{WORDS[verdict]}: {best.evidence.words}"
    if verdict == SIMILAR:
        return f"{WORDS[verdict]}: alike, but not found to be the same picture"
    found = f"{WORDS[verdict]}: nothing here is the same picture, or alike"
    # What is measured are copies; the photo of what is drawn is further from a drawing than those.
    return f"{found}; a photo of the sketched design can be missed" if kind == SKETCH else found


def to_plain(result: CheckResult) -> dict[str, Any]:
    """The answer as plain values, one and the same for the page, HTTP and the command line."""
    plain = asdict(replace(result, drawing=None))
    plain["drawing"] = None if result.drawing is None else result.drawing.to_json()
    plain["hits"] = [
        {
            **asdict(one.hit),
            "relation": one.relation,
            "evidence": None if one.evidence is None else asdict(one.evidence),
            "decision": one.decision,
        }
        for one in result.hits
    ]
    return plain
