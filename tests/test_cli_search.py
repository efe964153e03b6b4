"""``image-search search`` with everything that can be asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import design, draw_into, saved


@pytest.fixture
def indexed(run: Run, folder: Path) -> Run:
    """Six designs, and a golden picture in a folder of its own."""
    draw_into(folder, 6)
    (folder / "Gold").mkdir()
    (folder / "Gold" / "bar.png").write_bytes(saved(Image.new("RGB", (60, 90), "#d4af37")))
    assert run("index")[0] == 0
    return run


def found(run: Run, *arguments: str | Path) -> Any:
    code, out, err = run("search", *arguments, "--json")
    assert code == 0, out + err
    return json.loads(out)


def first(answer: Any) -> str:
    return str(answer["results"][0]["path"])


def test_each_way_of_asking(indexed: Run, folder: Path) -> None:
    answer = found(indexed, folder / "0002.png")
    assert first(answer) == "0002.png"
    assert answer["kind"] == "photo"
    assert first(found(indexed, "--like", answer["results"][0]["id"])) == "0002.png"
    assert first(found(indexed, "--color", "#d4af37")) == "Gold/bar.png"
    assert first(found(indexed, "--color", "#d4af37:3", "--color", "ffffff:0.1")) == "Gold/bar.png"
    assert found(indexed, folder / "0002.png", "--kind", "sketch")["kind"] == "sketch"
    named = found(indexed, "--text", "a golden bar", "--not-text", "stones")
    assert first(named) == "Gold/bar.png"
    assert "models fetch" in named["warnings"][0]


def test_a_region_of_the_picture(indexed: Run, tmp_path: Path) -> None:
    both = Image.new("RGB", (192, 72))
    both.paste(design(1), (0, 0))
    both.paste(design(4), (96, 0))
    both.save(tmp_path / "both.png")

    assert first(found(indexed, tmp_path / "both.png", "--region", "0,0,0.5,1")) == "0001.png"
    assert first(found(indexed, tmp_path / "both.png", "--region", "0.5,0,0.5,1")) == "0004.png"


@pytest.mark.parametrize(
    ("arguments", "compared"),
    [
        (["--folder", "gold"], 1),
        (["--name", "000?.png"], 6),
        (["--name", "3"], 1),
        (["--after", "2020-01-01", "--before", "2120-01-01"], 7),
        (["--before", "2020-01-01T12:00"], 0),
        (["--min-side", "70"], 6),
        (["--orientation", "portrait"], 1),
        (["--folder", "gold", "--orientation", "landscape"], 0),
    ],
)
def test_filters(indexed: Run, folder: Path, arguments: list[str], compared: int) -> None:
    answer = found(indexed, folder / "0002.png", *arguments)

    assert answer["compared"] == len(answer["results"]) == compared


def test_a_folder_that_is_not_there_is_reported_with_what_may_be_meant(
    indexed: Run, folder: Path
) -> None:
    warnings = found(indexed, folder / "0002.png", "--folder", "golf")["warnings"]

    assert any("'golf'" in warning and "may mean Gold." in warning for warning in warnings)
    flat = found(indexed, folder / "0002.png", "--folder", "gold", "--orientation", "landscape")
    assert not any("may mean" in warning for warning in flat["warnings"])


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--not-text", "stones"], "invalid_query", "besides what to avoid"),
        (["--folder", "gold"], "invalid_query", "empty"),
        (["--color", "gold"], "invalid_query", "write #rrggbb"),
        (["--color", "#d4af37", "--kind", "drawing"], "invalid_query", "photo or sketch"),
        (["--text", "bar", "--region", "0,0,1,1"], "invalid_query", "exactly one"),
        (["--text", "bar", "--region", "all"], "invalid_query", "fractions"),
        (["--text", "bar", "--after", "now"], "invalid_query", "not a date"),
        (["--text", "bar", "--after", "2026-02-01", "--before", "2026-01-01"], "invalid_query",
         "earlier"),
        (["--text", "bar", "--min-side", "0"], "invalid_query", "at least 1"),
        (["--text", "bar", "--orientation", "flat"], "invalid_query", "landscape"),
        (["--text", "bar", "--weights", "clip=1"], "invalid_query", "In use here: hsv"),
        (["--like", "bar"], "unknown_image", "No indexed image"),
        (["--like", "bar"] * 60, "invalid_query", "60 ids in like; at most 50"),
        (["--color", "#d4af37"] * 40, "invalid_query", "40 colours; at most 32"),
        (["--text", "bar", "--name", "?" * 80_000], "invalid_query", "name is too long"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_reported(
    indexed: Run, settings: Settings, arguments: list[str], code: str, expected: str
) -> None:
    exit_code, out, _ = indexed("search", *arguments, "--json")

    error = json.loads(out)["error"]
    assert (exit_code, error["code"]) == (2, code)
    assert expected in error["message"]


def test_a_drawing_is_cleaned_unless_the_original_is_wanted(indexed: Run, tmp_path: Path) -> None:
    pixels = np.full((240, 320, 3), (28, 60, 130), np.uint8)
    cv2.circle(pixels, (160, 120), 70, (240, 245, 255), 2, cv2.LINE_AA)
    cv2.line(pixels, (60, 200), (260, 210), (240, 245, 255), 2, cv2.LINE_AA)
    Image.fromarray(pixels).save(tmp_path / "blueprint.png")

    answer = found(indexed, tmp_path / "blueprint.png")
    assert answer["kind"] == "sketch"
    assert answer["drawing"]["steps"] == ["light ink on dark paper inverted"]
    code, _, err = indexed("search", tmp_path / "blueprint.png")
    assert code == 0
    assert "Detected as a drawing: light ink on dark paper inverted." in err
    original = found(indexed, tmp_path / "blueprint.png", "--original")
    assert original["kind"] == "sketch"
    assert original["drawing"] is None


def test_words_without_clip_are_matches_in_names(indexed: Run, folder: Path) -> None:
    for name in ("rings/gold-ring", "rings/silver", "ring-gold-b", "Gold/ring", "golden-rings"):
        path = folder / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(saved(design(sum(name.encode()))))
    assert indexed("index")[0] == 0

    answer = found(indexed, "--text", "gold ring")
    assert [hit["path"] for hit in answer["results"]] == [
        "ring-gold-b.png", "rings/gold-ring.png", "Gold/ring.png", "golden-rings.png",
        "Gold/bar.png", "rings/silver.png",
    ]  # fmt: skip
    assert answer["matched_by"] == "names"
    assert not any("all of the words" in warning for warning in answer["warnings"])
    code, out, _ = indexed("search", "--text", "gold ring")
    assert (code, out.splitlines()[0]) == (0, "Matches in file names:")

    answer = found(indexed, "--text", "gold armadillo")
    assert first(answer) in ("ring-gold-b.png", "rings/gold-ring.png")
    assert any("No name holds all of the words" in warning for warning in answer["warnings"])


def test_words_that_no_name_holds_find_nothing_and_say_why(indexed: Run) -> None:
    answer = found(indexed, "--text", "armadillo")
    assert answer["results"] == []
    assert any(
        "No file or folder is named like that. Try" in warning for warning in answer["warnings"]
    )
    code, out, _ = indexed("search", "--text", "armadillo")
    assert code == 0
    assert "No file or folder is named like that. Try other words" in out
    assert "Matches" not in out


def test_pictures_are_matched_by_content(indexed: Run, folder: Path) -> None:
    assert found(indexed, folder / "0002.png")["matched_by"] == "content"
    assert "Matches" not in indexed("search", folder / "0002.png")[1]
