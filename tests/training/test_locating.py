"""Parts of pictures, and parts laid over others: what is told of each place is what is there."""

from __future__ import annotations

import numpy as np
import pytest

from image_search.imaging.arrays import Floats, Pixels
from training.locating import Located, cells_of, laid_over, part
from training.space import Grids
from training.teacher import GRID

# Of 255, what rounding to whole pixels may make of a cell.
_ROUNDING = 6


def tiles(seed: int) -> tuple[Pixels, Grids]:
    """A picture of as many plain tiles as a teacher sees cells, and the colours of all of them."""
    colours = np.random.default_rng(seed).integers(0, 256, (GRID, GRID, 3))
    picture = np.repeat(np.repeat(colours, 40, axis=0), 60, axis=1)
    return picture.astype(np.uint8), colours.astype(np.float16)


def colours_of(square: Pixels, across: int) -> Floats:
    """The mean colours of its cells."""
    side = len(square) // across
    cells = square[: side * across, : side * across].reshape(across, side, across, side, 3)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def some(seed: int, side: int = 160) -> Located:
    return part(*tiles(seed), side, np.random.default_rng(seed), 0.25)


@pytest.mark.parametrize("side", [96, 128, 160])
def test_of_a_part_each_cell_tells_what_is_in_it(side: int) -> None:
    for seed in range(40):
        found = some(seed, side)

        across = cells_of(side)
        assert found.square.shape == (side, side, 3)
        assert found.grid.shape == (across, across, 3)
        off = np.abs(found.grid - colours_of(found.square, across))
        assert off.mean() < _ROUNDING


def test_parts_are_of_many_places_and_some_are_all_of_it() -> None:
    means = [some(seed).grid.mean(axis=(0, 1)) for seed in range(20)]
    whole = [np.allclose(m, tiles(s)[1].mean(axis=(0, 1)), atol=1) for s, m in enumerate(means)]

    assert any(whole)
    assert not all(whole)


def test_of_two_one_over_the_other_each_cell_tells_what_is_in_it() -> None:
    for seed in range(40):
        below, above = some(seed), some(seed + 100)

        both = laid_over(below, above, np.random.default_rng(seed))

        shown = (both.square != below.square).any(axis=2).mean()
        assert 0.1 < shown < 0.65
        off = np.abs(both.grid - colours_of(both.square, len(both.grid)))
        # Within a cell the two are taken as if each were plain, which tiles of other sizes are not.
        assert off.mean() < 3 * _ROUNDING
        assert off.mean() < 0.5 * np.abs(both.grid - above.grid).mean()


def test_what_is_below_stays_as_it_was() -> None:
    below, above = some(1), some(2)
    square, grid = below.square.copy(), below.grid.copy()

    laid_over(below, above, np.random.default_rng(3))

    assert np.array_equal(below.square, square)
    assert np.array_equal(below.grid, grid)


def test_sides_that_are_no_multiple_are_seen_in_one_cell_more() -> None:
    assert [cells_of(side) for side in (96, 112, 128, 160)] == [3, 4, 4, 5]
