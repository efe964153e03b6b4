"""Which extractors read the words of a query, what they make of them, and what they cannot read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from image_search.extractors import REGISTRY
from image_search.extractors.base import Extractor, TextExtractor, unit_rows
from image_search.extractors.class_names import named
from image_search.extractors.prompts import described
from image_search.imaging.arrays import Floats
from image_search.search.queries import Query, classifies, words
from image_search.search.ranking.fusion import (
    pooled,
)

NO_CLIP = (
    "Words were only looked for in the names of files and folders, for the CLIP model is not in "
    "use here. Run `image-search models fetch` where there is internet access, then reindex."
)
NO_CLIP_NOT = NO_CLIP + " Without it, words for what is not were left out."
NO_CLIP_BUT_NAMES = (
    "Install CLIP to search by description: run `image-search models fetch` where there is "
    "internet access, then reindex."
)
UNWEIGHED = "CLIP has weight 0, so the words were not looked for."
# How far words for what is not wanted push away, against those for what is.
_AGAINST = 0.5


def readers(query: Query, names: Sequence[str]) -> tuple[str, ...]:
    """The extractors among ``names`` that embed the words of ``query``: a classifier only where no
    other extractor reads, and only words that name classes."""
    if not query.worded:
        return ()
    able = [name for name in names if name in REGISTRY and REGISTRY[name].reads]
    others = tuple(name for name in able if not classifies(name))
    if others or not able:
        return others
    wanted, unwanted = named(words(query.text)), named(words(query.not_text))
    known = wanted.classes or (unwanted.classes and (query.images or query.like))
    return tuple(able) if known else ()


def classes_only(reading: Sequence[str]) -> bool:
    """Whether words are read, but only as names of classes."""
    return bool(reading) and all(map(classifies, reading))


def about_words(query: Query, names: Sequence[str], *, by_hand: bool) -> tuple[str, ...]:
    """Warnings about words of ``query`` that the extractors in ``names`` could not read; names of
    files and folders were looked through unless weights are chosen ``by_hand``."""
    reading = readers(query, names)
    if not query.worded or (reading and not classes_only(reading)):
        return ()
    wanted, unwanted = named(words(query.text)), named(words(query.not_text))
    unknown = [*wanted.unknown, *unwanted.unknown]
    if not any(map(classifies, names)) or not (reading or unknown):
        missing = NO_CLIP_NOT if words(query.not_text) else NO_CLIP
        return (UNWEIGHED if by_hand else missing,)
    if not unknown:
        return ()
    quoted = ", ".join(f"'{word}'" for word in unknown)
    text = f"This installation does not know {quoted}"
    if not (reading or by_hand):
        text += ", so words were only looked for in the names of files and folders"
    if words(query.not_text) and not (reading and unwanted.classes):
        text += "; words for what is not were left out"
    return (f"{text}. {NO_CLIP_BUT_NAMES}",)


def with_words(parts: list[Floats], query: Query, extractor: Extractor) -> list[Floats]:
    """The ``parts`` of a query, unit rows (dim,), after its words were added, and those for what is
    not wanted were subtracted, as ``extractor`` reads them."""
    if not isinstance(extractor, TextExtractor):
        return parts
    reader: TextExtractor = extractor
    wanted, unwanted = words(query.text), words(query.not_text)
    embedded = described
    if classifies(extractor.name):
        # It needs no phrasings, and of other words it knows nothing.
        wanted, unwanted = (text if named(text).classes else "" for text in (wanted, unwanted))
        embedded = _as_it_is
    if wanted:
        parts = [*parts, embedded(reader, wanted)]
    if unwanted:
        against = embedded(reader, unwanted)
        towards = pooled(parts) if parts else np.zeros_like(against)
        parts = [unit_rows((towards - np.float32(_AGAINST) * against)[None])[0]]
    return parts


def _as_it_is(extractor: TextExtractor, text: str) -> Floats:
    return np.asarray(extractor.embed_text([text])[0], np.float32)
