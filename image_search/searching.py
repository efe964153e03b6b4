"""From a query to its hits: pictures and words in, the closest images with their scores out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from image_search.errors import IndexEmpty, InvalidQuery, ModelUnavailable
from image_search.extractors.base import Extractor, Floats, TextExtractor
from image_search.fusion import pooled
from image_search.images import Picture, decode
from image_search.search_index import Hit, SearchIndex
from image_search.weighting import default_weights

# How many hits are shown where the query does not say.
TOP_K = 30
# Words beyond this many characters say nothing to a text model that reads 77 tokens.
MAX_TEXT = 1000


@dataclass(frozen=True)
class Query:
    """What is asked: pictures (the bytes of image files), words, or both.

    Several pictures ask for one thing together. ``k`` hits are wanted; ``weights`` by extractor
    replace the defaults, and an extractor not named in them has no say.
    """

    images: tuple[bytes, ...] = ()
    text: str | None = None
    k: int = TOP_K
    weights: Mapping[str, float] | None = None


@dataclass(frozen=True)
class SearchResult:
    """The hits, best first, and what they were chosen from.

    ``compared`` images were looked at, every one; ``unreadable`` files of the folder could not be.
    """

    hits: tuple[Hit, ...]
    compared: int
    unreadable: int
    took_ms: float
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

    ``load`` gives an extractor by name; ``warnings`` go into the answer as they are.

    Raises:
        InvalidQuery: the query is empty, contradictory or out of range.
        UnreadableImage, ImageTooLarge: a picture of the query cannot be used.
        ModelUnavailable: the query needs an extractor that cannot be loaded.
        IndexEmpty: there is nothing to search.
    """
    started = time.perf_counter()
    text = (query.text or "").strip()
    _check(query, text)
    if not index.snapshot.images:
        raise IndexEmpty(
            "The index holds no images yet. Put images into the image folder and reindex."
        )
    weights = _weights(query, text, usable)
    pictures = [decode(data, max_megapixels=max_megapixels) for data in query.images]
    words = [text] if text else []
    wanted = [name for name in usable if weights is None or weights[name] > 0]
    blocks = _embedded(pictures, words, wanted, load)
    if not blocks:
        raise InvalidQuery(
            "The weights leave nothing to compare: " + ", ".join(wanted) + " cannot read words."
        )
    hits = index.search(blocks, weights or default_weights(tuple(blocks)), query.k)
    return SearchResult(
        hits=tuple(hits),
        compared=index.snapshot.images,
        unreadable=len(index.snapshot.failures),
        took_ms=round((time.perf_counter() - started) * 1000, 1),
        extractors=tuple(blocks),
        warnings=warnings,
    )


def _check(query: Query, text: str) -> None:
    if not query.images and not text:
        raise InvalidQuery("The query is empty; give an image, words, or both.")
    if query.k < 1:
        raise InvalidQuery(f"k must be at least 1, not {query.k}.")
    if len(text) > MAX_TEXT:
        raise InvalidQuery(f"The words are too long; use at most {MAX_TEXT} characters.")


def _weights(query: Query, text: str, names: Sequence[str]) -> Mapping[str, float] | None:
    """The query's weights, one for each of ``names``, or ``None`` for the defaults."""
    if not names:
        raise ModelUnavailable(
            "None of the extractors that the index was made with can be used here. Run "
            "`image-search models fetch` where there is internet access, or reindex with others."
        )
    if text and "clip" not in names:
        raise ModelUnavailable(
            "Searching by words needs the CLIP model, which is not in use here. Run "
            "`image-search models fetch` where there is internet access, then reindex."
        )
    if query.weights is None:
        return None
    unknown = sorted(set(query.weights) - set(names))
    if unknown:
        raise InvalidQuery(
            f"Unknown extractor in weights: {', '.join(unknown)}. In use here: {', '.join(names)}."
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in query.weights.values()):
        raise InvalidQuery("Weights must be numbers of at least 0.")
    if not any(query.weights.values()):
        raise InvalidQuery("All weights are zero; give one above zero.")
    return {name: float(query.weights.get(name, 0.0)) for name in names}


def _embedded(
    pictures: Sequence[Picture],
    words: Sequence[str],
    wanted: Sequence[str],
    load: Callable[[str], Extractor],
) -> dict[str, Floats]:
    """One unit block (dim,) for each extractor that can speak for the query."""
    blocks: dict[str, Floats] = {}
    for name in wanted:
        parts: list[Floats] = []
        extractor = load(name) if pictures or name == "clip" else None
        if extractor is None:
            continue
        if pictures:
            parts += list(extractor.embed([extractor.prepare(p.pixels) for p in pictures]))
        if words and isinstance(extractor, TextExtractor):
            parts += list(extractor.embed_text(words))
        if parts:
            blocks[name] = pooled(parts)
    return blocks
