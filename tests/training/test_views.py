"""What is made of a picture before it is learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.extractors.design import squeezed
from image_search.imaging.arrays import Pixels
from tests.drawing import ornate
from training import views
from training.lines import line_rendering


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.asarray(ornate(1), np.uint8)


@pytest.mark.parametrize("seed", range(6))
def test_a_line_rendering_is_strokes_on_paper(pixels: Pixels, seed: int) -> None:
    drawn = line_rendering(pixels, np.random.default_rng(seed))

    assert drawn.shape == pixels.shape
    assert drawn.dtype == np.uint8
    assert np.median(drawn) > 200  # paper
    assert 0.002 < (drawn < 150).mean() < 0.4  # strokes


def test_each_call_draws_another(pixels: Pixels) -> None:
    rng = np.random.default_rng(0)

    assert not np.array_equal(line_rendering(pixels, rng), line_rendering(pixels, rng))


@pytest.mark.parametrize("way", [views.moved, views.recoloured, views.covered])
def test_edits_keep_the_size_and_the_original(pixels: Pixels, way: object) -> None:
    before = pixels.copy()

    made = way(pixels, np.random.default_rng(1))  # type: ignore[operator]

    assert made.shape == pixels.shape
    assert not np.array_equal(made, pixels)
    assert np.array_equal(before, pixels)


def test_what_is_moved_in_is_paper() -> None:
    page = np.full((60, 60, 3), 250, np.uint8)
    page[25:35, 25:35] = 0

    made = views.moved(page, np.random.default_rng(4), 2.0)

    assert (made[[0, -1]] > 200).all()


@pytest.mark.parametrize("least", [0.3, 0.7, 1.0])
def test_a_crop_keeps_what_was_asked_for(pixels: Pixels, least: float) -> None:
    rng = np.random.default_rng(2)

    for _ in range(50):
        part = views.cropped(pixels, rng, least)
        # The sides are rounded, and cut where the aspect asks for more than there is.
        assert part.size >= 0.75 * least * pixels.size


def test_a_square_is_the_whole_picture() -> None:
    half = np.zeros((40, 80, 3), np.uint8)
    half[:, 40:] = 255

    made = squeezed(half, 16)

    assert made.shape == (16, 16, 3)
    assert made[:, :7].max() == 0
    assert made[:, 9:].min() == 255
