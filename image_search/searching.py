"""From a query to its hits: pictures, words and colours in, the closest images out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.detectors.line_art import is_line_art
from image_search.errors import IndexEmpty, InvalidQuery, ModelUnavailable, UnknownImage
from image_search.extractors.base import Extractor, Floats, Pixels, TextExtractor, unit_rows
from image_search.fusion import pooled
from image_search.images import WORKING_SIDE, decode
from image_search.name_search import words_of
from image_search.palettes import palette_block
from image_search.queries import AUTO, Query, Region, words
from image_search.search_index import Hit, Question, SearchIndex
from image_search.weighting import (
    COLOUR_MEAN_SHARE,
    COLOUR_SHARE,
    MEAN_SHARE,
    NAME_WEIGHT,
    PHOTO,
    SKETCH,
    TEXT,
    chosen_weights,
    default_weights,
)

NO_CLIP = (
    "Searching by words needs the CLIP model, which is not in use here: words for what is wanted "
    "were only looked for in the names of files and folders, words for what is not were left out. "
    "Run `image-search models fetch` where there is internet access, then reindex."
)
UNWEIGHED = "The weights give clip no say, so the words were not looked for."
# How far words for what is not wanted push away, against those for what is.
_AGAINST = 0.5


@dataclass(frozen=True)
class SearchResult:
    """The hits, best first, and what they were chosen from.

    ``compared`` images were looked at, every one that the filters admit; ``unreadable`` files of
    the folder could not be. ``kind`` is what the query was taken for: photo, sketch or text.
    """

    hits: tuple[Hit, ...]
    compared: int
    unreadable: int
    took_ms: float
    kind: str
    extractors: tuple[str, ...]
    warnings: tuple[str, ...]


def search(
    index: SearchIndex,
    query: Query,
    usable: Sequence[str],
    load: Callable[[str], Extractor],
    *,
    max_megapixels: float,
    warnings: tuple[str, ...] = (),
) -> SearchResult:
    """Answer ``query`` from ``index``, comparing the blocks of the ``usable`` extractors.

    ``load`` gives an extractor by name; ``warnings`` go into the answer, and to them what the
    answer lacks.

    Raises:
        InvalidQuery: the query is empty, contradictory or out of range.
        UnreadableImage, ImageTooLarge: a picture of the query cannot be used.
        UnknownImage: the query names an image that is not indexed.
        ModelUnavailable: the query needs an extractor that cannot be loaded.
        IndexEmpty: there is nothing to search.
    """
    started = time.perf_counter()
    query.check()
    if not index.snapshot.images:
        raise IndexEmpty(
            "The index holds no images yet. Put images into the image folder and reindex."
        )
    _check_extractors(query, usable)
    pictures = [_pixels(data, query.region, max_megapixels=max_megapixels) for data in query.images]
    kind = kind_of(query, pictures)
    wanted = [name for name in usable if query.weights is None or query.weights.get(name, 0) > 0]
    blocks = _blocks(index, query, kind, pictures, wanted, load)
    question = _question(index, query, kind, blocks)
    hits, compared = index.search(question, query.k)
    if (words(query.text) or words(query.not_text)) and "clip" not in wanted:
        warnings = (*warnings, NO_CLIP if query.weights is None else UNWEIGHED)
    return SearchResult(
        hits=tuple(hits),
        compared=compared,
        unreadable=len(index.snapshot.failures),
        took_ms=round((time.perf_counter() - started) * 1000, 1),
        kind=kind,
        extractors=tuple(blocks),
        warnings=warnings,
    )


def kind_of(query: Query, pictures: Sequence[Pixels]) -> str:
    """What the query is taken for: what it declares, or what its pictures look like."""
    if query.kind != AUTO:
        return query.kind
    if pictures:
        return SKETCH if all(is_line_art(pixels) > 0.5 for pixels in pictures) else PHOTO
    return PHOTO if query.like or query.color else TEXT


def _check_extractors(query: Query, usable: Sequence[str]) -> None:
    if not usable:
        raise ModelUnavailable(
            "None of the extractors that the index was made with can be used here. Run "
            "`image-search models fetch` where there is internet access, or reindex with others."
        )
    unknown = sorted(set(query.weights or ()) - set(usable))
    if unknown:
        raise InvalidQuery(
            f"Unknown extractor in weights: {', '.join(unknown)}. In use here: {', '.join(usable)}."
        )
    if query.color and "hsv" not in usable:
        raise InvalidQuery("Colours need the extractor hsv, which is not in use here.")
    if query.color and query.weights is not None and not query.weights.get("hsv"):
        raise InvalidQuery("A colour is asked for, but the weights give hsv no say.")


def _pixels(data: bytes, region: Region | None, *, max_megapixels: float) -> Pixels:
    """The picture, or what lies inside the box on it, at least one pixel."""
    if region is None:
        return decode(data, max_megapixels=max_megapixels).pixels
    # So large that the part, not the whole, is as large as what an extractor looks at.
    side = math.ceil(WORKING_SIDE / max(0.001, min(region.width, region.height)))
    pixels = decode(data, max_megapixels=max_megapixels, side=side).pixels
    height, width = pixels.shape[:2]
    left, top = min(round(region.x * width), width - 1), min(round(region.y * height), height - 1)
    right = max(left + 1, round((region.x + region.width) * width))
    bottom = max(top + 1, round((region.y + region.height) * height))
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _blocks(
    index: SearchIndex,
    query: Query,
    kind: str,
    pictures: Sequence[Pixels],
    wanted: Sequence[str],
    load: Callable[[str], Extractor],
) -> dict[str, Floats]:
    """One unit block (dim,) for each extractor that can speak for the query."""
    share = MEAN_SHARE.get(kind, 1.0)
    alike = [_stored(index, image_id) for image_id in query.like]
    blocks: dict[str, Floats] = {}
    for name in wanted:
        if name == "hsv" and query.color:
            picked = palette_block(query.color)
            blocks[name] = index.calibration.centred_block(name, picked, COLOUR_MEAN_SHARE)
            continue
        parts = [index.calibration.centred_block(name, stored[name]) for stored in alike]
        if pictures:
            extractor = load(name)
            rows = extractor.embed([extractor.prepare(pixels) for pixels in pictures])
            parts += [index.calibration.centred_block(name, row, share) for row in rows]
        if name == "clip" and (words(query.text) or words(query.not_text)):
            parts = _with_words(parts, query, load(name))
        if parts:
            blocks[name] = pooled(parts)
    return blocks


def _stored(index: SearchIndex, image_id: str) -> Mapping[str, Floats]:
    well_formed = len(image_id) == 16 and set(image_id) <= set("0123456789abcdef")
    stored = index.stored_blocks(int(image_id, 16)) if well_formed else None
    if stored is None:
        raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")
    return stored


def _with_words(parts: list[Floats], query: Query, extractor: Extractor) -> list[Floats]:
    if not isinstance(extractor, TextExtractor):
        return parts
    if words(query.text):
        parts = [*parts, extractor.embed_text([words(query.text)])[0]]
    if words(query.not_text):
        against = extractor.embed_text([words(query.not_text)])[0]
        wanted = pooled(parts) if parts else np.zeros_like(against)
        parts = [unit_rows((wanted - np.float32(_AGAINST) * against)[None])[0]]
    return parts


def _question(
    index: SearchIndex, query: Query, kind: str, blocks: Mapping[str, Floats]
) -> Question:
    asked = words_of(words(query.text)) if query.weights is None else ()
    if not blocks and not asked:
        what = "The words" if query.weights is None else "The weights"
        raise InvalidQuery(f"{what} leave nothing that can compare what the query holds.")
    names = tuple(blocks)
    if query.weights is not None:
        weights = chosen_weights(query.weights, names, index.calibration)
    else:
        weights = default_weights(kind, names, index.calibration)
        if query.color and "hsv" in blocks:
            # A colour asked for by hand is meant, also where a collection or a sketch has no use
            # for colour.
            others = sum(weight for name, weight in weights.items() if name != "hsv")
            weights["hsv"] = others * COLOUR_SHARE / (1 - COLOUR_SHARE) if others else 1.0
    return Question(
        blocks=blocks,
        weights=weights,
        words=asked,
        name_weight=NAME_WEIGHT,
        filter=query.filter,
    )
