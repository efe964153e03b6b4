"""Colours that were picked, against pictures in plain colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.errors import InvalidQuery
from image_search.extractors import REGISTRY
from image_search.extractors.descriptors import HSV_DIM as DIM
from image_search.imaging.arrays import Floats
from image_search.search.palettes import Colour, palette_block, parse_colour

LEVELS = st.integers(0, 255)
COLOURS = st.builds(Colour, LEVELS, LEVELS, LEVELS, st.floats(0.01, 1000))


def picture_of(*colours: Colour) -> Floats:
    """The block of a picture with so much of each colour."""
    total = sum(colour.share for colour in colours)
    stripes = [
        np.full((round(100 * colour.share / total), 20, 3), (colour.red, colour.green, colour.blue))
        for colour in colours
    ]
    hsv = REGISTRY["hsv"].load()
    rows = hsv.embed([hsv.prepare(np.concatenate(stripes).astype(np.uint8))])
    return np.asarray(rows[0])


def score(picked: str, shown: str) -> float:
    """How near a picture in the colours ``shown`` is to those ``picked``."""
    asked = palette_block([parse_colour(colour) for colour in picked.split()])
    return float(asked @ picture_of(*(parse_colour(colour) for colour in shown.split())))


@pytest.mark.parametrize(
    ("picked", "near", "far"),
    [
        ("#d4af37", "#d4af37", "#b08d20 #ffd700"),
        ("#d4af37", "#b08d20", "#8a6f1a #ff0000 #8b4513"),
        ("#d4af37", "#8a6f1a", "#ff0000 #0000ff #ffffff #c0c0c0 #000000 #00ff00"),
        ("#c0c0c0", "#a8a8a8", "#000000 #ff0000 #d4af37 #0000ff"),
        ("#c0392b", "#8b0000", "#ff69b4 #0000ff #008000 #ffffff"),
        ("#1f3a93", "#1f3a93", "#87ceeb #800080 #000000 #ffffff"),
        ("#ffffff", "#f5f5f5", "#808080 #ffff00 #000000"),
        ("#000000", "#0a0a0a", "#606060 #400080 #ffffff"),
        ("#ffc0cb", "#ffb6c1", "#ff0000 #ffffff #800080"),
    ],
)
def test_colours_that_look_alike_are_near(picked: str, near: str, far: str) -> None:
    for other in far.split():
        assert score(picked, near) > score(picked, other)


def test_shares_matter() -> None:
    picked = "#d4af37:0.8 #1f3a93:0.2"

    assert score(picked, "#d4af37:80 #1f3a93:20") > score(picked, "#d4af37:50 #1f3a93:50")
    assert score(picked, "#d4af37:50 #1f3a93:50") > score(picked, "#d4af37:20 #1f3a93:80")
    assert score(picked, "#d4af37:80 #1f3a93:20") > score(picked, "#d4af37")
    assert score(picked, "#d4af37") > score(picked, "#1f3a93")


def test_only_the_ratios_of_shares_count() -> None:
    blocks = [
        palette_block([Colour(212, 175, 55, 3 * size), Colour(31, 58, 147, size)])
        for size in (0.01, 1, 100)
    ]
    assert np.allclose(blocks[0], blocks[1], atol=1e-6)
    assert np.allclose(blocks[0], blocks[2], atol=1e-6)


def test_a_colour_picked_twice_is_picked_once() -> None:
    once, twice = palette_block([Colour(9, 99, 9)]), palette_block([Colour(9, 99, 9)] * 2)
    assert np.allclose(once, twice, atol=1e-6)


@given(st.lists(COLOURS, min_size=1, max_size=5))
def test_any_palette_is_a_block_of_length_one(colours: list[Colour]) -> None:
    block = palette_block(colours)

    assert block.shape == (DIM,)
    assert block.dtype == np.float32
    assert np.linalg.norm(block) == pytest.approx(1, abs=1e-5)
    assert block.min() >= 0


@given(COLOURS, COLOURS)
def test_no_colour_is_nearer_than_the_one_picked(picked: Colour, other: Colour) -> None:
    block = palette_block([picked])

    assert float(block @ picture_of(picked)) >= float(block @ picture_of(other)) - 1e-6


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#d4af37", Colour(212, 175, 55)),
        (" D4AF37 ", Colour(212, 175, 55)),
        ("#fa0", Colour(255, 170, 0)),
        ("FFF:2", Colour(255, 255, 255, 2)),
        ("#000000:.5", Colour(0, 0, 0, 0.5)),
        ("#ffffff:60", Colour(255, 255, 255, 60)),
    ],
)
def test_how_a_colour_is_written(text: str, colour: Colour) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize(
    "text", ["", "gold", "#ff", "#fffa", "#d4af3", "#d4af377", "#gggggg", "#d4af37:", "#d4af37:-1",
             "#d4af37:nan", "#d4af37:1e3", "#d4af37:0.5:0.5", "##d4af37", "#٤٤٤٤٤٤"],
)  # fmt: skip
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="write #rrggbb"):
        parse_colour(text)


@pytest.mark.parametrize("share", ["0", "0.0", "1001", "9" * 400])
def test_shares_that_make_no_sense_are_refused(share: str) -> None:
    with pytest.raises(InvalidQuery, match="share"):
        parse_colour(f"#d4af37:{share}")


def test_levels_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InvalidQuery, match="255"):
        Colour(256, 0, 0)
