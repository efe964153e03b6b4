"""What is kept of sessions that were ended."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from image_search.web import sessions
from image_search.web.sessions import EndedSessions


def test_two_services_over_one_cache_know_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "ended.json"
    here, there = EndedSessions(path), EndedSessions(path)
    here.add("one", 100)
    assert "one" in there
    there.add("two", 100)
    assert "one" in here
    assert "two" in here
    assert "three" not in here
    assert "two" in EndedSessions(path)
    assert [file.name for file in tmp_path.iterdir()] == ["ended.json"]
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_has_expired_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ended.json"
    ended = EndedSessions(path)
    ended.add("old", -1)
    ended.add("new", 100)
    assert list(json.loads(path.read_text())) == ["new"]
    monkeypatch.setattr(sessions, "MOST", 3)
    for number in range(5):
        ended.add(str(number), 200 + number)
    assert list(json.loads(path.read_text())) == ["2", "3", "4"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": "b"}', '{"a": null}', "\x00"])
def test_a_damaged_file_ends_nothing_and_is_replaced(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ended.json"
    path.write_text(content)
    ended = EndedSessions(path)
    assert "a" not in ended
    assert "lost" in caplog.text
    ended.add("b", 100)
    assert "b" in EndedSessions(path)


def test_where_it_cannot_be_written_it_holds_until_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    ended = EndedSessions(tmp_path / "file" / "ended.json")
    ended.add("one", 100)
    assert "one" in ended
    assert "cannot be written" in caplog.text
