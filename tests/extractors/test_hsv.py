"""The colour histogram: what it tells apart, and what it must not mind."""

from __future__ import annotations

import numpy as np

from image_search.extractors import descriptors
from image_search.imaging.arrays import Floats, Pixels


def plain(red: int, green: int, blue: int, height: int = 40, width: int = 60) -> Pixels:
    return np.full((height, width, 3), (red, green, blue), dtype=np.uint8)


def embedding(pixels: Pixels) -> Floats:
    extractor = descriptors.load("hsv")
    row: Floats = extractor.embed([extractor.prepare(pixels)])[0]
    return row


def test_one_colour_is_one_bin() -> None:
    row = embedding(plain(255, 0, 0))
    assert row.shape == (descriptors.HSV_DIM,)
    assert np.count_nonzero(row) == 1
    assert row[0 * 64 + 7 * 8 + 7] == 1  # hue 0, full saturation, full value


def test_channels_are_red_green_blue() -> None:
    assert embedding(plain(255, 0, 0)) @ embedding(plain(0, 0, 255)) == 0


def test_product_is_the_bhattacharyya_coefficient_of_the_shares() -> None:
    half = plain(255, 0, 0)
    half[:, 30:] = (0, 0, 255)
    assert np.isclose(embedding(half) @ embedding(plain(255, 0, 0)), np.sqrt(0.5), atol=1e-6)


def test_place_and_size_do_not_matter() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    larger = np.repeat(np.repeat(picture, 2, axis=0), 3, axis=1)
    assert np.allclose(embedding(picture), embedding(picture[::-1, ::-1]), atol=1e-6)
    assert np.allclose(embedding(picture), embedding(larger), atol=1e-6)
