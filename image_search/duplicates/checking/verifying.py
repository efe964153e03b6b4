"""Which images of the collection show the same picture as a query: as it is, as a negative, or on
a page that the query is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import starmap

import numpy as np

from image_search.duplicates.checking.verdict import Evidence
from image_search.duplicates.fingerprints import (
    Fingerprint,
    FingerprintIndex,
    Match,
    ReplacedRegion,
    SharedPart,
    difference,
    fingerprint,
    match,
    match_inverted,
)
from image_search.imaging.arrays import Pixels
from image_search.imaging.page_pictures import pictures_on
from image_search.search.queries import Region

# Contents that are verified: so many of those whose fingerprints come nearest; of those that come
# nearest to the negative; and to each part of a page.
BY_FINGERPRINT = 40
BY_NEGATIVE = 10
BY_PART = 4
# Threads that verify candidates: a person waits, and much of the work needs no lock of Python's.
THREADS = 2
# Matches of parts whose pixels are looked at, at most.
_LOOKS = 8


@dataclass(frozen=True, eq=False)
class View:
    """One way to look at a query: its ``pixels`` and their fingerprint, the ``box`` that they are
    of the whole, where they are a part, and whether they are treated as a negative."""

    fingerprint: Fingerprint
    pixels: Pixels
    box: Region | None = None
    inverted: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is the query as it is."""
        return self.box is None and not self.inverted

    def match(self, other: Fingerprint) -> Match | None:
        """How this view shows the same picture as ``other``."""
        return (match_inverted if self.inverted else match)(self.fingerprint, other)


@dataclass(frozen=True, eq=False)
class Sighting:
    """A match in one view, and what makes it another picture all the same, if anything does."""

    view: View
    match: Match
    difference: ReplacedRegion | SharedPart | None = None

    def evidence(self, size: tuple[int, int], words: str = "") -> Evidence:
        """The evidence on the whole of the query, of this ``size`` (width and height)."""
        box, found, other = self.view.box, self.match, self.difference
        if box is not None:
            sides = box.x, box.y, box.width, box.height
            found = found.within(sides, size)
            if other is not None:
                outline = tuple(
                    (box.x + x * box.width, box.y + y * box.height) for x, y in other.outline_query
                )
                other = replace(other, outline_query=outline)
            if isinstance(other, SharedPart):
                other = replace(other, share=other.share * box.width * box.height, layout=False)
        evidence = Evidence.of(found, words)
        return evidence if other is None else evidence.but(other)


def views_of(pixels: Pixels, page: Callable[[], Pixels]) -> list[View]:
    """The views of a query: as it is first. ``page`` gives its pixels at the size that parts are
    taken from, wanted only where it has any."""
    whole = fingerprint(pixels)
    views = [View(whole, pixels), View(whole, pixels, inverted=True)]
    if not pictures_on(pixels):
        return views
    large = page()
    height, width = large.shape[:2]

    def part(box: Region) -> View:
        left, top = round(box.x * width), round(box.y * height)
        right, bottom = round((box.x + box.width) * width), round((box.y + box.height) * height)
        inside = np.ascontiguousarray(large[top:bottom, left:right])
        return View(fingerprint(inside), inside, box)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="check") as pool:
        return [*views, *pool.map(part, starmap(Region, pictures_on(large)))]


def sightings_of(
    views: Sequence[View],
    index: FingerprintIndex,
    fingerprint_of: Callable[[bytes], Fingerprint | None],
    threshold: float,
    *,
    beside: Iterable[bytes],
    among: Collection[bytes] | None,
    without: bytes,
) -> dict[bytes, list[Sighting]]:
    """By content, the matches that score ``threshold`` at least: of the query as it is first, then
    the best first.

    ``beside`` what fingerprints suggest, these contents are compared with the query as it is;
    nothing but what is ``among`` these contents, where that is given, and never ``without``.
    """
    likely = index.candidates_of_each([_prepared(view) for view in views], BY_FINGERPRINT, among)
    work: list[tuple[View, bytes]] = []
    for view, found in zip(views, likely, strict=True):
        most = BY_FINGERPRINT if view.plain else BY_PART if view.box else BY_NEGATIVE
        digests = [digest for digest, _ in found[:most]]
        if view.plain:
            digests += [one for one in beside if among is None or one in among]
        work += [(view, digest) for digest in dict.fromkeys(digests) if digest != without]

    def verified(one: tuple[View, bytes]) -> Match | None:
        view, digest = one
        other = fingerprint_of(digest)
        return None if other is None else view.match(other)

    found_in: dict[bytes, list[Sighting]] = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="check") as pool:
        for (view, digest), near in zip(work, pool.map(verified, work), strict=True):
            if near is not None and near.score >= threshold:
                found_in.setdefault(digest, []).append(Sighting(view, near))
    for sightings in found_in.values():
        sightings.sort(key=lambda one: (not one.view.plain, -one.match.score))
    return found_in


def judged(
    found: Mapping[bytes, Sequence[Sighting]], other_of: Callable[[bytes], Pixels | None]
) -> dict[bytes, Sighting]:
    """By content, the sighting that shows the same picture, or the first one with its difference;
    ``other_of`` gives the pixels of a content, ``None`` where they cannot be read."""
    looks = {id(one) for sightings in found.values() for one in sightings if one.view.plain}
    rest = [one for sightings in found.values() for one in sightings if not one.view.plain]
    looks |= {id(one) for one in sorted(rest, key=lambda one: -one.match.score)[:_LOOKS]}

    def look(digest: bytes) -> Sighting | None:
        other, first = other_of(digest), None
        for one in found[digest]:
            if id(one) not in looks:
                continue
            differs = None if other is None else difference(one.view.pixels, other, one.match)
            if differs is None:
                return one
            first = first or replace(one, difference=differs)
        return first

    with ThreadPoolExecutor(THREADS, thread_name_prefix="check") as pool:
        sightings = zip(found, pool.map(look, found), strict=True)
        return {digest: one for digest, one in sightings if one is not None}


def _prepared(view: View) -> Fingerprint:
    return view.fingerprint.inverted if view.inverted else view.fingerprint
