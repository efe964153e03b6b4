"""From a query to its hits: pictures, words and colours in, the closest images out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from image_search.errors import IndexEmpty, InvalidQuery, ModelUnavailable, UnknownImage
from image_search.extractors.base import Labeller, QueryExtractors, unit_rows
from image_search.extractors.class_names import named
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import WORKING_SIDE, decode
from image_search.imaging.sheets.drawing import PreparedDrawing, is_line_art, prepare_drawing
from image_search.search.changing import changed, reading_weights
from image_search.search.distances import RawQuery, chosen_extractor, nearest, raw_query
from image_search.search.lookups import folders_of, stored_blocks
from image_search.search.marking import Look, marked_parts, part_of, side_for
from image_search.search.name_search import words_of
from image_search.search.palettes import palette_block
from image_search.search.parsing import unknown_folder
from image_search.search.queries import (
    AUTO,
    GROUPS,
    PRESETS,
    STYLE,
    Hit,
    Query,
    Region,
    by_extractor,
    check_preset,
    classifies,
    unused_weights,
    words,
)
from image_search.search.ranking.fusion import (
    COLOUR_MEAN_SHARE,
    COLOUR_SHARE,
    NAME_WEIGHT,
    PHOTO,
    SKETCH,
    TEXT,
    chosen_weights,
    default_weights,
    pooled,
)
from image_search.search.ranking.variants import Variant, variants_of
from image_search.search.reading import (
    LEAST_LIKENESS,
    about_words,
    classes_only,
    readers,
    showing,
    subject_of,
    with_words,
)
from image_search.search.search_index import DIGITS, NAME, ScoringQuery, SearchIndex, labellers
from image_search.search.views import Designs
from image_search.storage.records import parse_id

if TYPE_CHECKING:
    from image_search.search.imported import ImportedQuery

NO_NAME = (
    "No file or folder is named like that. Try other words, or another spelling; or search with a "
    "picture or a sketch, which needs no names."
)
SOME_WORDS = (
    "No name holds all of the words, so those are shown that hold some of them. Leave words out to "
    "find others."
)
NOTHING_SHOWN = (
    "No picture seems to show that, and no file or folder is named like that. Try other words, or "
    "search with a picture or a sketch."
)
# Values of ``matched_by``: what hits were found by.
NAMES, CONTENT, LABELS = "names", "content", "labels"
# From this probability on, a label is shown to people; ``benchmarks.class_words`` compares others.
SURE = 0.8


@dataclass(frozen=True)
class SearchResult:
    """The hits, best first, and what they were chosen from.

    ``compared`` images were looked at, every one that the filters admit; ``unreadable`` files of
    the folder could not be. ``kind`` is that of the query: photo, sketch or text;
    ``drawing`` the first picture of a sketch as it was compared, unless that is the original.
    ``matched_by`` is ``names`` where words were looked for in names of files and folders only, and
    every other image is left out, ``labels`` where all images with the labels of the filter were
    asked for, the most typical first; else ``content``, by which every image is more or less close.
    ``named`` are the names in the words of the query by which a classifier looked at the images;
    hits that are not like them are left out. ``labels`` are names of what the one picture of the
    query shows, each with its probability, as are those of the hits; they need a classifier among
    the ``extractors``. Scores are what ``metric`` says, see ``distances.similarity``; with ``auto``
    they are fused.
    """

    hits: tuple[Hit, ...]
    compared: int
    unreadable: int
    took_ms: float
    kind: str
    extractors: tuple[str, ...]
    warnings: tuple[str, ...]
    drawing: PreparedDrawing | None = None
    matched_by: str = CONTENT
    named: tuple[str, ...] = ()
    labels: dict[str, float] = field(default_factory=dict)
    metric: str = AUTO


@dataclass(frozen=True, eq=False)
class PreparedQuery:
    """A query ready for a search: the ``question`` for the index, its ``kind``, its ``pictures`` as
    RGB pixels, the ``extractors`` that take part, and the ``warnings`` for the answer.

    ``drawings`` are what was compared in place of the pictures, one for each where the query is a
    sketch that is not compared as it is. ``named`` and ``labels`` are those of the answer;
    ``labellers`` the extractors, by name, that have labels for hits. Where the query has a metric,
    ``raw`` is compared instead of the question; ``imported`` is what is asked of imported vectors,
    beside it or alone."""

    question: ScoringQuery
    kind: str
    pictures: tuple[Pixels, ...]
    extractors: tuple[str, ...]
    warnings: tuple[str, ...]
    drawings: tuple[PreparedDrawing, ...] = ()
    named: tuple[str, ...] = ()
    labels: dict[str, float] = field(default_factory=dict)
    labellers: Mapping[str, Labeller] = field(default_factory=dict)
    raw: RawQuery | None = None
    imported: ImportedQuery | None = None

    @property
    def metric(self) -> str:
        """What scores are, see ``SearchResult``."""
        metrics = [one.metric for one in (self.raw, self.imported) if one is not None]
        return metrics[0] if metrics else AUTO


def search(
    index: SearchIndex,
    asked: PreparedQuery,
    k: int,
    started: float,
    designs: Designs | None = None,
) -> SearchResult:
    """The ``k`` best hits of ``index`` for a prepared query, timed from ``started``, a value of
    ``time.perf_counter``; where ``designs`` are given, one hit for each of these."""
    warnings, folder = asked.warnings, asked.question.filter.folder
    lacking: tuple[str, ...] = ()

    def ranked(depth: int) -> tuple[list[Hit], int]:
        nonlocal lacking
        if asked.raw is not None:
            return nearest(index, asked.raw, depth)
        if asked.imported is not None:
            found, count, lacking = asked.imported.search(index, asked.question, depth)
            return found, count
        return index.search(asked.question, depth, asked.labellers)

    hits, compared = ranked(k) if designs is None else designs.grouped(index.snapshot, ranked, k)
    warnings += lacking
    if not compared and folder and (unknown := unknown_folder(folder, folders_of(index))):
        warnings = (*warnings, unknown)
    by_names = not (asked.question.blocks or asked.imported)
    if asked.named and asked.kind == TEXT:
        hits = [hit for hit in hits if _shows(hit)]
        if compared and not hits:
            warnings = (*warnings, NOTHING_SHOWN)
    if by_names and compared:
        warnings = (*warnings, *_about_names(hits, asked.question.words))
    return SearchResult(
        hits=tuple(hits),
        compared=compared,
        unreadable=len(index.snapshot.failures),
        took_ms=round((time.perf_counter() - started) * 1000, 1),
        kind=asked.kind,
        extractors=asked.extractors,
        warnings=warnings,
        drawing=next(iter(asked.drawings), None),
        matched_by=NAMES if by_names else CONTENT,
        named=asked.named,
        labels=asked.labels,
        metric=asked.metric,
    )


def _shows(hit: Hit) -> bool:
    """Whether a hit for words that name classes is like one, or is named like that."""
    likeness = [score for name, score in hit.scores.items() if classifies(name)]
    return hit.scores.get(NAME, 0) > 0 or max(likeness, default=0.0) >= LEAST_LIKENESS


def _about_names(hits: Sequence[Hit], asked: Sequence[str]) -> tuple[str, ...]:
    """Warnings about matches in names alone: that there is none, or none with all words."""
    if not hits:
        return (NO_NAME,)
    # With m of n words a score is at most m / n; see ``NameIndex.scores``.
    best, most = hits[0].score, (len(asked) - 1) / len(asked)
    return (SOME_WORDS,) if best <= most + 10**-DIGITS else ()


def ask(
    index: SearchIndex,
    query: Query,
    usable: Sequence[str],
    extractors: QueryExtractors,
    *,
    max_megapixels: float,
    look: Look,
    warnings: tuple[str, ...] = (),
) -> PreparedQuery:
    """``query`` prepared for ``index``: recognised, decoded, embedded and weighted.

    Args:
        index: what will be searched.
        query: what is asked.
        usable: the names of the extractors that can be used.
        extractors: embed the pictures and words of the query.
        max_megapixels: larger pictures are refused.
        look: the pixels of an indexed image by id, or ``None`` if it cannot be read, reduced to a
            shortest side, as by ``decode``.
        warnings: go into the answer, before those about what it lacks.

    Raises:
        InvalidQuery: the query is empty, contradictory or out of range.
        UnreadableImage, ImageTooLarge: a picture of the query cannot be used.
        UnknownImage: the query names an image that is not indexed.
        ModelUnavailable: the query needs an extractor that cannot be loaded.
        IndexEmpty: there is nothing to search.
    """
    query.check()
    if not index.snapshot.images:
        raise IndexEmpty(
            "The index holds no images yet. Put images into the image folder and reindex."
        )
    warnings = (*warnings, *_unused_weights(query, usable))
    query = _weighed(changed(query) if query.worded else query, usable)
    _check_extractors(query, usable)
    if query.regions or query.ignore or (query.region and query.like):
        pictures = marked_parts(query, look, max_megapixels)
        query = query if query.images else replace(query, like=())
    else:
        pictures = [
            pixels_of(data, query.region, max_megapixels=max_megapixels) for data in query.images
        ]
    kind, drawings = recognised(query, pictures, look)
    shown = [drawing.pixels for drawing in drawings] or pictures
    wanted = _taking_part(query, usable)
    if query.metric != AUTO:
        name = chosen_extractor(query, wanted)
        asked = raw_query(index, query, name, shown, extractors)
        question = ScoringQuery({name: asked.feature}, {name: 1.0}, kind, filter=query.filter)
        return PreparedQuery(
            question, kind, tuple(pictures), (name,), warnings, drawings, raw=asked
        )
    if query.change:
        query, more = showing(index, query, wanted, extractors)
        warnings += more
    drawing = None
    if kind == SKETCH and len(pictures) + len(query.like) == 1:
        # Several drawings may each have been turned differently.
        drawing = shown[0] if shown else look(query.like[0], WORKING_SIDE)
    blocks, variants = blocks_of(
        index, query, kind, shown, wanted, extractors,
        drawing=drawing, cut_out=any(one.cut_out for one in drawings),
    )  # fmt: skip
    question = replace(_question(index, query, kind, blocks), variants=variants)
    names: tuple[str, ...] = ()
    if query.worded:
        warnings = (*warnings, *about_words(query, wanted, by_hand=_weighed_by_hand(query)))
        if classes_only(readers(query, wanted)):
            names = named(words(query.text)).known
    known = labellers(blocks, extractors)
    labels = dict[str, float]()
    if kind == PHOTO and len(pictures) == 1:
        for name, labeller in known.items():
            if (raw := extractors.raw.get(name)) is not None:
                labels = labeller.labels(unit_rows(raw), np.sqrt(np.vecdot(raw, raw)))[0]
    return PreparedQuery(
        question,
        kind,
        tuple(pictures),
        tuple(blocks),
        warnings,
        drawings,
        named=names,
        labels=labels,
        labellers=known,
    )


def needed(query: Query, usable: Sequence[str]) -> list[str]:
    """The ``usable`` extractors that must be loaded to answer ``query``."""
    query = _weighed(changed(query) if query.worded else query, usable)
    wanted = _taking_part(query, usable)
    reading = readers(query, wanted) if query.worded else ()
    pictured = bool(query.images or query.parts or query.ignore)
    return [
        name
        for name in wanted
        if (pictured and not (name == "hsv" and query.color)) or name in reading
    ]


def recognised(
    query: Query, pictures: Sequence[Pixels], look: Look
) -> tuple[str, tuple[PreparedDrawing, ...]]:
    """The kind of a query, and the cleaned drawings to compare in place of its ``pictures``.

    The kind is the declared one, or a sketch if all pictures of the query are drawings, those of
    indexed images included; ``look`` gives the pixels of these by id, or ``None``. There is one
    drawing for each picture; none if the query is no sketch, or its original is to be compared.
    """
    if not (pictures or query.like):
        return (PHOTO if query.color else TEXT) if query.kind == AUTO else query.kind, ()
    declared = query.kind == SKETCH
    if query.kind not in (AUTO, SKETCH):
        return query.kind, ()
    drawings = list[PreparedDrawing]()
    for pixels in pictures:
        if (drawing := prepare_drawing(pixels, declared=declared)) is None:
            # One after the other: the first that is none decides.
            return (SKETCH if declared else PHOTO), ()
        drawings.append(drawing)
    if not declared:
        seen = (look(image_id, WORKING_SIDE) for image_id in query.like)
        if not all(pixels is not None and is_line_art(pixels) > 0.5 for pixels in seen):
            return PHOTO, ()
    return SKETCH, () if query.original else tuple(drawings)


def _weighed(query: Query, usable: Sequence[str]) -> Query:
    """``query`` with its preset and groups turned into weights by extractor."""
    weights = PRESETS.get(query.preset, query.weights)
    if weights is None:
        return query
    # Where style counts most, a drawing is not cleaned: that takes away how it is made.
    by_style = weights.get(STYLE, 0.0) > sum(map(abs, weights.values())) / 2
    original = query.original or by_style
    return replace(query, weights=by_extractor(weights, usable), original=original)


def _taking_part(query: Query, usable: Sequence[str]) -> list[str]:
    """The ``usable`` extractors that have a weight; that of a preset may be below 0."""
    return [name for name in usable if query.weights is None or query.weights.get(name)]


def _unused_weights(query: Query, usable: Sequence[str]) -> tuple[str, ...]:
    lacking = unused_weights(PRESETS.get(query.preset, query.weights or {}), usable)
    if not lacking:
        return ()
    return (f"Nothing in use here compares {' or '.join(lacking)}, so its weight is not used.",)


def _weighed_by_hand(query: Query) -> bool:
    """Whether weights were chosen by hand, which leaves out file names; with a preset these still
    count."""
    return query.weights is not None and query.preset == AUTO


def _check_extractors(query: Query, usable: Sequence[str]) -> None:
    if not usable:
        raise ModelUnavailable(
            "None of the extractors that the index was made with can be used here. Run "
            "`image-search models fetch` where there is internet access, or reindex with others."
        )
    unknown = sorted(set(query.weights or ()) - set(usable))
    if unknown:
        raise InvalidQuery(
            f"Unknown extractor in weights: {', '.join(unknown)}. "
            f"In use here: {', '.join(usable)}. Groups of them: {', '.join(GROUPS)}."
        )
    check_preset(query)
    if query.color and "hsv" not in usable:
        raise InvalidQuery("Colours need the extractor hsv, which is not in use here.")
    if query.color and query.weights is not None and not query.weights.get("hsv"):
        raise InvalidQuery("A colour is asked for, but hsv has weight 0.")


def _question(
    index: SearchIndex, query: Query, kind: str, blocks: Mapping[str, Floats]
) -> ScoringQuery:
    text = "" if _weighed_by_hand(query) else words(query.text)
    asked = words_of(text) if text else ()
    if not blocks and not asked:
        raise InvalidQuery(
            "The weights leave no extractor that can compare this query."
            if _weighed_by_hand(query)
            else "The words hold nothing to search for; use at least one letter or digit."
        )
    names = tuple(blocks)
    if query.weights is not None:
        weights = chosen_weights(query.weights, names, index.calibration)
    else:
        weights = default_weights(kind, names, index.calibration)
        if query.change and not query.filter.shows:
            weights = reading_weights(weights, index.calibration.std, readers(query, names))
    by_default = query.weights is None and not (query.color or query.worded)
    if query.color and "hsv" in blocks and not _weighed_by_hand(query):
        # A colour asked for by hand is meant, also where a collection, a sketch or a mixture has no
        # use for colour.
        others = sum(weight for name, weight in weights.items() if name != "hsv")
        meant = others * COLOUR_SHARE / (1 - COLOUR_SHARE) if others else 1.0
        weights["hsv"] = meant if query.weights is None else max(meant, weights["hsv"])
    return ScoringQuery(
        blocks=blocks,
        weights=weights,
        kind=kind,
        words=asked,
        name_weight=NAME_WEIGHT,
        filter=query.filter,
        expanded=by_default,
    )


def pixels_of(
    data: bytes, region: Region | None, *, max_megapixels: float, side: int = WORKING_SIDE
) -> Pixels:
    """RGB pixels of the image ``data``, or of the ``region`` of it, at least one pixel.

    The result is reduced as by ``decode``, to this shortest ``side``.
    """
    if region is None:
        return decode(data, max_megapixels=max_megapixels, side=side, stills=True).pixels
    side = side_for([region], side)
    pixels = decode(data, max_megapixels=max_megapixels, side=side, stills=True).pixels
    return np.ascontiguousarray(part_of(pixels, region))


def blocks_of(
    index: SearchIndex,
    query: Query,
    kind: str,
    pictures: Sequence[Pixels],
    wanted: Sequence[str],
    extractors: QueryExtractors,
    *,
    drawing: Pixels | None = None,
    cut_out: bool = False,
) -> tuple[dict[str, Floats], tuple[Variant, ...]]:
    """The unit block (dim,) of the query by extractor, and the variants of its drawing.

    Args:
        index: what will be searched.
        query: what is asked.
        kind: that of the query.
        pictures: those of the query, as RGB pixels.
        wanted: extractors; those that cannot compare what the query holds are left out.
        extractors: embed pictures and words.
        drawing: the one that the query is about, if any; it is also compared mirrored and turned.
        cut_out: whether the margin around the drawing was made up.

    Raises:
        UnknownImage: the query names an image that is not indexed.
        ModelUnavailable: the query needs an extractor that cannot be loaded.
    """
    comparison = index.comparison(kind)
    stored_likes = [_stored(index, image_id) for image_id in query.like]
    seeing = [name for name in wanted if not (name == "hsv" and query.color)] if pictures else []
    seen = extractors.embed(pictures, seeing)
    reading = readers(query, wanted) if query.worded else ()
    pictured = {n: [*(s[n] for s in stored_likes if n in s), *seen.get(n, ())] for n in wanted}
    subject = subject_of(pictured, extractors) if query.change else ""
    blocks: dict[str, Floats] = {}
    for name in wanted:
        if name == "hsv" and query.color:
            picked = palette_block(query.color)
            blocks[name] = index.calibration.centred_block(name, picked, COLOUR_MEAN_SHARE)
            continue
        parts = [comparison.query_block(name, row) for row in pictured[name]]
        if name in reading:
            parts = with_words(parts, query, extractors.load(name), subject)
        if parts:
            blocks[name] = pooled(parts)
    if drawing is None:
        return blocks, ()
    known = stored_likes[0] if stored_likes else {name: rows[0] for name, rows in seen.items()}
    variants = variants_of(
        drawing,
        {name: block for name, block in known.items() if name in wanted},
        comparison.models,
        extractors.embed,
        cut_out=cut_out,
    )
    return blocks, comparison.compared(variants)


def _stored(index: SearchIndex, image_id: str) -> Mapping[str, Floats]:
    known = parse_id(image_id)
    stored = stored_blocks(index, *known) if known else None
    if stored is None:
        raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")
    return stored
