"""Objects of a picture are listed, asked for by their regions, and ignored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.errors import InvalidQuery, UnknownImage, UnreadableImage
from image_search.library import Library
from image_search.search.marking import marked_parts, painted_over
from image_search.search.queries import Query, Region
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import design, draw_into, ornate, saved

BOX = Region(0.1, 0.2, 0.3, 0.4)
"""Where one thing lies in ``room``; the other lies at ``OTHER``."""
OTHER = Region(0.6, 0.3, 0.3, 0.4)


def room(first: int = 1, second: int = 2) -> Image.Image:
    """Two designs on a wall."""
    image = Image.new("RGB", (640, 480), "#c9c2b4")
    image.paste(ornate(first).resize((192, 192)), (64, 96))
    image.paste(ornate(second).resize((192, 192)), (384, 144))
    return image


@pytest.fixture
def library(settings: Settings) -> Library:
    """Six small designs, the two that hang in the room, and the room."""
    draw_into(settings.images, 6)
    for number in (1, 2):
        (settings.images / f"ornate-{number}.png").write_bytes(saved(ornate(number)))
    (settings.images / "room.png").write_bytes(saved(room()))
    library = Library.open(settings)
    library.update()
    return library


def first(library: Library, query: Query) -> str:
    return library.search(query).hits[0].path


def identity(library: Library, path: str) -> str:
    hits = library.search(Query((saved(room()),), k=100)).hits
    return next(hit.id for hit in hits if hit.path == path)


def covers(found: Region, wanted: Region) -> float:
    wide = min(found.x + found.width, wanted.x + wanted.width) - max(found.x, wanted.x)
    high = min(found.y + found.height, wanted.y + wanted.height) - max(found.y, wanted.y)
    both = max(0, wide) * max(0, high)
    return both / (found.width * found.height + wanted.width * wanted.height - both)


def test_each_thing_in_a_picture_is_an_object(library: Library) -> None:
    found = library.objects(Query((saved(room()),)))

    for wanted in (BOX, OTHER):
        assert max(covers(one.region, wanted) for one in found.objects) > 0.7
    assert first(library, Query((saved(room()),), region=found.objects[0].region)).startswith("orn")
    of_indexed = library.objects(Query(like=(identity(library, "room.png"),)))
    assert of_indexed.objects == found.objects


@pytest.mark.parametrize("query", [Query((b"", b"")), Query((b"",), like=("0" * 16,)), Query()])
def test_objects_are_those_of_one_picture(library: Library, query: Query) -> None:
    with pytest.raises(InvalidQuery):
        library.objects(query)


def test_objects_of_what_cannot_be_seen(library: Library) -> None:
    with pytest.raises(UnreadableImage):
        library.objects(Query((b"no image",)))
    with pytest.raises(UnknownImage):
        library.objects(Query(like=("0" * 16,)))
    known = identity(library, "room.png")
    (library.settings.images / "room.png").unlink()
    with pytest.raises(UnreadableImage, match="reindex"):
        library.objects(Query(like=(known,)))
    with pytest.raises(UnreadableImage, match="reindex"):
        library.search(Query(like=(known,), region=BOX))


def test_objects_need_no_index(settings: Settings) -> None:
    assert Library.open(settings).objects(Query((saved(room()),))).objects


def test_an_object_is_called_by_its_class(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from image_search.extractors.imagenet import ImageNet

    def labels(_: object, rows: object, __: object) -> list[dict[str, float]]:
        assert isinstance(rows, np.ndarray)
        return [{"vase": 0.9, "pot": 0.1}, *[{"pot": 0.79}] * (len(rows) - 1)]

    monkeypatch.setattr(ImageNet, "labels", labels)

    found = Library.open(settings).objects(Query((saved(room()),)))

    assert [one.name for one in found.objects[:2]] == ["vase", ""]


def test_several_regions_add_up(library: Library) -> None:
    asked = saved(room())

    hits = library.search(Query((asked,), regions=(BOX, OTHER))).hits

    assert {hit.path for hit in hits[:2]} == {"ornate-1.png", "ornate-2.png"}
    apart = Query((saved(ornate(1).resize((192, 192))), saved(ornate(2).resize((192, 192)))))
    assert hits[0].score == pytest.approx(library.search(apart).hits[0].score, abs=0.01)


def test_a_region_of_an_indexed_image(library: Library) -> None:
    known = identity(library, "room.png")

    assert first(library, Query(like=(known,), region=BOX)) == "ornate-1.png"
    assert first(library, Query(like=(known,), regions=(OTHER,))) == "ornate-2.png"
    with pytest.raises(UnknownImage):
        library.search(Query(like=("0" * 16,), region=BOX))


def test_what_is_ignored_does_not_ask(library: Library) -> None:
    pasted = ornate(1)
    pasted.paste(design(40, (140, 120)), (20, 20))
    cover = Region(20 / 320, 20 / 240, 140 / 320, 120 / 240)
    own = library.search(Query((saved(pasted),), k=100)).hits
    score = next(hit.score for hit in own if hit.path == "ornate-1.png")

    hits = library.search(Query((saved(pasted),), ignore=(cover,))).hits

    assert hits[0].path == "ornate-1.png"
    assert hits[0].score > score


@pytest.mark.parametrize(
    "query",
    [
        Query((saved(room()),), ignore=(Region(0, 0, 1, 1),)),
        Query((saved(room()),), regions=(BOX,), ignore=(Region(0, 0, 0.5, 1),)),
        Query((saved(room()),), ignore=(Region(0, 0, 0.5, 1), Region(0.5, 0, 0.5, 1))),
    ],
)
def test_something_must_be_left_to_ask(library: Library, query: Query) -> None:
    with pytest.raises(InvalidQuery, match="ignore less"):
        library.search(query)


def test_what_is_painted_over_is_like_what_surrounds_it() -> None:
    pixels = np.full((300, 400, 3), (200, 100, 50), np.uint8)
    pixels[100:200, 100:200] = 0
    hidden = np.zeros((300, 400), np.bool_)
    hidden[95:205, 95:205] = True

    painted = painted_over(pixels, hidden)

    assert np.abs(painted.astype(int) - [200, 100, 50]).max() <= 8
    assert np.array_equal(painted[~hidden], pixels[~hidden])


def test_parts_are_as_large_as_what_extractors_look_at() -> None:
    large = saved(ornate(1).resize((3000, 2000)))
    query = Query((large,), regions=(Region(0, 0, 0.2, 0.2), Region(0, 0, 1, 1)))

    small, whole = marked_parts(query, lambda _id, _side: None, 100)

    assert small.shape == (384, 576, 3)
    assert whole.shape == (384, 576, 3)


def test_objects_on_the_command_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "room.png"
    path.write_bytes(saved(room()))

    code, out, _ = run("objects", path, "--json")

    assert code == 0
    found = json.loads(out)["objects"]
    assert found[0].keys() == {"region", "name", "score"}
    assert len(found[0]["region"].split(",")) == 4
    code, out, _ = run("objects", path)
    assert code == 0
    assert found[0]["region"] in out.splitlines()[0]
    path.write_bytes(saved(Image.new("RGB", (64, 64))))
    assert "No object stands out" in run("objects", path)[1]
    code, _, err = run("objects", tmp_path / "gone.png")
    assert (code, "cannot be read" in err) == (2, True)


def test_regions_on_the_command_line(run: Run, library: Library, tmp_path: Path) -> None:
    path = tmp_path / "asked.png"
    path.write_bytes(saved(room()))
    assert library.status().images

    code, out, err = run(
        "search", path, "--region", BOX, "--region", OTHER, "--ignore", "0.9,0,0.1,0.1", "--json"
    )

    assert code == 0, err
    results = json.loads(out)["results"]
    assert {hit["path"] for hit in results[:2]} == {"ornate-1.png", "ornate-2.png"}


@pytest.mark.parametrize(
    "query",
    [Query((saved(room()),), regions=(BOX, OTHER)), Query((saved(room()),), ignore=(BOX,))],
)
def test_a_check_is_about_one_part(library: Library, query: Query) -> None:
    with pytest.raises(InvalidQuery, match="a single area or object"):
        library.check(query)
