"""Batches to learn from: squares, and what the network should make of each.

The target of a picture, and of a drawing, is where the teachers see that very one. That a drawing
goes with its photo is learnt of where things lie alone (``placing``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import unit_rows
from image_search.extractors.design import squeezed
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.edits import INVERTED, KINDS, STRONG, edited
from training import sources, views
from training.drawn import BY_HAND, Drawn
from training.locating import Located, laid_over, part
from training.teacher import features
from training.teaching import Taught

#: Squares of each kind in a batch. Every edit, rendering and sketch has the photo beside it.
PARTS, EDITS, MIXTURES, RENDERINGS = 2, 12, 26, 14
SKETCHES, LABELLED_SKETCHES, LOOSE, CONCEPTS = 5, 3, 2, 3
#: Squares of which is known what lies in each place, by what they are.
LOCATED_PHOTOS, LOCATED_RENDERINGS, LOCATED_SKETCHES, LOCATED_LABELLED = 16, 8, 3, 1
#: Of a painting's target, the share of the very picture; the rest is the mean of its class.
OF_PAINTING = 0.6
#: What a square is: each kind has something in common that carries no information.
# A negative is another picture to whoever looks for likeness.
_EDITS = tuple(kind for kind in KINDS if kind != INVERTED)
PHOTO, RENDERING, SKETCH, OTHER = range(4)


@dataclass(frozen=True, eq=False)
class Lesson:
    """``squares`` (n, side, side, 3) uint8 and ``targets`` (n, MEANING) unit rows; the first
    ``photos`` of them are photos or edits of photos, the others are drawn in one way or another.

    ``pairs`` (m, 2) are rows: an edit, a rendering or a sketch, and the photo of the very same.
    ``kinds`` (n,) are what each square is, ``shows`` (n,) which item, or -1. Of the rows
    ``located`` (k,) it is known what lies in each place: ``grids`` (k, g, g, MEANING).
    """

    squares: Pixels
    targets: Floats
    photos: int
    pairs: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    shows: npt.NDArray[np.int64]
    located: npt.NDArray[np.int64]
    grids: Floats


@dataclass(frozen=True, eq=False)
class _Seen:
    pixels: Pixels
    target: Floats
    kind: int = PHOTO
    shows: int = -1
    #: The photo beside it.
    beside: _Seen | None = None
    grid: Floats | None = None


class Lessons:
    """An endless row of batches, a different one for each ``seed``."""

    def __init__(self, taught: Taught, seed: int) -> None:
        self._taught = taught
        self._rng = np.random.default_rng(seed)

    def batch(self, side: int) -> Lesson:
        """One batch of squares of ``side`` pixels."""
        edits, drawn = list(self._edits()), [*self._renderings(), *self._sketches()]
        beside = [seen.beside for seen in (*edits, *drawn) if seen.beside is not None]
        located = self._located(side, LOCATED_PHOTOS, self._taught.photos, 0.25, 0.5)
        photos = [*self._parts(), *self._mixtures(side), *beside, *edits, *located]
        seen = [*photos, *drawn, *self._others(), *self._located_drawings(side)]
        rows = {id(one): row for row, one in enumerate(seen)}
        pairs = [(rows[id(one)], rows[id(one.beside)]) for one in seen if one.beside is not None]
        with_grid = [row for row, one in enumerate(seen) if one.grid is not None]
        grids = [one.grid for one in seen if one.grid is not None]
        return Lesson(
            squares=np.stack([squeezed(one.pixels, side) for one in seen]),
            targets=np.stack([one.target for one in seen]).astype(np.float32),
            photos=len(photos),
            pairs=np.array(pairs, np.int64).reshape(-1, 2),
            kinds=np.array([one.kind for one in seen]),
            shows=np.array([one.shows for one in seen]),
            located=np.array(with_grid, np.int64),
            grids=np.stack(grids),
        )

    def _parts(self) -> Iterator[_Seen]:
        for i in self._some(self._taught.photos, PARTS):
            yield self._photo(i)

    def _edits(self) -> Iterator[_Seen]:
        taught, rng = self._taught, self._rng
        for i in self._some(taught.photos, EDITS):
            kind, strength = _EDITS[int(rng.integers(len(_EDITS)))], int(rng.integers(STRONG + 1))
            pixels = edited(taught.pixels(i), kind, strength, rng)
            beside = self._beside(taught.pixels(i), i)
            yield _Seen(pixels, taught.targets[i, 0], shows=i, beside=beside)

    def _mixtures(self, side: int) -> Iterator[_Seen]:
        taught, rng = self._taught, self._rng
        for j in self._some(range(len(taught.mixtures)), MIXTURES):
            mixture, target = taught.mixtures[j]
            square = mixture.square(taught.pixels(mixture.one), taught.pixels(mixture.other), side)
            recoloured = views.recoloured(square, rng) if rng.random() < 0.3 else square
            yield _Seen(self._turned(recoloured), target)

    def _renderings(self) -> Iterator[_Seen]:
        for j in self._some(range(len(self._taught.renderings)), RENDERINGS):
            yield self._drawn(self._taught.renderings[j], RENDERING, moved=False)

    def _sketches(self) -> Iterator[_Seen]:
        for j in self._some(range(len(self._taught.sketches)), SKETCHES):
            yield self._drawn(self._taught.sketches[j], SKETCH, moved=True)

    def _drawn(self, drawn: Drawn, kind: int, *, moved: bool) -> _Seen:
        """A drawing with its photo beside it, both as they are or both mirrored."""
        photo, drawing = self._view(drawn.shows, drawn.view), drawn.pixels
        if self._rng.random() < 0.5:
            photo, drawing = views.mirrored(photo), views.mirrored(drawing)
        if moved:
            drawing = views.moved(drawing, self._rng, BY_HAND)
        beside = self._beside(photo, drawn.shows, drawn.view)
        return _Seen(drawing, drawn.target, kind, drawn.shows, beside)

    def _others(self) -> Iterator[_Seen]:
        taught, rng = self._taught, self._rng
        for i in self._some(taught.labelled_sketches, LABELLED_SKETCHES):
            pixels = views.moved(self._turned(taught.pixels(i)), rng)
            yield _Seen(pixels, taught.targets[i, 0], SKETCH)
        for j in self._some(range(len(taught.loose)), LOOSE):
            pixels, target = taught.loose[j]
            turned = self._turned(pixels)
            yield _Seen(
                views.recoloured(turned, rng) if rng.random() < 0.4 else turned, target, OTHER
            )
        for j in self._some(range(len(taught.concepts)), CONCEPTS):
            concept = taught.concepts[j]
            if concept.drawings and rng.random() < 0.6:
                chosen = int(rng.integers(len(concept.drawings)))
                pixels, target = concept.drawings[chosen], concept.targets[chosen]
            else:
                chosen = int(rng.integers(len(concept.pictures)))
                pixels, target = concept.pictures[chosen], concept.target
            yield _Seen(views.moved(self._turned(pixels), rng, 1.2), target, OTHER)

    def _located_drawings(self, side: int) -> Iterator[_Seen]:
        taught = self._taught
        yield from self._located(side, LOCATED_RENDERINGS, taught.renderings, 0.25, 0.3)
        yield from self._located(side, LOCATED_SKETCHES, taught.sketches, 0.5, 0.2)
        yield from self._located(side, LOCATED_LABELLED, taught.labelled_sketches, 0.5, 0.0)

    def _located(
        self,
        side: int,
        number: int,
        of: Sequence[int] | Sequence[Drawn],
        least: float,
        over: float,
    ) -> Iterator[_Seen]:
        """Parts of pictures, of at ``least`` such a share of their area; so often, another one
        is put ``over``."""
        for _ in range(number if of else 0):
            one = self._part(of, side, least)
            if self._rng.random() < over:
                one = laid_over(one, self._part(of, side, least), self._rng)
            target = unit_rows(features(one.grid)[None])[0]
            yield _Seen(one.square, target, OTHER, grid=one.grid)

    def _part(self, of: Sequence[int] | Sequence[Drawn], side: int, least: float) -> Located:
        taught, rng = self._taught, self._rng
        chosen = of[int(rng.integers(len(of)))]
        if isinstance(chosen, Drawn):
            return part(chosen.pixels, chosen.grid, side, rng, least)
        found = part(taught.pixels(chosen), taught.grids[chosen], side, rng, least)
        if taught.items[chosen].style != sources.SKETCH and rng.random() < 0.4:
            return replace(found, square=views.recoloured(found.square, rng))
        return found

    def _view(self, i: int, view: int) -> Pixels:
        top, left, height, width = self._taught.rectangles[i, view]
        return self._taught.pixels(i)[top : top + height, left : left + width]

    def _beside(self, pixels: Pixels, i: int, view: int = 0) -> _Seen:
        """The photo beside a drawing or an edit of it: a view of an item, as it is or mirrored."""
        target = self._of_painting(self._taught.targets[i, view], i)
        seen = views.recoloured(pixels, self._rng) if self._rng.random() < 0.5 else pixels
        return _Seen(seen, target, shows=i)

    def _photo(self, i: int) -> _Seen:
        """A view that the teacher has embedded, edited."""
        taught, rng = self._taught, self._rng
        view = int(rng.integers(taught.views))
        pixels = self._turned(self._view(i, view))
        chance = rng.random()
        if chance < 0.6:
            pixels = views.recoloured(pixels, rng)
        if chance < 0.12:
            pixels = views.covered(pixels, rng)
        if chance > 0.9:
            pixels = views.moved(pixels, rng)
        return _Seen(pixels, self._of_painting(taught.targets[i, view], i))

    def _of_painting(self, target: Floats, i: int) -> Floats:
        taught = self._taught
        mean = taught.of_class.get(taught.labels[i]) if taught.painted[i] else None
        if mean is None:
            return target
        mixed = np.float32(OF_PAINTING) * target + np.float32(1 - OF_PAINTING) * mean
        return np.asarray(unit_rows(mixed[None])[0], np.float32)

    def _turned(self, pixels: Pixels) -> Pixels:
        return views.mirrored(pixels) if self._rng.random() < 0.5 else np.ascontiguousarray(pixels)

    def _some(self, of: range | list[int], number: int) -> list[int]:
        chosen = self._rng.permutation(len(of))[:number]
        return [of[i] for i in chosen]
