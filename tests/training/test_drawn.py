"""Drawings to learn from: each with the place where the teacher sees that very drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.extractors.design import SIDE
from image_search.extractors.design_network import MEANING
from image_search.imaging.arrays import Floats, Pixels
from tests.drawing import ornate
from tests.training.seeing import teacher
from training.drawn import LINES, STYLES, Drawn, renderings, sketches, taught_concept
from training.sources import Concept, Item
from training.space import Space
from training.teacher import features


def seen(space: Space, pixels: Pixels) -> Floats:
    """Where the teacher sees a picture."""
    row: Floats = space.place(features(teacher(pixels))[None])[0]
    return row


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    return [np.asarray(ornate(seed).resize((96, 72)), np.uint8) for seed in range(12)]


@pytest.fixture(scope="module")
def space(pictures: list[Pixels]) -> Space:
    return Space.of(np.stack([features(teacher(pixels)) for pixels in pictures]))


@pytest.fixture(scope="module")
def rectangles(pictures: list[Pixels]) -> np.ndarray:
    return np.array([[(0, 0, 72, 96), (10, 20, 40, 50)]] * len(pictures))


def test_each_photo_is_drawn_once_and_the_drawing_is_looked_at(
    pictures: list[Pixels], space: Space, rectangles: np.ndarray
) -> None:
    photos = list(range(2, 12))

    found = renderings(teacher, space, pictures, photos, rectangles, np.random.default_rng(3))

    assert [drawn.shows for drawn in found] == photos
    assert {drawn.view for drawn in found} == {0, 1}
    for drawn in found:
        assert drawn.pixels.shape == (SIDE, SIDE, 3)
        # Lines on paper, not the photo again.
        assert np.median(drawn.pixels) > 200
        assert np.allclose(drawn.target, seen(space, drawn.pixels), atol=1e-5)


def test_renderings_repeat_by_seed(
    pictures: list[Pixels], space: Space, rectangles: np.ndarray
) -> None:
    def drawn(seed: int) -> list[Drawn]:
        rng = np.random.default_rng(seed)
        return renderings(teacher, space, pictures, [4, 5], rectangles, rng)

    one, again, other = drawn(1), drawn(1), drawn(2)

    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True))


def test_sketches_tell_what_they_were_drawn_from(pictures: list[Pixels], space: Space) -> None:
    names = [Path(f"{number}.png") for number in range(len(pictures))]
    shown = dict(zip(names, pictures, strict=True))
    items = [
        Item(photo=names[0], label="cup", drawings=(names[1], Path("unreadable.png"))),
        Item(photo=names[2], label="cup", drawings=(names[3], names[4])),
    ]

    found = sketches(teacher, space, items, shown)

    assert [(drawn.shows, drawn.view) for drawn in found] == [(0, 0), (1, 0), (1, 0)]
    for drawn, name in zip(found, (names[1], names[3], names[4]), strict=True):
        assert drawn.pixels is shown[name]
        assert np.allclose(drawn.target, seen(space, shown[name]), atol=1e-5)


def test_without_photos_or_sketches_there_is_nothing_to_learn(
    space: Space, rectangles: np.ndarray
) -> None:
    assert renderings(teacher, space, [], [], rectangles[:0], np.random.default_rng(0)) == []
    assert sketches(teacher, space, [], {}) == []


def test_a_concept_is_seen_in_a_few_styles_and_each_of_its_drawings_by_itself(
    pictures: list[Pixels], space: Space
) -> None:
    names = [Path(f"{number}.png") for number in range(len(pictures))]
    shown = dict(zip(names, pictures, strict=True))
    concept = Concept(pictures=tuple(names[:5]), drawings=tuple(names[5:8] * 5))

    found = taught_concept(teacher, space, concept, shown)

    mean = np.mean([features(teacher(pixels)) for pixels in pictures[:STYLES]], axis=0)
    assert np.allclose(found.target, space.place(mean[None])[0], atol=1e-5)
    assert len(found.pictures) == 5
    assert len(found.drawings) == len(found.targets) == LINES
    assert np.allclose(found.targets[1], seen(space, pictures[6]), atol=1e-5)
    assert taught_concept(teacher, space, Concept(tuple(names[:2]), ()), shown).targets.shape == (
        0,
        MEANING,
    )


def test_places_are_unit_rows(pictures: list[Pixels], space: Space) -> None:
    rows = space.place(np.stack([features(teacher(pixels)) for pixels in pictures]))

    assert rows.shape == (len(pictures), MEANING)
    assert np.allclose(rows, unit_rows(rows), atol=1e-5)
