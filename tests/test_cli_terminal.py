"""What the commands print: names that would play tricks, and defaults of the current folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image_search.cli.terminal import escaped
from image_search.library import Library
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import draw_into, picture

# Clears the screen, goes back a line, rings, turns letters round, and forges a line.
TRICKS = "\x1b[2J\x1b[1A\x07\u202egnp.\u2066x\x9b2K\x7f\nNo duplicates."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ring.png", "ring.png"),
        ("Ärmel/指輪-👩\u200d🎨.png", "Ärmel/指輪-👩\u200d🎨.png"),
        ("a\x1b[2J\r\n\t\x00b", "a\\x1b[2J\\r\\n\\t\\x00b"),
        ("\x9b\u202e\u2028", "\\x9b\\u202e\\u2028"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names cannot hold control characters")
def test_names_of_files_play_no_tricks(settings: Settings, run: Run, tmp_path: Path) -> None:
    images = settings.images
    draw_into(images, 4)
    for name, data in (("a", picture(1)), ("b", picture(1)), ("c", b"no picture")):
        (images / f"{name}{TRICKS}.png").write_bytes(data)
    query = tmp_path / f"q{TRICKS}.png"
    query.write_bytes(picture(1))
    bad = tmp_path / f"bad{TRICKS}.png"
    bad.write_bytes(b"no picture")

    for words in (
        ("index",), ("status",), ("search", query), ("search", bad), ("check", query, bad),
        ("duplicates",), ("search", "--like", TRICKS), ("search", "--folder", TRICKS, query),
    ):  # fmt: skip
        _, out, err = run(*words)
        for line in (out + err).split("\n"):
            # A bar of progress goes back to the beginning of its line.
            assert line.replace("\r", "").isprintable(), (words, line)
        assert "\nNo duplicates." not in out + err
    assert escaped(TRICKS) in run("duplicates")[1]


@pytest.mark.parametrize("command", [("search", "--text", "ring"), ("duplicates",), ("status",)])
def test_it_names_where_an_index_was_looked_for(
    command: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGE_SEARCH_IMAGES", "elsewhere")

    monkeypatch.delenv("IMAGE_SEARCH_CACHE")
    _, _, err = run(*command)

    assert f"There is no index in the current folder ({tmp_path / 'image_features.pkl'})" in err
    assert "--cache" in err


def test_a_named_index_and_one_that_is_there_are_not_reported(
    settings: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(settings.images, 2)
    _, _, err = run("status")
    assert "current folder" not in err
    Library.open(settings).update()
    monkeypatch.chdir(settings.cache.parent)
    monkeypatch.delenv("IMAGE_SEARCH_CACHE")
    _, out, err = run("status")
    assert "current folder" not in err
    assert "Images         2" in out


def test_making_an_index_tells_where(
    settings: Settings, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    draw_into(settings.images, 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMAGE_SEARCH_CACHE")

    code, _, err = run("index")

    assert code == 0
    assert f"it is made as {tmp_path / 'image_features.pkl'}." in err
    monkeypatch.delenv("IMAGE_SEARCH_IMAGES")
    code, _, err = run("index")
    assert code == 2
    assert f"There is no image folder {tmp_path / 'static/images'}" in err
