"""The collection without a query: orders, filters, folders."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.errors import InvalidQuery
from image_search.extractors.descriptors import HsvHistogram
from image_search.library import Library
from image_search.search.browsing import MOST_IMAGES, ORDERS, Catalogue, Catalogues, colour_places
from image_search.search.queries import Filter
from image_search.settings import Settings

# Path, colour, size, days since 1970.
FILES = (
    ("rings/2024/a.png", "red", (40, 20), 4),
    ("rings/2024/b.png", "blue", (20, 40), 1),
    ("rings/c.png", "lime", (30, 30), 3),
    ("Shoes/d.png", "#303030", (60, 50), 2),
    ("e.png", "#e0e0e0", (10, 10), 5),
)


def draw(folder: Path, files: tuple[tuple[str, str, tuple[int, int], int], ...] = FILES) -> None:
    for path, colour, size, day in files:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        Image.new("RGB", size, colour).save(buffer, "PNG")
        place.write_bytes(buffer.getvalue())
        os.utime(place, (86_400 * day, 86_400 * day))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("browsing")
    draw(folder / "images")
    (folder / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing follows")
    settings = Settings(
        images=folder / "images", cache=folder / "index.pkl", extractors="hsv,edges"
    )
    library = Library.open(settings)
    library.update()
    return library


@pytest.fixture(scope="module")
def catalogue(library: Library) -> Catalogue:
    return Catalogue(library.snapshot())


def names(catalogue: Catalogue, order: str = "name", **condition: object) -> str:
    found = catalogue.images(Filter(**condition), order, 0, 100)  # type: ignore[arg-type]
    assert found.total == len(found.records)
    return "".join(record.path.rpartition("/")[2][0] for record in found.records)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("newest", "eacdb"),
        ("oldest", "bdcae"),
        ("name", "eabcd"),
        ("largest", "dcabe"),
        ("smallest", "eabcd"),
        ("shape", "becda"),
        ("colour", "acbde"),
    ],
)
def test_images_come_in_the_order_that_is_asked_for(
    catalogue: Catalogue, order: str, expected: str
) -> None:
    assert names(catalogue, order) == expected
    assert len(catalogue) == len(FILES)


def test_filters_limit_what_is_shown(catalogue: Catalogue) -> None:
    assert names(catalogue, folder="rings") == "abc"
    assert names(catalogue, folder="/RINGS/2024/") == "ab"
    assert names(catalogue, folder="ring") == ""
    assert names(catalogue, folder="rings", name="c*") == "c"
    assert names(catalogue, "newest", folder="", min_side=20) == "acdb"
    assert names(catalogue, orientation="portrait") == "b"


def test_pages_follow_each_other_and_are_bounded(catalogue: Catalogue) -> None:
    pages = [catalogue.images(Filter(), "newest", offset, 2) for offset in (0, 2, 4, 6)]
    assert [len(page.records) for page in pages] == [2, 2, 1, 0]
    assert {page.total for page in pages} == {5}
    whole = catalogue.images(Filter(), "newest", 0, 5).records
    assert sum((page.records for page in pages), ()) == whole
    for offset, limit in ((-1, 1), (0, 0), (0, MOST_IMAGES + 1)):
        with pytest.raises(InvalidQuery, match="offset must be"):
            catalogue.images(Filter(), "newest", offset, limit)
    with pytest.raises(InvalidQuery, match=r"order must be one of newest, .*colour, not 'best'"):
        catalogue.images(Filter(), "best", 0, 1)


def test_folders_are_a_tree_with_counts(catalogue: Catalogue) -> None:
    def rows(below: str) -> list[tuple[str, int, int]]:
        return [(one.path, one.images, one.folders) for one in catalogue.folders(below).folders]

    assert rows("") == [("rings", 3, 1), ("Shoes", 1, 0)]
    assert rows("rings/") == [("rings/2024", 2, 0)]
    assert rows("rings/2024") == []
    assert catalogue.folders("rings").images == 3
    assert catalogue.folders().images == len(FILES)
    with pytest.raises(InvalidQuery, match="There is no folder 'ring' with images"):
        catalogue.folders("ring")
    assert [one.path for one in catalogue.folders_like("SHO").folders] == ["Shoes"]
    assert [one.path for one in catalogue.folders_like("2").folders] == ["rings/2024"]
    assert catalogue.folders_like("zebra").total == 0


def test_a_catalogue_follows_the_index(library: Library) -> None:
    catalogues = Catalogues(library.snapshot)
    before = catalogues.current()
    assert catalogues.current() is before
    assert names(before, "colour") == "acbde"
    added = library.settings.images / "f.png"
    draw(library.settings.images, (("f.png", "yellow", (8, 8), 9),))
    try:
        library.update()
        assert names(catalogues.current(), "newest") == "feacdb"
        assert names(catalogues.current(), "colour") == "afcbde"
        assert names(before, "newest") == "eacdb"
    finally:
        added.unlink()
        library.update()


def test_an_index_without_colours_has_no_order_by_colour(tmp_path: Path) -> None:
    draw(tmp_path / "images")
    settings = Settings(tmp_path / "images", tmp_path / "index.pkl", extractors="edges")
    library = Library.open(settings)
    empty = Catalogue(library.snapshot())
    assert (names(empty, "newest"), len(empty)) == ("", 0)
    assert empty.folders().total == empty.folders_like("a").total == 0
    library.update()
    found = Catalogue(library.snapshot())
    assert found.orders == ORDERS[:-1]
    with pytest.raises(InvalidQuery, match="order must be one of"):
        found.images(Filter(), "colour", 0, 1)


def test_colours_run_round_the_wheel_and_greys_follow() -> None:
    hsv = HsvHistogram()
    wheel = ("red", "orange", "yellow", "lime", "cyan", "blue", "magenta")
    greys = ("black", "#606060", "#a0a0a0", "white")

    def prepared(colour: str, ground: str) -> np.ndarray:
        image = Image.new("RGB", (64, 64), ground)
        image.paste(colour, (16, 16, 48, 48))
        return hsv.prepare(np.asarray(image))

    for ground in ("white", "black"):
        of_wheel = [prepared(colour, ground) for colour in wheel]
        places = colour_places(hsv.embed([*of_wheel, *[prepared(g, ground) for g in greys]]))
        assert (places[: len(wheel)] < 1).all()
        assert (np.diff(places[: len(wheel)]) >= 0).all()
        assert (places[len(wheel) :] >= 2).all()
        assert (np.diff(places[len(wheel) :]) > 0).all()
