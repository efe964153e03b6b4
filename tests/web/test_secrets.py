from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from image_search.errors import CacheError
from image_search.settings import Settings
from image_search.web.secrets import load_secrets

pytestmark = pytest.mark.service


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache=tmp_path / "image_features.pkl")


def kept_in(settings: Settings) -> Path:
    return settings.state_dir / "secrets.json"


def test_a_password_is_made_once_and_kept(settings: Settings) -> None:
    first, second = load_secrets(settings), load_secrets(settings)
    assert first.made
    assert not second.made
    assert second.password == first.password
    assert second.session_key == first.session_key
    assert re.fullmatch(r"[a-z]{4}(-[a-z]{4}){3}", first.password)
    assert first.password not in repr(first)


def test_a_set_password_wins_and_is_not_written(settings: Settings) -> None:
    made = load_secrets(settings)
    given = load_secrets(replace(settings, password="from the settings"))
    assert (given.password, given.made) == ("from the settings", False)
    assert given.session_key == made.session_key
    assert "from the settings" not in kept_in(settings).read_text()
    assert load_secrets(settings).password == made.password


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_reads_it(settings: Settings) -> None:
    load_secrets(settings)
    assert kept_in(settings).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in settings.state_dir.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"session_key": 7}', '{"session_key": "xyz"}', "\x00\xff"]
)
def test_a_damaged_file_is_made_again(settings: Settings, content: str) -> None:
    settings.state_dir.mkdir()
    kept_in(settings).write_text(content, "latin-1")
    made = load_secrets(settings)
    assert made.made
    assert json.loads(kept_in(settings).read_text())["password"] == made.password


def test_services_that_start_at_the_same_time_agree(settings: Settings) -> None:
    together = threading.Barrier(8)

    def start(_: int) -> tuple[str, bytes, bool]:
        together.wait(10)
        kept = load_secrets(settings)
        return kept.password, kept.session_key, kept.made

    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(start, range(8)))

    assert len({(password, key) for password, key, _ in started}) == 1
    assert [made for _, _, made in started].count(True) == 1
    assert [path.name for path in settings.state_dir.iterdir()] == ["secrets.json"]


def test_processes_that_start_at_the_same_time_agree(settings: Settings) -> None:
    # First with a password of its own, so that a key is kept already, and only a password lacks.
    load_secrets(replace(settings, password="from the settings"))
    tell = (
        "import sys; from pathlib import Path; from image_search.settings import Settings; "
        "from image_search.web.secrets import load_secrets; sys.stdin.readline(); "
        "print(load_secrets(Settings(cache=Path(sys.argv[1]))).password)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", tell, str(settings.cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    passwords = {process.communicate(timeout=60)[0].strip() for process in processes}

    assert passwords == {load_secrets(settings).password}


def test_what_a_killed_process_left_is_not_waited_for(
    settings: Settings,
) -> None:
    settings.state_dir.mkdir()
    aside = kept_in(settings).with_name("secrets.json.new")
    aside.write_text("{")
    os.utime(aside, (0, 0))

    assert load_secrets(settings).made
    assert not aside.exists()


def test_nowhere_to_keep_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="secrets"):
        load_secrets(Settings(cache=tmp_path / "file" / "image_features.pkl"))
