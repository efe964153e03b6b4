"""Verdicts on single pictures, over a small real collection, through the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw, ImageOps

from image_search.errors import IndexEmpty, InvalidQuery, UnknownImage, UnreadableImage
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.checking.collection import IMAGES, of
from tests.drawing import ornate


def test_the_very_file_is_an_exact_duplicate(library: Library) -> None:
    result = library.check(of(ornate(5)))

    assert (result.verdict, result.exists) == ("exact", True)
    assert result.words == "Exact duplicate: the same file, byte for byte"
    assert result.headline == "Yes, this very picture is in the collection."
    assert not result.clear
    (hit,) = [hit for hit in result.hits if hit.relation == "exact"]
    assert (hit.hit.path, hit.hit.rank, hit.hit.score) == ("05.png", 1, 1.0)
    assert hit.evidence is not None
    assert hit.evidence.outline_query == ((0, 0), (1, 0), (1, 1), (0, 1))


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP"])
def test_the_same_pixels_in_another_file_are_exact(library: Library, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    result = library.check(of(ornate(5), kind, **options))

    assert result.words == "Exact duplicate: the same pixels, in another file"
    assert result.hits[0].hit.path == "05.png"


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "cropped": lambda image: image.crop((40, 30, 270, 210)),
    "shrunk": lambda image: image.resize((200, 150), Image.Resampling.LANCZOS),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "framed": lambda image: ImageOps.expand(image, 30, "navy"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_a_near_duplicate(library: Library, edit: str) -> None:
    result = library.check(of(EDITS[edit](ornate(7)), "JPEG", quality=85))

    assert result.verdict == "near", result
    assert result.words.startswith("Near-duplicate: same picture")
    assert [hit.hit.path for hit in result.hits if hit.relation == "near"] == ["07.png"]
    evidence = result.hits[0].evidence
    assert evidence is not None
    assert evidence.mirrored is (edit == "mirrored")
    assert evidence.score > 0
    for outline in (evidence.outline_query, evidence.outline_hit):
        assert len(outline) >= 3
        assert all(-0.01 <= value <= 1.01 for corner in outline for value in corner)


def test_one_pixel_makes_it_a_near_duplicate(library: Library) -> None:
    image = ornate(5)
    image.putpixel((10, 10), (1, 2, 3))

    result = library.check(of(image))

    assert result.verdict == "near"
    assert result.hits[0].hit.path == "05.png"


def test_a_negative_is_near(library: Library) -> None:
    result = library.check(of(ImageOps.invert(ornate(7)), "JPEG", quality=85))

    assert result.words == "Near-duplicate: same picture, inverted"
    assert result.hits[0].hit.path == "07.png"


def test_another_picture_is_not_a_duplicate(library: Library) -> None:
    for number in range(100, 106):
        result = library.check(of(ornate(number)))
        assert not result.exists
        assert result.words.startswith(("New: ", "Similar: "))
        assert len(result.nearest) == IMAGES
        assert {hit.relation for hit in result.hits} <= {"similar"}


def test_nothing_alike_is_new(library: Library) -> None:
    unlike = Image.new("RGB", (320, 240), "teal")
    ImageDraw.Draw(unlike).line((0, 0, 319, 239), "white", 3)

    result = library.check(replace(of(unlike), kind="photo"))

    assert result.verdict == "new", result
    assert result.words == "New: nothing here is the same picture, or alike"
    certainty = result.certainty
    assert certainty is not None
    assert result.clear is (certainty.misses <= 0.2 and not result.warnings)


def test_a_clearance_is_exhaustive(library: Library) -> None:
    result = library.check(replace(of(ornate(100)), k=3))

    assert (result.compared, result.unreadable, result.without_fingerprint) == (IMAGES, 1, 0)
    assert [file.path for file in result.unreadable_files] == ["broken.png"]
    assert result.unreadable_files[0].reason
    assert result.fingerprint == library.status().fingerprint
    assert result.extractors == ("hsv", "edges")
    assert len(result.nearest) == 3
    assert result.warnings == ()


def test_the_error_rates_are_those_of_the_kind_of_query(library: Library) -> None:
    sketch = Image.new("RGB", (320, 240), "white")
    for inset in range(0, 100, 20):
        ImageDraw.Draw(sketch).ellipse((inset, inset, 319 - inset, 239 - inset), outline="black")
    rates = {}
    for kind, query in (("photo", of(ornate(100))), ("sketch", of(sketch))):
        certainty = library.check(query).certainty
        assert certainty is not None
        rates[kind] = certainty
        assert certainty.kind == kind
        assert 0 < certainty.false_alarms < 0.5
        assert 0 <= certainty.misses <= 1
        assert certainty.measured_on > 0
    declared = library.check(replace(of(ornate(100)), kind="sketch")).certainty
    assert declared is not None
    assert (declared.misses, declared.false_alarms) == (
        rates["sketch"].misses,
        rates["sketch"].false_alarms,
    )


def test_an_indexed_image_is_held_against_the_others(library: Library) -> None:
    own = library.check(of(ornate(5))).hits[0].hit.id

    result = library.check(Query(like=(own,)))

    assert not result.exists
    assert own not in {hit.id for hit in result.nearest}
    with pytest.raises(UnknownImage):
        library.check(Query(like=("0" * 16,)))


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(images=(b"", b"")),
        Query(images=(b"x",), like=("0" * 16,)),
        Query(images=(b"x",), text="ring"),
        Query(images=(b"x",), not_text="ring"),
    ],
)
def test_a_check_is_about_one_picture(library: Library, query: Query) -> None:
    with pytest.raises(InvalidQuery):
        library.check(query)


def test_what_is_no_picture_is_refused(library: Library) -> None:
    with pytest.raises(UnreadableImage):
        library.check(Query(images=(b"no picture",)))


def test_an_empty_index_cannot_clear_anything(settings: Settings) -> None:
    with pytest.raises(IndexEmpty, match="no images"):
        Library.open(settings).check(of(ornate(1)))
