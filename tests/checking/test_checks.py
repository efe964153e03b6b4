"""Has this been drawn before? Verdicts over a small real collection, through the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageOps

from image_search.checking import calibrating, drawn, to_plain
from image_search.errors import (
    IndexEmpty,
    InvalidQuery,
    NotReady,
    UnknownImage,
    UnreadableImage,
)
from image_search.filters import Filter
from image_search.library import Library
from image_search.queries import Query, Region
from image_search.reports import Progress
from image_search.settings import Settings
from tests.drawing import copy_of, ornate, saved, updated
from tests.fingerprints.pictures import sheet
from tests.fingerprints.renderings import necklace

IMAGES = 12


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Twelve designs and a broken file, indexed once."""
    place = tmp_path_factory.mktemp("checks")
    (place / "images" / "old").mkdir(parents=True)
    for number in range(IMAGES):
        folder = place / "images" / ("old" if number < 3 else "")
        (folder / f"{number:02}.png").write_bytes(saved(ornate(number)))
    (place / "images" / "broken.png").write_bytes(b"no picture")
    made = Settings(
        images=place / "images", cache=place / "state" / "f.pkl", extractors="hsv,edges", threads=2
    )
    updated(Library.open(made))
    return made


@pytest.fixture
def library(kept: Settings) -> Library:
    return Library.open(kept)


def of(image: Image.Image, kind: str = "PNG", **options: object) -> Query:
    return Query(images=(saved(image, kind, **options),))


def test_the_very_file_is_an_exact_duplicate(library: Library) -> None:
    result = library.check(of(ornate(5)))

    assert (result.verdict, result.exists) == ("exact", True)
    assert result.words == "Exact duplicate: the same file, byte for byte"
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


def test_another_picture_is_not_a_duplicate(library: Library) -> None:
    for number in range(100, 106):
        result = library.check(of(ornate(number)))
        assert not result.exists
        assert result.words.startswith(("New: ", "Similar: "))
        assert len(result.nearest) == IMAGES
        assert {hit.relation for hit in result.hits} <= {"similar"}


def test_a_clearance_is_exhaustive(library: Library) -> None:
    result = library.check(replace(of(ornate(100)), k=3))

    assert (result.compared, result.unreadable, result.unprinted) == (IMAGES, 1, 0)
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


@pytest.fixture
def own(kept: Settings, tmp_path: Path) -> Library:
    """A library of one's own, to change."""
    return copy_of(kept, tmp_path)


@pytest.fixture
def folder(own: Library) -> Path:
    return own.settings.images


def id_of(library: Library, path: str) -> str:
    data = (library.settings.images / path).read_bytes()
    hits = library.check(Query(images=(data,))).hits
    return next(hit.hit.id for hit in hits if hit.hit.path == path)


def test_all_copies_are_named(own: Library, folder: Path) -> None:
    for name in ("b.png", "a.png"):
        (folder / name).write_bytes((folder / "07.png").read_bytes())
    own.update()

    result = own.check(of(ornate(7)))

    assert [hit.hit.path for hit in result.hits if hit.relation == "exact"] == [
        *("07.png", "a.png", "b.png")
    ]
    like = own.check(Query(like=(id_of(own, "a.png"),)))
    assert [h.hit.path for h in like.hits if h.relation == "exact"] == ["07.png", "b.png"]


def test_a_pair_decided_to_be_different_stays_so(own: Library, folder: Path) -> None:
    mirrored = saved(ImageOps.mirror(ornate(7)))
    (folder / "mirrored.png").write_bytes(mirrored)
    own.update()
    assert [h.hit.path for h in own.check(Query(images=(mirrored,))).hits if h.evidence] == [
        *("mirrored.png", "07.png")
    ]
    first, second = id_of(own, "07.png"), id_of(own, "mirrored.png")

    own.duplicates.decide(first, second, "different")
    (folder / "mirrored.png").rename(folder / "renamed.png")
    own.update()

    for opened in (own, Library.open(own.settings)):
        result = opened.check(Query(images=(mirrored,)))
        assert [h.hit.path for h in result.hits if h.evidence] == ["renamed.png"]
        assert result.suppressed == 1
    own.duplicates.decide(first, id_of(own, "renamed.png"), "colourway")
    found = own.check(Query(images=(mirrored,))).hits
    assert [(h.hit.path, h.decision) for h in found if h.relation == "near"] == [
        ("07.png", "colourway")
    ]


def test_a_rejected_picture_that_is_not_indexed_stays_rejected(own: Library) -> None:
    query = of(ImageOps.mirror(ornate(7)))
    found = own.check(query)
    assert found.exists

    own.duplicates.decide(found.content, found.hits[0].hit.id, "different")

    assert not own.check(query).exists


def test_images_without_fingerprints_are_told(own: Library) -> None:
    for path in (own.settings.state_dir / "fingerprints").iterdir():
        path.unlink()
    opened = Library.open(own.settings)

    result = opened.check(of(ornate(7)))
    assert (result.verdict, result.unprinted) == ("exact", IMAGES)
    assert f"{IMAGES} images have no fingerprint" in result.warnings[0]
    assert opened.outdated

    assert opened.prepare()
    after = opened.check(of(ImageOps.mirror(ornate(7))))
    assert (after.verdict, after.unprinted, after.warnings) == ("near", 0, ())


def test_without_thresholds_only_what_is_certain_is_said(
    own: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", {"photo": 3, "sketch": 2})
    (own.settings.state_dir / "thresholds.pkl").write_bytes(b"rubbish")
    opened = Library.open(own.settings)

    opened.update()  # does not fit them, for that would hold it up
    result = opened.check(of(ornate(7)))

    assert result.verdict == "exact"
    assert result.certainty is None
    another = of(ImageOps.mirror(ornate(7)))
    with pytest.raises(NotReady, match="Ask again"):
        opened.check(another)
    assert not opened.prepare(cancelled=lambda: True)
    with pytest.raises(NotReady):
        opened.check(another)
    assert not opened.wait_for_thresholds(0.01)
    told: list[Progress] = []
    assert opened.prepare(told.append)
    drawings = min(IMAGES, drawn.PICTURES) * drawn.EACH
    assert (told[-1].phase, told[-1].done, told[-1].total) == ("thresholds", drawings, drawings)
    assert opened.wait_for_thresholds(0)
    assert opened.check(another).certainty is not None


def test_a_collection_of_which_nothing_can_be_measured_is_judged_all_the_same(
    own: Library, folder: Path
) -> None:
    (own.settings.state_dir / "thresholds.pkl").unlink()
    for path in folder.rglob("*.png"):
        path.unlink()
    opened = Library.open(own.settings)

    assert opened.prepare()

    result = opened.check(of(ornate(100)))
    assert (result.exists, result.certainty) == (False, None)
    assert "could not be fitted" in " ".join(result.warnings)


def test_fitting_ends_when_its_time_is_up(own: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "PICTURES", {"photo": 6, "sketch": 6})
    monkeypatch.setattr(calibrating, "SECONDS", 0)
    (own.settings.state_dir / "thresholds.pkl").unlink()

    assert own.prepare()

    certainty = own.check(of(ornate(7))).certainty
    assert certainty is not None
    assert certainty.measured_on == calibrating.COPIES, "one picture was measured"


def test_an_original_that_has_gone_is_still_found(own: Library, folder: Path) -> None:
    (folder / "07.png").unlink()
    result = own.check(of(ornate(7), "BMP"))
    assert result.verdict == "near"
    assert result.hits[0].hit.path == "07.png"


def test_nothing_alike_is_new(library: Library) -> None:
    unlike = Image.new("RGB", (320, 240), "teal")
    ImageDraw.Draw(unlike).line((0, 0, 319, 239), "white", 3)

    result = library.check(replace(of(unlike), kind="photo"))

    assert result.verdict == "new", result
    assert result.words == "New: nothing here is the same picture, or alike"


def test_the_same_picture_with_another_part_is_similar(own: Library, folder: Path) -> None:
    Image.fromarray(necklace("drop")).save(folder / "drop.png")
    own.update()

    result = own.check(of(Image.fromarray(necklace("cross")), "JPEG", quality=90))

    assert (result.verdict, result.exists) == ("similar", False)
    assert result.words.startswith("Similar: same picture, another part: ")
    assert [hit.hit.path for hit in result.hits if hit.evidence] == ["drop.png"]
    evidence = result.hits[0].evidence
    assert evidence is not None
    assert evidence.inliers > 20
    assert len(evidence.part_query) == len(evidence.part_hit) == 4
    (again,) = [hit for hit in to_plain(result)["hits"] if hit["path"] == "drop.png"]
    assert again["evidence"]["part_hit"] == evidence.part_hit
    assert own.check(of(Image.fromarray(necklace("drop")), "JPEG", quality=90)).verdict == "near"


def test_another_part_in_a_region_is_outlined_on_the_whole(own: Library, folder: Path) -> None:
    Image.fromarray(necklace("drop")).save(folder / "drop.png")
    own.update()
    sheet = Image.new("RGB", (640, 640), "white")
    sheet.paste(Image.fromarray(necklace("cross")), (320, 320))

    result = own.check(replace(of(sheet), region=Region(0.5, 0.5, 0.5, 0.5)))

    evidence = result.hits[0].evidence
    assert evidence is not None
    for x, y in evidence.part_query:
        assert 0.6 < x < 0.9
        assert 0.75 < y <= 1


def screenshot(*numbers: int) -> Image.Image:
    """A page with a bar, text and pictures beside each other."""
    page = Image.new("RGB", (1200, 800), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 1200, 50), fill="gray")
    for row in range(10):
        draw.text((60, 480 + 28 * row), "made of silver, by hand, in our own studio " * 2, "black")
    for place, number in enumerate(numbers):
        page.paste(ornate(number).resize((300, 225)), (60 + 360 * place, 120))
    return page


def test_a_picture_on_a_page_is_near_and_outlined_there(library: Library) -> None:
    result = library.check(of(screenshot(100, 4), "JPEG", quality=85))

    assert result.verdict == "near", result.words
    assert [hit.hit.path for hit in result.hits if hit.evidence] == ["04.png"]
    assert "as 7 % of the picture" in result.words
    evidence = result.hits[0].evidence
    assert evidence is not None
    assert evidence.of_query == pytest.approx(300 * 225 / (1200 * 800), abs=0.02)
    xs, ys = zip(*evidence.outline_query, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((420 / 1200, 720 / 1200), abs=0.03)
    assert (min(ys), max(ys)) == pytest.approx((120 / 800, 345 / 800), abs=0.03)
    assert any(part.x == pytest.approx(60 / 1200, abs=0.02) for part in result.parts)
    assert to_plain(result)["parts"][0].keys() == {"x", "y", "width", "height"}


def test_parts_of_a_marked_part_lie_on_the_whole(library: Library) -> None:
    sheet = Image.new("RGB", (1200, 1600), "white")
    sheet.paste(screenshot(100, 4), (0, 800))

    result = library.check(replace(of(sheet), region=Region(0, 0.5, 1, 0.5)))

    assert result.verdict == "near"
    assert result.words.endswith("; only the marked part was looked for")
    assert result.parts
    assert all(part.y >= 0.5 for part in result.parts)
    assert result.hits[0].evidence is not None
    assert min(y for _, y in result.hits[0].evidence.outline_query) > 0.55


def test_a_page_without_known_pictures_is_told_as_such(library: Library) -> None:
    result = library.check(of(screenshot(100, 101)))

    assert not result.exists
    assert any("looks like a page" in warning for warning in result.warnings)


def test_a_negative_is_near(library: Library) -> None:
    result = library.check(of(ImageOps.invert(ornate(7)), "JPEG", quality=85))

    assert result.words == "Near-duplicate: same picture, inverted"
    assert result.hits[0].hit.path == "07.png"


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


def test_filters_that_no_image_passes_are_told(library: Library) -> None:
    result = library.check(replace(of(ornate(5)), filter=Filter(folder="nowhere")))

    assert result.compared == 0
    assert result.words.endswith("; no image passes the filters, so nothing was compared")


def test_the_filter_counts_for_fingerprints_that_are_missing(own: Library) -> None:
    for path in (own.settings.state_dir / "fingerprints").iterdir():
        path.unlink()

    result = Library.open(own.settings).check(replace(of(ornate(7)), filter=Filter(folder="old")))

    assert result.unprinted == 3


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (of(Image.new("RGB", (300, 200), "teal")), "too little detail"),
        (replace(of(ornate(100)), region=Region(0.1, 0.1, 0.05, 0.05)), "only 16 x 12 pixels"),
    ],
    ids=["plain", "small part"],
)
def test_what_a_check_cannot_know_is_told(library: Library, query: Query, told: str) -> None:
    assert any(told in warning for warning in library.check(query).warnings)


def test_sheets_on_one_template_are_similar_at_most(own: Library, folder: Path) -> None:
    for number in (200, 201, 202):
        Image.fromarray(sheet(number)).save(folder / f"sheet{number}.png")
    own.update()

    result = own.check(of(Image.fromarray(sheet(203)), "JPEG", quality=90))

    assert not result.exists, result.words
    assert any("share" in hit.evidence.words for hit in result.hits if hit.evidence), result.words
    again = own.check(of(Image.fromarray(sheet(201)), "JPEG", quality=90))
    assert again.verdict == "near"
    assert [h.hit.path for h in again.hits if h.relation == "near"] == ["sheet201.png"]
    own.duplicates.update()
    assert own.duplicates.page().groups == ()
