"""Which extractors read the words of a query, what they make of them, and what they cannot read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from image_search.extractors import REGISTRY
from image_search.extractors.base import Extractor, QueryExtractors, TextExtractor, unit_rows
from image_search.extractors.class_names import named
from image_search.extractors.prompts import described
from image_search.imaging.arrays import Floats
from image_search.search.changing import (
    FEWEST_SHOWN,
    MOST_SHOWN,
    SHOWN_FROM,
    changed_block,
    reclassified_block,
)
from image_search.search.queries import Query, classifies, words
from image_search.search.ranking.fusion import TEXT, pooled
from image_search.search.search_index import ScoringQuery, SearchIndex, labellers

NO_CLIP = (
    "Words were only looked for in the names of files and folders, for the CLIP model is not in "
    "use here. Run `image-search models fetch` where there is internet access, then reindex."
)
NO_CLIP_NOT = NO_CLIP + " Without it, words for what is not were left out."
NO_CLIP_BUT_NAMES = (
    "Install CLIP to search by description: run `image-search models fetch` where there is "
    "internet access, then reindex."
)
NOTHING_LIKE_IT = (
    "No picture seems to show that, so the results are like the picture of the query as it is."
)
UNWEIGHED = "CLIP has weight 0, so the words were not looked for."
# Where words name classes, the least likeness of what is shown; ``benchmarks.class_words`` counts
# what that leaves out. Without a bound, each picture would count as one of any class.
LEAST_LIKENESS = 0.1
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


def with_words(
    parts: list[Floats], query: Query, extractor: Extractor, subject: str = ""
) -> list[Floats]:
    """The ``parts`` of a query, unit rows (dim,), after its words were added, and those for what is
    not wanted were subtracted, as ``extractor`` reads them; or after the words changed the picture,
    which shows a ``subject``, if that is known."""
    if not isinstance(extractor, TextExtractor):
        return parts
    reader: TextExtractor = extractor
    if query.change is not None and parts:
        if classifies(extractor.name):
            return [reclassified_block(pooled(parts), query.change, reader)]
        return [changed_block(pooled(parts), query.change, reader, subject)]
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


def subject_of(seen: Mapping[str, Sequence[Floats]], load: QueryExtractors) -> str:
    """What the first picture of a query shows, by its surest label; empty where that is unknown.
    ``seen`` are the embeddings (dim,) of its pictures by extractor."""
    for name, labeller in labellers(seen, load).items():
        for row in seen[name][:1]:
            return next(iter(labeller.labels(row[None])[0]), "")
    return ""


def showing(
    index: SearchIndex, query: Query, names: Sequence[str], extractors: QueryExtractors
) -> tuple[Query, tuple[str, ...]]:
    """``query`` limited to images that show what its words want instead of what its pictures show,
    if a classifier reads them; and warnings.

    A classifier is surer of what an image shows than of how much of it a picture and a direction
    would make up together. Of the images that show it, those that are most like the picture in all
    other respects come first.
    """
    reading = readers(query, names)
    asked = [one for one in (query.change.instead if query.change else ()) if named(one).classes]
    if not asked or not classes_only(reading):
        return query, ()
    ids: npt.NDArray[np.uint64] | None = None
    for name in reading:
        reader = extractors.load(name)
        assert isinstance(reader, TextExtractor)
        block = _as_it_is(reader, ", ".join(asked))
        words_alone = ScoringQuery({name: block}, {name: 1.0}, TEXT, filter=query.filter)
        hits, _ = index.search(words_alone, MOST_SHOWN)
        likely = [hit.id for hit in hits if hit.score >= SHOWN_FROM]
        some = [hit.id for hit in hits[:FEWEST_SHOWN] if hit.score >= LEAST_LIKENESS]
        ids = np.array(sorted({int(one, 16) for one in (*likely, *some)}), np.uint64)
    if ids is None or not len(ids):
        return query, (NOTHING_LIKE_IT,)
    known = query.filter.ids
    ids = ids if known is None else np.intersect1d(ids, known)
    return replace(query, filter=replace(query.filter, shows=tuple(asked), ids=ids)), ()


def _as_it_is(extractor: TextExtractor, text: str) -> Floats:
    return np.asarray(extractor.embed_text([text])[0], np.float32)
