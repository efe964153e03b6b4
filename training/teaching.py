"""What the teacher sees in every picture, once, before the network begins to learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from image_search.extractors.base import Floats, Pixels, unit_rows
from image_search.extractors.design_network import MEANING
from training.sources import SKETCH, Concept, Item
from training.views import rectangle

#: Views of each picture that the teacher looks at: the whole, and parts of at least LEAST of it.
VIEWS, LEAST = 4, 0.3
#: Styles of a concept that it looks at.
STYLES = 3

Teacher = Callable[[Pixels], Floats]


@dataclass(frozen=True, eq=False)
class Space:
    """The directions of the teacher's features that vary most, made more even: what the network
    is to place pictures in."""

    mean: Floats
    directions: Floats

    @staticmethod
    def of(features: Floats) -> Space:
        """Fitted to ``features`` (n, teacher's dim).

        Half-way to whitening (the fourth root of the variances), which on held-out sets finds a
        little more than the teacher's own space does.
        """
        rows = unit_rows(features)
        mean = rows.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov((rows - mean).T))
        kept = slice(-1, -1 - MEANING, -1)
        scaled = vectors[:, kept] / np.maximum(variances[kept], 1e-9) ** 0.25
        return Space(mean, scaled.astype(np.float32))

    def place(self, features: Floats) -> Floats:
        """(n, teacher's dim) to unit rows (n, MEANING)."""
        return unit_rows((unit_rows(features) - self.mean) @ self.directions)


@dataclass(frozen=True, eq=False)
class TaughtConcept:
    """One concept: pictures, drawings, and where the teacher sees it."""

    pictures: tuple[Pixels, ...]
    drawings: tuple[Pixels, ...]
    target: Floats


@dataclass(frozen=True, eq=False)
class Taught:
    """All that there is to learn from. Indices count ``items``; ``targets`` is (items, VIEWS,
    MEANING), ``rectangles`` (items, VIEWS, 4) top, left, height and width in pixels."""

    items: Sequence[Item]
    pictures: Mapping[Path, Pixels]
    targets: Floats
    rectangles: npt.NDArray[np.int64]
    of_class: Mapping[str, Floats]
    sketches: Sequence[tuple[int, Pixels]]
    loose: Sequence[tuple[Pixels, Floats]]
    concepts: Sequence[TaughtConcept]

    @property
    def views(self) -> int:
        """How many views of each picture the teacher has looked at."""
        return int(self.targets.shape[1])

    @property
    def labels(self) -> list[str | None]:
        """What each item shows."""
        return [item.label for item in self.items]

    @property
    def painted(self) -> list[bool]:
        """Which items are neither photos nor sketches."""
        return [item.painted for item in self.items]

    @property
    def photos(self) -> list[int]:
        """The items that are no sketches."""
        return [i for i, item in enumerate(self.items) if item.style != SKETCH]

    @property
    def labelled_sketches(self) -> list[int]:
        """The sketches of which only the class is known."""
        return [
            i
            for i, item in enumerate(self.items)
            if item.style == SKETCH and (item.label or "") in self.of_class
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
    dice = np.random.default_rng(seed)
    features, rectangles = _look(teacher, [pictures[item.photo] for item in items], dice)
    space = Space.of(features[:, 0])
    targets = space.place(features.reshape(-1, features.shape[-1])).reshape(
        len(items), VIEWS, MEANING
    )
    sketches = [
        (i, pictures[path])
        for i, item in enumerate(items)
        for path in item.drawings
        if path in pictures
    ]
    loose = [path for path in loose if path in pictures]
    return Taught(
        items=items,
        pictures=pictures,
        targets=targets,
        rectangles=rectangles,
        of_class=_of_class(items, targets[:, 0]),
        sketches=sketches,
        loose=[
            (pictures[path], space.place(teacher(pictures[path])[None])[0])
            for path in tqdm(loose, "teacher, loose pictures")
        ],
        concepts=[
            _concept(teacher, space, concept, pictures)
            for concept in tqdm(concepts, "teacher, concepts")
        ],
    )


def _look(
    teacher: Teacher, pictures: Sequence[Pixels], dice: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.int64]]:
    rectangles = np.zeros((len(pictures), VIEWS, 4), np.int64)
    features = []
    for i, pixels in enumerate(tqdm(pictures, "teacher")):
        whole = 0, 0, *pixels.shape[:2]
        for view in range(VIEWS):
            place = rectangle(pixels.shape, dice, LEAST) if view else whole
            rectangles[i, view] = top, left, height, width = place
            part = pixels[top : top + height, left : left + width]
            # Mirrored or not makes no difference to what is shown, and should make none.
            features.append(teacher(np.ascontiguousarray(part[:, ::-1] if view % 2 else part)))
    return np.stack(features).reshape(len(pictures), VIEWS, -1), rectangles


def _of_class(items: Sequence[Item], targets: Floats) -> dict[str, Floats]:
    """Where the teacher sees a class, from its photos."""
    rows: dict[str, list[Floats]] = {}
    for item, target in zip(items, targets, strict=True):
        if item.label is not None and item.style != SKETCH and not item.painted:
            rows.setdefault(item.label, []).append(target)
    return {label: unit_rows(np.mean(of, axis=0)[None])[0] for label, of in rows.items()}


def _concept(
    teacher: Teacher, space: Space, concept: Concept, pictures: Mapping[Path, Pixels]
) -> TaughtConcept:
    shown = tuple(pictures[path] for path in concept.pictures if path in pictures)
    drawn = tuple(pictures[path] for path in concept.drawings if path in pictures)
    seen = np.mean([teacher(pixels) for pixels in shown[:STYLES]], axis=0)
    return TaughtConcept(shown, drawn, space.place(seen[None])[0])
