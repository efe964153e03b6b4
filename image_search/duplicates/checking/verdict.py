"""The result of a check: the verdict, the hits that justify it, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from image_search.duplicates.checking import wording
from image_search.duplicates.checking.drawings import PROMISED, DrawingLine
from image_search.duplicates.checking.thresholds import Threshold
from image_search.duplicates.fingerprints import Match, ReplacedRegion, SharedPart
from image_search.imaging.sheets.drawing import PreparedDrawing
from image_search.indexing.reports import Unreadable
from image_search.search.queries import Hit, Region
from image_search.search.ranking.fusion import (
    SKETCH,
)

EXACT, NEAR, SIMILAR, POSSIBLE, NEW = "exact", "near", "similar", "possible", "new"
# The verdicts under which a picture exists already.
EXISTING = (EXACT, NEAR)
WORDS = {
    EXACT: "Exact duplicate",
    NEAR: "Near-duplicate",
    SIMILAR: "Similar",
    POSSIBLE: "Possible",
    NEW: "New",
}
_HEADLINES = {
    EXACT: "Yes, this very picture is in the collection.",
    NEAR: "Yes, the same picture is in the collection, edited.",
    SIMILAR: "The same picture was not found, but something similar was.",
}
# The share of copies that are missed from which on a "new" is no clear one.
_OFTEN = 0.2
SAME_BYTES = "the same file, byte for byte"
SAME_PIXELS = "the same pixels, in another file"

Outline = tuple[tuple[float, float], ...]
WHOLE: Outline = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Evidence:
    """Why two pictures are held to be the same; see ``fingerprints.Match`` for the fields. Where a
    part of one was replaced, it is outlined as ``part_query`` and ``part_hit``."""

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
        """The evidence that ``match`` gives, in ``words`` if they are given. ``None`` stands
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

    def but(self, difference: ReplacedRegion | SharedPart) -> Evidence:
        """This evidence of two pictures that are the same but for a part, or only share one."""
        shared = isinstance(difference, SharedPart)
        return replace(
            self,
            words=difference.words() if shared else f"{self.words}, {difference.words()}",
            part_query=_rounded(difference.outline_query),
            part_hit=_rounded(difference.outline_other),
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
    """An image that justifies the verdict: exact, near, similar or possible; with evidence where
    it is the same picture, or the same but for a part. A drawn design is one of the possible ones,
    if it is in the collection.

    ``decision`` is what a person decided about it and the picture: same, colourway or nothing.
    """

    hit: Hit
    relation: str
    evidence: Evidence | None = None
    decision: str | None = None


@dataclass(frozen=True)
class Certainty:
    """How sure a verdict is in this collection, for this ``kind`` of query.

    ``false_alarms`` is the share of pictures not in the collection that are called near-duplicates,
    ``misses`` the share of edited copies that are not, over all kinds and strengths of edits, both
    measured on edited pictures of the collection itself. ``chance``, of a drawing, is the
    probability that the design, if it is in the collection, is among the hits; ``None`` where no
    hit is a possible one. ``measured_on`` so many edited pictures or, where there is a chance,
    drawings of pictures of the collection. ``words`` is that as a sentence, for this kind of query.
    """

    false_alarms: float
    misses: float
    measured_on: int
    kind: str
    chance: float | None = None
    words: str = ""

    @staticmethod
    def of(
        threshold: Threshold,
        line: DrawingLine | None,
        kind: str,
        verdict: str,
        count: int,
        chance: float | None,
    ) -> Certainty:
        """How sure a ``verdict`` with so many hits is, by what was fitted for this ``kind``."""
        measured_on, words = threshold.measured_on, ""
        if verdict != EXACT:
            words = wording.copies(threshold.misses, threshold.false_alarms, measured_on)
        if line is not None and chance is not None:
            measured_on, words = line.measured_on, wording.drawings(chance, count, line.measured_on)
        elif line is not None and kind == SKETCH and verdict == NEW:
            measured_on, words = line.measured_on, wording.new_drawing(PROMISED, line.measured_on)
        errs = round(threshold.false_alarms, 4), round(threshold.misses, 4)
        return Certainty(
            *errs, measured_on, kind, None if chance is None else round(chance, 4), words
        )


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one picture, and what it was compared with.

    ``hits`` justify the verdict, the surest first; ``nearest`` are the closest images whatever they
    are. ``suppressed`` images were left out because a person decided that they are different.
    ``compared`` images were looked at, every one that the filters admit; ``without_fingerprint`` of
    them only by their likeness and their bytes, until they have a fingerprint. ``content`` is the
    SHA-256 of the picture's bytes, ``fingerprint`` that of the index, ``checked`` in seconds since
    1970. ``drawing`` is what was compared of a sketch, beside its fingerprint. ``parts`` are the
    pictures on the query, where it is a page, each compared by itself, too; ``limit`` describes
    what the marked part and the filters left out. ``headline`` is the verdict as the sentence that
    is read first; ``clear`` where it is "new" and nothing known limits that.
    """

    verdict: str
    words: str
    certainty: Certainty | None
    hits: tuple[CheckHit, ...]
    nearest: tuple[Hit, ...]
    compared: int
    without_fingerprint: int
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
    parts: tuple[Region, ...] = ()
    limit: str = ""
    headline: str = ""
    clear: bool = False

    @property
    def exists(self) -> bool:
        """Whether the picture is in the collection already, as it is or edited."""
        return self.verdict in EXISTING


def sentence_of(verdict: str, hits: Sequence[CheckHit], chance: float | None, kind: str) -> str:
    """Return the verdict on a picture of this ``kind`` as a sentence."""
    if verdict == POSSIBLE:
        return f"{WORDS[verdict]}: {wording.possible(len(hits), chance)}"
    if hits and hits[0].evidence is not None:
        return f"{WORDS[verdict]}: {hits[0].evidence.words}"
    if verdict == SIMILAR:
        return f"{WORDS[verdict]}: alike, but not found to be the same picture"
    if kind == SKETCH:
        return f"{WORDS[verdict]}: as far as a drawing can tell, nothing here comes near it"
    return f"{WORDS[verdict]}: nothing here is the same picture, or alike"


def headline_of(
    verdict: str,
    count: int,
    chance: float | None,
    kind: str,
    *,
    limit: str,
    clear: bool,
    versions: bool = False,
) -> str:
    """Return the sentence to read first, for a verdict with ``count`` hits; ``versions``: whether
    many pictures of the collection are versions of one another."""
    if verdict == NEAR and versions:
        return "Yes, the same picture is in the collection, edited or as another version."
    if verdict == POSSIBLE:
        return f"{wording.capitalised(wording.possible(count, chance))}."
    if verdict != NEW:
        return _HEADLINES[verdict]
    if limit:
        return "The same picture was not found in what was compared."
    if kind == SKETCH:
        return "New, as far as a drawing can tell: nothing here comes near it."
    if clear:
        return "No, the same picture was not found."
    return "The same picture was not found; look at the closest yourself."


def is_clear(verdict: str, kind: str, certainty: Certainty | None) -> bool:
    """Return whether the verdict is "new" and few copies are missed in this collection."""
    known = certainty is not None and certainty.misses <= _OFTEN
    return verdict == NEW and kind != SKETCH and known


def to_plain(result: CheckResult) -> dict[str, Any]:
    """The result as plain values, the same for the page, HTTP and the command line."""
    plain = asdict(replace(result, drawing=None))
    # The name of release 0.1.
    plain["unprinted"] = result.without_fingerprint
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
