"""Votes of points: which pictures have points like those of a query, for many queries together.

Where points are looked up decides how long it takes: in the order of the lists, a processor reads
ahead. So the points of many queries are looked up together, sorted by their words.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints import visual_words
from image_search.duplicates.fingerprints.fingerprint import Fingerprint
from image_search.duplicates.fingerprints.visual_words import Lists

Numbers = npt.NDArray[np.int64]

# Signatures of one point differ in at most so many of 64 bits.
NEAR = 13
# A list longer than this share of all entries, and than so many, is too common to be worth its
# length.
LONGEST_SHARE, LONGEST = 1e-4, 200
# What a word is changed by to those that differ from it in one bit, and by nothing to itself.
_FLIPS = np.array([0, *(1 << bit for bit in range(len(visual_words.WORD_BITS)))], np.uint32)
# Entries compared at a time: few enough to stay in the processor's cache.
_ENTRIES = 1 << 18
# Bits that NEAR takes.
_BITS = 4


@dataclass(frozen=True, eq=False)
class _Points:
    """The points of all queries, twice: as they are and as in the mirror. ``views`` (p,) is twice
    the number of the query a point is of, and one more in the mirror."""

    descriptors: npt.NDArray[np.uint8]
    views: Numbers

    @staticmethod
    def of(queries: Sequence[Fingerprint]) -> _Points:
        both = [one.descriptors for query in queries for one in (query, query.mirrored)]
        return _Points(
            np.concatenate(both), np.repeat(np.arange(len(both)), [len(one) for one in both])
        )


@dataclass(frozen=True, eq=False)
class _SimilarPoints:
    """Each entry like a point of a query: the ``points`` (n,), the ``rows`` (n,) of the pictures
    that have them, and how much each is ``worth`` (n,)."""

    points: Numbers
    rows: Numbers
    worth: npt.NDArray[np.float64]


def votes(
    queries: Sequence[Fingerprint],
    parts: Sequence[tuple[Lists, npt.NDArray[np.bool_]]],
    *,
    thorough: bool,
) -> Iterator[list[npt.NDArray[np.float64]]]:
    """For each query and each of ``parts``, lists and a mask (rows,) of the pictures that count:
    what the points of the query, or of its mirror image, give each picture (rows,), whichever
    is more. ``thorough``: points whose words differ in one bit count, too, for five times the work;
    of strongly edited copies it finds more."""
    points = _Points.of(queries)
    found = _similar_points(points, parts, _FLIPS if thorough else _FLIPS[:1])
    # A point that many pictures have is weak evidence for each (inter-image burstiness: Jegou,
    # Douze and Schmid, "On the burstiness of visual elements", CVPR 2009).
    shared = np.zeros(len(points.views), np.int64)
    for part in found:
        shared += np.bincount(part.points, minlength=len(shared))
    weight = 1 / np.sqrt(np.maximum(shared, 1))
    # Points are in the order of their queries, and so is what was found.
    starts = np.searchsorted(points.views, np.arange(0, 2 * len(queries) + 1, 2))
    for first, last in itertools.pairwise(starts.tolist()):
        yield [
            _summed(part, slice(*np.searchsorted(part.points, [first, last])), points, weight, size)
            for part, size in zip(found, (len(live) for _, live in parts), strict=True)
        ]


def _summed(
    found: _SimilarPoints, some: slice, points: _Points, weight: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float64]:
    queried = found.points[some]
    places = points.views[queried] % 2 * size + found.rows[some]
    sums = np.bincount(places, weight[queried] * found.worth[some], minlength=2 * size)
    return np.asarray(sums.reshape(2, size).max(axis=0), np.float64)


def _similar_points(
    points: _Points,
    parts: Sequence[tuple[Lists, npt.NDArray[np.bool_]]],
    flips: npt.NDArray[np.uint32],
) -> list[_SimilarPoints]:
    queried = (visual_words.words(points.descriptors)[:, None] ^ flips).reshape(-1)
    order = np.argsort(queried, kind="stable")
    queried, order = queried[order], order // len(flips)
    places = [lists.find(queried) for lists, _ in parts]
    # A word that very many points have is not worth the time its list takes.
    entries = sum(len(lists.words) for lists, _ in parts)
    whole: Numbers = np.zeros(len(queried), np.int64)
    for _, lengths in places:
        whole += lengths
    known = np.flatnonzero(whole <= max(LONGEST, round(LONGEST_SHARE * entries)))
    signed = visual_words.signatures(points.descriptors)
    return [
        _similar_points_in(lists, live, first[known], lengths[known], order[known], signed)
        for (lists, live), (first, lengths) in zip(parts, places, strict=True)
    ]


def _similar_points_in(
    lists: Lists,
    live: npt.NDArray[np.bool_],
    first: Numbers,
    lengths: Numbers,
    points: Numbers,
    signed: npt.NDArray[np.uint64],
) -> _SimilarPoints:
    """Points of the queries and the rows that have one like it, each pair once.

    ``first`` and ``lengths`` are where the list of a word begins and how long it is, ``points``
    which point asks for it.
    """
    ends = np.cumsum(lengths)
    steps = np.arange(_ENTRIES, ends[-1] if len(ends) else 0, _ENTRIES)
    size, found = len(live), []
    for some in np.split(np.arange(len(ends)), np.searchsorted(ends, steps)):
        last = np.cumsum(lengths[some])
        entries = np.arange(last[-1] if len(last) else 0)
        entries += np.repeat(first[some] - last + lengths[some], lengths[some])
        asking = np.repeat(points[some], lengths[some])
        distances = np.bitwise_count(lists.signatures[entries] ^ signed[asking])
        near = np.flatnonzero(distances <= NEAR)
        rows = lists.rows[entries[near]].astype(np.int64)
        # In one number, because numbers are sorted many times as fast as rows of a table.
        found.append(((asking[near] * size + rows) << _BITS | distances[near])[live[rows]])
    both = np.sort(np.concatenate(found))
    asking, rows = np.divmod(both >> _BITS, max(size, 1))
    # Of several points of one picture that are like one of the query, the likest counts.
    fresh = np.ones(len(both), np.bool_)
    fresh[1:] = np.diff(both >> _BITS) != 0
    distances = both & (1 << _BITS) - 1
    return _SimilarPoints(asking[fresh], rows[fresh], 1.0 - distances[fresh] / (NEAR + 5.0))
