"""Pages and frames are found: a page finds its document, a still its animation."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from image_search.errors import UnknownImage, UnreadableImage
from image_search.library import Library
from image_search.search.queries import Hit, Query
from image_search.settings import Settings
from tests.drawing import MadeOnce, draw_into, picture


def pages(*seeds: int) -> list[Image.Image]:
    return [Image.open(io.BytesIO(picture(seed))).convert("RGB") for seed in seeds]


def indexed(settings: Settings) -> None:
    folder = settings.images
    draw_into(folder, 6)
    first, *others = pages(100, 101, 102, 103, 104)
    first.save(folder / "book.tif", save_all=True, append_images=others)
    first, *others = pages(*range(200, 212))
    first.save(
        folder / "film.gif", save_all=True, append_images=others, duration=250, loop=0,
    )  # fmt: skip
    first, *others = pages(300, 301, 302)
    first.save(folder / "sheets.pdf", save_all=True, append_images=others)
    Library.open(settings).update()


@pytest.fixture
def library(settings: Settings, made_once: MadeOnce) -> Library:
    """Pictures, a TIFF and a PDF of several pages, and an animation."""
    return made_once(settings, indexed)


def best(library: Library, seed: int) -> Hit:
    return library.search(Query((picture(seed),), k=3, kind="photo")).hits[0]


def test_every_page_finds_its_book(library: Library) -> None:
    represented = best(library, 0)
    assert (represented.kind, represented.page, represented.note) == ("whole", 0, "")
    kinds = []
    for number, seed in enumerate(range(100, 105), start=1):
        hit = best(library, seed)
        assert (hit.path, hit.note) == ("book.tif", f"page {number} of 5")
        if hit.kind == "page":
            assert (hit.page, hit.region_id) == (number, f"{hit.id}:{number}")
        else:
            assert hit.region_id == hit.id
        kinds.append(hit.kind)
    assert sorted(kinds) == ["page"] * 4 + ["whole"], "one page represents the file"


def test_every_page_of_a_pdf_finds_it(library: Library) -> None:
    for number, seed in enumerate((300, 301, 302), start=1):
        hit = best(library, seed)
        assert hit.path == "sheets.pdf"
        assert hit.note == f"page {number} of 3"


def test_a_still_finds_its_animation(library: Library) -> None:
    hits = [best(library, seed) for seed in range(200, 212)]
    frames = [hit for hit in hits if hit.path == "film.gif" and hit.kind == "frame"]

    assert len(frames) >= 6
    for hit in frames:
        number = int(hit.note.split()[1])
        assert hit.time == pytest.approx(0.25 * (number - 1))


def test_a_file_is_one_hit_and_counts_once(library: Library) -> None:
    answer = library.search(Query((picture(102),), k=50, kind="photo"))

    assert len(answer.hits) == len({hit.id for hit in answer.hits}) == answer.compared == 9
    assert library.status().images == 9


def test_a_page_can_be_searched_with(library: Library) -> None:
    page = next(hit for seed in range(100, 105) if (hit := best(library, seed)).kind == "page")

    again = library.search(Query(like=(page.region_id,), kind="photo", k=3)).hits[0]

    assert (again.path, again.page) == ("book.tif", page.page)
    assert again.score == pytest.approx(1, abs=1e-3)
    for wrong in (f"{page.id}:99", f"{page.id}:0", f"{page.id}:", f"{page.id}:x"):
        with pytest.raises(UnknownImage):
            library.search(Query(like=(wrong,)))


def test_the_thumbnail_is_that_of_the_page(library: Library) -> None:
    shown = {}
    for seed in range(100, 105):
        hit = best(library, seed)
        path = library.originals.thumbnail(hit.region_id, 320)
        with Image.open(path) as small:
            shown[path] = np.asarray(small.convert("RGB"), float)
        expected = np.asarray(pages(seed)[0], float)
        assert np.abs(shown[path] - expected).mean() < 12
    assert len(shown) == 5
    with pytest.raises(UnreadableImage, match="no page or frame 77"):
        library.originals.thumbnail(f"{hit.id}:77", 320)


def test_thumbnails_of_pages_go_with_their_file(library: Library, settings: Settings) -> None:
    paths = [
        library.originals.thumbnail(best(library, seed).region_id, 320) for seed in range(100, 105)
    ]

    (settings.images / "book.tif").unlink()
    library.update()

    assert not any(path.exists() for path in paths)
    assert all(hit.path != "book.tif" for hit in library.search(Query((picture(102),))).hits)


def test_a_moved_book_keeps_its_pages(library: Library, settings: Settings) -> None:
    (settings.images / "book.tif").rename(settings.images / "volume.tif")

    report = library.update()

    assert (report.moved, report.embedded) == (1, 0)
    assert {best(library, seed).path for seed in range(100, 105)} == {"volume.tif"}


def test_an_added_extractor_sees_the_pages_too(library: Library, settings: Settings) -> None:
    added = Library.open(replace(settings, extractors="hsv,edges"))
    added.update()

    for number, seed in enumerate(range(100, 105), start=1):
        hit = best(added, seed)
        assert (hit.path, hit.note) == ("book.tif", f"page {number} of 5")
        assert hit.scores["edges"] > 0.9
