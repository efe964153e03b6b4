"""Comparing two fingerprints: matching points, and a geometry that explains them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints import evidence, geometry
from image_search.duplicates.fingerprints.fingerprint import Fingerprint
from image_search.duplicates.fingerprints.geometry import Matrix, Pairs
from image_search.duplicates.fingerprints.hashing import hash_distances
from image_search.duplicates.fingerprints.match import Match, outline_of, rows_of

# Bits (of 128) by which descriptors of one point may differ: at all, where nothing else in the
# other picture is alike, and once the geometry shows where to look.
SURE, UNIQUE, GUIDED = 18, 34, 42
# By how much direction (radians) and size (powers of two) may differ from the geometry's.
_BEND, _SIZE = 0.5, 0.7
# Points nearer to each other than this, in longest sides, are one with two directions.
_SAME = 0.01
# Hashes that differ in at most so many of 64 bits propose a homography.
HASH_NEAR = 20
# Of the homographies that points propose, so many are judged: of 275 copies the one with most
# points was the best for 274, and among the first two for all.
_JUDGED = 2
# A descriptor is unlike all others where its match is closer by this factor.
_RATIO = 0.8


@dataclass(frozen=True, eq=False)
class Alignment:
    """A homography from the other picture to the query, the pairs of points that agree with it, and
    the region of the query (a polygon (n, 2), in longest sides) in which it holds."""

    homography: Matrix
    inside: Pairs
    region: Matrix
    score: float


def match(query: Fingerprint, other: Fingerprint) -> Match | None:
    """Return how ``query`` shows the same picture as ``other``; ``None`` where nothing matches."""
    found: list[tuple[Alignment, bool]] = []
    for homography, mirrored in _proposals(query, other):
        view = query.mirrored if mirrored else query
        judged = _judged(view, other, homography, *_guided(view, other, homography))
        if judged is not None:
            found.append((judged, mirrored))
    if not found:
        return None
    best, mirrored = max(found, key=lambda one: one[0].score)
    view = query.mirrored if mirrored else query
    return _described(query, other, _in_perspective(view, other, best), mirrored)


def match_inverted(query: Fingerprint, other: Fingerprint) -> Match | None:
    """How ``query`` shows the negative of the same picture as ``other``; ``None`` where nothing is
    alike."""
    found = match(query.inverted, other)
    return None if found is None else replace(found, inverted=True)


def _proposals(query: Fingerprint, other: Fingerprint) -> list[tuple[Matrix, bool]]:
    """Ways worth a closer look, and whether the query is mirrored before: what most of the matching
    points say, and what the hashes do."""
    by_points: list[tuple[int, Matrix, bool]] = []
    by_hash: list[tuple[Matrix, bool]] = []
    for mirrored, view in ((False, query), (True, query.mirrored)):
        by_points += [
            (agree, homography, mirrored)
            for agree, homography in geometry.alignments(_similar_points(view, other))
        ]
        # The first four orientations are those without mirroring.
        bit_differences = hash_distances(view.hashes[:4], other.hashes[:1])
        turns = int(np.argmin(bit_differences))
        if bit_differences[turns] <= HASH_NEAR:
            # By the hash, the query turned so often is the other. So turn the other back.
            by_hash.append((_whole(view, other, -turns % 4), mirrored))
    by_points.sort(key=lambda one: -one[0])
    return [(homography, mirrored) for _, homography, mirrored in by_points[:_JUDGED]] + by_hash


def _similar_points(query: Fingerprint, other: Fingerprint) -> Pairs:
    """Points whose descriptors match."""
    here, there = query.placed, other.placed
    if min(len(here), len(there)) < 3:
        return Pairs(here[:0], there[:0])
    bit_differences = np.bitwise_count(query.bits[:, None, 0] ^ other.bits[None, :, 0])
    bit_differences += np.bitwise_count(query.bits[:, None, 1] ^ other.bits[None, :, 1])
    nearest = bit_differences.argmin(axis=1)
    least = bit_differences[np.arange(len(bit_differences)), nearest]
    rows = np.flatnonzero(least <= UNIQUE)
    nearest, least, bit_differences = nearest[rows], least[rows], bit_differences[rows]
    # The second best must be another point, not the same one with its second direction.
    same = geometry.squared(there[nearest], there) < _SAME**2
    second = np.where(same, 255, bit_differences).min(axis=1, initial=255)
    chosen = np.flatnonzero((least <= SURE) | (least < _RATIO * second))
    return Pairs(here[rows[chosen]], there[nearest[chosen]])


def _whole(query: Fingerprint, other: Fingerprint, turns: int) -> Matrix:
    """The homography from the whole other picture, turned clockwise so often, to the query."""
    there = geometry.frame(other.size)
    here = np.roll(geometry.frame(query.size), -turns, axis=0)
    return np.asarray(
        cv2.getPerspectiveTransform(there.astype(np.float32), here.astype(np.float32))
    )


def _in_perspective(query: Fingerprint, other: Fingerprint, found: Alignment) -> Alignment:
    """``found`` in perspective, where the pairs determine that: only of the likeliest homography of
    a picture, for it takes as long as all the rest."""
    homography, pairs = found.homography, found.inside
    # A homography in perspective brings pairs within reach that the affine one missed.
    for _ in range(2):
        better = geometry.projective(homography, pairs)
        if better is homography:
            break
        homography = better
        pairs, bit_differences = _guided(query, other, homography)
    if homography is found.homography:
        return found
    return _judged(query, other, homography, pairs, bit_differences) or found


def _judged(
    query: Fingerprint,
    other: Fingerprint,
    homography: Matrix,
    pairs: Pairs,
    bit_differences: npt.NDArray[np.int64],
) -> Alignment | None:
    """The evidence for ``homography``, with which these ``pairs`` agree; ``None`` where nothing
    does."""
    points = evidence.of_points(homography, pairs, bit_differences)
    outline = geometry.moved(homography, geometry.frame(other.size))
    region = geometry.overlap(outline, geometry.frame(query.size))
    likeness, shared = evidence.likeness(query, other, homography, region)
    if likeness < evidence.SIMILAR and len(pairs.here) >= 4:
        # The pictures have a part in common, but not everywhere where they overlap.
        part = geometry.hull(pairs.here[:, :2])
        narrow = evidence.likeness(query, other, homography, part)
        region, (likeness, shared) = part, narrow
    score = evidence.combined(points, evidence.of_previews(likeness, shared), shared)
    return Alignment(homography, pairs, region, score) if len(region) >= 3 else None


def _guided(
    query: Fingerprint, other: Fingerprint, homography: Matrix
) -> tuple[Pairs, npt.NDArray[np.int64]]:
    """The pairs that agree with ``homography``, and in how many bits their descriptors differ."""
    here, there = query.placed, other.placed
    gone = geometry.moved(homography, there).astype(np.float32)
    width, height = query.size
    shown = np.flatnonzero(
        (gone[:, 0] >= 0) & (gone[:, 0] <= width) & (gone[:, 1] >= 0) & (gone[:, 1] <= height)
    )
    rows, partners = np.nonzero(geometry.squared(gone[shown], here) < geometry.TOLERANCE**2)
    rows = shown[rows]
    _, turn = geometry.local(homography)
    bend = np.mod(here[partners, 3] - there[rows, 3] - turn + np.pi, 2 * np.pi) - np.pi
    scale = geometry.scales(homography, there)
    size = np.log2(here[partners, 2] / (there[rows, 2] * scale[rows]))
    bit_differences = np.bitwise_count(query.bits[partners] ^ other.bits[rows]).sum(axis=1)
    agree = np.flatnonzero(
        (np.abs(bend) < _BEND) & (np.abs(size) < _SIZE) & (bit_differences <= GUIDED)
    )
    # The likest first; each point of either picture has one partner at most.
    agree = agree[np.argsort(bit_differences[agree], kind="stable")]
    agree = agree[np.sort(np.unique(rows[agree], return_index=True)[1])]
    agree = agree[np.sort(np.unique(partners[agree], return_index=True)[1])]
    return Pairs(here[partners[agree]], there[rows[agree]]), bit_differences[agree].astype(np.int64)


def _described(query: Fingerprint, other: Fingerprint, found: Alignment, mirrored: bool) -> Match:
    """The evidence, in the query's own frame."""
    there, here = geometry.frame(other.size), geometry.frame(query.size)
    both = found.region
    back = geometry.moved(np.asarray(np.linalg.inv(found.homography), np.float64), both)
    scale, turn = geometry.local(found.homography)
    outline_query = both / query.size
    whole_homography = (
        np.diag([*(1 / np.array(query.size)), 1.0]) @ found.homography @ np.diag([*other.size, 1.0])
    )
    if mirrored:
        whole_homography = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ whole_homography
        outline_query[:, 0] = 1 - outline_query[:, 0]
    return Match(
        score=found.score,
        inliers=len(found.inside.here),
        mirrored=mirrored,
        # The homography turns the other picture to the mirrored query; mirroring turns that round.
        rotation=float(np.rad2deg(-turn if mirrored else turn)) % 360,
        scale=scale,
        of_query=min(1.0, geometry.area(both) / geometry.area(here)),
        of_other=min(1.0, geometry.area(back) / geometry.area(there)),
        outline_query=outline_of(outline_query),
        outline_other=outline_of(back / other.size),
        homography=rows_of(whole_homography),
    )
