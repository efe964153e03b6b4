"""Batches to learn from: squares, and what the network should make of each.

The target of a picture is where the teacher sees it; that of a drawing is where the teacher sees
the *photo* of the same thing, for of drawings the teacher knows little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.edits import KINDS, STRONG, edited
from image_search.extractors.base import Floats, Pixels, unit_rows
from image_search.extractors.design import squeezed
from training import views
from training.lines import line_rendering
from training.teaching import Taught

#: Squares of each kind in a batch. Every edit, rendering and sketch has the photo beside it.
PARTS, EDITS, MIXTURES, RENDERINGS = 6, 10, 32, 12
SKETCHES, LABELLED_SKETCHES, LOOSE, CONCEPTS = 5, 3, 2, 3
#: Of a target, the share of the very picture; the rest is the mean of its class.
OF_RENDERING, OF_SKETCH, OF_PAINTING = 0.8, 0.5, 0.6
#: What a square is: each kind has something in common that tells nothing.
PHOTO, RENDERING, SKETCH, OTHER = range(4)
# How often a part of a photo is drawn, and not all of it: people draw the thing and little else.
_PART_DRAWN = 0.4
# How far a drawing lies from its photo, as hands go.
_BY_HAND = 1.3


@dataclass(frozen=True, eq=False)
class Lesson:
    """``squares`` (n, side, side, 3) uint8 and ``targets`` (n, MEANING) unit rows; the first
    ``photos`` of them are photos or edits of photos, the others are drawn in one way or another.

    ``pairs`` (m, 2) are rows: an edit, a rendering or a sketch, and the photo of the very same.
    ``kinds`` (n,) tell what each square is, ``shows`` (n,) which item, or -1.
    """

    squares: Pixels
    targets: Floats
    photos: int
    pairs: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    shows: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Seen:
    pixels: Pixels
    target: Floats
    kind: int = PHOTO
    shows: int = -1
    #: The photo beside it.
    beside: _Seen | None = None


class Lessons:
    """An endless row of batches, a different one for each ``seed``."""

    def __init__(self, taught: Taught, seed: int) -> None:
        self._taught = taught
        self._dice = np.random.default_rng(seed)

    def batch(self, side: int) -> Lesson:
        """One batch of squares of ``side`` pixels."""
        edits, drawn = list(self._edits()), [*self._renderings(), *self._sketches()]
        beside = [seen.beside for seen in (*edits, *drawn) if seen.beside is not None]
        photos = [*self._parts(), *self._mixtures(side), *beside, *edits]
        seen = [*photos, *drawn, *self._others()]
        rows = {id(one): row for row, one in enumerate(seen)}
        pairs = [(rows[id(one)], rows[id(one.beside)]) for one in seen if one.beside is not None]
        return Lesson(
            squares=np.stack([squeezed(one.pixels, side) for one in seen]),
            targets=np.stack([one.target for one in seen]).astype(np.float32),
            photos=len(photos),
            pairs=np.array(pairs, np.int64).reshape(-1, 2),
            kinds=np.array([one.kind for one in seen]),
            shows=np.array([one.shows for one in seen]),
        )

    def _parts(self) -> Iterator[_Seen]:
        for i in self._some(self._taught.photos, PARTS):
            yield self._photo(i)

    def _edits(self) -> Iterator[_Seen]:
        taught, dice = self._taught, self._dice
        for i in self._some(taught.photos, EDITS):
            kind, strength = KINDS[int(dice.integers(len(KINDS)))], int(dice.integers(STRONG + 1))
            pixels = edited(taught.pixels(i), kind, strength, dice)
            beside = self._beside(taught.pixels(i), i)
            yield _Seen(pixels, taught.targets[i, 0], shows=i, beside=beside)

    def _mixtures(self, side: int) -> Iterator[_Seen]:
        taught, dice = self._taught, self._dice
        for j in self._some(range(len(taught.mixtures)), MIXTURES):
            mixture, target = taught.mixtures[j]
            square = mixture.square(taught.pixels(mixture.one), taught.pixels(mixture.other), side)
            recoloured = views.recoloured(square, dice) if dice.random() < 0.3 else square
            yield _Seen(self._turned(recoloured), target)

    def _renderings(self) -> Iterator[_Seen]:
        taught, dice = self._taught, self._dice
        for i in self._some(taught.photos, RENDERINGS):
            view = int(dice.integers(taught.views)) if dice.random() < _PART_DRAWN else 0
            photo = self._turned(self._view(i, view))
            drawing = views.moved(line_rendering(photo, dice), dice, _BY_HAND)
            target = self._towards(i, OF_RENDERING, view)
            yield _Seen(drawing, target, RENDERING, i, self._beside(photo, i, view))

    def _sketches(self) -> Iterator[_Seen]:
        taught, dice = self._taught, self._dice
        for j in self._some(range(len(taught.sketches)), SKETCHES):
            i, sketch = taught.sketches[j]
            photo = taught.pixels(i)
            if dice.random() < 0.5:
                photo, sketch = views.mirrored(photo), views.mirrored(sketch)
            drawing = views.moved(sketch, dice, _BY_HAND)
            target = self._towards(i, OF_SKETCH)
            yield _Seen(drawing, target, SKETCH, i, self._beside(photo, i))

    def _others(self) -> Iterator[_Seen]:
        taught, dice = self._taught, self._dice
        for i in self._some(taught.labelled_sketches, LABELLED_SKETCHES):
            pixels = views.moved(self._turned(taught.pixels(i)), dice)
            yield _Seen(pixels, taught.of_class[taught.labels[i]], SKETCH)
        for j in self._some(range(len(taught.loose)), LOOSE):
            pixels, target = taught.loose[j]
            part = views.cropped(self._varied(self._turned(pixels)), dice, 0.7)
            yield _Seen(part, target, OTHER)
        for j in self._some(range(len(taught.concepts)), CONCEPTS):
            concept = taught.concepts[j]
            of_lines = concept.drawings and dice.random() < 0.6
            styles = concept.drawings if of_lines else concept.pictures
            pixels = styles[dice.integers(len(styles))]
            yield _Seen(views.moved(self._turned(pixels), dice, 1.2), concept.target, OTHER)

    def _view(self, i: int, view: int) -> Pixels:
        top, left, height, width = self._taught.rectangles[i, view]
        return self._taught.pixels(i)[top : top + height, left : left + width]

    def _beside(self, pixels: Pixels, i: int, view: int = 0) -> _Seen:
        """The photo beside a drawing or an edit of it: a view of an item, as it is or mirrored."""
        target = self._of_painting(self._taught.targets[i, view], i)
        seen = views.recoloured(pixels, self._dice) if self._dice.random() < 0.5 else pixels
        return _Seen(seen, target, shows=i)

    def _photo(self, i: int) -> _Seen:
        """A view of which the teacher has told what it sees, edited."""
        taught, dice = self._taught, self._dice
        view = int(dice.integers(taught.views))
        pixels = self._turned(self._view(i, view))
        chance = dice.random()
        if chance < 0.6:
            pixels = views.recoloured(pixels, dice)
        if chance < 0.12:
            pixels = views.covered(pixels, dice)
        if chance > 0.9:
            pixels = views.moved(pixels, dice)
        return _Seen(pixels, self._of_painting(taught.targets[i, view], i))

    def _of_painting(self, target: Floats, i: int) -> Floats:
        return self._mixed(target, i, OF_PAINTING) if self._taught.painted[i] else target

    def _varied(self, pixels: Pixels) -> Pixels:
        chance = self._dice.random()
        if chance < 0.3:
            return line_rendering(pixels, self._dice)
        return views.recoloured(pixels, self._dice) if chance < 0.58 else pixels

    def _towards(self, i: int, share: float, view: int = 0) -> Floats:
        return self._mixed(self._taught.targets[i, view], i, share)

    def _mixed(self, target: Floats, i: int, share: float) -> Floats:
        mean = self._taught.of_class.get(self._taught.labels[i])
        if mean is None:
            return target
        mixed = np.float32(share) * target + np.float32(1 - share) * mean
        return np.asarray(unit_rows(mixed[None])[0], np.float32)

    def _turned(self, pixels: Pixels) -> Pixels:
        return views.mirrored(pixels) if self._dice.random() < 0.5 else np.ascontiguousarray(pixels)

    def _some(self, of: range | list[int], number: int) -> list[int]:
        chosen = self._dice.permutation(len(of))[:number]
        return [of[i] for i in chosen]
