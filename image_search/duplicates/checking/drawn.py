"""Drawings rendered from a sample of the collection's own images, searched with as a person's would
be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
from PIL import Image

from image_search.duplicates.checking.calibrating import CalibrationContext
from image_search.duplicates.checking.drawings import DEPTH, SAMPLE, MeasuredDrawing, answer_of
from image_search.duplicates.checking.rendered import PAPERS, STYLES, drawing_of
from image_search.errors import ImageSearchError
from image_search.imaging.arrays import Pixels
from image_search.indexing.originals import id_of
from image_search.search.queries import Query
from image_search.search.ranking.fusion import (
    SKETCH,
)
from image_search.search.search_index import SearchIndex
from image_search.search.searching import PreparedQuery

# Images that are drawn, and drawings made of each at most, in other styles on other papers; and
# drawings in all: a second drawing of an image adds less than one of another image.
PICTURES, EACH, MOST = 72, 2, 72
# The share of the time for all measurements that these may take on top.
SHARE = 1.0


def measure(context: CalibrationContext) -> list[MeasuredDrawing] | None:
    """How the collection answers drawings of its own images, ``None`` where it was cancelled. The
    same collection gives the same answers, unless time runs out."""
    until = time.monotonic() + SHARE * context.seconds
    contents = sorted(context.contents)
    sample = {content: context.id_of(content) for content in contents[:SAMPLE]}
    work = [
        (content, number, turn)
        for turn in range(EACH)
        for number, content in enumerate(contents[:PICTURES])
    ][:MOST]
    found: list[MeasuredDrawing] = []
    with ThreadPoolExecutor(context.threads, thread_name_prefix="drawings") as pool:
        try:
            results = pool.map(lambda one: _measured(one, sample, context), work)
            for done, one in enumerate(results, start=1):
                if one is not None:
                    found.append(one)
                context.on_progress(done, len(work))
                if context.cancelled() or time.monotonic() > until:
                    break
        finally:
            pool.shutdown(cancel_futures=True)
    return None if context.cancelled() else found


def _measured(
    one: tuple[bytes, int, int], sample: Mapping[bytes, str], context: CalibrationContext
) -> MeasuredDrawing | None:
    if context.cancelled():
        return None
    content, number, turn = one
    style = [*STYLES][(number + turn) % len(STYLES)]
    paper = [*PAPERS][(number // len(STYLES) + turn) % len(PAPERS)]
    try:
        pixels = context.read(content)
        drawing = drawing_of(pixels, style, paper, np.random.default_rng((number, turn)))
        return measured_drawing(content, _png(drawing), sample, context.prepare_query)
    except ImageSearchError:
        return None  # gone or damaged since it was indexed, or of an extractor that is not here


def measured_drawing(
    content: bytes,
    drawing: bytes,
    sample: Mapping[bytes, str],
    prepare_query: Callable[[Query], tuple[SearchIndex, PreparedQuery]],
) -> MeasuredDrawing:
    """Search the collection with a ``drawing`` of its image of this ``content``; return the
    result."""
    index, prepared = prepare_query(Query(images=(drawing,), kind=SKETCH))
    hits, compared = index.search(prepared.question, DEPTH)
    answer, own = answer_of(index, prepared.question, hits, compared, sample, content)
    its = {id_of(record) for record in index.snapshot.files_of(content)}
    place = next((at for at, hit in enumerate(hits) if hit.id in its), None)
    others = [float(answer.first[at]) for at, hit in enumerate(hits) if hit.id not in its]
    return MeasuredDrawing(answer, place, own, max(others, default=0.0))


def _png(pixels: Pixels) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
