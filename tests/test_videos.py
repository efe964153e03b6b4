"""A still finds its video, and a page its document, wherever in it they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.duplicates.checking import Checked
from image_search.errors import UnreadableImage
from image_search.library import Library
from image_search.search.queries import Hit, Query
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import design, draw_into, ornate, saved, updated
from tests.videos import film, scene

# Of two videos, the seeds of the scenes, two seconds each.
FILMS = {"catwalk.mp4": [40, 41, 42, 43], "sub/turntable.avi": [50, 51, 52]}
PAGES = range(500, 530)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Pictures, two videos, a PDF of 30 pages, and files that are no whole videos; indexed."""
    place = tmp_path_factory.mktemp("videos")
    folder = place / "images"
    draw_into(folder, 6)
    (folder / "sub").mkdir()
    for name, seeds in FILMS.items():
        film(folder / name, seeds)
    first, *others = (design(seed, (320, 240)) for seed in PAGES)
    first.save(folder / "book.pdf", save_all=True, append_images=others)
    (folder / "broken.mov").write_bytes(film(folder / "sub" / "whole.mov", [60])[:3000])
    (folder / "sub" / "whole.mov").unlink()
    (folder / "other.mpg").write_bytes(b"\0\0\1\xba" + bytes(500))
    settings = Settings(
        images=folder, cache=place / "features.pkl", extractors="hsv,edges", threads=2
    )
    Library.open(settings).update()
    return settings


@pytest.fixture
def library(made: Settings) -> Library:
    return Library.open(made)


def best(library: Library, image: Image.Image) -> Hit:
    return library.search(Query((saved(image),), k=3, kind="photo")).hits[0]


def test_every_still_finds_its_video_and_its_time(library: Library) -> None:
    for path, seeds in FILMS.items():
        kinds = []
        for number, seed in enumerate(seeds):
            hit = best(library, scene(seed))
            assert (hit.path, round(hit.time)) == (path, 2 * number)
            assert hit.note == f"at 0:0{2 * number} of 0:0{2 * len(seeds)}"
            assert hit.region_id == (
                hit.id if hit.kind == "whole" else f"{hit.id}:{round(10 * hit.time) + 1}"
            )
            kinds.append(hit.kind)
        assert sorted(kinds) == ["frame"] * (len(seeds) - 1) + ["whole"]


def test_every_page_of_thirty_finds_its_place(library: Library) -> None:
    for number, seed in enumerate(PAGES, start=1):
        hit = best(library, design(seed, (320, 240)))
        assert (hit.path, hit.note) == ("book.pdf", f"page {number} of 30")
        assert hit.page == (number if number > 1 else 0)


def test_pages_beyond_the_bound_are_not_found_and_that_is_stated(settings: Settings) -> None:
    first, *others = (design(seed) for seed in range(600, 645))
    first.save(settings.images / "long.pdf", save_all=True, append_images=others)
    library = Library.open(settings)
    library.update()

    assert best(library, design(640)).note == "page 41 of 45 (41 of them are searched)"
    assert best(library, design(644)).score < 0.99


def test_damaged_videos_are_listed_and_others_only_counted(library: Library) -> None:
    status = library.status()

    assert [(one.path, one.kind) for one in status.failures] == [("broken.mov", "damaged")]
    assert status.not_images == {".mpg": 1}


def test_the_thumbnail_is_that_of_the_frame(library: Library) -> None:
    for seed in FILMS["catwalk.mp4"]:
        hit = best(library, scene(seed))
        with Image.open(library.originals.thumbnail(hit.region_id, 320)) as small:
            shown = np.asarray(small.convert("RGB"), float)
        assert np.abs(shown - np.asarray(scene(seed), float)).mean() < 14
    with pytest.raises(UnreadableImage, match="no frame at 0:09"):
        library.originals.thumbnail(f"{hit.id}:99", 320)


def test_a_frame_can_be_searched_with(library: Library) -> None:
    hit = next(
        h for seed in FILMS["catwalk.mp4"] if (h := best(library, scene(seed))).kind == "frame"
    )

    again = library.search(Query(like=(hit.region_id,), kind="photo", k=3)).hits[0]

    assert (again.path, again.time) == (hit.path, hit.time)


def test_a_video_cannot_be_searched_with(library: Library, made: Settings) -> None:
    data = (made.images / "catwalk.mp4").read_bytes()
    for ask in (library.search, library.check):
        with pytest.raises(UnreadableImage, match="send a still of it"):
            ask(Query((data,)))


@pytest.fixture(scope="module")
def ornaments(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A video and a PDF of pictures that are recognised when they are edited; indexed."""
    place = tmp_path_factory.mktemp("ornaments")
    folder = place / "images"
    draw_into(folder, 6)
    film(folder / "film.mp4", [1, 2, 3], draw=ornate)
    first, *others = (ornate(seed) for seed in (11, 12, 13))
    first.save(folder / "book.pdf", save_all=True, append_images=others)
    settings = Settings(
        images=folder, cache=place / "features.pkl", extractors="hsv,edges", threads=2
    )
    updated(Library.open(settings))
    return settings


def test_a_check_finds_a_still_in_its_video_and_a_page_in_its_book(ornaments: Settings) -> None:
    library = Library.open(ornaments)
    for seed in (1, 2, 3, 11, 12, 13):
        still = saved(ornate(seed).resize((240, 180)), "JPEG", quality=70)
        result = library.check(Query((still,), kind="photo"))
        assert result.verdict == "near"
        [hit] = [one for one in result.hits if one.relation == "near"]
        if seed < 10:
            assert hit.hit.path == "film.mp4"
            assert 2 * seed - 2 <= hit.hit.time < 2 * seed, "while that scene is shown"
        else:
            assert (hit.hit.path, hit.hit.note) == ("book.pdf", f"page {seed - 10} of 3")
        assert hit.evidence is not None
        assert hit.evidence.outline_hit
        report = library.report([Checked("still.jpg", still, result)])
        assert hit.hit.path in report
        assert report.count("data:image/webp") >= 3, "the still, the evidence and the nearest"
    other = library.check(Query((saved(ornate(77), "JPEG"),), kind="photo"))
    assert not [one for one in other.hits if one.relation in ("exact", "near")]


def test_a_decision_about_a_frame_counts(ornaments: Settings) -> None:
    library = Library.open(ornaments)
    still = ornaments.images / "still.jpg"
    still.write_bytes(saved(ornate(2), "JPEG", quality=70))
    try:
        updated(library)
        found = library.search(Query((still.read_bytes(),), k=2, kind="photo")).hits
        ids = {hit.path: hit.id for hit in found}
        query = Query(like=(ids["still.jpg"],), kind="photo")
        assert library.check(query).hits[0].hit.path == "film.mp4"

        library.duplicates.decide(ids["still.jpg"], ids["film.mp4"], "different")

        result = library.check(query)
        assert result.suppressed == 1
        assert all(one.relation not in ("exact", "near") for one in result.hits)
    finally:
        still.unlink()
        library.update()


def test_an_added_extractor_sees_the_frames_too(made: Settings, tmp_path: Path) -> None:
    settings = replace(made, cache=tmp_path / "features.pkl")
    Library.open(settings).update()
    library = Library.open(replace(settings, extractors="hsv,edges,texture"))

    library.update()

    for number, seed in enumerate(FILMS["catwalk.mp4"]):
        hit = best(library, scene(seed))
        assert (hit.path, round(hit.time)) == ("catwalk.mp4", 2 * number)
        assert hit.scores["texture"] > 0.5


def test_a_video_that_grows_is_looked_at_again(settings: Settings) -> None:
    path = settings.images / "recording.mkv"
    whole = film(path, [70, 71, 72, 73])
    path.write_bytes(whole[: len(whole) // 3])
    library = Library.open(settings)
    assert library.update().added == 1
    assert best(library, scene(73)).score < 0.99

    path.write_bytes(whole)

    assert library.update().changed == 1
    assert round(best(library, scene(73)).time) == 6


def test_a_large_video_is_listed_with_the_reason(settings: Settings) -> None:
    path = settings.images / "large.mp4"
    film(path, [1])
    with path.open("ab") as file:
        file.truncate(600_000_000)
    library = Library.open(settings)
    library.update()

    [failure] = library.status().failures
    assert failure.reason == "The file has more than 500,000,000 bytes."


def test_the_command_line_states_time_and_page(
    made: Settings, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGE_SEARCH_IMAGES", str(made.images))
    monkeypatch.setenv("IMAGE_SEARCH_CACHE", str(made.cache))
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", made.extractors)
    for image, line in (
        (scene(42), "catwalk.mp4  [at 0:04 of 0:08]"),
        (design(506, (320, 240)), "book.pdf  [page 7 of 30]"),
    ):
        query = tmp_path / "query.png"
        query.write_bytes(saved(image))
        code, out, _ = run("search", query, "--kind", "photo")
        assert code == 0
        assert line in out.splitlines()[0]
    assert "0000.png  (" in run("search", made.images / "0000.png", "--kind", "photo")[1]


def test_an_added_video_is_taken(made: Settings, tmp_path: Path) -> None:
    library = Library.open(replace(made, images=tmp_path / "images", uploads=1))
    (tmp_path / "images").mkdir()
    data = film(tmp_path / "film.mkv", [1, 2])

    assert library.add("uploads", "film.mkv", data).path == "uploads/film.mkv"
    with pytest.raises(UnreadableImage):
        library.add("uploads", "film.mkv", data[:100])
