"""Edits are what they say, the same for the same seed, and stronger where they say so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_search.imaging.arrays import Pixels
from image_search.imaging.edits import KINDS, MILD, STRENGTHS, STRONG, edited
from tests.fingerprints.pictures import busy


def change(kind: str, strength: int, seed: int = 0) -> Pixels:
    return edited(busy(1), kind, strength, np.random.default_rng(seed), backdrop=busy(2))


def test_there_are_many_kinds_in_three_strengths() -> None:
    assert len(KINDS) >= 15
    assert len(set(KINDS)) == len(KINDS)
    assert len(STRENGTHS) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strength", range(3))
def test_an_edit_alters_a_copy_and_not_the_picture(kind: str, strength: int) -> None:
    before = busy(1).copy()
    result = change(kind, strength)
    assert result.dtype == np.uint8
    assert result.ndim == 3
    assert result.shape[2] == 3
    assert not np.array_equal(result, before)
    assert np.array_equal(busy(1), before)
    assert np.array_equal(result, change(kind, strength))


@pytest.mark.parametrize(
    "kind", ["recompressed", "blurred", "noisy", "captioned", "stamped", "recoloured", "sharpened"]
)
def test_a_strong_edit_alters_more_than_a_mild_one(kind: str) -> None:
    def altered(strength: int) -> float:
        pictures = [change(kind, strength, seed).astype(float) for seed in range(5)]
        return float(np.mean([np.abs(picture - busy(1)).mean() for picture in pictures]))

    assert altered(STRONG) > 1.3 * altered(MILD)


@settings(max_examples=40)
@given(
    st.sampled_from(KINDS), st.integers(0, 2), st.integers(1, 60), st.integers(1, 60), st.integers()
)
def test_any_picture_can_be_edited(
    kind: str, strength: int, width: int, height: int, seed: int
) -> None:
    rng = np.random.default_rng(abs(seed))
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    result = edited(pixels, kind, strength, rng)
    assert min(result.shape) >= 1
    assert result.dtype == np.uint8


def test_turned_is_turned_and_mirrored_is_mirrored() -> None:
    assert np.array_equal(change("turned", 0), busy(1)[::-1, ::-1])
    assert np.array_equal(change("turned", 1), np.rot90(busy(1), 3))
    assert np.array_equal(change("mirrored", 0), busy(1)[:, ::-1])


def test_a_strong_crop_keeps_a_quarter() -> None:
    assert change("cropped", STRONG).shape == (120, 160, 3)


@pytest.mark.parametrize(("kind", "strength"), [("melted", 0), ("cropped", 3), ("cropped", -1)])
def test_an_unknown_edit_is_refused(kind: str, strength: int) -> None:
    with pytest.raises(ValueError, match="the kinds are recompressed"):
        edited(busy(1), kind, strength, np.random.default_rng(0))
