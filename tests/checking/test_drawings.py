"""What can be said of drawings: the arithmetic of chances, and verdicts over drawn designs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_search.duplicates.checking import Checked, drawings, to_plain
from image_search.duplicates.checking.drawings import (
    ENOUGH,
    MOST,
    Answer,
    DrawingLine,
    MeasuredDrawing,
    fit,
    judge,
)
from image_search.duplicates.checking.rendered import PAPERS, STYLES, drawing_of
from image_search.duplicates.checking.thresholds import Thresholds, load, save
from image_search.library import Library
from image_search.search.queries import Hit, Query
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import copy_of, saved, updated

DESIGNS = 40
LIKENESS = st.floats(-3, 8)
ANSWERS = st.tuples(
    st.lists(LIKENESS, min_size=1, max_size=60),
    st.lists(LIKENESS, max_size=20),
    st.integers(0, 10**6),
)


def answer_of(first: Sequence[float], rest: Sequence[float] = (), below: int = 0) -> Answer:
    ordered = np.array(sorted(first, reverse=True), float)
    return Answer(ordered, np.array(rest, float), len(first) + below * bool(rest))


@given(ANSWERS, st.floats(0.05, 5))
def test_chances_grow_with_the_hits_and_never_reach_above_one(
    parts: tuple[list[float], list[float], int], slope: float
) -> None:
    chances = answer_of(*parts).chances(slope)

    assert len(chances) == len(parts[0])
    assert np.all(np.diff(chances) >= -1e-12)
    assert chances[0] >= 0
    assert chances[-1] <= 1 + 1e-9


@given(ANSWERS)
def test_more_images_below_leave_less_for_the_first(
    parts: tuple[list[float], list[float], int],
) -> None:
    first, rest, below = parts
    few, many = answer_of(first, rest, below), answer_of(first, rest, 2 * below + 10)
    assert many.chances(1)[-1] <= few.chances(1)[-1] + 1e-9


def test_where_everything_is_among_the_hits_so_is_the_design() -> None:
    assert answer_of([3.0, 1.0, 0.5]).chances(1)[-1] == pytest.approx(1)


def hits(count: int) -> list[Hit]:
    return [
        Hit(rank, f"{rank:016x}", f"{rank}.png", 0.5, {}, {}, 1, 1, 1, 1.0)
        for rank in range(1, count + 1)
    ]


@given(ANSWERS, st.floats(0.3, 6))
def test_no_more_is_named_than_the_chance_needs(
    parts: tuple[list[float], list[float], int], slope: float
) -> None:
    answer = answer_of(*parts)
    line = DrawingLine(slope, None, 50)

    judged = judge(answer, hits(len(answer.first)), line)

    chances = answer.chances(line.by_hand)
    count = len(judged.hits)
    assert 1 <= count <= MOST
    assert judged.chance == pytest.approx(min(chances[count - 1], 1))
    assert count == 1 or chances[count - 2] < ENOUGH, "the last one was needed"
    assert judged.chance >= ENOUGH or count == min(MOST, len(chances))


def simulated(slope: float, count: int, seed: int = 0, images: int = 500) -> list[MeasuredDrawing]:
    """Drawings whose own image is each one with the probability that ``slope`` gives it."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        likeness = np.sort(rng.normal(0, 1, images))[::-1]
        evidence = slope * likeness - drawings.PLACE * np.log1p(np.arange(images))
        shares = np.exp(evidence - evidence.max())
        own = int(rng.choice(images, p=shares / shares.sum()))
        others = np.delete(likeness, own)
        first, rest = likeness[:60], rng.choice(likeness[60:], 100)
        found.append(
            MeasuredDrawing(
                Answer(first, rest, images),
                own if own < 60 else None,
                float(likeness[own]),
                float(others[0]),
            )
        )
    return found


@pytest.mark.parametrize("slope", [1.2, 2.5, 4.0])
def test_the_slope_of_what_was_found_is_found(slope: float) -> None:
    fitted = fit(simulated(slope, 300))
    assert fitted.slope == pytest.approx(slope, rel=0.12)
    assert fitted.measured_on == 300


@pytest.mark.parametrize("slope", [1.0, 2.5])
def test_on_other_drawings_the_chance_is_as_stated(slope: float) -> None:
    fitted = fit(simulated(slope, 200))
    later = simulated(slope, 600, seed=1)
    for count in (1, 5, 30):
        stated = np.mean([one.answer.chances(fitted.slope)[count - 1] for one in later])
        true = np.mean([one.place is not None and one.place < count for one in later])
        assert stated == pytest.approx(true, abs=0.05)


def test_new_is_rare_among_drawings_of_what_is_there() -> None:
    fitted = fit(simulated(2.5, 100))
    line = replace(fitted, slope=2.5)
    assert fitted.new is not None
    later = [judge(one.answer, hits(60), line).new for one in simulated(1.0, 600, seed=2)]
    assert np.mean(later) <= drawings.PROMISED
    far = answer_of([fitted.new - 0.1] * 60, [0.0], 400)
    assert judge(far, hits(60), line).new


def test_what_little_was_measured_calls_nothing_new() -> None:
    assert fit(simulated(2.5, 100, images=80)).new is None
    assert fit(simulated(2.5, 10)).new is None
    nothing = fit([])
    assert (nothing.new, nothing.measured_on) == (None, 0)
    assert nothing.slope == pytest.approx(drawings.ASSUMED_LINE.slope, rel=0.02)


def test_what_was_fitted_is_kept_and_what_is_older_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.pkl"
    for line in (None, DrawingLine(2.5, None, 70), DrawingLine(2.5, 2.9, 70)):
        save(path, Thresholds({}, 10, "way", line))
        found = load(path)
        assert found is not None
        assert found.drawings == line
    from image_search.storage import safe_pickle

    safe_pickle.dump(path, {"way": "way", "fitted_on": 10, "by_kind": {}})
    assert load(path) is None


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("paper", PAPERS)
def test_a_rendered_drawing_is_ink_on_paper(style: str, paper: str) -> None:
    design = np.asarray(motif(3))
    drawn, again, other = (
        drawing_of(design, style, paper, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert drawn.dtype == np.uint8
    assert np.array_equal(drawn, again)
    assert drawn.shape != other.shape or not np.array_equal(drawn, other)
    grey = drawn.mean(axis=2)
    light = np.median(grey)
    assert light > 150
    assert 0.003 < (grey < light - 60).mean() < 0.3


def motif(seed: int) -> Image.Image:
    """A design of some shapes on a plain ground, never twice the same."""
    from PIL import ImageDraw

    rng = np.random.default_rng((7, seed))
    image = Image.new("RGB", (240, 240), (244, 240, 232))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(3, 6))):
        x, y = (int(value) for value in rng.integers(30, 150, 2))
        width, height = (int(value) for value in rng.integers(25, 90, 2))
        colour = tuple(int(value) for value in rng.integers(20, 190, 3))
        box = (x, y, x + width, y + height)
        (draw.ellipse, draw.rectangle)[int(rng.integers(2))](box, fill=colour)
        spokes = int(rng.integers(0, 5))
        for spoke in range(spokes):
            angle = 2 * np.pi * spoke / spokes
            end = x + width * (0.5 + 0.9 * np.cos(angle)), y + height * (0.5 + 0.9 * np.sin(angle))
            draw.line((x + width / 2, y + height / 2, *end), fill=colour, width=5)
    return image


def sketch(seed: int) -> bytes:
    drawn = drawing_of(np.asarray(motif(seed)), "contour", "white", np.random.default_rng(5))
    return saved(Image.fromarray(drawn))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Designs, and one that was sketched already; indexed and measured."""
    place = tmp_path_factory.mktemp("drawings")
    images = place / "images"
    images.mkdir()
    for number in range(DESIGNS):
        (images / f"{number:02}.png").write_bytes(saved(motif(number)))
    (images / "sketched.png").write_bytes(sketch(500))
    settings = Settings(images, place / "state" / "image_features.pkl", threads=2,
                        extractors="design,edges")  # fmt: skip
    updated(Library.open(settings))
    return settings


@pytest.fixture
def library(made: Settings) -> Library:
    return Library.open(made)


def test_a_drawn_design_is_among_the_possible_ones(library: Library) -> None:
    found = 0
    for number in range(0, 12, 2):
        result = library.check(Query(images=(sketch(number),), kind="sketch"))

        assert (result.verdict, result.exists, result.kind) == ("possible", False, "sketch")
        assert {hit.relation for hit in result.hits} == {"possible"}
        assert [hit.hit.rank for hit in result.hits] == [*range(1, len(result.hits) + 1)]
        assert [hit.hit.id for hit in result.hits] == [
            hit.id for hit in library.search(Query(images=(sketch(number),), kind="sketch")).hits
        ][: len(result.hits)], "best first, as a search ranks them"
        assert 1 <= len(result.hits) <= MOST
        certainty = result.certainty
        assert certainty is not None
        assert certainty.chance is not None
        assert 0 < certainty.chance <= 1
        assert certainty.measured_on > 0
        hundred = int(100 * certainty.chance + 0.5)
        assert f"in {hundred} of 100 cases" in result.words or hundred > 99
        assert result.warnings == ()
        found += f"{number:02}.png" in {hit.hit.path for hit in result.hits}
    assert found >= 5


def test_a_drawing_of_something_else_is_not_called_new_in_a_small_collection(
    library: Library,
) -> None:
    result = library.check(Query(images=(sketch(900),), kind="sketch"))
    assert result.verdict == "possible"


def test_the_very_drawing_is_an_exact_duplicate(library: Library) -> None:
    result = library.check(Query(images=(sketch(500),), kind="sketch"))

    assert (result.verdict, result.exists) == ("exact", True)
    assert result.hits[0].hit.path == "sketched.png"
    assert result.certainty is not None
    assert result.certainty.chance is None


def test_k_does_not_cut_what_the_chance_is_about(library: Library) -> None:
    whole = library.check(Query(images=(sketch(4),), kind="sketch"))
    few = library.check(Query(images=(sketch(4),), kind="sketch", k=1))
    assert [hit.hit.id for hit in few.hits] == [hit.hit.id for hit in whole.hits]
    assert few.certainty == whole.certainty
    assert len(few.nearest) == 1


def test_what_a_person_found_to_be_different_is_not_named_again(
    made: Settings, tmp_path: Path
) -> None:
    own = copy_of(made, tmp_path)
    query = Query(images=(sketch(6),), kind="sketch")
    before = own.check(query)
    first, second = before.hits[0].hit.id, before.nearest[1].id

    own.duplicates.decide(before.content, first, "different")
    own.duplicates.decide(before.content, second, "colourway")

    after = own.check(query)
    assert first not in {hit.hit.id for hit in after.hits}
    assert after.suppressed == 1
    assert {hit.hit.id: hit.decision for hit in after.hits}[second] == "colourway"


def test_a_drawing_far_from_everything_is_new(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query(images=(sketch(900),), kind="sketch")
    monkeypatch.setattr(library._checker, "line", lambda: DrawingLine(2.5, 99.0, 72))

    result = library.check(query)

    assert (result.verdict, result.hits) == ("new", ())
    assert result.certainty is not None
    assert result.certainty.chance is None
    assert "at most 5 would be called new" in result.certainty.words
    assert result.nearest


def test_everything_says_the_same(
    made: Settings, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = copy_of(made, tmp_path)
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", "design,edges")
    file = tmp_path / "idea.png"
    file.write_bytes(sketch(8))
    where = ("--images", own.settings.images, "--cache", own.settings.cache)
    asked = ("check", file, "--kind", "sketch", *where)

    code, out, _ = run(*asked, "--json")
    (reported,) = json.loads(out)["checks"]
    assert (code, reported["verdict"]) == (3, "possible")
    names = [hit["path"] for hit in reported["hits"]]

    code, out, _ = run(*asked, "--csv", "-", "--report", tmp_path / "report.html")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 3
    assert [row["hit"] for row in rows] == names
    assert {(row["verdict"], row["relation"], row["words"], row["chance"]) for row in rows} == {
        ("possible", "possible", reported["words"], str(reported["certainty"]["chance"]))
    }
    page = (tmp_path / "report.html").read_text("utf-8")
    assert reported["words"] in page
    assert reported["certainty"]["words"] in page
    assert all(name in page for name in names)

    code, out, _ = run(*asked)
    assert code == 3
    assert reported["words"] in out
    assert reported["certainty"]["words"] in out
    assert "edited copies" not in out
    assert all(f"possible {name}" in out for name in names)


def test_what_exists_outweighs_what_is_possible_and_that_what_is_new(
    made: Settings, tmp_path: Path, run: Run
) -> None:
    own = copy_of(made, tmp_path)
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    (incoming / "idea.png").write_bytes(sketch(8))
    where = ("--images", own.settings.images, "--cache", own.settings.cache, "--kind", "sketch")
    assert run("check", incoming, *where)[0] == 3
    (incoming / "known.png").write_bytes(sketch(500))
    code, out, _ = run("check", incoming, *where)
    assert code == 1
    assert "1 exact, 1 possible" in out
    (incoming / "bad.png").write_bytes(b"no picture")
    assert run("check", incoming, *where)[0] == 2


def test_the_report_of_the_library_shows_all_that_is_possible(library: Library) -> None:
    result = library.check(Query(images=(sketch(8),), kind="sketch"))
    page = library.report([Checked("idea", sketch(8), result)])
    assert page.count("<figcaption>") == len(result.hits)
    assert 'class="verdict possible sketch"' in page
    assert to_plain(result)["certainty"]["words"] in page
