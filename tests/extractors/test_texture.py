"""Texture: grain and direction count, place does not."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.extractors import descriptors
from image_search.imaging.arrays import Floats, Pixels


def stripes(period: int, across: bool = False, phase: int = 0) -> Pixels:
    place = np.arange(160) + phase
    shade = np.where(place % period < period // 2, 60, 200).astype(np.uint8)
    grey = np.tile(shade, (160, 1))
    grey = grey.T if across else grey
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))


def embedding(pixels: Pixels) -> Floats:
    extractor = descriptors.load("texture")
    row: Floats = extractor.embed([extractor.prepare(pixels)])[0]
    return row


def test_shifted_stripes_are_the_same_texture() -> None:
    assert embedding(stripes(16)) @ embedding(stripes(16, phase=5)) > 0.99


@pytest.mark.parametrize("other", [stripes(16, across=True), stripes(6)])
def test_other_direction_or_other_width_is_another_texture(other: Pixels) -> None:
    row = embedding(stripes(16))
    assert row @ embedding(other) < row @ embedding(stripes(16, phase=5)) - 0.02


def test_faint_noise_on_plain_paper_is_not_texture() -> None:
    paper = np.full((160, 160, 3), 200, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 2, (160, 160, 1), dtype=np.uint8)
    patterns = slice(0, 531)
    plain, grainy = embedding(paper)[patterns], embedding(paper + noise)[patterns]
    assert plain @ grainy / (np.linalg.norm(plain) * np.linalg.norm(grainy)) > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (2, 3)])
@pytest.mark.parametrize("shade", [0, 255])
def test_degenerate_pictures_have_unit_rows(shape: tuple[int, int], shade: int) -> None:
    row = embedding(np.full((*shape, 3), shade, dtype=np.uint8))
    assert row.shape == (descriptors.TEXTURE_DIM,)
    assert np.isfinite(row).all()
    assert np.isclose(np.linalg.norm(row), 1, atol=1e-5)
