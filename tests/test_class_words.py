"""Words without CLIP: a picture of what they name is found, and the answer says by what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from image_search.extractors import REGISTRY
from image_search.library import Library
from image_search.search.queries import Query
from image_search.search.reading import about_words, readers
from image_search.search.searching import NOTHING_SHOWN
from image_search.settings import Settings
from image_search.web import create_app
from tests.conftest import Run
from tests.drawing import draw_into, saved
from tests.extractors.test_imagenet import fruit
from tests.web.clients import PASSWORD, client_of

FRUIT = saved(Image.fromarray(fruit()))


@pytest.fixture
def settings(settings: Settings, folder: Path) -> Settings:
    draw_into(folder, 5)
    (folder / "a1.png").write_bytes(FRUIT)
    (folder / "orange-ring.png").write_bytes((folder / "0001.png").read_bytes())
    return replace(settings, extractors="imagenet,hsv", password=PASSWORD)


@pytest.fixture
def library(settings: Settings) -> Library:
    library = Library.open(settings)
    library.update(fingerprints=False)
    return library


def paths(library: Library, query: Query) -> list[str]:
    return [hit.path for hit in library.search(query).hits]


def test_words_that_name_a_class_find_pictures_of_it(library: Library) -> None:
    result = library.search(Query(text="oranges"))

    assert (result.matched_by, result.kind, result.named) == ("content", "text", ("oranges",))
    assert {hit.path for hit in result.hits} == {"a1.png", "orange-ring.png"}
    assert result.extractors == ("imagenet",)
    assert result.warnings == ()
    assert "orange" in next(hit for hit in result.hits if hit.path == "a1.png").labels


def test_with_weights_by_hand_names_of_files_do_not_count(library: Library) -> None:
    assert paths(library, Query(text="orange", weights={"imagenet": 1})) == ["a1.png"]


def test_a_known_word_for_what_no_picture_shows_finds_nothing(library: Library) -> None:
    result = library.search(Query(text="screwdriver"))

    assert (result.hits, result.named) == ((), ("screwdriver",))
    assert result.warnings == (NOTHING_SHOWN,)
    assert result.compared == 7


def test_other_words_are_looked_for_in_names_alone(library: Library) -> None:
    result = library.search(Query(text="ring"))

    assert (result.matched_by, result.named) == ("names", ())
    assert [hit.path for hit in result.hits] == ["orange-ring.png"]
    assert "not know 'ring', so words were only looked for in the names" in result.warnings[0]
    assert "models fetch" in result.warnings[0]


def test_unknown_words_beside_known_ones_are_named(library: Library) -> None:
    result = library.search(Query(text="art deco orange"))

    assert result.named == ("orange",)
    assert result.hits[0].path in {"a1.png", "orange-ring.png"}
    assert "does not know 'art deco'. Install CLIP" in result.warnings[0]


def test_words_for_what_is_not_push_away(library: Library) -> None:
    picture = (FRUIT,)
    plain = library.search(Query(picture, weights={"imagenet": 1})).hits[0]
    without = library.search(Query(picture, not_text="orange", weights={"imagenet": 1})).hits[0]
    unknown = library.search(Query(picture, not_text="filigree"))

    assert plain.path == without.path == "a1.png"
    assert without.score < plain.score - 0.01
    assert "does not know 'filigree'" in unknown.warnings[0]
    assert "words for what is not were left out" in unknown.warnings[0]


def test_a_picture_and_a_word_count_together(library: Library, folder: Path) -> None:
    design = (folder / "0003.png").read_bytes()

    alone, both = Query((design,)), Query((design,), text="orange")

    def likeness(query: Query) -> float:
        hits = library.search(query).hits
        return next(hit.scores["imagenet"] for hit in hits if hit.path == "a1.png")

    assert likeness(both) > likeness(alone) + 0.03
    assert library.search(both).named == ("orange",)
    assert len(library.search(both).hits) == 7


def test_the_picture_of_a_query_has_labels(library: Library) -> None:
    result = library.search(Query((FRUIT,)))

    assert "orange" in result.labels
    # The stored picture has no length, so its probability is an estimate.
    assert result.hits[0].labels.keys() & result.labels.keys()
    assert library.search(Query((FRUIT,), kind="sketch")).labels == {}
    assert library.search(Query((FRUIT,), weights={"hsv": 1})).labels == {}


def test_clip_reads_where_it_is() -> None:
    query = Query(text="orange")
    assert readers(query, ["imagenet", "hsv"]) == ("imagenet",)
    assert readers(query, ["clip", "imagenet", "hsv"]) == ("clip",)
    assert about_words(Query(text="art deco"), ["clip", "imagenet"], by_hand=False) == ()
    assert REGISTRY["imagenet"].classifies


def test_the_command_line_and_the_page_say_what_matched(
    run: Run, settings: Settings, library: Library
) -> None:
    code, out, _ = run("search", "--text", "orange", "--extractors", settings.extractors)
    assert (code, out.splitlines()[0]) == (0, "Matched by what the picture shows: orange")
    out = run("search", "--text", "screwdriver")[1]
    assert NOTHING_SHOWN in out
    assert "Matched by" not in out
    answer: Any = json.loads(run("search", "--text", "orange", "--json")[1])
    assert answer["named"] == ["orange"]
    assert any("orange" in hit["labels"] for hit in answer["results"])

    client = client_of(create_app(library, settings), PASSWORD)
    answer = client.post("/search", data={"text": "orange"}).get_json()
    assert answer["named"] == ["orange"]
    assert any("orange" in hit["labels"] for hit in answer["results"])
    status = client.get("/status").get_json()
    assert (status["reads_words"], status["reads_names"]) == (False, True)
