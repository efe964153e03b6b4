"""Files of one design are one result: its best view, with all the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from image_search.errors import SettingsError
from image_search.library import Library
from image_search.search.queries import Query
from image_search.search.views import Designs
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import draw_into, ornate, saved, updated

# Views by file, each the seed of another picture.
FILES = {
    "rings/ring-0231_front.png": 1, "rings/ring-0231_side.png": 2, "rings/ring-0231_back_2.png": 3,
    "rings/ring-0232_front.png": 4, "rings/plain.png": 5, "ring-0231_front.png": 6,
    "shoes/boot/a.png": 7, "shoes/boot/b.png": 8,
}  # fmt: skip
RING = {"rings/ring-0231_front.png", "rings/ring-0231_side.png"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Some designs in several views; indexed."""
    place = tmp_path_factory.mktemp("views")
    for path, seed in FILES.items():
        (place / "images" / path).parent.mkdir(parents=True, exist_ok=True)
        (place / "images" / path).write_bytes(saved(ornate(seed)))
    settings = Settings(
        images=place / "images", cache=place / "features.pkl", extractors="hsv,edges", threads=2,
        views="{design}_{view}",
    )  # fmt: skip
    updated(Library.open(settings))
    return settings


@pytest.fixture
def library(made: Settings) -> Library:
    return Library.open(made)


@pytest.mark.parametrize(
    ("pattern", "path", "design"),
    [
        ("folder", "a/b/c.jpg", "a/b"), ("Folder", "c.jpg", "c.jpg"),
        ("{design}_{view}", "a/ring-1_front.jpg", "a/ring-1"),
        ("{design}_{view}", "ring_1_front.jpg", "ring_1"),
        ("{design}_{view}", "ring.v2_front.jpg", "ring.v2"),
        ("{design}_{view}", "a/ring.jpg", "a/ring"), ("{design}_{view}", "_front.jpg", "_front"),
        ("{design} ({view})", "x/Boot (left).TIF", "x/Boot"),
        ("IMG-{design}-v{view}", "img-7-v2.png", "7"), ("{design}_{view}", "a_b/c", "a_b/c"),
        (None, "a/ring_front.jpg", "a/ring_front.jpg"),
    ],
)  # fmt: skip
def test_what_design_a_file_shows(pattern: str | None, path: str, design: str) -> None:
    assert Designs(pattern).design_of(path) == design


@pytest.mark.parametrize(
    "pattern",
    ["", "{design}", "{view}", "{design}{view}", "{view}_{design}", "ring", "{design}/{view}",
     "{design}_{view}_{design}", "{design}_{view}_{view}"],
)  # fmt: skip
def test_a_pattern_without_sense_is_refused(settings: Settings, pattern: str) -> None:
    with pytest.raises(SettingsError, match="IMAGE_SEARCH_VIEWS must be folder, or a pattern"):
        Library.open(replace(settings, views=pattern))


def test_a_design_is_one_hit_with_all_its_views(library: Library) -> None:
    answer = library.search(Query((saved(ornate(2)),), k=50, kind="photo"))

    first = answer.hits[0]
    assert (first.path, first.design) == ("rings/ring-0231_side.png", "rings/ring-0231")
    assert {view.path for view in first.views} == RING
    assert first.id in {view.id for view in first.views}
    assert len(answer.hits) == len(FILES) - 1
    assert answer.compared == len(FILES)
    assert [hit.rank for hit in answer.hits] == list(range(1, len(FILES)))
    alone = [hit for hit in answer.hits if hit is not first]
    assert all((hit.design, hit.views) == ("", ()) for hit in alone)


def test_folders_can_be_designs(made: Settings) -> None:
    library = Library.open(replace(made, views="folder"))

    answer = library.search(Query((saved(ornate(8)),), k=50, kind="photo"))

    assert [hit.design for hit in answer.hits].count("shoes/boot") == 1
    assert answer.hits[0].path == "shoes/boot/b.png"
    assert len(answer.hits) == 3


def test_by_default_each_file_is_one_hit(made: Settings) -> None:
    library = Library.open(replace(made, views=None))

    answer = library.search(Query((saved(ornate(2)),), k=50, kind="photo"))

    assert len(answer.hits) == len(FILES)
    assert not any(hit.design or hit.views for hit in answer.hits)


def test_as_many_designs_come_as_are_wanted(settings: Settings) -> None:
    # Nine views of one design are the nearest to any of them.
    first, *_ = draw_into(settings.images, 4)
    for number in range(9):
        (settings.images / f"ring_{number}.png").write_bytes(saved(ornate(1)))
    library = Library.open(replace(settings, views="{design}_{view}"))
    library.update()

    hits = library.search(Query((saved(ornate(1)),), k=2, kind="photo")).hits

    assert [hit.design for hit in hits] == ["ring", ""]
    assert len(hits[0].views) == 9
    assert first.exists()


def test_several_pictures_of_a_query_add_up(library: Library) -> None:
    query = Query((saved(ornate(1)), saved(ornate(2))), k=3, kind="photo")

    assert library.search(query).hits[0].design == "rings/ring-0231"


def test_a_new_view_joins_its_design(made: Settings, tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "rings").mkdir(parents=True)
    (images / "rings" / "ring-1_front.png").write_bytes(saved(ornate(1)))
    library = Library.open(replace(made, images=images, cache=tmp_path / "features.pkl"))
    library.update()
    query = Query((saved(ornate(1)),), k=3, kind="photo")
    assert library.search(query).hits[0].views == ()

    (images / "rings" / "ring-1_side.png").write_bytes(saved(ornate(2)))
    library.update()
    assert len(library.search(query).hits[0].views) == 2

    (images / "rings" / "ring-1_side.png").unlink()
    library.update()
    assert library.search(query).hits[0].views == ()


def test_a_check_counts_a_design_once(library: Library, made: Settings) -> None:
    again = made.images / "rings" / "ring-0231_again.jpg"
    again.write_bytes(saved(ornate(2), "JPEG", quality=60))
    try:
        library.update()
        result = library.check(Query((saved(ornate(2)),), kind="photo"))
        assert result.verdict == "exact"
        same = [one.hit for one in result.hits if one.relation in ("exact", "near")]
        assert [hit.path for hit in same] == ["rings/ring-0231_side.png"]
        assert {view.path for view in same[0].views} == RING | {"rings/ring-0231_again.jpg"}
        assert [hit.design for hit in result.nearest].count("rings/ring-0231") == 1

        # Its own views are no copies of a design.
        own = library.check(Query(like=(same[0].id,), kind="photo"))
        assert own.verdict not in ("exact", "near")
        assert all(one.hit.design != "rings/ring-0231" for one in own.hits)
        apart = Library.open(replace(made, views=None))
        assert apart.check(Query(like=(same[0].id,), kind="photo")).verdict == "near"
    finally:
        again.unlink()
        library.update()


def test_the_command_line_states_the_number_of_views(
    made: Settings, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGE_SEARCH_IMAGES", str(made.images))
    monkeypatch.setenv("IMAGE_SEARCH_CACHE", str(made.cache))
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", made.extractors)
    query = tmp_path / "query.png"
    query.write_bytes(saved(ornate(2)))

    code, out, _ = run("search", query, "--kind", "photo", "--views", "{design}_{view}")

    assert code == 0
    assert "rings/ring-0231_side.png  [2 views]" in out.splitlines()[0]
    assert run("search", query, "--views", "nothing")[0] == 2
