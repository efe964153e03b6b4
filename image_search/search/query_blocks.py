"""From what a query holds to unit blocks: pictures, indexed images, words and colours in."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from image_search.errors import UnknownImage
from image_search.extractors import REGISTRY
from image_search.extractors.base import Extractor, TextExtractor, unit_rows
from image_search.extractors.prompts import described
from image_search.extractors.runtime.sharing import Shared
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import WORKING_SIDE, decode
from image_search.search.palettes import palette_block
from image_search.search.queries import Query, Region, words
from image_search.search.ranking.fusion import pooled
from image_search.search.ranking.variants import Variant, compared, variants_of
from image_search.search.ranking.weighting import COLOUR_MEAN_SHARE
from image_search.search.search_index import SearchIndex

# Extractors that work for queries at the same time, those that wait for one another included.
THREADS = 16
# How far words for what is not wanted push away, against those for what is.
_AGAINST = 0.5


def reads(name: str) -> bool:
    """Whether the extractor of this name reads words."""
    return name in REGISTRY and REGISTRY[name].reads


def pixels_of(
    data: bytes, region: Region | None, *, max_megapixels: float, side: int = WORKING_SIDE
) -> Pixels:
    """The picture, or what lies inside the box on it, at least one pixel; reduced as ``decode``
    does, to this shortest ``side``."""
    if region is None:
        return decode(data, max_megapixels=max_megapixels, side=side).pixels
    # So large that the part, not the whole, is as large as what an extractor looks at.
    side = math.ceil(side / max(0.001, min(region.width, region.height)))
    pixels = decode(data, max_megapixels=max_megapixels, side=side).pixels
    height, width = pixels.shape[:2]
    left, top = min(round(region.x * width), width - 1), min(round(region.y * height), height - 1)
    right = max(left + 1, round((region.x + region.width) * width))
    bottom = max(top + 1, round((region.y + region.height) * height))
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def blocks_of(
    index: SearchIndex,
    query: Query,
    kind: str,
    pictures: Sequence[Pixels],
    wanted: Sequence[str],
    load: Callable[[str], Extractor],
    *,
    drawing: Pixels | None = None,
    pause: Callable[[], None] | None = None,
) -> tuple[dict[str, Floats], tuple[Variant, ...]]:
    """One unit block (dim,) for each extractor of those ``wanted`` that can speak for the query;
    and the variants of the one ``drawing`` that it is about, if it is, mirrored and turned.

    ``pictures`` are the query's, as RGB pixels; ``load`` gives an extractor by name. Where nobody
    else needs the cores, extractors work side by side; else one after the other, and ``pause`` is
    called when all are ready, so that what others ask can go through the networks with it.

    Raises:
        UnknownImage: the query names an image that is not indexed.
        ModelUnavailable: the query needs an extractor that cannot be loaded.
    """
    comparison = index.comparison(kind)
    alike = [_stored(index, image_id) for image_id in query.like]
    seeing = [name for name in wanted if not (name == "hsv" and query.color)] if pictures else []
    seen = _embedded(pictures, seeing, load, pause)
    blocks: dict[str, Floats] = {}
    for name in wanted:
        if name == "hsv" and query.color:
            picked = palette_block(query.color)
            blocks[name] = index.calibration.centred_block(name, picked, COLOUR_MEAN_SHARE)
            continue
        parts = [comparison.query_block(name, stored[name]) for stored in alike]
        rows = seen.get(name, ())
        parts += [comparison.query_block(name, row) for row in rows]
        if reads(name) and query.worded:
            parts = _with_words(parts, query, load(name))
        if parts:
            blocks[name] = pooled(parts)
    if drawing is None:
        return blocks, ()
    known = alike[0] if alike else {name: rows[0] for name, rows in seen.items()}
    # Others went first already.
    again = None if pause is None else lambda: None
    variants = variants_of(
        drawing,
        {name: block for name, block in known.items() if name in wanted},
        comparison.models,
        lambda views, names: _embedded(views, names, load, again),
    )
    return blocks, compared(variants, comparison)


def _embedded(
    pictures: Sequence[Pixels],
    names: Sequence[str],
    load: Callable[[str], Extractor],
    pause: Callable[[], None] | None,
) -> dict[str, Floats]:
    """The embeddings (pictures, dim) by extractor."""

    def asked(name: str) -> Callable[[], Floats]:
        extractor = load(name)
        inputs = [extractor.prepare(pixels) for pixels in pictures]
        if isinstance(extractor, Shared):
            return extractor.ask(inputs)
        return lambda: extractor.embed(inputs)

    if pause is None and len(names) > 1:
        return dict(zip(names, _threads().map(lambda name: asked(name)(), names), strict=True))
    answers = {name: asked(name) for name in names}
    if pause is not None and answers:
        pause()
    return {name: answer() for name, answer in answers.items()}


@functools.cache
def _threads() -> ThreadPoolExecutor:
    # Most of them wait, in a network's queue, for the batch that they share.
    return ThreadPoolExecutor(THREADS, "query")


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
        parts = [*parts, described(extractor, words(query.text))]
    if words(query.not_text):
        against = described(extractor, words(query.not_text))
        wanted = pooled(parts) if parts else np.zeros_like(against)
        parts = [unit_rows((wanted - np.float32(_AGAINST) * against)[None])[0]]
    return parts
