"""Maps of a collection: made, kept, used on as images come and go, coloured and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.cli import main
from image_search.errors import IndexEmpty, InvalidQuery
from image_search.library import Library
from image_search.mapping import Maps
from image_search.mapping.colouring import FOLDER, LABEL, REST, STYLE, Grouping, grouped
from image_search.mapping.still import shown_in_fields, still
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.labels.test_collection import HUES, picture


@pytest.fixture
def library(folder: Path, settings: Settings) -> Library:
    """Ten images in a folder for each colour."""
    for number, (name, hue) in enumerate(HUES.items()):
        (folder / name).mkdir()
        for seed in range(10):
            picture(hue, 100 * number + seed).save(folder / name / f"{seed}.png")
    library = Library.open(replace(settings, extractors="hsv,texture"))
    library.update(fingerprints=False)
    return library


@pytest.fixture
def maps(library: Library) -> Maps:
    return Maps(library.settings, library.snapshot)


def middles(places: np.ndarray, paths: list[str]) -> dict[str, np.ndarray]:
    return {
        name: np.mean([at for at, path in zip(places, paths, strict=True) if name in path], axis=0)
        for name in HUES
    }


def test_a_map_is_made_once_and_kept(library: Library, maps: Maps) -> None:
    assert maps.placed("hsv") is None
    steps: list[tuple[int, int]] = []
    made = maps.make("hsv", lambda *step: steps.append(step))

    assert made is not None
    assert steps
    assert all(done < total for done, total in steps)
    assert (len(made.ids), made.new, made.map.extractor.name) == (30, 0, "hsv")
    where = middles(made.places, list(made.paths))
    for path, place in zip(made.paths, made.places, strict=True):
        away = {name: float(np.linalg.norm(place - middle)) for name, middle in where.items()}
        assert min(away, key=lambda name: away[name]) == path.split("/")[0]
    # Another process reads what was kept.
    again = Maps(library.settings, library.snapshot).placed("hsv")
    assert again is not None
    assert np.array_equal(again.places, made.places)
    assert maps.placed("texture") is None


def test_new_images_are_placed_and_those_that_have_gone_are_left_out(
    library: Library, maps: Maps, folder: Path
) -> None:
    before = maps.make("hsv")
    assert before is not None
    where = middles(before.places, list(before.paths))
    picture(120, 999).save(folder / "new.png")
    (folder / "ruby" / "0.png").unlink()
    (folder / "ruby" / "1.png").rename(folder / "ruby" / "moved.png")
    library.update(fingerprints=False)

    placed = maps.placed("hsv")

    assert placed is not None
    assert (len(placed.ids), placed.new) == (30, 1)
    at = dict(zip(placed.paths, placed.places, strict=True))
    away = {name: float(np.linalg.norm(at["new.png"] - middle)) for name, middle in where.items()}
    assert min(away, key=lambda name: away[name]) == "emerald"
    moved = dict(zip(before.paths, before.places, strict=True))["ruby/1.png"]
    assert np.array_equal(at["ruby/moved.png"], moved)
    assert "ruby/0.png" not in at
    assert maps.placed("hsv") is placed  # it is not placed at every call


def test_a_map_of_another_model_or_a_damaged_one_is_not_used(maps: Maps, library: Library) -> None:
    maps.make("hsv")
    path = library.settings.state_dir / "maps" / "hsv.pkl"
    path.write_bytes(path.read_bytes()[:-9])
    assert maps.placed("hsv") is None
    maps.make("hsv")
    assert maps.placed("hsv") is not None
    path.replace(path.with_name("texture.pkl"))
    again = Maps(library.settings, library.snapshot)
    assert (again.placed("hsv"), again.placed("texture")) == (None, None)


def test_a_cancelled_map_leaves_the_one_before(maps: Maps) -> None:
    made = maps.make("hsv")
    assert made is not None
    assert maps.make("hsv", cancelled=lambda: True) is None
    kept = maps.placed("hsv")
    assert kept is not None
    assert kept.map.made == made.map.made


def test_what_cannot_be_is_said(maps: Maps, library: Library, settings: Settings) -> None:
    with pytest.raises(InvalidQuery, match="a map can be made by"):
        maps.make("nope")
    empty = Library.open(replace(settings, cache=settings.cache.with_name("other.pkl")))
    with pytest.raises(IndexEmpty):
        Maps(empty.settings, empty.snapshot).make()
    placed = maps.make("hsv")
    assert placed is not None
    for by, message in ((STYLE, "need the extractor style"), (LABEL, "no labels"), ("x", "by fol")):
        with pytest.raises(InvalidQuery, match=message):
            grouped(placed, by, library.snapshot(), library.labels)


def test_a_query_falls_among_what_it_is_like(maps: Maps, library: Library) -> None:
    placed = maps.make("hsv")
    assert placed is not None
    middle = middles(placed.places, list(placed.paths))
    hits = library.search(Query(like=(f"{int(placed.ids[0]):016x}",), weights={"hsv": 1}, k=5)).hits

    at = placed.among(hits)

    assert at is not None
    assert np.linalg.norm(np.array(at) - placed.places[0]) < 0.2
    assert placed.paths[0].split("/")[0] == min(
        middle, key=lambda name: float(np.linalg.norm(middle[name] - np.array(at)))
    )
    assert placed.among([]) is None


def test_colours_are_those_of_folders_and_labels(maps: Maps, library: Library) -> None:
    placed = maps.make("hsv")
    assert placed is not None
    by_folder = grouped(placed, FOLDER, library.snapshot(), library.labels)
    for path, number in zip(placed.paths, by_folder.of.tolist(), strict=True):
        assert by_folder.names[number] == path.split("/")[0]
    library.labels.decide(f"{int(placed.ids[3]):016x}", "best", True)
    by_label = grouped(placed, LABEL, library.snapshot(), library.labels)
    assert by_label.names == ("best",)
    assert np.flatnonzero(by_label.of == 0).tolist() == [3]


def test_a_still_shows_one_thumbnail_a_field_and_every_point() -> None:
    places = np.array([[0.105, 0.1], [0.11, 0.1], [0.9, 0.9]], np.float32)
    grouping = Grouping(("one",), np.array([0, 0, -1]))
    asked: list[int] = []

    def look(number: int) -> Image.Image | None:
        asked.append(number)
        return Image.new("RGB", (40, 20), "#ff00ff") if number < 2 else None

    sheet = still(places, grouping, look, 400)

    assert sheet.size == (400, 400)
    assert sorted(asked) in ([0, 2], [1, 2])
    colours = {colour for _, colour in sheet.getcolors(400 * 400) or []}
    assert {(255, 0, 255), tuple(bytes.fromhex(REST[1:]))} <= colours
    at = places * 400
    assert len(shown_in_fields(at, 400)) == 1


def test_the_command_writes_a_picture(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = library.settings
    where = ["--images", str(settings.images), "--cache", str(settings.cache)]
    out = tmp_path / "map.png"

    def run(*more: str) -> int:
        return main(["map", *where, "-o", str(out), "--side", "400", *more])

    assert run("--json") == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["images"], about["new"], about["method"]) == (30, 0, "t-SNE")
    assert set(about["groups"]) == set(HUES)
    with Image.open(out) as sheet:
        assert sheet.size == (400, 400)
    assert run("--extractor", "texture") == 0
    assert "30 images by texture" in capsys.readouterr().out
    for wrong in (["-o", "map.jpg"], ["--side", "9"], ["--colour", "taste"]):
        assert main(["map", *where, "-o", str(out), *wrong]) == 2
    assert "PNG" in capsys.readouterr().err


def test_without_scikit_learn_the_command_says_what_to_install(
    library: Library,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent: Callable[[], bool] = lambda: False  # noqa: E731
    monkeypatch.setattr("image_search.mapping.layout.installed", absent)
    settings = library.settings
    where = ["--images", str(settings.images), "--cache", str(settings.cache)]

    assert main(["map", *where, "-o", str(tmp_path / "map.png")]) == 0

    printed = capsys.readouterr().out
    assert "PCA" in printed
    assert "image-search[analysis]" in printed
