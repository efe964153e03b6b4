"""Pictures that show another one in a part only: pages, templates, an exchanged part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from image_search.duplicates.checking import to_plain
from image_search.library import Library
from image_search.search.queries import Region
from tests.checking.collection import of, screenshot
from tests.fingerprints.pictures import sheet
from tests.fingerprints.renderings import necklace


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


def test_a_page_without_known_pictures_is_reported_as_such(library: Library) -> None:
    result = library.check(of(screenshot(100, 101)))

    assert not result.exists
    assert any("looks like a page" in warning for warning in result.warnings)


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
