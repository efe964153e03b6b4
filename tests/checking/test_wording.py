"""Shares as a designer reads them: out of a hundred, rounded in one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.duplicates.checking import wording
from image_search.duplicates.checking.verdict import Certainty, headline_of, is_clear


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.0, "0"), (0.002, "less than 1"), (0.0049, "less than 1"), (0.005, "1"), (0.064, "6"),
        (0.065, "7"), (0.5, "50"), (0.99, "99"), (0.996, "more than 99"), (1.0, "100"),
    ],
)  # fmt: skip
def test_shares_are_whole_numbers_of_a_hundred(share: float, message: str) -> None:
    assert wording.of_hundred(share) == message


@given(st.floats(0, 1))
def test_what_is_not_certain_is_never_called_certain(share: float) -> None:
    message = wording.of_hundred(share)
    assert (message == "0") == (share == 0)
    assert (message == "100") == (share == 1)
    if message.isdigit():
        assert abs(int(message) - 100 * share) <= 0.5 + 1e-9


def test_none_missed_of_few_copies_is_no_promise() -> None:
    assert "copies, 3 would be missed" in wording.copies(0, 0.002, 20)
    assert "copies, less than 1 would be missed" in wording.copies(0, 0.002, 400)
    assert "pictures, less than 1 would be called a copy" in wording.copies(0.06, 0.002, 400)


def test_a_collection_of_colourways_is_no_collection_of_errors() -> None:
    sentence = wording.copies(0.07, 0.61, 400)
    assert "other pictures" not in sentence
    assert "versions of one another, such as colourways: 61 of 100 match another one" in sentence
    headlines = [
        headline_of("near", 1, None, "photo", limit="", clear=False, versions=versions)
        for versions in (False, True)
    ]
    assert headlines == [
        "Yes, the same picture is in the collection, edited.",
        "Yes, the same picture is in the collection, edited or as another version.",
    ]


def test_one_image_and_several_are_distinguished() -> None:
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


@pytest.mark.parametrize(
    ("verdict", "count", "chance", "kind", "limit", "message"),
    [
        ("near", 1, None, "photo", "", "Yes, the same picture is in the collection, edited."),
        ("similar", 2, None, "photo", "", "something similar was"),
        (
            *("possible", 12, 0.87, "sketch", ""),
            "If this design is here, it is among these 12 (in 87 of 100 cases); look at them.",
        ),
        ("possible", 0, 0.0, "sketch", "", "Nothing can be said about this drawing."),
        ("new", 0, None, "sketch", "", "as far as a drawing can tell"),
        ("new", 0, None, "photo", "only some were compared", "in what was compared."),
    ],
)
def test_the_headline_is_one_sentence(
    verdict: str, count: int, chance: float | None, kind: str, limit: str, message: str
) -> None:
    headline = headline_of(verdict, count, chance, kind, limit=limit, clear=False)

    assert message in headline
    assert headline.endswith(".")
    assert headline.count(".") == 1


def test_a_no_is_stated_only_where_it_is_clear() -> None:
    message = [
        headline_of("new", 0, None, "photo", limit="", clear=clear) for clear in (True, False)
    ]

    assert [one.startswith("No, ") for one in message] == [True, False]


@pytest.mark.parametrize(
    ("verdict", "kind", "misses", "clear"),
    [
        ("new", "photo", 0.05, True),
        ("new", "photo", 0.3, False),
        ("new", "photo", None, False),
        ("new", "sketch", 0.05, False),
        ("similar", "photo", 0.05, False),
    ],
)
def test_only_new_photos_are_clear(
    verdict: str, kind: str, misses: float | None, clear: bool
) -> None:
    known = None if misses is None else Certainty(0.002, misses, 80, kind)

    assert is_clear(verdict, kind, known) is clear


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (-0.2, "0 %"),
        (0.0, "0 %"),
        (0.004, "under 1 %"),
        (0.387, "39 %"),
        (0.999, "99 %"),
        (1, "100 %"),
    ],
)
def test_a_similarity_is_whole_percent(share: float, shown: str) -> None:
    assert wording.percent(share) == shown
