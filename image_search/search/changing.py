"""Words that change a picture: "this, but a vase", "with leaves", "without stones".

Words beside a picture usually count as one more part of the query. Words such as these say instead
what is different from the picture: the direction from one phrasing to another is added to the
embedding of the picture, and everything that they do not mention stays as it is (Tursun and others,
"PDV: Prompt Directional Vectors for Zero-shot Composed Image Retrieval", arXiv 2502.07215).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from image_search.extractors.base import TextExtractor, unit_rows
from image_search.extractors.class_names import named
from image_search.extractors.prompts import described
from image_search.imaging.arrays import Floats

if TYPE_CHECKING:
    from image_search.search.queries import Query

# How far a picture, whose embedding has length 1, is moved: where its subject is replaced, and
# where something is added or left out. The directions have length 1, too.
REPLACING, ADDING = 2.0, 1.0
# The least share in the score of the extractors that read the words: all others want the picture
# as it is.
READING_SHARE = 0.8
# From this likeness to the words on, an image shows another subject that is asked for, as a
# classifier sees it; and how many of the likest do in any case. Chosen on pacs.
SHOWN_FROM, FEWEST_SHOWN = 0.2, 20
MOST_SHOWN = 2000
# What stands for the picture in a phrase where no classifier knows what it shows.
_SUBJECT = "something"

_OPENING = re.compile(
    r"\s*(?:(?:like|as)\s+)?(?:(?:this|that|these|those|it|the\s+same)\b"
    r"(?:\s+(?:one|image|picture|photo|design))?)?\s*[,;:.-]*\s*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:^|[,;]\s*|\s+)(?:(?:and|but|only|just)\s+)*?"
    r"(but\s+(?:not|no|with|without|as|in)|without|with|not|no|as|in|but)\s+",
    re.IGNORECASE,
)
_ADDED = ("with", "in")
_WITHOUT = ("without", "not", "no")


@dataclass(frozen=True)
class Change:
    """What is different from a picture: ``instead`` of what it shows, ``added`` to it (phrases that
    begin with "with" or "in"), and ``without``."""

    instead: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def parse_change(text: str) -> Change | None:
    """The change that ``text`` describes; ``None`` if it only describes a picture."""
    opening = _OPENING.match(text)
    rest = text[opening.end() if opening else 0 :].strip().rstrip(".!")
    clauses = list(_CLAUSE.finditer(rest))
    if not clauses or clauses[0].start():
        return None
    found: dict[str, list[str]] = {"instead": [], "added": [], "without": []}
    ends = [clause.start() for clause in clauses[1:]] + [len(rest)]
    for clause, end in zip(clauses, ends, strict=True):
        word = clause[1].casefold().split()[-1]
        phrase = rest[clause.end() : end].strip(" ,;")
        if not phrase:
            continue
        if word in _WITHOUT:
            found["without"].append(phrase)
        elif word in _ADDED:
            found["added"].append(f"{word} {phrase}")
        else:
            found["instead"].append(phrase)
    change = Change(**{name: tuple(phrases) for name, phrases in found.items()})
    return None if change == Change() else change


def changed(query: Query) -> Query:
    """``query`` with its words taken apart, if it has a picture and they change it."""
    if query.change is not None or not (query.images or query.like):
        return query
    change = parse_change(query.text or "")
    if change is None:
        return query
    if (query.not_text or "").strip():
        change = replace(change, without=(*change.without, (query.not_text or "").strip()))
    wanted = [*change.instead, *(phrase.partition(" ")[2] for phrase in change.added)]
    unwanted = ", ".join(change.without) or None
    return replace(query, text=", ".join(wanted) or None, not_text=unwanted, change=change)


def changed_block(block: Floats, change: Change, reader: TextExtractor, subject: str) -> Floats:
    """The unit ``block`` (dim,) of a picture that shows a ``subject`` after a ``change``, as an
    extractor that reads sentences has it; an empty subject is unknown."""
    subject = subject or _SUBJECT
    moved = block.astype(np.float64)
    for phrase in change.instead:
        towards = described(reader, phrase) - described(reader, subject)
        moved += REPLACING * unit_rows(towards[None])[0]
    subject = next(iter(change.instead), subject)
    phrases = [(phrase, 1) for phrase in change.added]
    phrases += [(f"with {phrase}", -1) for phrase in change.without]
    for phrase, sign in phrases:
        towards = described(reader, f"{subject} {phrase}") - described(reader, subject)
        moved += sign * ADDING * unit_rows(towards[None])[0]
    return np.asarray(unit_rows(moved[None])[0], np.float32)


def reclassified_block(block: Floats, change: Change, classifier: TextExtractor) -> Floats:
    """The same as a classifier has it, which knows no more of words than the classes they name.
    What is shown ``instead`` is left to a filter, see ``reading.showing``."""
    moved = block.astype(np.float64)
    for phrases, sign in ((change.added, 1), (change.without, -1)):
        for phrase in phrases:
            if named(phrase).classes:
                moved += sign * ADDING * classifier.embed_text([phrase])[0]
    return np.asarray(unit_rows(moved[None])[0], np.float32)


def reading_weights(
    weights: Mapping[str, float], std: Mapping[str, float], reading: tuple[str, ...]
) -> dict[str, float]:
    """``weights`` by extractor, those of the extractors ``reading`` a change raised together to
    ``READING_SHARE``; ``std`` are the standard deviations that a share is counted with."""
    share = {name: weight * std[name] for name, weight in weights.items()}
    read = sum(share[name] for name in reading if name in share)
    others = sum(share.values()) - read
    if read <= 0 or read >= READING_SHARE * (read + others):
        return dict(weights)
    factor = others * READING_SHARE / (1 - READING_SHARE) / read
    return {name: weight * (factor if name in reading else 1) for name, weight in weights.items()}
