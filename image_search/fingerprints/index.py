"""Which pictures may be the same as a query, out of very many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.fingerprints import words
from image_search.fingerprints.fingerprint import Fingerprint
from image_search.fingerprints.hashing import hash_distances
from image_search.fingerprints.segments import Segment, digest_rows
from image_search.fingerprints.store import FingerprintStore
from image_search.fingerprints.words import Lists

# Signatures of one point differ in at most so many of 64 bits.
NEAR = 13
# Hashes of one picture differ in at most so many of 64 bits.
HASH_NEAR = 16
# What a hash that differs in nothing is worth, in votes of points.
HASH_VOTES = 12.0
# A list longer than this share of all entries, and than so many, tells too little for its length.
LONGEST_SHARE, LONGEST = 1e-4, 200
# The word itself, and all that differ from it in one bit.
_FLIPS = np.array([0, *(1 << bit for bit in range(len(words.WORD_BITS)))], np.uint32)


@dataclass(frozen=True, eq=False)
class _Part:
    """A segment as it is searched: its lists, its pictures' hashes as they are, and which count."""

    segment: Segment
    lists: Lists
    hashes: npt.NDArray[np.uint64]
    live: npt.NDArray[np.bool_]


class FingerprintIndex:
    """An index over the fingerprints of a store, of which only those in ``live`` are found. May be
    asked from many threads, also while it is updated."""

    def __init__(self, store: FingerprintStore, live: Collection[bytes]) -> None:
        self._store = store
        self._parts: tuple[_Part, ...] = ()
        self.update(live)

    def update(self, live: Collection[bytes]) -> None:
        """Take up what the store has now, and find only the contents in ``live`` from here on.

        Costs what is new in the store, and a look-up of each digest.
        """
        wanted = digest_rows(list(dict.fromkeys(live)))
        known = {part.segment.name: part for part in self._parts}
        parts = []
        for segment in self._store.segments:
            old = known.get(segment.name)
            columns = segment.columns
            rows = segment.find(wanted)
            mask = np.zeros(len(columns), np.bool_)
            mask[rows[rows >= 0]] = True
            # Of a content that two segments have, one counts.
            wanted = wanted[rows < 0]
            lists = (
                old.lists if old else words.kept_lists(self._store.folder, segment.name, columns)
            )
            hashes = old.hashes if old else np.ascontiguousarray(columns.hashes[:, 0])
            parts.append(_Part(segment, lists, hashes, mask))
        self._parts = tuple(parts)

    def __len__(self) -> int:
        """How many contents can be found."""
        return sum(int(part.live.sum()) for part in self._parts)

    def candidates(self, query: Fingerprint, limit: int) -> list[tuple[bytes, float]]:
        """At most ``limit`` digests of contents that may be the same picture, likeliest first, each
        with a score (higher is likelier; comparable within one answer only)."""
        parts = self._parts
        found: list[tuple[float, bytes]] = []
        by_hash = _by_hash(query, parts)
        for part, points, alike in zip(parts, _votes(query, parts), by_hash, strict=True):
            scores = np.where(part.live, points + alike, 0.0)
            some = np.flatnonzero(scores > 0)
            for row in some[np.argsort(-scores[some], kind="stable")[:limit]].tolist():
                found.append((float(scores[row]), part.segment.columns.digests[row].tobytes()))
        found.sort(key=lambda item: (-item[0], item[1]))
        return [(digest, score) for score, digest in found[:limit]]


def _by_hash(query: Fingerprint, parts: tuple[_Part, ...]) -> list[npt.NDArray[np.float64]]:
    """For each part (rows,): what the hash of the query, in any orientation, speaks for each
    picture; the less, the more pictures are as near."""
    near = [hash_distances(query.hashes[:, None], part.hashes).min(axis=0) for part in parts]
    nearer = np.zeros(65, np.int64)
    for part, apart in zip(parts, near, strict=True):
        nearer += np.bincount(apart[part.live], minlength=65)
    worth = HASH_VOTES * np.maximum(0.0, 1 - np.arange(65) / (HASH_NEAR + 1.0))
    worth /= np.maximum(np.cumsum(nearer), 1)
    return [worth[apart] for apart in near]


def _votes(query: Fingerprint, parts: tuple[_Part, ...]) -> list[npt.NDArray[np.float64]]:
    """For each part (rows,): what the points of the query, or of its mirror image, speak for each
    picture, whichever is more."""
    both = np.concatenate([query.descriptors, query.mirrored.descriptors])
    # In the order of the lists, and each word once, which makes looking them up twice as fast.
    asked, place = np.unique(words.words(both)[:, None] ^ _FLIPS, return_inverse=True)
    place = place.reshape(-1)
    signed = words.signatures(both)
    entries = sum(len(part.lists.words) for part in parts)
    firsts = [np.asarray(np.searchsorted(part.lists.words, asked)) for part in parts]
    lengths = [
        np.searchsorted(part.lists.words, asked, side="right") - first
        for part, first in zip(parts, firsts, strict=True)
    ]
    # A word that very many points have tells too little for the time its list takes.
    whole: npt.NDArray[np.int64] = np.zeros(len(asked), np.int64)
    for length in lengths:
        whole += length
    known = whole <= max(LONGEST, round(LONGEST_SHARE * entries))
    found = [
        _alike(part, first[place], (length * known)[place], signed)
        for part, first, length in zip(parts, firsts, lengths, strict=True)
    ]
    # A point that many pictures have says little about each (inter-image burstiness: Jegou, Douze
    # and Schmid, "On the burstiness of visual elements", CVPR 2009).
    shared = np.zeros(len(both), np.int64)
    for points, _, _ in found:
        shared += np.bincount(points, minlength=len(both))
    weight = 1 / np.sqrt(np.maximum(shared, 1))
    votes = []
    for part, (points, rows, worth) in zip(parts, found, strict=True):
        size = len(part.live)
        ways = (points >= len(query.descriptors)) * size + rows
        sums = np.bincount(ways, weight[points] * worth, minlength=2 * size)
        votes.append(sums.reshape(2, size).max(axis=0))
    return votes


def _alike(
    part: _Part,
    first: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    signed: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Points of the query and the rows that have one like it, each pair once, and its worth.

    ``first`` and ``lengths`` say where the list of each word begins and how long it is,
    ``len(_FLIPS)`` words for each point.
    """
    lists = part.lists
    ends = np.cumsum(lengths)
    entries = np.repeat(first - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)
    points = np.repeat(np.arange(len(first)) // len(_FLIPS), lengths)
    apart = np.bitwise_count(lists.signatures[entries] ^ signed[points])
    chosen = np.flatnonzero(apart <= NEAR)
    points, apart = points[chosen], apart[chosen]
    rows = lists.rows[entries[chosen]].astype(np.int64)
    alive = part.live[rows]
    points, rows, apart = points[alive], rows[alive], apart[alive]
    # Of several points of one picture that are like one of the query, the likest counts.
    order = np.lexsort([apart, rows, points])
    points, rows, apart = points[order], rows[order], apart[order]
    fresh = np.ones(len(points), np.bool_)
    fresh[1:] = (points[1:] != points[:-1]) | (rows[1:] != rows[:-1])
    return points[fresh], rows[fresh], 1.0 - apart[fresh] / (NEAR + 5.0)
