"""What the teacher sees in every picture, once, before the network begins to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from image_search.extractors.base import unit_rows
from image_search.extractors.design_network import MEANING
from image_search.imaging.arrays import Floats, Pixels
from training.drawn import Drawn, TaughtConcept, renderings, sketches, taught_concept
from training.mixing import Mixture
from training.sources import SKETCH, Concept, Item
from training.space import Grids, Space
from training.teacher import Teacher, asked, asked_for, features
from training.views import rectangle

#: Views of each picture that the teacher looks at: the whole, and parts of at least LEAST of it.
VIEWS, LEAST = 4, 0.3
#: Mixtures that each photo is the first part of.
MIXED = 12
#: Renderings of each photo, or of a part of it.
RENDERED = 2
#: The side of the mixtures that it is shown: that of its own input.
MIXTURE_SIDE = 224


@dataclass(frozen=True, eq=False)
class Taught:
    """All that there is to learn from. Indices count ``items``; ``targets`` is (items, VIEWS,
    MEANING), ``rectangles`` (items, VIEWS, 4) top, left, height and width in pixels, ``grids``
    (items, GRID, GRID, MEANING) what the teacher sees in each place of the whole."""

    items: Sequence[Item]
    pictures: Mapping[Path, Pixels]
    targets: Floats
    rectangles: npt.NDArray[np.int64]
    grids: Grids
    of_class: Mapping[str, Floats]
    renderings: Sequence[Drawn]
    sketches: Sequence[Drawn]
    loose: Sequence[tuple[Pixels, Floats]]
    concepts: Sequence[TaughtConcept]
    mixtures: Sequence[tuple[Mixture, Floats]]

    @cached_property
    def views(self) -> int:
        """How many views of each picture the teacher has looked at."""
        return int(self.targets.shape[1])

    @cached_property
    def labels(self) -> list[str]:
        """What each item shows, or nothing where that is not known."""
        return [item.label for item in self.items]

    @cached_property
    def painted(self) -> list[bool]:
        """Which items are neither photos nor sketches."""
        return [item.painted for item in self.items]

    @cached_property
    def photos(self) -> list[int]:
        """The items that are no sketches."""
        return _photos(self.items)

    @cached_property
    def labelled_sketches(self) -> list[int]:
        """The sketches of which only the class is known."""
        return [
            i
            for i, item in enumerate(self.items)
            if item.style == SKETCH and item.label in self.of_class
        ]

    def pixels(self, i: int) -> Pixels:
        """The picture of an item."""
        return self.pictures[self.items[i].photo]


def teach(
    teacher: Teacher,
    items: Sequence[Item],
    concepts: Sequence[Concept],
    loose: Sequence[Path],
    pictures: Mapping[Path, Pixels],
    seed: int,
) -> Taught:
    """Ask the teacher about everything; what could not be read is left out."""
    items = [item for item in items if item.photo in pictures]
    rng = np.random.default_rng(seed)
    shown = [pictures[item.photo] for item in items]
    seen, rectangles = look(teacher, shown, rng)
    # Of what is labelled, so that more pictures can be added and weights be gone on from.
    labelled = [bool(item.label) for item in items]
    space = Space.of(seen[labelled if any(labelled) else slice(None), 0])
    targets = space.place(seen.reshape(-1, seen.shape[-1])).reshape(len(items), VIEWS, MEANING)
    loose = [path for path in loose if path in pictures]
    return Taught(
        items=items,
        pictures=pictures,
        targets=targets,
        rectangles=rectangles,
        grids=_grids(teacher, space, shown),
        of_class=_of_class(items, targets[:, 0]),
        renderings=renderings(teacher, space, shown, RENDERED * _photos(items), rectangles, rng),
        sketches=sketches(teacher, space, items, pictures),
        loose=[
            (pictures[path], space.place(features(teacher(pictures[path]))[None])[0])
            for path in tqdm(loose, "teacher, loose pictures")
        ],
        concepts=[
            taught_concept(teacher, space, concept, pictures)
            for concept in tqdm(concepts, "teacher, concepts")
        ],
        mixtures=mixtures(teacher, space, shown, _photos(items), rng),
    )


def look(
    teacher: Teacher, pictures: Sequence[Pixels], rng: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The teacher's features of VIEWS views of every picture, (n, VIEWS, dim), and the rectangles
    that they are of, (n, VIEWS, 4)."""
    rectangles = np.zeros((len(pictures), VIEWS, 4), np.int64)
    for i, pixels in enumerate(pictures):
        rectangles[i, 0] = 0, 0, *pixels.shape[:2]
        for view in range(1, VIEWS):
            rectangles[i, view] = rectangle(pixels.shape, rng, LEAST)

    def part(number: int) -> Pixels:
        i, view = divmod(number, VIEWS)
        top, left, height, width = rectangles[i, view]
        seen = pictures[i][top : top + height, left : left + width]
        # Mirrored or not makes no difference to what is shown, and should make none.
        return np.ascontiguousarray(seen[:, ::-1] if view % 2 else seen)

    found = asked(teacher, part, len(pictures) * VIEWS, "teacher")
    return found.reshape(len(pictures), VIEWS, -1), rectangles


def mixtures(
    teacher: Teacher,
    space: Space,
    pictures: Sequence[Pixels],
    photos: Sequence[int],
    rng: np.random.Generator,
) -> list[tuple[Mixture, Floats]]:
    """Every one of the ``photos`` mixed with MIXED others, and where the teacher sees that."""
    made = [
        Mixture.of(i, int(j), rng)
        for _ in range(MIXED)
        for i, j in zip(photos, rng.permutation(photos), strict=True)
    ]

    def square(number: int) -> Pixels:
        mixture = made[number]
        return mixture.square(pictures[mixture.one], pictures[mixture.other], MIXTURE_SIDE)

    if not made:
        return []
    found = asked(teacher, square, len(made), "teacher, mixtures")
    return list(zip(made, space.place(found), strict=True))


def _grids(teacher: Teacher, space: Space, pictures: Sequence[Pixels]) -> Grids:
    title = "teacher, places"
    return np.stack(asked_for(space.located, teacher, lambda i: pictures[i], len(pictures), title))


def _photos(items: Sequence[Item]) -> list[int]:
    return [i for i, item in enumerate(items) if item.style != SKETCH]


def _of_class(items: Sequence[Item], targets: Floats) -> dict[str, Floats]:
    """Where the teacher sees a class, from its photos."""
    rows: dict[str, list[Floats]] = {}
    for item, target in zip(items, targets, strict=True):
        if item.label and item.style != SKETCH and not item.painted:
            rows.setdefault(item.label, []).append(target)
    return {label: unit_rows(np.mean(of, axis=0)[None])[0] for label, of in rows.items()}
