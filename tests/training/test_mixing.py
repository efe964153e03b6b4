"""Mixtures of two pictures: what the teacher saw is what the student is shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.extractors.base import Pixels
from training.mixing import LEAST, Mixture

BLACK: Pixels = np.zeros((40, 60, 3), np.uint8)
WHITE: Pixels = np.full((50, 30, 3), 255, np.uint8)


@given(seed=st.integers(0, 10_000), side=st.sampled_from([96, 112, 144, 224]))
def test_each_has_its_share_at_every_size(seed: int, side: int) -> None:
    mixture = Mixture.of(0, 1, np.random.default_rng(seed))

    square = mixture.square(BLACK, WHITE, side)

    assert square.shape == (side, side, 3)
    assert LEAST <= mixture.share <= 1 - LEAST
    assert square.mean() / 255 == pytest.approx(mixture.share, abs=0.02)


def test_some_are_blended_and_some_laid_over() -> None:
    made = [Mixture.of(0, 1, np.random.default_rng(seed)) for seed in range(20)]

    squares = [mixture.square(BLACK, WHITE, 96) for mixture in made]

    for mixture, square in zip(made, squares, strict=True):
        assert set(np.unique(square)) == {0, 255} or mixture.place is None
    assert {mixture.place is None for mixture in made} == {True, False}
