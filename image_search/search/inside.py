"""Images that hold a part of a picture, anywhere and in any size, and where it lies in them.

What squares of the images show (see ``extractors.patches``) is compared with the part, which is
shown to the network alone, as large as each kind of square is. Features are whitened by their
covariance in the collection (Jegou and Chum, "Negative evidences and co-occurrences in image
retrieval", ECCV 2012): without it, what all images have in common counts most. The signs of the
whitened features, 120 bits for each square, give a shortlist by their Hamming distances; the images
in it are then compared by the features themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from image_search.errors import IndexEmpty, InvalidQuery, ModelUnavailable
from image_search.extractors.base import QueryExtractors, unit_rows
from image_search.extractors.patches import BASE, BOXES, CHANNELS, COUNT, MIDDLES, NAME
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import resized
from image_search.search.marking import Look, marked_parts
from image_search.search.queries import DIFFERENT, Hit, Query, Region
from image_search.search.ranking.fusion import PHOTO
from image_search.search.search_index import (
    DIGITS,
    Part,
    Scored,
    SearchIndex,
    best,
    closer_than,
)
from image_search.search.searching import SearchResult
from image_search.search.views import Designs
from image_search.storage import Segment
from image_search.storage.columns import Column

# The name of the score, and of the value of ``SearchResult.matched_by``.
PART = "part"
# So many images, or so many times the hits that are wanted, are compared by the features
# themselves: with twice as many, no more of the designs of ``benchmarks.parts`` are found.
SHORTLIST, TIMES = 200, 4
# What likeness of the whole takes away where images that differ elsewhere are wanted.
DIFFERENCE = 0.5
# Side of the square in which a part is shown, in pixels.
_SIDE = 260
# The whitening is fitted to the squares of so many images, and again when there are more or fewer
# by this factor. This share of the mean variance is added to each. Of 0 to 1, it is among the best
# on jewellery, logos and dtd10; without it, features of little variance count too much on dtd10.
_SAMPLE, _OUTGROWN, _SHRUNK = 400, 2.0, 0.3
# Images that are handled at a time.
_AT_ONCE = 512
# Whole numbers of 64 bits that hold the signs of one square.
_WORDS = -(-CHANNELS // 64)

Bits = npt.NDArray[np.uint64]

UNKNOWN = (
    "The parts of {:,} images are not known yet, so nothing is found in those; reindex to add them."
)
NO_PARTS = (
    "The index holds no parts of images. They need imagenet among the extractors, and "
    "IMAGE_SEARCH_PARTS must not be 0; then reindex."
)


@dataclass(frozen=True, eq=False)
class Whitening:
    """``mean`` (CHANNELS,) and ``matrix`` (CHANNELS, CHANNELS) of patches of length 1, fitted to so
    many ``rows``."""

    mean: Floats
    matrix: Floats
    rows: int

    @staticmethod
    def of(columns: Sequence[Column]) -> Whitening:
        """Fitted to patches from all over ``columns``."""
        count = sum(map(len, columns))
        step = max(1, -(-count // _SAMPLE))
        some = [column.block(np.arange(0, len(column), step)).units for column in columns]
        patches = unit_rows(np.concatenate(some).reshape(-1, CHANNELS).astype(np.float32))
        mean = patches.mean(axis=0)
        covariance = np.cov((patches - mean).T.astype(np.float64))
        variances, directions = np.linalg.eigh(covariance)
        variances = np.maximum(variances, 0) + _SHRUNK * max(float(variances.mean()), 1e-9)
        matrix = directions / np.sqrt(variances)
        return Whitening(mean, matrix.astype(np.float32), count)

    def __call__(self, patches: npt.NDArray[np.generic]) -> Floats:
        """Patches (..., CHANNELS) whitened, of length 1."""
        rows = unit_rows(patches.reshape(-1, CHANNELS).astype(np.float32))
        rows -= self.mean
        return unit_rows(rows @ self.matrix, in_place=True).reshape(patches.shape)


def bits_of(whitened: Floats) -> Bits:
    """The signs of patches (..., CHANNELS): (..., _WORDS)."""
    signs = np.zeros((*whitened.shape[:-1], 64 * _WORDS), np.bool_)
    signs[..., :CHANNELS] = whitened > 0
    packed = np.ascontiguousarray(np.packbits(signs, axis=-1))
    return packed.view(np.uint64)


@dataclass(frozen=True, eq=False)
class _Codes:
    """What a search for parts looks at: ``bits`` (rows, COUNT, _WORDS) of each segment, by name."""

    whitening: Whitening
    bits: Mapping[str, Bits] = field(default_factory=dict)


class PartFinder:
    """Finds parts in the images of an index. Safe to use from many threads."""

    def __init__(self, look: Look, max_megapixels: float, designs: Designs | None = None) -> None:
        """``look`` gives the pixels of indexed images; queries with larger pictures are refused;
        there is one hit for each of ``designs``, where they are given."""
        self._look, self._max_megapixels, self._designs = look, max_megapixels, designs
        self._lock = threading.Lock()
        self._codes: _Codes | None = None

    def search(
        self,
        index: SearchIndex,
        query: Query,
        extractors: QueryExtractors,
        started: float,
    ) -> SearchResult:
        """The images that hold what is marked of the one picture of ``query``.

        Args:
            index: what is searched.
            query: what is asked; ``query.part`` is not that of a whole image.
            extractors: look at the part.
            started: when the query came, a value of ``time.perf_counter``.

        Raises:
            InvalidQuery: the query does not mark a part of one picture.
            ModelUnavailable: the index holds no parts, or the network cannot be loaded.
            UnreadableImage, ImageTooLarge, UnknownImage: the picture cannot be used.
            IndexEmpty: there is nothing to search.
        """
        if not index.snapshot.images:
            raise IndexEmpty(
                "The index holds no images yet. Put images into the image folder and reindex."
            )
        columns = [column_of(part.of.segment, index) for part in index.parts]
        known = [column for column in columns if column is not None]
        if not known:
            raise ModelUnavailable(NO_PARTS)
        codes = self._coded(known)
        pictures = marked_parts(query, self._look, self._max_megapixels)
        shown = [canvas(picture, size) for picture in pictures for size in range(len(MIDDLES))]
        seen = extractors.embed(shown, [NAME])[NAME].reshape(len(pictures), -1, COUNT, CHANNELS)
        # Each part as it looks in the square in the middle, of each size.
        middles = np.array(MIDDLES)
        asked = codes.whitening(seen[:, np.arange(len(middles)), middles])
        whole = self._whole(index, query, extractors)
        lacking = 0
        looked: list[tuple[Part, Column, npt.NDArray[np.bool_]]] = []
        for part, column in zip(index.parts, columns, strict=True):
            keep = index.allowed(part, query.filter)
            if column is None:
                lacking += len(np.unique(part.of.segment.records.owners[keep]))
            else:
                looked.append((part, column, keep))
        compared = sum(
            len(np.unique(part.of.segment.records.owners[keep])) for part, _, keep in looked
        )

        def ranked(k: int) -> tuple[list[Hit], int]:
            rows = _shortlist(codes, bits_of(asked), looked, max(SHORTLIST, TIMES * k))
            return _hits(codes.whitening, asked, looked, rows, whole, index, k, compared), compared

        if self._designs is None:
            hits, _ = ranked(query.k)
        else:
            hits, _ = self._designs.grouped(index.snapshot, ranked, query.k)
        return SearchResult(
            hits=tuple(hits),
            compared=compared,
            unreadable=len(index.snapshot.failures),
            took_ms=round((time.perf_counter() - started) * 1000, 1),
            kind=PHOTO,
            extractors=(NAME,),
            warnings=(UNKNOWN.format(lacking),) if lacking else (),
            matched_by=PART,
        )

    def _whole(
        self, index: SearchIndex, query: Query, extractors: QueryExtractors
    ) -> Floats | None:
        """What all of the picture shows, (dim,) as ``BASE`` sees it, where it has to differ."""
        if query.part != DIFFERENT:
            return None
        if not query.parts:
            raise InvalidQuery("Mark the part that is to be the same; the rest is to differ.")
        if BASE not in index.layout.names:
            raise ModelUnavailable(f"Whole images are compared by {BASE}, which is not in use.")
        unmarked = replace(query, region=None, regions=(), ignore=())
        [all_of_it] = marked_parts(unmarked, self._look, self._max_megapixels)
        row = extractors.embed([all_of_it], [BASE])[BASE][0]
        return index.calibration.centred_block(BASE, row)

    def _coded(self, columns: Sequence[Column]) -> _Codes:
        """The signs of all patches in ``columns``; those of new ones are made now."""
        with self._lock:
            known, count = self._codes, sum(map(len, columns))
            if known is None or not (
                1 / _OUTGROWN <= count / max(1, known.whitening.rows) <= _OUTGROWN
            ):
                known = _Codes(Whitening.of(columns))
            bits = dict[str, Bits]()
            for column in columns:
                of_segment = known.bits.get(column.segment)
                bits[column.segment] = (
                    _signs(column, known.whitening) if of_segment is None else of_segment
                )
            self._codes = _Codes(known.whitening, bits)
            return self._codes


def column_of(segment: Segment, index: SearchIndex) -> Column | None:
    """The patches of a ``segment``, if it has them."""
    named = [one for one in index.snapshot.beside if one.name == NAME]
    return segment.column(named[0]) if named else None


def canvas(part: Pixels, size: int) -> Pixels:
    """A square picture (RGB) that shows ``part`` in the middle, as large as patches of a ``size``
    are, and one colour around it: the one that most of its rim has."""
    left, top, width, _ = BOXES[MIDDLES[size]] * _SIDE
    high, wide = part.shape[:2]
    scale = width / max(high, wide)
    small = resized(part, max(1, round(wide * scale)), max(1, round(high * scale)))
    high, wide = small.shape[:2]
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    made = np.empty((_SIDE, _SIDE, 3), np.uint8)
    made[:] = np.median(rim, axis=0).astype(np.uint8)
    x, y = round(left + (width - wide) / 2), round(top + (width - high) / 2)
    made[y : y + high, x : x + wide] = small
    return made


def _signs(column: Column, whitening: Whitening) -> Bits:
    found = np.empty((len(column), COUNT, _WORDS), np.uint64)
    for start in range(0, len(column), _AT_ONCE):
        some = column.block(slice(start, start + _AT_ONCE)).units
        found[start : start + len(some)] = bits_of(whitening(some.reshape(-1, COUNT, CHANNELS)))
    return found


def _shortlist(
    codes: _Codes,
    asked: Bits,
    looked: Sequence[tuple[Part, Column, npt.NDArray[np.bool_]]],
    count: int,
) -> list[npt.NDArray[np.int64]]:
    """The rows of each of ``looked`` at that are nearest to the parts ``asked`` for, (parts, sizes,
    _WORDS); about so many in all."""
    distances = []
    for _, column, keep in looked:
        bits = codes.bits[column.segment]
        far = np.full(len(bits), np.iinfo(np.int32).max, np.int32)
        for start in range(0, len(bits), _AT_ONCE):
            some = bits[start : start + _AT_ONCE]
            total = np.zeros(len(some), np.int32)
            for sizes in asked:
                # The nearest square, whichever size the part was shown in.
                nearest = [
                    np.bitwise_count(some ^ one).sum(axis=2, dtype=np.int32).min(axis=1)
                    for one in sizes
                ]
                total += np.minimum.reduce(nearest)
            far[start : start + len(some)] = total
        far[~keep] = np.iinfo(np.int32).max
        distances.append(far)
    every = np.concatenate(distances)
    most = np.iinfo(np.int32).max - 1
    if count < len(every):
        most = min(most, int(np.partition(every, count - 1)[count - 1]))
    return [np.flatnonzero(far <= most) for far in distances]


def _hits(
    whitening: Whitening,
    asked: Floats,
    looked: Sequence[tuple[Part, Column, npt.NDArray[np.bool_]]],
    rows: Sequence[npt.NDArray[np.int64]],
    whole: Floats | None,
    index: SearchIndex,
    k: int,
    compared: int,
) -> list[Hit]:
    scored, places = [], dict[tuple[str, int], int]()
    for (part, column, _), some in zip(looked, rows, strict=True):
        segment = part.of.segment
        if not len(some):
            continue
        patches = whitening(column.block(some).units.reshape(-1, COUNT, CHANNELS))
        cosines = np.einsum("npc,asc->naps", patches, asked, optimize=True).max(axis=3)
        scores = cosines.max(axis=2).mean(axis=1).astype(np.float32)
        # The box is that of the first part.
        squares = cosines[:, 0].argmax(axis=1).tolist()
        places |= {(segment.name, row): at for row, at in zip(some.tolist(), squares, strict=True)}
        found, added = {PART: scores}, {PART: scores}
        if whole is not None:
            [of_base] = [one for one in part.of.columns if one.extractor.name == BASE]
            likeness = index.calibration.centred_rows(BASE, of_base.units(some)) @ whole
            found[BASE] = likeness.astype(np.float32)
            added = {**added, BASE: -np.float32(DIFFERENCE) * np.maximum(found[BASE], 0)}
        scored.append(Scored(segment, some, found, added).best_regions())
    first = best(scored, k)
    shares = closer_than([one.below for one in first], compared)
    return [
        replace(
            one.hit(rank, closer),
            region=str(_region(places[one.scored.segment.name, one.row])),
            score=round(-one.below, DIGITS),
        )
        for rank, (one, closer) in enumerate(zip(first[:k], shares, strict=False), start=1)
    ]


def _region(square: int) -> Region:
    x, y, width, height = (round(float(side), DIGITS) for side in BOXES[square])
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))
