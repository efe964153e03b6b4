"""Which contents show the same picture: each new one is held against all that its fingerprint
suggests."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from image_search.duplicates.checking.fingerprinted import Fingerprinted
from image_search.duplicates.checking.verdict import EXACT, NEAR, SAME_PIXELS, Evidence
from image_search.duplicates.decisions import Pair
from image_search.duplicates.fingerprints import (
    Fingerprint,
    FingerprintIndex,
    Match,
    difference,
    match,
)
from image_search.duplicates.pairs import Pairs, SamePicture
from image_search.errors import ImageSearchError
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import decode, pixel_digest
from image_search.imaging.sheets.drawing import is_line_art
from image_search.indexing.originals import Originals
from image_search.indexing.reports import Progress
from image_search.search.ranking.fusion import (
    PHOTO,
    SKETCH,
)
from image_search.storage import FileRecord, Snapshot

# Contents that a fingerprint suggests and that are verified at most. A picture with more copies
# than this is reached through some of them.
CANDIDATES = 16
# Verifying other pictures is what building would take longest for. The first is verified with so
# many votes, others with more, and none after so many in a row were other pictures. Of copies
# edited in 57 ways that score 5 or more, 99 % are reached among 10,000 pictures and 98 % among
# 100,000; and of a pair, each side suggests the other.
FIRST, VOTES, IN_VAIN = 1.5, 2.5, 3
# What is found is safe after so many seconds.
SAVE_SECONDS = 2.0
# Contents that are looked up together, and batches of them under way for each thread.
TOGETHER = 32
_AHEAD = 2

# Contents that were looked at, and the pairs that they are in.
Looked = tuple[list[bytes], list[SamePicture]]


@dataclass(frozen=True)
class GroupingContext:
    """What building works with. ``floor`` is the lowest score that is kept."""

    fingerprinted: Fingerprinted
    originals: Originals
    snapshot: Snapshot
    floor: float
    threads: int
    max_megapixels: float
    on_progress: Callable[[Progress], None] = lambda _: None
    cancelled: Callable[[], bool] = lambda: False


def build(pairs: Pairs, version: str, context: GroupingContext) -> bool:
    """Compare every content that this ``version`` has not compared yet; return whether it finished.

    Only new contents cost time: each of them is compared with all others.

    Raises:
        CacheLocked, CacheError: the pairs cannot be written; those written before are kept.
    """
    live = context.snapshot.contents()
    seen = pairs.begin(version, context.floor, live)
    absent = set(context.fingerprinted.missing())
    work = sorted(live - seen - absent)
    began = saved = time.monotonic()
    found: dict[Pair, SamePicture] = {}
    done: list[bytes] = []
    stopped = False
    index = context.fingerprinted.index()
    size = max(1, min(TOGETHER, -(-len(work) // context.threads)))
    batches = [work[start : start + size] for start in range(0, len(work), size)]
    number = 0
    with ThreadPoolExecutor(context.threads, thread_name_prefix="duplicates") as pool:
        looked = _looked(pool, batches, lambda some: look_at(some, index, context), context.threads)
        for contents, same in looked:
            number += len(contents)
            done += contents
            found.update({pair.key: pair for pair in same})
            now = time.monotonic()
            stopped = context.cancelled()
            if stopped or now - saved >= SAVE_SECONDS or number == len(work):
                pairs.add(done, found.values())
                found, done, saved = {}, [], now
                rate = number / max(now - began, 1e-6)
                left = (len(work) - number) / rate
                context.on_progress(
                    Progress("duplicates", number, len(work), rate=rate, seconds_left=left)
                )
            if stopped:
                looked.close()
                break
    return not stopped and not absent


def _looked(
    pool: ThreadPoolExecutor,
    work: Sequence[list[bytes]],
    look: Callable[[list[bytes]], Looked],
    threads: int,
) -> Generator[Looked, None, None]:
    """What came of each batch of contents, in their order, a bounded number at a time."""
    queue = iter(work)
    window: collections.deque[Future[Looked]] = collections.deque()
    try:
        while True:
            for contents in itertools.islice(queue, _AHEAD * threads - len(window)):
                window.append(pool.submit(look, contents))
            if not window:
                return
            yield window.popleft().result()
    finally:
        for future in window:
            future.cancel()


def look_at(contents: Sequence[bytes], index: FingerprintIndex, context: GroupingContext) -> Looked:
    """Yield the pairs that ``contents`` make with what ``index`` suggests, until cancelled."""
    store = context.fingerprinted.store
    owns = [(content, own) for content in contents if (own := store.get(content)) is not None]
    likely = index.candidates_of([own for _, own in owns], CANDIDATES + 1)
    # Those that have no fingerprint any more are not looked at again either.
    done = list(set(contents) - {content for content, _ in owns})
    pairs: list[SamePicture] = []
    for (content, own), suggested in zip(owns, likely, strict=True):
        if context.cancelled():
            break
        pairs += _verified(content, own, suggested, context)
        done.append(content)
    return done, pairs


def _verified(
    content: bytes,
    own: Fingerprint,
    suggested: Sequence[tuple[bytes, float]],
    context: GroupingContext,
) -> Iterator[SamePicture]:
    in_vain = 0
    others = [one for one in suggested if one[0] != content]
    for place, (digest, votes) in enumerate(others):
        if votes < (VOTES if place else FIRST) or in_vain == IN_VAIN:
            break
        other = context.fingerprinted.store.get(digest)
        near = None if other is None else match(own, other)
        pair = None
        if near is not None and near.score >= context.floor:
            pair = _described(content, digest, near, context)
        if pair is None:
            in_vain += 1
        else:
            in_vain = 0
            yield pair


def _described(
    query: bytes, other: bytes, near: Match, context: GroupingContext
) -> SamePicture | None:
    """What kind of pair it is, ``None`` where they only share a part, or one was replaced; for
    that, both files are read."""
    files = [_file(digest, context) for digest in (query, other)]
    pictures = [_decoded(data, context) for _, data in files]
    shown = [pixels for pixels in pictures if pixels is not None]
    kind = SKETCH if len(shown) == 2 and all(map(_is_drawn, shown)) else PHOTO
    sides = {(record.width, record.height) for record, _ in files if record is not None}
    same = len(sides) == 1 and near.is_unaltered
    if same and _pixels(files[0][1], context) == _pixels(files[1][1], context) != b"":
        return SamePicture(query, other, EXACT, kind, Evidence.of(near, SAME_PIXELS))
    if len(shown) == 2 and difference(shown[0], shown[1], near) is not None:
        return None
    return SamePicture(query, other, NEAR, kind, Evidence.of(near))


def _file(digest: bytes, context: GroupingContext) -> tuple[FileRecord | None, bytes]:
    for record in context.snapshot.files_of(digest):
        try:
            return record, context.originals.read(record)
        except ImageSearchError:
            continue  # gone since it was indexed; a copy may be there still
    return None, b""


def _decoded(data: bytes, context: GroupingContext) -> Pixels | None:
    try:
        return decode(data, max_megapixels=context.max_megapixels).pixels if data else None
    except ImageSearchError:
        return None


def _is_drawn(pixels: Pixels) -> bool:
    return is_line_art(pixels) > 0.5


def _pixels(data: bytes, context: GroupingContext) -> bytes:
    try:
        return pixel_digest(data, max_megapixels=context.max_megapixels)
    except ImageSearchError:
        return b""
