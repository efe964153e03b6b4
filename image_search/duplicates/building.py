"""Which contents show the same picture: each new one is held against all that its fingerprint
suggests."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from image_search.cache import Fact, Snapshot
from image_search.checking.checks import is_unaltered
from image_search.checking.fingerprinted import Fingerprinted
from image_search.checking.verdict import EXACT, NEAR, SAME_PIXELS, Evidence
from image_search.decisions import Pair
from image_search.detectors.line_art import is_line_art
from image_search.duplicates.pairs import Pairs, SamePicture
from image_search.errors import ImageSearchError
from image_search.extractors.base import Pixels
from image_search.fingerprints import FingerprintIndex, Match, exchanged, match
from image_search.images import decode, pixel_digest
from image_search.originals import Originals
from image_search.reports import Progress
from image_search.weighting import PHOTO, SKETCH

# Contents that a fingerprint suggests and that are verified at most. A picture with more copies
# than this is reached through some of them.
CANDIDATES = 16
# Verifying other pictures is what building would take longest for. The first is verified in any
# case, others only with so many votes, and none after so many in a row were other pictures. Of
# copies edited in 57 ways, among 6,000 pictures, 98 % are reached; and of a pair, each side
# suggests the other.
ALWAYS, VOTES, IN_VAIN = 1, 2.5, 3
# What is found is safe after so many seconds.
SAVE_SECONDS = 2.0
# Contents being looked at, or waiting for it, for each thread.
_AHEAD = 16


@dataclass(frozen=True)
class Means:
    """What building works with. ``floor`` is the lowest score that is kept."""

    fingerprinted: Fingerprinted
    originals: Originals
    snapshot: Snapshot
    floor: float
    threads: int
    max_megapixels: float
    on_progress: Callable[[Progress], None] = lambda _: None
    cancelled: Callable[[], bool] = lambda: False


def build(pairs: Pairs, way: str, means: Means) -> bool:
    """Look at every content that was not looked at in this ``way`` yet; whether it went to its end.

    Costs what is new: each new content is held against all contents, old ones against new ones only
    thereby.

    Raises:
        CacheLocked, CacheError: the pairs cannot be written; those written before are kept.
    """
    live = means.snapshot.contents()
    seen = pairs.begin(way, means.floor, live)
    absent = set(means.fingerprinted.missing())
    work = sorted(live - seen - absent)
    began = saved = time.monotonic()
    found: dict[Pair, SamePicture] = {}
    done: list[bytes] = []
    stopped = False
    index = means.fingerprinted.index()
    with ThreadPoolExecutor(means.threads, thread_name_prefix="duplicates") as pool:
        looked = _looked(pool, work, lambda content: _same(content, index, means), means.threads)
        for number, (content, same) in enumerate(looked, start=1):
            done.append(content)
            found.update({pair.key: pair for pair in same})
            now = time.monotonic()
            stopped = means.cancelled()
            if stopped or now - saved >= SAVE_SECONDS or number == len(work):
                pairs.add(done, found.values())
                found, done, saved = {}, [], now
                rate = number / max(now - began, 1e-6)
                left = (len(work) - number) / rate
                means.on_progress(
                    Progress("duplicates", number, len(work), rate=rate, seconds_left=left)
                )
            if stopped:
                looked.close()
                break
    return not stopped and not absent


def _looked(
    pool: ThreadPoolExecutor,
    work: Sequence[bytes],
    look: Callable[[bytes], list[SamePicture]],
    threads: int,
) -> Generator[tuple[bytes, list[SamePicture]], None, None]:
    """Each content with the pairs that it is in, in their order, a bounded number at a time."""
    queue = iter(work)
    window: collections.deque[tuple[bytes, Future[list[SamePicture]]]] = collections.deque()
    try:
        while True:
            for content in itertools.islice(queue, _AHEAD * threads - len(window)):
                window.append((content, pool.submit(look, content)))
            if not window:
                return
            content, future = window.popleft()
            yield content, future.result()
    finally:
        for _, future in window:
            future.cancel()


def _same(content: bytes, index: FingerprintIndex, means: Means) -> list[SamePicture]:
    store = means.fingerprinted.store
    own = store.get(content)
    if own is None:
        return []
    pairs = []
    likely = [one for one in index.candidates(own, CANDIDATES + 1) if one[0] != content]
    in_vain = 0
    for place, (digest, votes) in enumerate(likely):
        if (place >= ALWAYS and votes < VOTES) or in_vain == IN_VAIN:
            break
        other = store.get(digest)
        near = None if other is None else match(own, other)
        pair = None
        if near is not None and near.score >= means.floor:
            pair = _described(content, digest, near, means)
        if pair is not None:
            pairs.append(pair)
            in_vain = 0
        else:
            in_vain += 1
    return pairs


def _described(query: bytes, other: bytes, near: Match, means: Means) -> SamePicture | None:
    """What kind of pair it is, ``None`` where a part of the picture was exchanged; for that, both
    files are read."""
    files = [_file(digest, means) for digest in (query, other)]
    pictures = [_decoded(data, means) for _, data in files]
    shown = [pixels for pixels in pictures if pixels is not None]
    kind = SKETCH if len(shown) == 2 and all(map(_is_drawn, shown)) else PHOTO
    sides = {(fact.width, fact.height) for fact, _ in files if fact is not None}
    same = len(sides) == 1 and is_unaltered(near)
    if same and _pixels(files[0][1], means) == _pixels(files[1][1], means) != b"":
        return SamePicture(query, other, EXACT, kind, Evidence.of(near, SAME_PIXELS))
    if len(shown) == 2 and exchanged(shown[0], shown[1], near) is not None:
        return None
    return SamePicture(query, other, NEAR, kind, Evidence.of(near))


def _file(digest: bytes, means: Means) -> tuple[Fact | None, bytes]:
    for fact in means.snapshot.files_of(digest):
        try:
            return fact, means.originals.read(fact)
        except ImageSearchError:
            continue  # gone since it was indexed; a copy may be there still
    return None, b""


def _decoded(data: bytes, means: Means) -> Pixels | None:
    try:
        return decode(data, max_megapixels=means.max_megapixels).pixels if data else None
    except ImageSearchError:
        return None


def _is_drawn(pixels: Pixels) -> bool:
    return is_line_art(pixels) > 0.5


def _pixels(data: bytes, means: Means) -> bytes:
    try:
        return pixel_digest(data, max_megapixels=means.max_megapixels)
    except ImageSearchError:
        return b""
