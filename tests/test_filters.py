"""Filters, against a plain reading of what they say."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.errors import InvalidQuery
from image_search.search.parsing import parse_time, unknown_folder
from image_search.search.queries import MAX_FOLDER, MAX_NAME, ORIENTATIONS, Filter
from image_search.storage import FileRecord, Records

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
NAMES = st.text(alphabet="aAbß[]1.é", min_size=1, max_size=4)
TIMES = st.integers(-3, 3).map(lambda hour: 1_700_000_000 + 3600 * hour)
RECORDS = st.builds(
    FileRecord,
    path=st.lists(NAMES, min_size=1, max_size=3).map("/".join),
    size=st.just(1),
    mtime_ns=st.builds(lambda s, ns: s * 10**9 + ns, TIMES, st.sampled_from([0, 1, 999_999_999])),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "folder": st.sampled_from(["", "/", "a", "A/", "/a/b", "a/A", "é", "ß"]),
        "name": st.text(alphabet="aA*?[]1é", max_size=3),
        "after": TIMES.map(float),
        "before": TIMES.map(float),
        "min_side": st.integers(1, 30),
        "orientation": st.sampled_from(ORIENTATIONS),
    },
)


def fits(record: FileRecord, asked: dict[str, Any]) -> bool:
    """A plain reading of each condition."""
    *folders, name = record.path.casefold().split("/")
    parts = [part for part in asked.get("folder", "").casefold().split("/") if part]
    pattern = asked.get("name", "").casefold()
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    wild = set("*?") & set(pattern)
    modified = record.mtime_ns / 1e9
    unequal = abs(record.width - record.height) / max(record.width, record.height) >= 0.05
    orientation = (
        ("portrait" if record.height > record.width else "landscape") if unequal else "square"
    )
    return (
        folders[: len(parts)] == parts
        and bool((re.fullmatch if wild else re.search)(expression, name))
        and asked.get("after", -math.inf) <= modified < asked.get("before", math.inf)
        and min(record.width, record.height) >= asked.get("min_side", 0)
        and asked.get("orientation", orientation) == orientation
    )


@given(st.lists(RECORDS, min_size=1, max_size=6), FILTERS)
def test_a_filter_does_what_it_says(records: list[FileRecord], asked: dict[str, Any]) -> None:
    try:
        condition = Filter(**asked)
    except InvalidQuery:
        assert asked["after"] >= asked["before"]
        return
    mask = condition.mask(Records.of(records))

    assert (mask is None) == (not asked)
    if mask is not None:
        assert mask.tolist() == [fits(record, asked) for record in records]


RECORD = FileRecord("Rings/Gold [2]/ring 7.png", 1, 1_700_000_000_123_456_789, b"", 60, 40)


def admits(record: FileRecord = RECORD, **asked: Any) -> bool:
    mask = Filter(**asked).mask(Records.of([record]))
    return mask is None or bool(mask[0])


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, True),
        ({"folder": "rings"}, True),
        ({"folder": "/Rings/Gold [2]/"}, True),
        ({"folder": "ring"}, False),
        ({"folder": "Gold [2]"}, False),
        ({"folder": "Rings/Gold [2]/ring 7.png"}, False),
        ({"name": "RING"}, True),
        ({"name": "gold"}, False),
        ({"name": "ring ?.png"}, True),
        ({"name": "ring ??.png"}, False),
        ({"name": "*.PNG"}, True),
        ({"name": "ring*"}, True),
        ({"name": "ing*"}, False),
        ({"min_side": 40}, True),
        ({"min_side": 41}, False),
        ({"min_side": 10**30}, False),
        ({"orientation": "landscape"}, True),
        ({"orientation": "portrait"}, False),
        ({"orientation": "square"}, False),
        ({"after": RECORD.mtime_ns / 1e9}, True),
        ({"before": RECORD.mtime_ns / 1e9}, False),
        ({"after": 1_700_000_001.0}, False),
        ({"before": 1_700_000_001.0}, True),
        ({"after": -math.inf, "before": math.inf}, True),
        ({"after": 1e300}, False),
        ({"folder": "rings", "name": "7", "min_side": 9, "orientation": "landscape"}, True),
        ({"folder": "rings", "name": "8", "min_side": 9, "orientation": "landscape"}, False),
    ],
)
def test_each_condition(asked: dict[str, Any], wanted: bool) -> None:
    assert admits(**asked) == wanted


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("rings", None),
        ("/Rings/Gold [2]/", None),
        ("Gold [2]", "you may mean Rings/Gold [2]."),
        ("Rinsg", "you may mean Rings."),
        ("sliver", "you may mean Rings/Silver."),
        ("necklaces", "as they lie below it."),
    ],
)
def test_for_an_unknown_folder_it_names_which_may_be_meant(asked: str, meant: str | None) -> None:
    result = unknown_folder(asked, ["", "Rings/Gold [2]", "Rings/Silver"])

    assert result is None if meant is None else result is not None and result.endswith(meant)


def test_brackets_stand_for_themselves() -> None:
    record = replace(RECORD, path="ring [2].png")

    assert admits(record, name="ring [2]*")
    assert admits(record, name="[2]")
    assert not admits(replace(RECORD, path="ring 2.png"), name="ring [2]*")


@pytest.mark.parametrize("form", FORMS)
def test_accents_are_found_however_they_are_written(form: Form) -> None:
    record = replace(RECORD, path=unicodedata.normalize(form, "Émaux/café.png"))

    for asked in FORMS:
        assert admits(record, folder=unicodedata.normalize(asked, "émaux"))
        assert admits(record, name=unicodedata.normalize(asked, "CAFÉ*"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"after": 2.0, "before": 1.0}, "earlier"),
        ({"after": 1.0, "before": 1.0}, "earlier"),
        ({"min_side": 0}, "at least 1"),
        ({"orientation": "wide"}, "portrait, landscape, square"),
        ({"name": "?" * (MAX_NAME + 1)}, "name is too long"),
        ({"folder": "a" * (MAX_FOLDER + 1)}, "folder is too long"),
    ],
)
def test_what_nothing_could_fulfil_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        Filter(**asked)


@pytest.mark.parametrize(
    "text",
    ["2026-05-31T14:30:00Z", "2026-05-31T14:30:00.000Z", " 2026-05-31T16:30:00+02:00 ",
     "2026-05-31 14:30:00+00:00"],
)  # fmt: skip
def test_times_with_a_zone(text: str) -> None:
    wanted = datetime(2026, 5, 31, 14, 30, tzinfo=timezone.utc)
    assert parse_time(text) == wanted.timestamp()


@pytest.mark.parametrize("text", ["2026-05-31", "2026-05-31T00:00"])
def test_times_without_a_zone_are_local(text: str) -> None:
    assert parse_time(text) == datetime(2026, 5, 31).timestamp()


@pytest.mark.parametrize(
    "text", ["", "yesterday", "31.05.2026", "2026-13-01", "2026-05-31T25:00", "Z", "1" * 500]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="write 2026-05-31") as caught:
        parse_time(text)
    assert len(str(caught.value)) < 200
