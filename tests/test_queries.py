"""What a query may hold, by itself."""

from __future__ import annotations

import math

import pytest

from image_search.errors import InvalidQuery
from image_search.search.palettes import Colour
from image_search.search.parsing import parse_region
from image_search.search.queries import (
    MAX_COLOURS,
    MAX_LIKE,
    MAX_PICTURES,
    MAX_TEXT,
    Query,
    Region,
)

GOLD = Colour(212, 175, 55)
ID = "0123456789abcdef"


@pytest.mark.parametrize(
    "query",
    [
        Query((b"a picture",)),
        Query(text="ring"),
        Query(like=(ID,)),
        Query(color=(GOLD,)),
        Query(color=(GOLD,), not_text="ring"),
        Query((b"a picture",), region=Region(0, 0, 1, 1)),
        Query(like=(ID,), region=Region(0, 0, 1, 1)),
        Query((b"a picture",), regions=(Region(0, 0, 1, 1),) * 16, ignore=(Region(0, 0, 0.5, 1),)),
        Query((b"",) * MAX_PICTURES, like=(ID,) * MAX_LIKE, color=(GOLD,) * MAX_COLOURS),
        Query(text="r" * MAX_TEXT, not_text="n" * MAX_TEXT, kind="sketch", weights={"hsv": 0.1}),
    ],
)
def test_whatever_says_what_is_wanted_is_a_query(query: Query) -> None:
    query.check()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(), "empty; give what to find"),
        (Query(text=" \n"), "empty"),
        (Query(not_text="stones"), "besides what to avoid"),
        (Query(text="ring", k=0), "at least 1, not 0"),
        (Query(text="r" * (MAX_TEXT + 1)), "too long"),
        (Query(text="ring", not_text="r" * (MAX_TEXT + 1)), "too long"),
        (Query((b"",), kind="painting"), "auto, photo or sketch, not 'painting'"),
        (Query((b"",), kind="text"), "auto, photo or sketch"),
        (Query(text="ring", region=Region(0, 0, 1, 1)), "exactly one"),
        (Query((b"", b""), region=Region(0, 0, 1, 1)), "exactly one"),
        (Query(like=(ID, ID), region=Region(0, 0, 1, 1)), "one id in like"),
        (Query(text="ring", ignore=(Region(0, 0, 1, 1),)), "ignore marks .* exactly one"),
        (Query((b"",), regions=(Region(0, 0, 1, 1),) * 17), "17 regions; at most 16"),
        (Query((b"",), ignore=(Region(0, 0, 1, 1),) * 17), "17 regions to ignore; at most 16"),
        (Query((b"",) * (MAX_PICTURES + 1)), f"{MAX_PICTURES + 1} images; at most {MAX_PICTURES}"),
        (Query(like=(ID,) * 3500), f"3,500 ids in like; at most {MAX_LIKE}"),
        (Query(color=(GOLD,) * 7000), f"7,000 colours; at most {MAX_COLOURS}"),
        (Query((b"",), weights=dict.fromkeys(map(str, range(500)), 1.0)), "500 weights; at most"),
        (Query(text="ring", weights={}), "zero"),
        (Query(text="ring", weights={"hsv": 0}), "zero"),
        (Query(text="ring", weights={"hsv": 1, "edges": -0.1}), "at least 0"),
        (Query(text="ring", weights={"hsv": math.nan}), "at least 0"),
    ],
)
def test_what_makes_no_sense_is_refused(query: Query, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        query.check()


def test_a_region_is_four_fractions() -> None:
    assert parse_region("0.25, .5,0.125,5e-1") == Region(0.25, 0.5, 0.125, 0.5)
    # What a browser's rounding leaves over is forgiven.
    assert parse_region("0.3333,0,0.6668,1").width == 0.6668


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fractions"),
        ("0,0,1", "fractions"),
        ("0,0,1,1,1", "fractions"),
        ("left,0,1,1", "fractions"),
        ("10,10,50,50", "fractions"),
        ("-0.1,0,1,1", "fractions"),
        ("0.6,0,0.5,1", "fractions"),
        ("nan,0,1,1", "fractions"),
        ("0,0,inf,1", "fractions"),
        ("0,0,0,1", "at least 0.001"),
        ("0.5,0.5,0.1,0", "at least 0.001"),
    ],
)
def test_what_is_no_part_of_a_picture_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        parse_region(text)
