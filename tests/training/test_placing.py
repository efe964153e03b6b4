"""Telling photos apart by what lies where."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from image_search.extractors.base import unit_rows
from image_search.extractors.design_network import LAYOUT, MEANING
from image_search.imaging.arrays import Floats
from training import placing
from training.lessons import PHOTO, RENDERING, SKETCH, Lesson
from training.placing import Places

COUNT = 12


def rows(dim: int, seed: int) -> Floats:
    return unit_rows(np.random.default_rng(seed).normal(size=(COUNT, dim)))


def lesson(shows: list[int], kinds: list[int]) -> Lesson:
    """Photos first, then what asks for each of them."""
    return Lesson(
        squares=np.zeros((2 * COUNT, 1, 1, 3), np.uint8),
        targets=np.zeros((2 * COUNT, MEANING), np.float32),
        photos=COUNT,
        pairs=np.stack([np.arange(COUNT) + COUNT, np.arange(COUNT)], axis=1),
        kinds=np.array([PHOTO] * COUNT + kinds),
        shows=np.array(shows + shows),
        located=np.zeros(0, np.int64),
        grids=np.zeros((0, 1, 1, MEANING), np.float32),
    )


def loss(asking: Floats, kinds: list[int], shows: list[int] | None = None) -> float:
    layout = torch.from_numpy(np.concatenate([rows(LAYOUT, 1), asking]))
    meaning = torch.from_numpy(np.concatenate([rows(MEANING, 2), rows(MEANING, 2)]))
    given = lesson(shows or list(range(COUNT)), kinds)
    return float(Places(torch.device("cpu")).loss_of(meaning, layout, given))


def test_a_drawing_is_to_lie_where_its_photo_does() -> None:
    for kind in (RENDERING, SKETCH):
        near = loss(rows(LAYOUT, 1), [kind] * COUNT)
        between = loss(rows(LAYOUT, 1) + rows(LAYOUT, 3), [kind] * COUNT)
        far = loss(rows(LAYOUT, 3), [kind] * COUNT)

        assert near < between < far


def test_what_all_drawings_have_in_common_tells_nothing() -> None:
    common = 5 * rows(LAYOUT, 7)[:1]

    assert loss(rows(LAYOUT, 1) + common, [SKETCH] * COUNT) < 0.01


def test_of_an_edit_the_meaning_counts_as_well() -> None:
    elsewhere = rows(LAYOUT, 3)

    assert loss(elsewhere, [PHOTO] * COUNT) < loss(elsewhere, [SKETCH] * COUNT)


def test_another_view_of_the_photo_is_no_wrong_answer() -> None:
    asking, kinds = rows(LAYOUT, 3), [SKETCH] * COUNT

    assert loss(asking, kinds, [7] * COUNT) < 1e-3 < loss(asking, kinds)


def test_photos_are_remembered_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "MEMORY", 30)
    places, layout = Places(torch.device("cpu")), torch.randn(2 * COUNT, LAYOUT)
    meaning = torch.nn.functional.normalize(torch.randn(2 * COUNT, MEANING), dim=1)

    losses = []
    for first in range(0, 60, COUNT):
        given = lesson(list(range(first, first + COUNT)), [SKETCH] * COUNT)
        losses.append(float(places.loss_of(meaning, layout, given)))

    # The more are remembered, the harder it is to find the right one; from 30 on, no harder.
    assert losses[0] < losses[1] < losses[2] < losses[3] + 0.5
    assert abs(losses[4] - losses[3]) < 0.5 * (losses[1] - losses[0])


def test_a_lesson_without_pairs_asks_for_nothing() -> None:
    layout = torch.randn(2 * COUNT, LAYOUT, requires_grad=True)
    given = lesson(list(range(COUNT)), [SKETCH] * COUNT)
    alone = Lesson(**{**vars(given), "pairs": np.zeros((0, 2), np.int64)})

    found = Places(torch.device("cpu")).loss_of(torch.randn(2 * COUNT, MEANING), layout, alone)
    found.backward()  # type: ignore[no-untyped-call]

    assert found.detach() == 0
    assert layout.grad is not None
    assert not layout.grad.any()
