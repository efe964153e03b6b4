"""Searches by style: the presets, and that nothing else changes."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from image_search.errors import InvalidQuery
from image_search.library import Library
from image_search.search.queries import PRESETS, Query
from image_search.search.searching import SearchResult
from image_search.settings import Settings
from tests.conftest import Run
from tests.extractors.test_style import picture

pytestmark = pytest.mark.slow

STYLES, SUBJECTS, EACH = ("drawn", "flat", "grain"), ("disc", "cross", "peak"), 7


def png(style: str, subject: str, seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(style, subject, seed)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three subjects in three styles, some of each."""
    folder = tmp_path_factory.mktemp("styles")
    for style in STYLES:
        for subject in SUBJECTS:
            (folder / "images" / style / subject).mkdir(parents=True)
            for seed in range(EACH):
                file = folder / "images" / style / subject / f"{seed}.png"
                file.write_bytes(png(style, subject, seed))
    settings = Settings(
        images=folder / "images", cache=folder / "index.pkl", extractors="design,hsv,edges,style"
    )
    Library.open(settings).update(fingerprints=False)
    return settings


@pytest.fixture(scope="module")
def library(state: Settings) -> Library:
    return Library.open(state)


def share(result: SearchResult, place: int, name: str) -> float:
    """The share of hits whose folder at this place has this name."""
    return sum(hit.path.split("/")[place] == name for hit in result.hits) / len(result.hits)


def asked(library: Library, style: str, subject: str, preset: str) -> SearchResult:
    # As a photo: what is drawn would be cleaned first.
    image = png(style, subject, EACH)
    return library.search(Query((image,), preset=preset, kind="photo", k=10))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_preset_finds_the_style(library: Library, style: str, subject: str) -> None:
    result = asked(library, style, subject, "style")

    assert share(result, 0, style) >= 0.7
    assert result.extractors == ("style",)
    assert all(hit.contributions == {"style": hit.score} for hit in result.hits)


def test_half_of_the_likeness_of_the_subject_is_taken_off(library: Library) -> None:
    image = png("flat", "disc", EACH)

    def scores(**fields: Any) -> dict[str, float]:
        result = library.search(Query((image,), kind="photo", k=100, **fields))
        return {hit.path: hit.score for hit in result.hits}

    style, subject = (scores(weights={name: 1}) for name in ("style", "design"))
    found = scores(preset="other_subject")

    std = library._serving.index().calibration.std
    assert PRESETS["other_subject"]["meaning"] == -PRESETS["other_subject"]["style"] / 2
    for path, score in found.items():
        wanted = style[path] / std["style"] - subject[path] / std["design"] / 2
        wanted /= 1 / std["style"] + 1 / std["design"] / 2
        assert score == pytest.approx(wanted, abs=5e-4)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_what_is_alike_is_taken_off(library: Library) -> None:
    hits = asked(library, "flat", "disc", "other_subject").hits

    for hit in hits:
        assert hit.contributions["design"] * hit.scores["design"] <= 0
        assert hit.score == pytest.approx(sum(hit.contributions.values()), abs=2e-4)
    assert PRESETS["other_subject"]["meaning"] < 0


def test_a_drawing_is_compared_as_it_is(library: Library) -> None:
    """Cleaned of its paper, it would be black on white, like any other."""
    paper = np.array([214, 196, 150]) / 255
    pixels = picture("drawn", "peak", EACH) * paper
    image = cv2.imencode(".png", pixels.astype(np.uint8)[..., ::-1])[1].tobytes()

    cleaned = library.search(Query((image,), kind="sketch"))
    found = library.search(Query((image,), kind="sketch", preset="style"))
    as_it_is = library.search(Query((image,), kind="sketch", preset="style", original=True))

    assert cleaned.drawing is not None
    assert found.drawing is None
    assert found.hits == as_it_is.hits


def test_weights_by_hand_stay_above_zero(library: Library) -> None:
    with pytest.raises(InvalidQuery, match="at least 0"):
        library.search(Query((png("flat", "disc", 0),), weights={"style": 1, "design": -1}))


def test_default_rankings_are_the_same_with_and_without_it(
    state: Settings, library: Library, tmp_path: Path
) -> None:
    without = replace(state, cache=tmp_path / "index.pkl", extractors="design,hsv,edges")
    other = Library.open(without)
    other.update(fingerprints=False)

    for query in (
        Query((png("flat", "peak", EACH),), k=40),
        Query((png("drawn", "peak", EACH),), k=40),
        Query((png("grain", "disc", EACH),), k=40, preset="even"),
    ):
        one, two = library.search(query), other.search(query)
        assert one.kind == two.kind
        assert [hit.path for hit in one.hits] == [hit.path for hit in two.hits]
        scores = [hit.score for hit in two.hits]
        assert [hit.score for hit in one.hits] == pytest.approx(scores, abs=1e-4)


def test_the_command(state: Settings, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "asked.png"
    file.write_bytes(png("grain", "cross", EACH))
    where = ("--cache", state.cache, "--extractors", state.extractors)

    code, printed, _ = run("search", file, "--preset", "style", "-k", "5", *where)

    assert code == 0
    assert printed.count("grain/") == 5


def test_without_an_extractor_for_it_the_answer_says_so(state: Settings, tmp_path: Path) -> None:
    settings = replace(state, cache=tmp_path / "index.pkl", extractors="hsv,edges")
    library = Library.open(settings)
    library.update(fingerprints=False)
    image = png("flat", "disc", 0)

    for preset in ("style", "other_subject"):
        with pytest.raises(InvalidQuery, match="Nothing in use here compares style"):
            library.search(Query((image,), preset=preset))
