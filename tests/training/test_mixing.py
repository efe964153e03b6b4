"""Mixtures of two pictures: what the teacher saw is what the student is shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.imaging.arrays import Pixels
from training.mixing import LEAST, LEAST_PART, Mixture

BLACK: Pixels = np.zeros((40, 60, 3), np.uint8)
WHITE: Pixels = np.full((50, 30, 3), 255, np.uint8)


@given(seed=st.integers(0, 10_000), side=st.sampled_from([96, 112, 144, 224]))
def test_each_has_its_share_at_every_size(seed: int, side: int) -> None:
    mixture = Mixture.of(0, 1, np.random.default_rng(seed))

    square = mixture.square(BLACK, WHITE, side)

    assert square.shape == (side, side, 3)
    assert LEAST <= mixture.share <= 1 - LEAST
    assert square.mean() / 255 == pytest.approx(mixture.share, abs=0.02)


@given(seed=st.integers(0, 10_000))
def test_parts_are_of_the_pictures_and_large_enough(seed: int) -> None:
    mixture = Mixture.of(0, 1, np.random.default_rng(seed))

    for top, left, bottom, right in mixture.parts:
        assert 0 <= top < bottom <= 1
        assert 0 <= left < right <= 1
        assert (bottom - top) * (right - left) >= 0.9 * LEAST_PART


def test_what_is_left_out_of_a_picture_does_not_show() -> None:
    halves: Pixels = np.concatenate([BLACK, BLACK + np.uint8(255)], axis=1)
    left, right = (0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0)

    dark = Mixture(0, 1, 0.5, None, (left, left)).square(halves, halves, 96)
    grey = Mixture(0, 1, 0.5, None, (left, right)).square(halves, halves, 96)

    assert dark.max() == 0
    assert grey[48, 48].tolist() == [128, 128, 128]


def test_some_are_blended_and_some_laid_over() -> None:
    made = [Mixture.of(0, 1, np.random.default_rng(seed)) for seed in range(20)]

    squares = [mixture.square(BLACK, WHITE, 96) for mixture in made]

    for mixture, square in zip(made, squares, strict=True):
        assert set(np.unique(square)) == {0, 255} or mixture.place is None
    assert {mixture.place is None for mixture in made} == {True, False}
