"""From a query to its hits."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.errors import ImageTooLarge, IndexEmpty, InvalidQuery, ModelUnavailable
from image_search.errors import UnreadableImage as Unreadable
from image_search.extractors import REGISTRY
from image_search.imaging.decoding import decode
from image_search.library import Library
from image_search.search.queries import MAX_TEXT, Query
from image_search.settings import Settings
from tests.counting import stand_in_for_clip
from tests.drawing import MadeOnce, design, draw_into, picture, saved


def indexed(settings: Settings) -> None:
    draw_into(settings.images, 30)
    Library.open(settings).update()


@pytest.fixture
def library(settings: Settings, made_once: MadeOnce) -> Library:
    """Thirty designs under two extractors."""
    return made_once(replace(settings, extractors="hsv,edges"), indexed)


def test_an_indexed_image_finds_itself_first(library: Library) -> None:
    for number in (0, 7, 29):
        result = library.search(Query((picture(number),)))

        best = result.hits[0]
        assert best.path == f"{number:04}.png"
        assert best.score == pytest.approx(1, abs=1e-3)
        assert best.scores == {
            "hsv": pytest.approx(1, abs=1e-3),
            "edges": pytest.approx(1, abs=1e-3),
        }
        assert (best.width, best.height, best.size) == (96, 72, len(picture(number)))
        assert best.modified == pytest.approx(
            (library.settings.images / best.path).stat().st_mtime, abs=1e-3
        )


def test_hits_are_ranked(library: Library) -> None:
    result = library.search(Query((picture(3),), k=12))

    assert [hit.rank for hit in result.hits] == list(range(1, 13))
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.id for hit in result.hits}) == 12
    assert all(len(hit.id) == 16 and int(hit.id, 16) >= 0 for hit in result.hits)
    assert (result.compared, result.unreadable, result.extractors) == (30, 0, ("hsv", "edges"))
    assert result.warnings == ()


@pytest.mark.parametrize("k", [30, 31, 10**9, 10**30])
def test_more_than_there_is_gives_all_there_is(library: Library, k: int) -> None:
    assert len(library.search(Query((picture(0),), k=k)).hits) == 30


def test_scores_are_the_weighted_means_of_the_cosines(library: Library) -> None:
    weights = {"hsv": 3.0, "edges": 1.0}
    extractors = {name: REGISTRY[name].load() for name in weights}

    def block(name: str, data: bytes) -> np.ndarray:
        pixels = decode(data, max_megapixels=1).pixels
        rows = extractors[name].embed([extractors[name].prepare(pixels)])
        return np.asarray(rows[0])

    for hit in library.search(Query((picture(3),), k=30, weights=weights)).hits:
        other = picture(int(hit.path[:4]))
        for name, score in hit.scores.items():
            assert score == pytest.approx(
                float(block(name, picture(3)) @ block(name, other)), abs=1e-3
            )
        mean = (3 * hit.scores["hsv"] + hit.scores["edges"]) / 4
        assert hit.score == pytest.approx(mean, abs=2e-4)


def test_an_extractor_that_is_not_named_has_no_say(library: Library) -> None:
    alone = library.search(Query((picture(3),), weights={"edges": 0.2}))

    assert alone.extractors == ("edges",)
    assert all(hit.scores == {"edges": hit.score} for hit in alone.hits)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"hsv": 0.0, "edges": 0.0}, "zero"),
        ({}, "zero"),
        ({"hsv": -1.0}, "at least 0"),
        ({"hsv": math.nan}, "at least 0"),
        ({"hsv": math.inf}, "at least 0"),
        ({"colours": 1.0}, "colours.*hsv, edges"),
        ({"hsv": 1.0, "clip": 1.0}, "clip"),
    ],
)
def test_weights_that_make_no_sense_are_refused(
    library: Library, weights: Mapping[str, float], message: str
) -> None:
    with pytest.raises(InvalidQuery, match=message):
        library.search(Query((picture(0),), weights=weights))


@pytest.mark.parametrize("size", [1e-300, 1e308])
def test_weights_of_any_size_mean_the_same(library: Library, size: float) -> None:
    plain = library.search(Query((picture(0),), weights={"hsv": 1, "edges": 1}))
    sized = library.search(Query((picture(0),), weights={"hsv": size, "edges": size}))

    assert sized.hits == plain.hits


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_hits_is_refused(library: Library, k: int) -> None:
    with pytest.raises(InvalidQuery, match="k must be"):
        library.search(Query((picture(0),), k=k))


@pytest.mark.parametrize("query", [Query(), Query(text=""), Query(text=" \n ")])
def test_an_empty_query_is_refused(library: Library, query: Query) -> None:
    with pytest.raises(InvalidQuery, match="empty"):
        library.search(query)


def test_several_pictures_ask_for_one_thing_together(library: Library) -> None:
    together = library.search(Query((picture(4), picture(9)), k=30))

    assert {hit.path for hit in together.hits[:2]} == {"0004.png", "0009.png"}
    assert together.hits[0].score < 1


def test_a_picture_that_cannot_be_used_is_refused(library: Library) -> None:
    with pytest.raises(Unreadable):
        library.search(Query((picture(0), b"no picture")))
    small = Library.open(replace(library.settings, upload_megapixels=0.001))
    with pytest.raises(ImageTooLarge):
        small.search(Query((picture(0),)))


def test_words_without_clip_say_what_to_do_and_look_at_names(library: Library) -> None:
    result = library.search(Query(text="a 0003 ring"))

    assert any("models fetch" in warning for warning in result.warnings)
    assert [hit.path for hit in result.hits] == ["0003.png"]
    assert result.hits[0].scores == {"name": round(1 / 3, 4)}


@pytest.mark.parametrize("query", [Query((picture(0),), weights={"hsv": 1}), Query(text="red")])
def test_an_empty_index_says_so(settings: Settings, query: Query) -> None:
    library = Library.open(settings)
    with pytest.raises(IndexEmpty):
        library.search(query)
    library.update()
    with pytest.raises(IndexEmpty):
        library.search(query)


def test_an_index_whose_extractors_are_unknown_here_says_so(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hsv", "edges"):
        monkeypatch.setitem(vars(REGISTRY[name]), "model", "another/model")
    reopened = Library.open(library.settings)

    with pytest.raises(ModelUnavailable, match="reindex"):
        reopened.search(Query((picture(0),)))
    assert "another model" in " ".join(reopened.status().warnings)


@pytest.mark.parametrize("k", range(1, 6))
def test_ties_go_by_path(settings: Settings, folder: Path, k: int) -> None:
    draw_into(folder, 3)
    library = Library.open(settings)
    library.update()
    for name in ("c.png", "a.png", "b.png"):
        shutil.copy(folder / "0001.png", folder / name)
        library.update()  # each in a segment of its own

    hits = library.search(Query((picture(1),), k=k)).hits

    assert [hit.path for hit in hits[:4]] == ["0001.png", "a.png", "b.png", "c.png"][:k]


def test_what_was_deleted_never_comes_back(library: Library) -> None:
    library.search(Query((picture(0),)))
    for number in range(0, 30, 2):
        (library.settings.images / f"{number:04}.png").unlink()
    library.update()

    result = library.search(Query((picture(0),), k=100))

    assert result.compared == len(result.hits) == 15
    assert all(int(hit.path[:4]) % 2 for hit in result.hits)
    for one in (1, 2, 14):
        assert len(library.search(Query((picture(0),), k=one)).hits) == one


def test_an_update_by_another_process_is_taken_up(library: Library) -> None:
    assert library.search(Query((picture(77),))).hits[0].path != "0077.png"
    draw_into(library.settings.images, 1, first=77)

    Library.open(library.settings).update()

    assert library.search(Query((picture(77),))).hits[0].path == "0077.png"
    assert library.status().images == 31


def test_turned_copies_find_each_other(settings: Settings, folder: Path) -> None:
    draw_into(folder, 5)
    turns = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    for orientation, turn in turns.items():
        for kind in ("JPEG", "TIFF"):
            image = design(50, (200, 120))
            exif = Image.Exif()
            exif[0x0112] = orientation
            stored = image if turn is None else image.transpose(turn)
            data = saved(stored, kind, exif=exif)
            (folder / f"turned-{orientation}.{kind.lower()}").write_bytes(data)
    library = Library.open(replace(settings, extractors="edges"))
    library.update()

    hits = library.search(Query(((folder / "turned-6.jpeg").read_bytes(),), k=6)).hits

    assert all(hit.path.startswith("turned") for hit in hits)
    assert hits[-1].score > 0.95
    assert {(hit.width, hit.height) for hit in hits} == {(200, 120)}


class TestWords:
    """With an extractor that knows words."""

    @pytest.fixture
    def library(self, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
        stand_in_for_clip(monkeypatch)
        for colour in ("red", "green", "blue"):
            (folder / f"{colour}.png").write_bytes(saved(Image.new("RGB", (20, 20), colour)))
        library = Library.open(replace(settings, extractors="clip,hsv"))
        library.update()
        return library

    def test_words_find_what_they_name(self, library: Library) -> None:
        result = library.search(Query(text="  blue "))

        assert result.hits[0].path == "blue.png"
        assert result.extractors == ("clip",)
        assert result.hits[0].scores.keys() == {"clip", "name"}

    def test_words_and_a_picture_ask_together(self, library: Library) -> None:
        red = (library.settings.images / "red.png").read_bytes()

        result = library.search(Query((red,), "blue", k=3, weights={"clip": 1}))

        assert {hit.path for hit in result.hits[:2]} == {"red.png", "blue.png"}

    def test_weights_for_what_cannot_read_are_refused(self, library: Library) -> None:
        with pytest.raises(InvalidQuery, match="leave no extractor"):
            library.search(Query(text="red", weights={"hsv": 1}))

    def test_an_essay_is_refused(self, library: Library) -> None:
        with pytest.raises(InvalidQuery, match="too long"):
            library.search(Query(text="r" * (MAX_TEXT + 1)))
