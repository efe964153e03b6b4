"""What thresholds are fitted to: edited copies of the collection's own pictures, made in memory.

Each copy is compared with its original, and each original with whatever else in the collection its
fingerprint suggests, just as a check does. That takes seconds whatever the collection's size.
"""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from image_search.duplicates.checking.thresholds import Scores
from image_search.duplicates.fingerprints import (
    Fingerprint,
    FingerprintIndex,
    FingerprintStore,
    Match,
    difference,
    fingerprint,
    match,
    match_inverted,
)
from image_search.errors import ImageSearchError
from image_search.imaging.arrays import Pixels
from image_search.imaging.edits import INVERTED, KINDS, STRENGTHS, edited
from image_search.imaging.sheets.drawing import is_line_art
from image_search.search.lookups import hits_of
from image_search.search.queries import Query
from image_search.search.ranking.fusion import (
    PHOTO,
    SKETCH,
)
from image_search.search.search_index import SearchIndex
from image_search.search.searching import PreparedQuery

# Photos, and drawings, of the collection that are measured at most, and copies made of each: of
# photos, each of 20 edits in 3 strengths turns up at least once.
PICTURES = {PHOTO: 40, SKETCH: 20}
COPIES = 2
# Of so many more it is only measured what other pictures they resemble; about rare false alarms the
# the others are too few.
MORE = 100
# Of a small collection only this share, because the fewer images there are, the less each shows.
SHARE = 0.5
# That takes some 8 seconds of one core. Where a machine is so slow or so busy that it takes longer
# than this, what was measured so far has to do: when a check waits for it, and when none does.
SECONDS, UNHURRIED = 20.0, 120.0
# Other contents that each picture is held against.
OTHERS = 5
# And other contents that it is held against as a negative.
OTHERS_INVERTED = 2
# No threshold lies so low, so that below this score no pixels are compared.
LOOKED_AT = 3.0
# Photos, and images drawn at random for each, whose likeness is measured. About drawings, which are
# judged in another way, ``drawn`` measures more.
_QUERIES, _DRAWN = {PHOTO: 30, SKETCH: 0}, 100


@dataclass(frozen=True)
class Sample:
    """A content of the collection by its SHA-256, and its pixels, ``None`` where no copies are to
    be made of it; ``drawn`` where these are not its own but lines made of them."""

    content: bytes
    pixels: Pixels | None
    drawn: bool = False


@dataclass(frozen=True)
class CalibrationContext:
    """What measuring works with: ``read`` gives the pixels of a content, ``id_of`` the id of an
    image that holds it, ``prepare_query`` prepares a query."""

    contents: Sequence[bytes]
    read: Callable[[bytes], Pixels]
    id_of: Callable[[bytes], str]
    store: FingerprintStore
    index: FingerprintIndex
    prepare_query: Callable[[Query], tuple[SearchIndex, PreparedQuery]]
    threads: int
    seconds: float
    on_progress: Callable[[int, int], None]
    cancelled: Callable[[], bool]


def measure(context: CalibrationContext) -> dict[str, Scores] | None:
    """The scores by kind of query, ``None`` where it was cancelled. The same collection gives the
    same scores, unless time runs out."""
    until = time.monotonic() + context.seconds
    with ThreadPoolExecutor(context.threads, thread_name_prefix="thresholds") as pool:
        try:
            return _measured(context, pool, until)
        finally:
            pool.shutdown(cancel_futures=True)


def _measured(
    context: CalibrationContext, pool: ThreadPoolExecutor, until: float
) -> dict[str, Scores] | None:
    samples, more = _samples(context, pool)
    # In turns, so that everything has its share where time runs out.
    work = [
        (kind, number, sample, (number + 0.5) / len(chosen))
        for kind, chosen in (*samples.items(), more)
        for number, sample in enumerate(chosen)
    ]
    work.sort(key=lambda item: item[-1])
    copies: dict[str, list[float]] = {kind: [] for kind in samples}
    others: dict[str, list[float]] = {kind: [] for kind in samples}
    measured = pool.map(lambda item: _compared(item[0], item[1], item[2], context), work)
    for done, ((kind, *_), (found, other)) in enumerate(zip(work, measured, strict=True), start=1):
        copies[kind] += found
        others[kind].append(other)
        context.on_progress(done, len(work))
        if context.cancelled() or time.monotonic() > until:
            break
    likeness = {kind: list(_likeness(kind, samples[kind], context)) for kind in samples}
    if context.cancelled():
        return None
    contents = len(context.contents)
    return {kind: Scores(copies[kind], others[kind], likeness[kind], contents) for kind in samples}


def _samples(
    context: CalibrationContext, pool: ThreadPoolExecutor
) -> tuple[dict[str, list[Sample]], tuple[str, list[Sample]]]:
    """Photos and drawings of the collection; where it has few drawings, some of its photos drawn.
    And more, without pixels, of the kind that most of those are.

    Digests are as good as random, so the first of them in order are a sample.
    """
    share = math.ceil(SHARE * len(context.contents))
    wanted = {kind: min(count, share) for kind, count in PICTURES.items()}
    found: dict[str, list[Sample]] = {kind: [] for kind in wanted}
    contents = sorted(context.contents)
    looked_at = contents[: sum(wanted.values())]
    read = pool.map(lambda content: _read(content, context), looked_at)
    for content, pixels in zip(looked_at, read, strict=True):
        if pixels is None:
            continue
        kind = SKETCH if is_line_art(pixels) > 0.5 else PHOTO
        if len(found[kind]) < wanted[kind]:
            found[kind].append(Sample(content, pixels))
    photos, drawings = found[PHOTO], found[SKETCH]
    made = [
        Sample(photo.content, line_drawing(photo.pixels), drawn=True)
        for photo in photos[: wanted[SKETCH] - len(drawings)]
        if photo.pixels is not None
    ]
    kind = PHOTO if len(photos) >= len(drawings) else SKETCH
    more = contents[len(looked_at) :][: MORE if photos or drawings else 0]
    drawings += made
    return found, (kind, [Sample(content, None) for content in more])


def _read(content: bytes, context: CalibrationContext) -> Pixels | None:
    try:
        return None if context.cancelled() else context.read(content)
    except ImageSearchError:
        return None  # gone or damaged since it was indexed


def line_drawing(pixels: Pixels) -> Pixels:
    """``pixels`` (RGB uint8) as lines on white paper: each pixel against its surroundings."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    around = cv2.GaussianBlur(grey, (0, 0), max(1.0, max(grey.shape) / 100))
    paper = np.clip(grey / np.maximum(around, 1.0), 0.0, 1.0)
    lines = (255 * np.clip((paper - 0.6) / 0.32, 0.0, 1.0)).astype(np.uint8)
    return np.repeat(lines[..., None], 3, axis=2)


def _compared(
    kind: str, number: int, sample: Sample, context: CalibrationContext
) -> tuple[list[float], float]:
    """The score of each copy against the original, and the original's best among all others."""
    own = None if sample.drawn else context.store.get(sample.content)
    pixels = sample.pixels
    if pixels is None:
        return [], 0.0 if own is None else _best_other(own, sample, context)
    own = own or fingerprint(pixels)
    edits_tried = list(itertools.product(KINDS, range(len(STRENGTHS))))
    np.random.default_rng(0).shuffle(edits_tried)
    rng = np.random.default_rng((number, int(kind == SKETCH)))
    copies = []
    for turn in range(number * COPIES, (number + 1) * COPIES):
        edit, strength = edits_tried[turn % len(edits_tried)]
        copy = edited(pixels, edit, int(strength), rng)
        compare = score_inverted if edit == INVERTED else score
        both = copy, pixels
        copies.append(compare(fingerprint(copy), own, lambda both=both: both))  # type: ignore[misc]
    return copies, _best_other(own, sample, context)


def _best_other(own: Fingerprint, sample: Sample, context: CalibrationContext) -> float:
    """The best ``score`` among what its fingerprint suggests, and what that of its negative does.

    The pixels of a pair are looked at from the best match down, for the first that is the same
    picture is the best: looking is most of the work.
    """
    likely, inverted = context.index.candidates_of_each([own, own.inverted], OTHERS + 1)
    compared = [(match, digest) for digest, _ in likely]
    compared += [(match_inverted, digest) for digest, _ in inverted[:OTHERS_INVERTED]]
    found: list[tuple[Match, bytes]] = []
    for compare, digest in compared:
        other = None if digest == sample.content else context.store.get(digest)
        near = None if other is None else compare(own, other)
        if near is not None:
            found.append((near, digest))
    found.sort(key=lambda one: -one[0].score)
    scores = (
        _judged(near, functools.partial(_both, sample, digest, context)) for near, digest in found
    )
    return next((score for score in scores if score > 0), 0.0)


def _both(
    sample: Sample, other: bytes, context: CalibrationContext
) -> tuple[Pixels, Pixels] | None:
    pixels = _read(sample.content, context) if sample.pixels is None else sample.pixels
    shown = _read(other, context)
    return None if pixels is None or shown is None else (pixels, shown)


def score(
    query: Fingerprint,
    other: Fingerprint,
    pixels: Callable[[], tuple[Pixels, Pixels] | None],
) -> float:
    """Return how sure it is that two pictures are the same picture; 0 where they are not.

    Args:
        query: the fingerprint of one picture.
        other: the fingerprint of the other.
        pixels: returns the pixels of both. It is only called where the fingerprints match, because
            pictures that share a part, or differ in a replaced one, are not the same.
    """
    return _judged(match(query, other), pixels)


def score_inverted(
    query: Fingerprint,
    other: Fingerprint,
    pixels: Callable[[], tuple[Pixels, Pixels] | None],
) -> float:
    """The ``score`` of one picture as the negative of the other."""
    return _judged(match_inverted(query, other), pixels)


def _judged(found: Match | None, pixels: Callable[[], tuple[Pixels, Pixels] | None]) -> float:
    if found is None:
        return 0.0
    both = pixels() if found.score >= LOOKED_AT else None
    return found.score if both is None or difference(*both, found) is None else 0.0


def _likeness(kind: str, samples: Sequence[Sample], context: CalibrationContext) -> Iterator[float]:
    """The fused scores of pictures against images drawn at random."""
    contents = sorted(context.contents)
    rng = np.random.default_rng(0)
    for sample in samples[: _QUERIES[kind]]:
        if context.cancelled():
            return
        try:
            index, prepared = context.prepare_query(_query(kind, sample, context))
        except ImageSearchError:
            continue  # gone since, or of an extractor that is not here
        drawn = rng.choice(len(contents), min(_DRAWN, len(contents)), replace=False)
        others = {contents[int(number)] for number in drawn} - {sample.content}
        yield from (hit.score for hit in hits_of(index, prepared.question.plain, others))


def _query(kind: str, sample: Sample, context: CalibrationContext) -> Query:
    if kind == PHOTO:
        return Query(like=(context.id_of(sample.content),), kind=kind)
    assert sample.pixels is not None
    buffer = BytesIO()
    Image.fromarray(sample.pixels).save(buffer, "PNG", compress_level=1)
    return Query(images=(buffer.getvalue(),), kind=kind)
