"""Shares as a designer reads them: out of a hundred, rounded in one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.checking import wording


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0"), (0.002, "less than 1"), (0.0049, "less than 1"), (0.005, "1"), (0.064, "6"),
        (0.065, "7"), (0.5, "50"), (0.99, "99"), (0.996, "more than 99"), (1.0, "100"),
    ],
)  # fmt: skip
def test_shares_are_whole_numbers_of_a_hundred(share: float, said: str) -> None:
    assert wording.of_hundred(share) == said


@given(st.floats(0, 1))
def test_what_is_not_certain_is_never_said_to_be(share: float) -> None:
    said = wording.of_hundred(share)
    assert (said == "0") == (share == 0)
    assert (said == "100") == (share == 1)
    if said.isdigit():
        assert abs(int(said) - 100 * share) <= 0.5 + 1e-9


def test_none_missed_of_few_copies_is_no_promise() -> None:
    assert "copies, 3 would be missed" in wording.copies(0, 0.002, 20)
    assert "copies, less than 1 would be missed" in wording.copies(0, 0.002, 400)
    assert "pictures, less than 1 would be called a copy" in wording.copies(0.06, 0.002, 400)


def test_one_image_and_several_are_told_apart() -> None:
    assert wording.possible(1, 0.91) == (
        "if this design is here, it is this one (in 91 of 100 cases); look at it"
    )
    assert wording.possible(12, 0.87) == (
        "if this design is here, it is among these 12 (in 87 of 100 cases); look at them"
    )
    assert wording.possible(12, None) == (
        "if this design is here, it is among these 12; look at them"
    )
    assert "of 100" not in wording.possible(0, None)
