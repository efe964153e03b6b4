"""Batches to learn from: squares, and what the network should make of each.

The target of a picture is where the teacher sees it; that of a drawing is where the teacher sees
the *photo* of the same thing, for of drawings the teacher knows little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from image_search.edits import KINDS, STRONG, edited
from image_search.extractors.base import Floats, Pixels, unit_rows
from image_search.extractors.design import squeezed
from training import views
from training.lines import line_rendering
from training.teaching import Taught

#: Squares of each kind in a batch.
PHOTOS, EDITS, MIXTURES, RENDERINGS = 24, 8, 12, 8
SKETCHES, LABELLED_SKETCHES, LOOSE, CONCEPTS = 5, 3, 3, 4
#: Of a target, the share of the very picture; the rest is the mean of its class.
OF_RENDERING, OF_SKETCH, OF_PAINTING = 0.8, 0.5, 0.6


@dataclass(frozen=True, eq=False)
class Lesson:
    """``squares`` (n, side, side, 3) uint8 and ``targets`` (n, MEANING) unit rows; the first
    ``photos`` of them are photos or edits of photos, the others are drawn in one way or another."""

    squares: Pixels
    targets: Floats
    photos: int


class Lessons:
    """An endless row of batches, a different one for each ``seed``."""

    def __init__(self, taught: Taught, seed: int) -> None:
        self._taught = taught
        self._dice = np.random.default_rng(seed)

    def batch(self, side: int) -> Lesson:
        """One batch of squares of ``side`` pixels."""
        photos = [*self._photos(), *self._mixtures(side)]
        seen = [*photos, *self._others()]
        squares = np.stack([squeezed(pixels, side) for pixels, _ in seen])
        targets = np.stack([target for _, target in seen]).astype(np.float32)
        return Lesson(squares, targets, len(photos))

    def _photos(self) -> Iterator[tuple[Pixels, Floats]]:
        taught, dice = self._taught, self._dice
        for i in self._some(taught.photos, PHOTOS):
            yield self._photo(i)
        for i in self._some(taught.photos, EDITS):
            kind, strength = KINDS[int(dice.integers(len(KINDS)))], int(dice.integers(STRONG + 1))
            yield edited(taught.pixels(i), kind, strength, dice), taught.targets[i, 0]

    def _mixtures(self, side: int) -> Iterator[tuple[Pixels, Floats]]:
        taught, dice = self._taught, self._dice
        for j in self._some(range(len(taught.mixtures)), MIXTURES):
            mixture, target = taught.mixtures[j]
            square = mixture.square(taught.pixels(mixture.one), taught.pixels(mixture.other), side)
            recoloured = views.recoloured(square, dice) if dice.random() < 0.3 else square
            yield self._turned(recoloured), target

    def _others(self) -> Iterator[tuple[Pixels, Floats]]:
        taught, dice = self._taught, self._dice
        for i in self._some(taught.photos, RENDERINGS):
            drawing = line_rendering(self._turned(taught.pixels(i)), dice)
            yield views.moved(drawing, dice), self._towards(i, OF_RENDERING)
        for j in self._some(range(len(taught.sketches)), SKETCHES):
            i, sketch = taught.sketches[j]
            yield views.moved(self._turned(sketch), dice), self._towards(i, OF_SKETCH)
        for i in self._some(taught.labelled_sketches, LABELLED_SKETCHES):
            pixels = views.moved(self._turned(taught.pixels(i)), dice)
            yield pixels, taught.of_class[taught.labels[i]]
        for j in self._some(range(len(taught.loose)), LOOSE):
            pixels, target = taught.loose[j]
            yield views.cropped(self._varied(self._turned(pixels)), dice, 0.7), target
        for j in self._some(range(len(taught.concepts)), CONCEPTS):
            concept = taught.concepts[j]
            of_lines = concept.drawings and dice.random() < 0.6
            styles = concept.drawings if of_lines else concept.pictures
            pixels = styles[dice.integers(len(styles))]
            yield views.moved(self._turned(pixels), dice, 1.2), concept.target

    def _photo(self, i: int) -> tuple[Pixels, Floats]:
        """A view of which the teacher has told what it sees, edited."""
        taught, dice = self._taught, self._dice
        view = int(dice.integers(taught.views))
        top, left, height, width = taught.rectangles[i, view]
        pixels = self._turned(taught.pixels(i)[top : top + height, left : left + width])
        chance = dice.random()
        if chance < 0.6:
            pixels = views.recoloured(pixels, dice)
        if chance < 0.12:
            pixels = views.covered(pixels, dice)
        if chance > 0.9:
            pixels = views.moved(pixels, dice)
        target = taught.targets[i, view]
        if taught.painted[i]:
            target = self._mixed(target, i, OF_PAINTING)
        return pixels, target

    def _varied(self, pixels: Pixels) -> Pixels:
        chance = self._dice.random()
        if chance < 0.3:
            return line_rendering(pixels, self._dice)
        return views.recoloured(pixels, self._dice) if chance < 0.58 else pixels

    def _towards(self, i: int, share: float) -> Floats:
        return self._mixed(self._taught.targets[i, 0], i, share)

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
