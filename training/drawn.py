"""Drawings that are learnt from, and where the teachers see each of them.

Of drawings the teachers know less than of photos; but what they see in one, once what all drawings
have in common is taken away, shows more of what is drawn than a place that was learnt from a few
classes of sketches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.extractors.design import SIDE, squeezed
from image_search.imaging.arrays import Floats, Pixels
from training import views
from training.lines import line_rendering
from training.sources import Concept, Item
from training.space import Grids, Space
from training.teacher import Teacher, asked_for, features

#: How far a drawing lies from its photo, as hands go.
BY_HAND = 1.3
#: Styles of a concept that are looked at, coloured and drawn.
STYLES, LINES = 3, 12
# How often a part of a photo is drawn, and not all of it: people draw the thing and little else.
_PART_DRAWN = 0.3


@dataclass(frozen=True, eq=False)
class Drawn:
    """A drawing of a ``view`` of the item with the number ``shows``, its ``target`` (MEANING,), a
    unit row, and what the teachers see in each place of it: ``grid`` (n, n, MEANING)."""

    shows: int
    view: int
    pixels: Pixels
    target: Floats
    grid: Grids


@dataclass(frozen=True, eq=False)
class TaughtConcept:
    """One concept: pictures and where they are seen, and drawings with where each is, (n, MEANING)
    unit rows."""

    pictures: tuple[Pixels, ...]
    target: Floats
    drawings: tuple[Pixels, ...]
    targets: Floats


def renderings(
    teacher: Teacher,
    space: Space,
    pictures: Sequence[Pixels],
    photos: Sequence[int],
    rectangles: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> list[Drawn]:
    """A line rendering of each of the ``photos``, or of one of its views, whose ``rectangles`` are
    (pictures, views, 4)."""
    last = rectangles.shape[1]
    chosen = [int(rng.integers(last)) if rng.random() < _PART_DRAWN else 0 for _ in photos]
    squares = []
    for i, view in zip(photos, chosen, strict=True):
        top, left, height, width = rectangles[i, view]
        part = np.ascontiguousarray(pictures[i][top : top + height, left : left + width])
        drawing = views.moved(line_rendering(part, rng), rng, BY_HAND)
        squares.append(squeezed(drawing, SIDE))
    seen = _seen(teacher, space, squares, "teacher, renderings")
    return [Drawn(i, view, *of) for i, view, of in zip(photos, chosen, seen, strict=True)]


def sketches(
    teacher: Teacher, space: Space, items: Sequence[Item], pictures: Mapping[Path, Pixels]
) -> list[Drawn]:
    """What was drawn from photos."""
    found = [
        (i, pictures[path])
        for i, item in enumerate(items)
        for path in item.drawings
        if path in pictures
    ]
    seen = _seen(teacher, space, [pixels for _, pixels in found], "teacher, sketches")
    return [Drawn(i, 0, *of) for (i, _), of in zip(found, seen, strict=True)]


def taught_concept(
    teacher: Teacher, space: Space, concept: Concept, pictures: Mapping[Path, Pixels]
) -> TaughtConcept:
    """A concept, of which a few styles are looked at."""
    shown = tuple(pictures[path] for path in concept.pictures if path in pictures)
    drawn = tuple(pictures[path] for path in concept.drawings[:LINES] if path in pictures)
    seen = np.mean([features(teacher(pixels)) for pixels in shown[:STYLES]], axis=0)
    targets = np.stack([features(teacher(of)) for of in drawn]) if drawn else seen[None][:0]
    return TaughtConcept(shown, space.place(seen[None])[0], drawn, space.place(targets))


def _seen(
    teacher: Teacher, space: Space, pictures: Sequence[Pixels], label: str
) -> list[tuple[Pixels, Floats, Grids]]:
    """Each picture, where all of it is seen, and what in each place."""

    def of(grid: Floats) -> tuple[Floats, Grids]:
        return space.place(features(grid)[None])[0], space.located(grid)

    seen = asked_for(of, teacher, lambda i: pictures[i], len(pictures), label) if pictures else []
    return [(pixels, *one) for pixels, one in zip(pictures, seen, strict=True)]
