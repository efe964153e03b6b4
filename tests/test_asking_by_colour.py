"""Asking by colour and by words, over pictures in plain colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from image_search.errors import InvalidQuery
from image_search.library import Library
from image_search.search.palettes import parse_colour
from image_search.search.queries import Query
from image_search.search.reading import UNWEIGHED
from image_search.settings import Settings
from tests.counting import stand_in_for_clip
from tests.drawing import MadeOnce, saved

GOLD, NAVY, WHITE = (212, 175, 55), (31, 58, 147), (255, 255, 255)


def striped(top: tuple[int, int, int], bottom: tuple[int, int, int], share: float) -> bytes:
    """A picture of which ``share`` has the upper colour."""
    image = Image.new("RGB", (60, 100), bottom)
    image.paste(top, (0, 0, 60, round(100 * share)))
    return saved(image)


def indexed(settings: Settings) -> None:
    for name, share in (("mostly", 0.8), ("half", 0.5), ("little", 0.2)):
        (settings.images / f"{name}.png").write_bytes(striped(GOLD, NAVY, share))
    for name, colour in (("dark", (176, 141, 32)), ("red", (255, 0, 0)), ("white", WHITE)):
        (settings.images / f"{name}.png").write_bytes(striped(colour, colour, 1))
    Library.open(settings).update()


class TestColours:
    """Pictures in plain colours."""

    @pytest.fixture
    def library(self, settings: Settings, made_once: MadeOnce) -> Library:
        return made_once(replace(settings, extractors="hsv,edges"), indexed)

    @staticmethod
    def found(library: Library, *colours: str, **more: object) -> list[str]:
        query = Query(color=tuple(parse_colour(colour) for colour in colours), **more)  # type: ignore[arg-type]
        return [hit.path.removesuffix(".png") for hit in library.search(query).hits]

    def test_near_colours_come_first(self, library: Library) -> None:
        assert self.found(library, "#d4af37")[:4] == ["mostly", "dark", "half", "little"]

    def test_shares_decide(self, library: Library) -> None:
        for name, shares in (("mostly", (8, 2)), ("half", (5, 5)), ("little", (2, 8))):
            colours = f"#d4af37:{shares[0]}", f"#1f3a93:{shares[1]}"
            assert self.found(library, *colours)[0] == name

    def test_they_replace_those_of_the_picture(self, library: Library) -> None:
        asked = Query((striped(WHITE, WHITE, 1),), color=(parse_colour("#ff0000"),))
        for query in (asked, replace(asked, kind="sketch"), replace(asked, weights={"hsv": 1})):
            best = library.search(query).hits[0]
            assert best.path == "red.png"
            assert best.contributions["hsv"] > 0

    def test_a_mixture_by_name_does_not_silence_them(self, library: Library) -> None:
        asked = Query((striped(WHITE, WHITE, 1),), color=(parse_colour("#ff0000"),))
        for query in (replace(asked, preset="form"), replace(asked, preset="colours")):
            best = library.search(query).hits[0]
            assert best.path == "red.png"
            assert best.contributions["hsv"] >= 0.49 * best.scores["hsv"]

    def test_alone_they_are_all_that_counts(self, library: Library) -> None:
        hits = library.search(Query(color=(parse_colour("#ff0000"),))).hits
        assert all(hit.scores == {"hsv": hit.score} for hit in hits)

    def test_weights_must_let_them_speak(self, library: Library) -> None:
        for weights in ({"edges": 1.0}, {"edges": 1.0, "hsv": 0.0}):
            with pytest.raises(InvalidQuery, match="colour is asked for"):
                self.found(library, "#ff0000", weights=weights)

    def test_an_index_without_colours_says_so(self, library: Library) -> None:
        plain = Library.open(replace(library.settings, extractors="edges"))
        plain.update()
        with pytest.raises(InvalidQuery, match="hsv, which is not in use"):
            self.found(plain, "#ff0000")


class TestWordsAgainst:
    """With an extractor that knows words."""

    @pytest.fixture
    def library(self, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
        stand_in_for_clip(monkeypatch)
        for name, colour in (("a", "red"), ("b", "blue"), ("c", "magenta"), ("d", "lime")):
            (folder / f"{name}.png").write_bytes(saved(Image.new("RGB", (20, 20), colour)))
        library = Library.open(replace(settings, extractors="clip,hsv"))
        library.update()
        return library

    @staticmethod
    def ranks(library: Library, query: Query) -> dict[str, float]:
        result = library.search(query)
        assert result.warnings == ()
        return {hit.path[0]: hit.scores["clip"] for hit in result.hits}

    def test_they_push_away(self, library: Library) -> None:
        magenta = saved(Image.new("RGB", (20, 20), "magenta"))
        for asked in (Query((magenta,), weights={"clip": 1}), Query(text="red")):
            before = self.ranks(library, asked)
            after = self.ranks(library, replace(asked, not_text="blue"))
            assert after["a"] - after["b"] > before["a"] - before["b"]
            assert next(iter(after)) == "a"

    def test_they_push_away_from_colours_too(self, library: Library) -> None:
        scores = self.ranks(library, Query(color=(parse_colour("#ff00ff"),), not_text="blue"))

        assert scores["b"] < scores["c"] < scores["d"] <= 0

    def test_what_is_wanted_and_not_wanted_at_once_is_no_error(self, library: Library) -> None:
        assert len(self.ranks(library, Query(text="red", not_text="red"))) == 4

    def test_a_picture_and_words_ask_together(self, library: Library) -> None:
        red = saved(Image.new("RGB", (20, 20), "red"))
        scores = self.ranks(library, Query((red,), text="blue"))
        assert max(scores, key=lambda name: scores[name]) == "c"

    def test_weights_without_clip_leave_words_out(self, library: Library) -> None:
        red = saved(Image.new("RGB", (20, 20), "red"))
        result = library.search(Query((red,), text="blue", weights={"hsv": 1}))
        assert result.warnings == (UNWEIGHED,)
        assert result.hits[0].path == "a.png"
