"""Each way of asking, alone and mixed with others, over a real library."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from image_search.demo import draw as draw_demo
from image_search.demo.catalogue import catalogue
from image_search.errors import InvalidQuery, UnknownImage
from image_search.library import Library
from image_search.search.palettes import parse_colour
from image_search.search.queries import Filter, Hit, Query, Region
from image_search.search.ranking.fusion import (
    QueryExpansion,
)
from image_search.search.reading import UNWEIGHED
from image_search.search.searching import NO_NAME
from image_search.settings import Settings
from tests.drawing import copy_of, design, draw_into, picture, saved

FIRST, LATER = QueryExpansion().kept, QueryExpansion().size


def indexed(place: Path, count: int, extractors: str) -> Library:
    """A library of so many designs, indexed; calibrated where there are 60."""
    draw_into(place / "images", count)
    cache = place / "state" / "image_features.pkl"
    opened = Library.open(
        Settings(images=place / "images", cache=cache, extractors=extractors, threads=2)
    )
    assert opened.update().calibrated == (count == 60)
    return opened


@pytest.fixture(scope="module", params=[30, 60], ids=["as it is", "calibrated"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Designs under three extractors, half of them in a folder of their own."""
    place = tmp_path_factory.mktemp("asking")
    library = indexed(place, request.param, "hsv,edges,texture")
    late = library.settings.images / "Late"
    late.mkdir()
    for path in sorted(library.settings.images.glob("*.png"))[request.param // 2 :]:
        path.rename(late / path.name)
    library.update()
    return library.settings


@pytest.fixture
def library(made: Settings, tmp_path: Path) -> Library:
    """A copy of those designs, for one test."""
    return copy_of(made, tmp_path)


@pytest.fixture(scope="module")
def under_design(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return indexed(tmp_path_factory.mktemp("first"), 60, "design,edges").settings


def line_drawing() -> bytes:
    pixels = np.full((240, 300, 3), 255, dtype=np.uint8)
    cv2.circle(pixels, (150, 120), 70, (40, 40, 40), 3, cv2.LINE_AA)
    cv2.line(pixels, (60, 200), (240, 210), (40, 40, 40), 3, cv2.LINE_AA)
    return saved(Image.fromarray(pixels))


def contents(hits: tuple[Hit, ...]) -> list[tuple[str, Any]]:
    # What is stored is rounded to half precision, what is asked is not.
    return [(hit.path, pytest.approx(hit.score, abs=1e-3)) for hit in hits]


@pytest.mark.parametrize(
    "query",
    [
        Query((picture(3),)),
        Query((picture(3), picture(4)), text="late 0004", kind="sketch"),
        Query((picture(3),), color=(parse_colour("#d4af37"),), weights={"hsv": 3, "edges": 0.5}),
        Query(text="late 3"),
        Query(color=(parse_colour("#d4af37"),), text="late"),
    ],
)
def test_contributions_add_up_to_the_score(library: Library, query: Query) -> None:
    hits = library.search(replace(query, k=99)).hits
    assert hits
    for hit in hits:
        assert hit.contributions.keys() == hit.scores.keys()
        assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=3e-4)


class TestTheFirstAnswers:
    @pytest.fixture
    def library(self, under_design: Settings, tmp_path: Path) -> Library:
        return copy_of(under_design, tmp_path)

    @pytest.fixture(params=["drawing", "photo"])
    def asked(self, request: pytest.FixtureRequest) -> bytes:
        return line_drawing() if request.param == "drawing" else picture(99)

    def hits(self, library: Library, asked: bytes, **others: Any) -> tuple[Hit, ...]:
        return library.search(Query((asked,), **{"k": 60} | others)).hits

    def test_the_part_of_the_first_results_is_shown(self, library: Library, asked: bytes) -> None:
        hits = self.hits(library, asked)

        for hit in hits:
            assert hit.scores.keys() == {"design", "edges", "query_expansion"}
            assert hit.contributions.keys() == hit.scores.keys()
            assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=3e-4)
            assert -1 <= hit.score <= 1
        added = [hit.contributions["query_expansion"] for hit in hits]
        assert added[:FIRST] == [0] * FIRST
        assert min(added[FIRST:LATER]) > 0
        like = [hit.scores["query_expansion"] for hit in hits]
        assert np.mean(like[:LATER]) > np.mean(like[LATER:])

    def test_the_very_first_keep_their_places(self, library: Library, asked: bytes) -> None:
        hits = self.hits(library, asked)

        # What an extractor adds to the first, for nothing else has a say there.
        shares = {
            name: hits[0].contributions[name] / hits[0].scores[name] for name in ("design", "edges")
        }
        plain = [sum(shares[name] * hit.scores[name] for name in shares) for hit in hits]
        first = sorted(range(len(hits)), key=lambda place: -plain[place])
        assert first[:FIRST] == list(range(FIRST))
        for hit, score in zip(hits[:FIRST], plain, strict=False):
            assert hit.score == pytest.approx(score, abs=1e-3)
        # The others are put in another order.
        assert first != list(range(len(hits)))

    def test_whoever_weighs_or_adds_is_answered_by_the_plain_sum(
        self, library: Library, asked: bytes
    ) -> None:
        weighed = self.hits(library, asked, weights={"edges": 1})
        assert all(hit.scores == {"edges": hit.score} for hit in weighed)
        assert "query_expansion" not in self.hits(library, asked, text="late")[0].scores

    def test_only_what_a_filter_admits_speaks(self, library: Library, asked: bytes) -> None:
        images = library.settings.images
        every = self.hits(library, asked)
        (images / "some").mkdir()
        for hit in every[::2]:
            (images / hit.path).rename(images / "some" / hit.path)
        library.update()
        admitted = self.hits(library, asked, filter=Filter(folder="some"))
        for hit in every[1::2]:
            (images / hit.path).unlink()
        library.update()

        assert len(admitted) == len(every[::2])
        assert contents(self.hits(library, asked)) == contents(admitted)

    def test_few_or_many_hits_score_alike(self, library: Library, asked: bytes) -> None:
        few = self.hits(library, asked, k=7)
        assert contents(few) == contents(self.hits(library, asked)[:7])


def test_weights_for_one_extractor_rank_by_its_score(library: Library) -> None:
    every = library.search(Query((picture(3),), k=99))
    alone = library.search(Query((picture(3),), k=99, weights={"hsv": 1}))

    by_path = {hit.path: hit.scores["hsv"] for hit in every.hits}
    assert [hit.score for hit in alone.hits] == sorted(by_path.values(), reverse=True)
    assert all(hit.score == hit.scores["hsv"] == by_path[hit.path] for hit in alone.hits)


def test_huge_weights_mean_the_same(library: Library) -> None:
    plain, huge = (
        library.search(Query((picture(3),), weights={"hsv": size, "edges": size / 2}))
        for size in (1.0, 1.7e308)
    )
    assert contents(huge.hits) == contents(plain.hits)


def test_more_like_this_is_a_search_by_the_file(library: Library) -> None:
    by_file = library.search(Query((picture(7),), k=20))
    identity = by_file.hits[0].id
    by_id = library.search(Query(like=(identity,), k=20))

    assert by_id.hits[0].path == "0007.png"
    assert by_id.hits[0].score == pytest.approx(1, abs=1e-3)
    assert by_id.kind == by_file.kind == "photo"
    assert contents(by_id.hits) == contents(by_file.hits)
    by_both = library.search(Query((picture(7),), like=(identity, identity), k=20))
    assert contents(by_both.hits) == contents(by_file.hits)


def test_an_image_that_is_not_indexed_is_unknown(library: Library) -> None:
    gone = library.search(Query((picture(7),))).hits[0]
    (library.settings.images / gone.path).unlink()
    library.update()
    for identity in (gone.id, "0" * 16, "ring", "", "F" * 16, "-" + "1" * 15, "1" * 10_000):
        with pytest.raises(UnknownImage, match="No indexed image"):
            library.search(Query(like=(identity,)))


def test_a_region_asks_only_with_what_is_inside(library: Library) -> None:
    both = Image.new("RGB", (192, 72))
    both.paste(design(3), (0, 0))
    both.paste(design(9), (96, 0))
    asked = saved(both)

    left = library.search(Query((asked,), region=Region(0, 0, 0.5, 1)))
    assert contents(left.hits) == contents(library.search(Query((picture(3),))).hits)
    right = library.search(Query((asked,), region=Region(0.5, 0, 0.5, 1)))
    assert contents(right.hits) == contents(library.search(Query((picture(9),))).hits)
    whole = library.search(Query((asked,), region=Region(0, 0, 1, 1)))
    assert contents(whole.hits) == contents(library.search(Query((asked,))).hits)
    library.search(Query((asked,), region=Region(0.999, 0.999, 0.001, 0.001)))


def test_a_small_part_of_a_large_picture_is_seen_sharply(settings: Settings, folder: Path) -> None:
    draw_into(folder, 5)
    part = design(50, (300, 200))
    (folder / "part.png").write_bytes(saved(part))
    library = Library.open(replace(settings, extractors="edges,texture"))
    library.update()
    page = Image.new("RGB", (3000, 2000), "white")
    page.paste(part, (870, 580))

    hits = library.search(Query((saved(page),), region=Region(0.29, 0.29, 0.1, 0.1))).hits

    assert hits[0].path == "part.png"
    assert hits[0].score > 0.999


def test_a_line_drawing_is_taken_for_a_sketch(library: Library) -> None:
    drawn = line_drawing()

    for query in (Query((drawn,)), Query((drawn, drawn)), Query((picture(3),), kind="sketch")):
        result = library.search(query)
        assert result.kind == "sketch"
        assert all(hit.contributions["hsv"] == 0 for hit in result.hits)
    for query in (Query((picture(3),)), Query((drawn, picture(3))), Query((drawn,), kind="photo")):
        result = library.search(query)
        assert result.kind == "photo"
        assert any(hit.contributions["hsv"] for hit in result.hits)


def test_more_like_an_indexed_drawing_asks_as_the_drawing_itself(library: Library) -> None:
    file = library.settings.images / "drawn.png"
    file.write_bytes(line_drawing())
    library.update()
    drawn = library.search(Query((line_drawing(),), k=99))
    identity = next(hit.id for hit in drawn.hits if hit.path == file.name)
    other = next(hit.id for hit in drawn.hits if hit.path != file.name)

    alike = library.search(Query(like=(identity,), k=99))

    assert (alike.kind, contents(alike.hits)) == ("sketch", contents(drawn.hits))
    for query in (
        Query(like=(identity, other)),
        Query((picture(3),), like=(identity,)),
        Query(like=(identity,), kind="photo"),
    ):
        assert library.search(query).kind == "photo"
    file.unlink()  # what was indexed still asks, but nobody can look at it
    assert library.search(Query(like=(identity,))).kind == "photo"


def test_a_pencil_drawing_finds_its_design(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    sketched = next(design for design in catalogue() if design.sketched)
    draw_demo([sketched], folder, tmp_path / "sketches")
    draw_into(folder, 10)
    library = Library.open(replace(settings, extractors="hsv,edges"))
    library.update()
    (page,) = (tmp_path / "sketches").iterdir()

    result = library.search(Query((page.read_bytes(),)))

    assert result.kind == "sketch"
    assert result.hits[0].path.startswith(f"{sketched.kind}/")


def test_filters_are_exact_and_decide_what_is_compared(library: Library) -> None:
    images = library.settings.images
    count = library.status().images
    wide = saved(design(77, (200, 100)))
    (images / "Late" / "wide.png").write_bytes(wide)
    os.utime(images / "Late" / "wide.png", (1e9, 1e9))
    library.update()
    # With weights of one's own only: what the first answers say depends on what is admitted.
    asked = Query((picture(3),), k=999, weights={"hsv": 1, "edges": 1})
    everything = library.search(asked).hits
    late = Filter(folder="late")
    tests: list[tuple[Filter, Callable[[Hit], bool]]] = [
        (Filter(), lambda _: True),
        (late, lambda hit: hit.path.startswith("Late/")),
        (Filter(name="*2.png"), lambda hit: hit.path.endswith("2.png")),
        (Filter(before=1e9 + 1), lambda hit: hit.modified < 1e9 + 1),
        (Filter(after=1e9 + 1), lambda hit: hit.modified >= 1e9 + 1),
        (Filter(min_side=73), lambda hit: min(hit.width, hit.height) >= 73),
        (replace(late, name="9"), lambda hit: "Late/" in hit.path and "9" in hit.path),
        (Filter(folder="nowhere"), lambda _: False),
    ]
    for condition, fits in tests:
        result = library.search(replace(asked, filter=condition))
        wanted = [hit for hit in everything if fits(hit)]
        assert contents(result.hits) == contents(tuple(wanted))
        assert [hit.rank for hit in result.hits] == list(range(1, len(wanted) + 1))
        assert result.compared == len(wanted) <= count + 1
        few = library.search(replace(asked, k=2, filter=condition))
        assert contents(few.hits) == contents(tuple(wanted[:2]))
        assert few.compared == len(wanted)


def test_names_are_matched_without_clip(library: Library) -> None:
    alone = library.search(Query(text="0020, please"))
    assert (alone.kind, alone.extractors) == ("text", ())
    assert [(hit.path[-8:], hit.score) for hit in alone.hits] == [("0020.png", 0.5)]
    mixed = library.search(Query((picture(3),), text="0020", k=99))
    for hit in mixed.hits:
        named = 1.0 if "0020" in hit.path else 0.0
        assert hit.scores["name"] == named
        seen = sum(value for part, value in hit.contributions.items() if part != "name")
        assert hit.score == pytest.approx(seen + 0.2 * named, abs=3e-4)
    best = max(mixed.hits, key=lambda hit: hit.scores["hsv"])
    assert best.path.endswith("0003.png")
    assert best.score == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(text="gold"), "models fetch"),
        (Query((picture(3),), text="gold"), "models fetch"),
        (Query((picture(3),), not_text="gold"), "words for what is not were left out"),
        (Query((picture(3),), text="gold", weights={"hsv": 1}), UNWEIGHED),
    ],
)
def test_words_that_cannot_be_understood_are_reported(
    library: Library, query: Query, message: str
) -> None:
    warning, *further = library.search(query).warnings
    assert message in warning
    # Words alone are looked for in names, and none is like that.
    assert further == ([] if query.images else [NO_NAME])


def test_words_without_letters_hold_nothing_to_look_for(library: Library) -> None:
    with pytest.raises(InvalidQuery, match="The words hold nothing to search for"):
        library.search(Query(text="?!"))
