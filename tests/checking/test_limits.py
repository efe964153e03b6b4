"""The marked part and the filters count in all that a check does; what they leave out is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image, ImageOps

from image_search.library import Library
from image_search.search.queries import Filter, Query, Region
from tests.checking.collection import of, screenshot
from tests.drawing import ornate


def test_only_what_the_filter_admits_counts(library: Library) -> None:
    result = library.check(replace(of(ornate(5)), filter=Filter(folder="old")))

    assert not result.exists
    assert result.compared == 3


def test_a_part_of_a_picture_is_looked_for_and_outlined_on_the_whole(library: Library) -> None:
    sheet = Image.new("RGB", (640, 480), "white")
    sheet.paste(ornate(4), (320, 240))

    result = library.check(replace(of(sheet), region=Region(0.5, 0.5, 0.5, 0.5)))

    assert result.verdict == "near"
    assert result.hits[0].hit.path == "04.png"
    assert result.hits[0].evidence is not None
    for x, y in result.hits[0].evidence.outline_query:
        assert 0.45 <= x <= 1.01
        assert 0.45 <= y <= 1.01


def test_what_is_outside_of_the_filter_is_neither_named_nor_in_the_way(library: Library) -> None:
    for query in (of(ornate(5)), of(ImageOps.mirror(ornate(5))), of(screenshot(5))):
        result = library.check(replace(query, filter=Filter(folder="old")))
        assert not result.exists
        named = [hit.hit.path for hit in result.hits] + [hit.path for hit in result.nearest]
        assert all(path.startswith("old/") for path in named)
        assert result.words.endswith("; only the 3 images that pass the filters were compared")
        assert (result.compared, result.unreadable) == (3, 0)
    inside = library.check(replace(of(ImageOps.mirror(ornate(1))), filter=Filter(name="01*")))
    assert inside.verdict == "near"
    assert inside.words.endswith("; only the one image that passes the filters was compared")


def test_filters_that_no_image_passes_are_reported(library: Library) -> None:
    result = library.check(replace(of(ornate(5)), filter=Filter(folder="nowhere")))

    assert result.compared == 0
    assert result.words.endswith("; no image passes the filters, so nothing was compared")
    assert result.headline == "The same picture was not found in what was compared."
    assert not result.clear


def test_the_filter_counts_for_fingerprints_that_are_missing(own: Library) -> None:
    for path in (own.settings.state_dir / "fingerprints").iterdir():
        path.unlink()

    result = Library.open(own.settings).check(replace(of(ornate(7)), filter=Filter(folder="old")))

    assert result.without_fingerprint == 3


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (of(Image.new("RGB", (300, 200), "teal")), "too little detail"),
        (replace(of(ornate(100)), region=Region(0.1, 0.1, 0.05, 0.05)), "only 16 x 12 pixels"),
    ],
    ids=["plain", "small part"],
)
def test_what_a_check_cannot_know_is_reported(library: Library, query: Query, answer: str) -> None:
    assert any(answer in warning for warning in library.check(query).warnings)
