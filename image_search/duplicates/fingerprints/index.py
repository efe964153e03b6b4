"""Which pictures may be the same as a query, out of very many."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints import visual_words
from image_search.duplicates.fingerprints.fingerprint import Fingerprint
from image_search.duplicates.fingerprints.hashing import hash_distances
from image_search.duplicates.fingerprints.segments import Segment, digest_rows
from image_search.duplicates.fingerprints.store import FingerprintStore
from image_search.duplicates.fingerprints.visual_words import Lists
from image_search.duplicates.fingerprints.voting import votes

# Hashes of one picture differ in at most so many of 64 bits.
HASH_NEAR = 16
# What a hash that differs in nothing is worth, in votes of points.
HASH_VOTES = 12.0


@dataclass(frozen=True, eq=False)
class _Part:
    """A segment as it is searched: its lists, its pictures' hashes as they are, and which count."""

    segment: Segment
    lists: Lists
    hashes: npt.NDArray[np.uint64]
    live: npt.NDArray[np.bool_]


class FingerprintIndex:
    """An index over the fingerprints of a store, of which only those in ``live`` are found. May be
    searched from many threads, also while it is updated."""

    def __init__(self, store: FingerprintStore, live: Collection[bytes]) -> None:
        self._store = store
        self._parts: tuple[_Part, ...] = ()
        self.update(live)

    def update(self, live: Collection[bytes]) -> None:
        """Read what is new in the store, and from now on find only the contents in ``live``.

        The cost grows with what is new, plus one look-up for each digest.
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
                old.lists
                if old
                else visual_words.load_lists(self._store.folder, segment.name, columns)
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
        return next(self._candidates([query], limit, thorough=True))

    def candidates_of_each(
        self,
        queries: Sequence[Fingerprint],
        limit: int,
        among: Collection[bytes] | None = None,
    ) -> list[list[tuple[bytes, float]]]:
        """The ``candidates`` of each query; only those ``among`` these contents, where given."""
        return list(self._candidates(queries, limit, thorough=True, among=among))

    def candidates_of(
        self, queries: Sequence[Fingerprint], limit: int
    ) -> Iterator[list[tuple[bytes, float]]]:
        """The candidates of each query: of many together in a fraction of the time, but a few of
        the copies that were edited strongly are not among them."""
        return self._candidates(queries, limit, thorough=False)

    def _candidates(
        self,
        queries: Sequence[Fingerprint],
        limit: int,
        *,
        thorough: bool,
        among: Collection[bytes] | None = None,
    ) -> Iterator[list[tuple[bytes, float]]]:
        if not queries:
            return
        parts = self._parts if among is None else _narrowed(self._parts, among)
        for part in parts:
            part.segment.file.check()
            part.lists.check()
        searched = [(part.lists, part.live) for part in parts]
        by_points = votes(queries, searched, thorough=thorough)
        for query, pointed in zip(queries, by_points, strict=True):
            found: list[tuple[float, bytes]] = []
            for part, points, equal in zip(parts, pointed, _by_hash(query, parts), strict=True):
                scores = np.where(part.live, points + equal, 0.0)
                for row in _highest(scores, limit).tolist():
                    found.append((float(scores[row]), part.segment.columns.digests[row].tobytes()))
            found.sort(key=lambda item: (-item[0], item[1]))
            yield [(digest, score) for score, digest in found[:limit]]


def _narrowed(parts: tuple[_Part, ...], contents: Collection[bytes]) -> tuple[_Part, ...]:
    """``parts`` with no more than these contents live."""
    wanted = digest_rows(list(contents))
    narrowed = []
    for part in parts:
        rows = part.segment.find(wanted)
        mask = np.zeros(len(part.live), np.bool_)
        mask[rows[rows >= 0]] = True
        narrowed.append(replace(part, live=part.live & mask))
    return tuple(narrowed)


def _highest(scores: npt.NDArray[np.float64], limit: int) -> npt.NDArray[np.int64]:
    """The rows of the ``limit`` highest scores above 0, in any order."""
    some = np.flatnonzero(scores > 0)
    if len(some) > limit:
        some = some[np.argpartition(-scores[some], limit - 1)[:limit]]
    return some


def _by_hash(query: Fingerprint, parts: tuple[_Part, ...]) -> list[npt.NDArray[np.float64]]:
    """For each part (rows,): what the hash of the query, in any orientation, gives each
    picture; the less, the more pictures are as near."""
    near = [hash_distances(query.hashes[:, None], part.hashes).min(axis=0) for part in parts]
    nearer = np.zeros(65, np.int64)
    for part, distances in zip(parts, near, strict=True):
        nearer += np.bincount(distances[part.live], minlength=65)
    worth = HASH_VOTES * np.maximum(0.0, 1 - np.arange(65) / (HASH_NEAR + 1.0))
    worth /= np.maximum(np.cumsum(nearer), 1)
    return [worth[distances] for distances in near]
