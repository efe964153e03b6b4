from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from image_search.errors import CacheError
from image_search.settings import Settings
from image_search.web.secrets import kept_secrets


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache=tmp_path / "image_features.pkl")


def kept_in(settings: Settings) -> Path:
    return settings.state_dir / "secrets.json"


def test_a_password_is_made_once_and_kept(settings: Settings) -> None:
    first, second = kept_secrets(settings), kept_secrets(settings)
    assert first.made
    assert not second.made
    assert second.password == first.password
    assert second.session_key == first.session_key
    assert re.fullmatch(r"[a-z]{4}(-[a-z]{4}){3}", first.password)
    assert first.password not in repr(first)


def test_a_set_password_wins_and_is_not_written(settings: Settings) -> None:
    made = kept_secrets(settings)
    given = kept_secrets(replace(settings, password="from the settings"))
    assert (given.password, given.made) == ("from the settings", False)
    assert given.session_key == made.session_key
    assert "from the settings" not in kept_in(settings).read_text()
    assert kept_secrets(settings).password == made.password


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_reads_it(settings: Settings) -> None:
    kept_secrets(settings)
    assert kept_in(settings).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in settings.state_dir.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"session_key": 7}', '{"session_key": "xyz"}', "\x00\xff"]
)
def test_a_damaged_file_is_made_anew(settings: Settings, content: str) -> None:
    settings.state_dir.mkdir()
    kept_in(settings).write_text(content, "latin-1")
    made = kept_secrets(settings)
    assert made.made
    assert json.loads(kept_in(settings).read_text())["password"] == made.password


def test_nowhere_to_keep_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="secrets"):
        kept_secrets(Settings(cache=tmp_path / "file" / "image_features.pkl"))
