"""Decisions that are damaged, and everything that is kept on a disk that cannot be written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_search.duplicates.decisions import Decisions, Side
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import MadeOnce, draw_into, picture, updated

pytestmark = pytest.mark.service

A, B = (Side(number.to_bytes(32, "big"), f"{number}.png") for number in (1, 2))
RUBBISH = b"no database, but somebody may want to look at it" * 100


def decided(settings: Settings) -> None:
    draw_into(settings.images, 8)
    (settings.images / "twin.png").write_bytes(picture(3))
    library = updated(Library.open(settings))
    library.duplicates.decide(A.digest.hex(), B.digest.hex(), "same")


@pytest.fixture
def library(settings: Settings, made_once: MadeOnce) -> Library:
    return made_once(settings, decided)


def damage(settings: Settings) -> None:
    (settings.state_dir / "decisions.sqlite").write_bytes(RUBBISH)
    for end in ("-wal", "-shm"):
        (settings.state_dir / f"decisions.sqlite{end}").unlink(missing_ok=True)


def set_aside(settings: Settings) -> list[Path]:
    return [
        path
        for path in settings.state_dir.glob("decisions.sqlite.damaged-*")
        if path.read_bytes() == RUBBISH
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("check", "QUERY"),
        ("duplicates",),
        ("duplicates", "--undo"),
        ("duplicates", "--decide", A.digest.hex(), B.digest.hex(), "different"),
        ("duplicates", "--export-decisions", "FILE"),
        ("duplicates", "--import-decisions", "FILE"),
    ],
    ids=" ".join,
)
def test_every_command_tells_of_damaged_decisions_once(
    command: tuple[str, ...], run: Run, library: Library, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "query.png").write_bytes(picture(3))
    run("duplicates", "--export-decisions", tmp_path / "file.json")
    names = {"QUERY": tmp_path / "query.png", "FILE": tmp_path / "file.json"}
    words = [names.get(word, word) for word in command]
    damage(settings)

    code, _, err = run(*words)

    assert code in (0, 1), err
    assert err.count("set aside as decisions.sqlite.damaged-") == 1
    assert len(set_aside(settings)) == 1
    assert "set aside" not in run(*words)[2]
    assert len(set_aside(settings)) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda library: library.check(Query((picture(3),))).warnings,
        lambda library: library.duplicates.page().warnings,
        lambda library: (
            library.duplicates.export_decisions(),
            library.duplicates.new_warnings(),
        )[1],
        lambda library: (
            library.duplicates.decide("1" * 64, "2" * 64, "same"),
            library.duplicates.new_warnings(),
        )[1],
    ],
    ids=["check", "duplicates", "export", "decide"],
)  # fmt: skip
def test_a_service_goes_on_after_its_decisions_were_damaged_under_it(
    library: Library, settings: Settings, use: Callable[[Library], tuple[str, ...]]
) -> None:
    library.check(Query((picture(3),)))
    damage(settings)

    assert sum("set aside" in warning for warning in use(library)) == 1
    assert sum("set aside" in warning for warning in use(library)) == 0
    assert sum("set aside" in warning for warning in library.status().warnings) == 1
    assert len(set_aside(settings)) == 1


def test_many_at_once_set_the_file_aside_once(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    path.write_bytes(RUBBISH)
    all_of_them = [Decisions(path) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.decide(A, B, "same"), all_of_them))

    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    assert sum(len(one.warnings) for one in all_of_them) == 1
    assert Decisions(path).all() == {(A.digest, B.digest): "same"}


def mount(*words: Any) -> bool:
    return not subprocess.run(["mount", *words], check=False, capture_output=True).returncode


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.name != "posix" or not mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", place):
        pytest.skip("mounting a disk is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def make_read_only(place: Path) -> None:
    if not mount("-o", "remount,ro", place):
        pytest.skip("mounting a disk read-only is not allowed here")


def fill(place: Path) -> None:
    with (place / "full").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass


@pytest.mark.parametrize("log", [False, True], ids=["at rest", "with a log"])
@pytest.mark.parametrize("harm", [make_read_only, fill])
def test_a_disk_that_cannot_be_written_is_read(
    harm: Callable[[Path], None], log: bool, disk: Path, settings: Settings, folder: Path, run: Run,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    draw_into(folder, 8)
    (folder / "twin.png").write_bytes(picture(3))
    settings = replace(settings, cache=disk / "image_features.pkl")
    library = Library.open(settings)
    library.update()
    library.duplicates.update()
    one, other = (hit.id for hit in library.search(Query((picture(3),))).hits[:2])
    if log:  # as after a kill
        reading = Decisions(settings.state_dir / "decisions.sqlite")
        with reading._open(writing=False):
            library.duplicates.decide(one, other, "same")
            kept = {
                path: path.read_bytes() for path in settings.state_dir.glob("decisions.sqlite*")
            }
        for path, data in kept.items():
            if not path.name.endswith("-shm"):
                path.write_bytes(data)
    else:
        library.duplicates.decide(one, other, "same")
    expected = library.duplicates.page().groups
    monkeypatch.setenv("IMAGE_SEARCH_CACHE", str(settings.cache))
    (tmp_path / "query.png").write_bytes(picture(3))
    harm(disk)

    opened = Library.open(settings)
    assert opened.search(Query((picture(3),))).hits[0].score == 1
    assert opened.check(Query((picture(3),))).verdict == "exact"
    assert opened.originals.thumbnail(one, side=33).stat().st_size > 0
    assert opened.duplicates.page().groups == expected
    assert [row["decision"] for row in opened.duplicates.export_decisions()["decisions"]] == [
        "same"
    ]
    code, _, err = run("check", tmp_path / "query.png")
    assert (code, "Traceback" in err) == (1, False), err
    code, out, err = run("duplicates")
    assert code == 0, err
    assert "twin.png" in out
    assert run("search", tmp_path / "query.png")[0] == 0
    assert run("status")[0] == 0
