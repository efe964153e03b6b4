"""A watched folder: what is new is taken up by itself, and what may only be away is kept."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from image_search.indexing import watching
from image_search.indexing.watching import FolderWatcher
from image_search.library import Library
from image_search.settings import Settings
from image_search.web.jobs import Reindexer
from tests.drawing import draw_into, picture
from tests.web.clients import PASSWORD, basic
from tests.web.running import running

pytestmark = pytest.mark.slow


class Watched:
    """A watched folder, and its library."""

    def __init__(self, settings: Settings) -> None:
        self.library = Library.open(settings)
        self.reindexer = Reindexer(self.library)
        self.updates = 0
        update = self.reindexer.update_finished

        def counted(finished: object) -> bool:
            self.updates += 1
            return update(finished)  # type: ignore[arg-type]

        self.watcher = FolderWatcher(settings, self.library.snapshot, counted)

    def __enter__(self) -> Watched:
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.watcher.stop(10)
        self.reindexer.stop(10)

    def paths(self) -> set[str]:
        snapshot = self.library.snapshot()
        return {
            path
            for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
            for path, counts in zip(segment.records.paths, live.tolist(), strict=True)
            if counts
        }

    def looked_again(self) -> None:
        """Wait until the folder was looked through once more from beginning to end."""
        for _ in range(2):
            before = self.watcher.state.looked
            until(lambda before=before: self.watcher.state.looked != before)  # type: ignore[misc]


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it has not come to this within a minute")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.2)


@pytest.fixture
def watched(settings: Settings, folder: Path) -> Iterator[Watched]:
    draw_into(folder, 6)
    for seed in (6, 7):
        (folder / "nas" / "rings").mkdir(parents=True, exist_ok=True)
        (folder / "nas" / "rings" / f"{seed}.png").write_bytes(picture(seed))
    with Watched(replace(settings, watch=1)) as found:
        until(lambda: len(found.paths()) == 8)
        yield found


def test_what_is_new_changed_and_deleted_is_taken_up(watched: Watched, folder: Path) -> None:
    (folder / "new.png").write_bytes(picture(20))
    until(lambda: "new.png" in watched.paths())
    before = watched.library.snapshot().fingerprint
    (folder / "new.png").write_bytes(picture(21))
    until(lambda: watched.library.snapshot().fingerprint != before)
    (folder / "new.png").unlink()
    (folder / "0000.png").rename(folder / "moved.png")
    until(lambda: {"new.png", "0000.png"}.isdisjoint(watched.paths()))
    assert "moved.png" in watched.paths()
    assert watched.watcher.state.problem == ""


def test_nothing_is_written_where_nothing_changes(watched: Watched, settings: Settings) -> None:
    watched.looked_again()
    before, updates = settings.cache.stat().st_mtime_ns, watched.updates
    watched.looked_again()
    assert (settings.cache.stat().st_mtime_ns, watched.updates) == (before, updates)


def test_a_file_is_taken_up_once_it_is_completely_written(watched: Watched, folder: Path) -> None:
    data, seen = picture(30), set()
    with (folder / "slow.png").open("wb") as file:
        for start in range(0, len(data), len(data) // 15):
            file.write(data[start : start + len(data) // 15])
            file.flush()
            time.sleep(0.1)
            seen |= watched.paths()
    assert "slow.png" not in seen
    until(lambda: "slow.png" in watched.paths())
    assert watched.library.status().unreadable == 0


def test_a_file_that_never_ends_does_not_keep_others_waiting(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PATIENCE", 1.0)
    ended = threading.Event()

    def write() -> None:
        with (folder / "endless.png").open("wb") as file:
            while not ended.wait(0.05):
                file.write(b"more")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        (folder / "other.png").write_bytes(picture(31))
        until(lambda: "other.png" in watched.paths() and watched.watcher.state.being_written == 1)
        assert "endless.png" not in watched.paths()
    finally:
        ended.set()
        writer.join()


def test_a_disk_that_is_not_mounted_loses_nothing(
    watched: Watched, folder: Path, tmp_path: Path
) -> None:
    before = watched.paths()
    shutil.move(folder / "nas" / "rings", tmp_path / "away")
    (folder / "nas" / "rings").mkdir()
    until(lambda: "nas/rings/ is empty" in watched.watcher.state.problem)
    # What is deleted elsewhere is deleted, and the rest is left.
    (folder / "0001.png").unlink()
    until(lambda: "0001.png" not in watched.paths())
    assert watched.paths() == before - {"0001.png"}

    for path in (tmp_path / "away").iterdir():
        shutil.move(path, folder / "nas" / "rings" / path.name)
    until(lambda: watched.watcher.state.problem == "")
    assert watched.paths() == before - {"0001.png"}


def test_what_was_emptied_on_purpose_is_removed_when_asked(watched: Watched, folder: Path) -> None:
    for path in (folder / "nas" / "rings").iterdir():
        path.unlink()
    until(lambda: "update the index yourself" in watched.watcher.state.problem)
    assert len(watched.paths()) == 8

    watched.reindexer.start()

    until(lambda: len(watched.paths()) == 6 and watched.watcher.state.problem == "")


def test_a_deleted_folder_is_deleted(watched: Watched, folder: Path) -> None:
    shutil.rmtree(folder / "nas")
    until(lambda: len(watched.paths()) == 6)
    assert watched.watcher.state.problem == ""


def test_a_folder_that_is_away_is_reported(watched: Watched, folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "away")
    until(lambda: "cannot be read" in watched.watcher.state.problem)
    folder.mkdir()
    until(lambda: "is empty" in watched.watcher.state.problem)
    assert len(watched.paths()) == 8
    folder.rmdir()
    (tmp_path / "away").rename(folder)
    until(lambda: watched.watcher.state.problem == "")
    assert len(watched.paths()) == 8


@pytest.mark.skipif("os.geteuid() == 0", reason="root reads every file")
def test_a_file_that_cannot_be_read_is_not_tried_all_the_time(
    watched: Watched, folder: Path
) -> None:
    (folder / "closed.png").write_bytes(picture(40))
    (folder / "closed.png").chmod(0)
    until(lambda: watched.library.status().unreadable == 1)
    watched.looked_again()
    updates = watched.updates
    watched.looked_again()
    assert watched.updates == updates
    (folder / "closed.png").chmod(0o600)
    until(lambda: watched.library.status().unreadable == 0)


def test_a_running_update_is_not_disturbed(watched: Watched, folder: Path) -> None:
    assert not watched.reindexer.update_finished({}) or watched.reindexer.job.state == "done"
    watched.watcher.stop(10)
    (folder / "late.png").write_bytes(picture(50))
    time.sleep(1)
    assert "late.png" not in watched.paths()


def test_a_service_watches(settings: Settings, folder: Path) -> None:
    draw_into(folder, 2)
    with running(replace(settings, watch=1, password=PASSWORD)) as service:

        def status() -> dict[str, Any]:
            request = Request(
                service.address + "status", headers={"Authorization": basic(PASSWORD)}
            )
            with urlopen(request, timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
            return found

        until(lambda: status()["images"] == 2)
        (folder / "new.png").write_bytes(picture(9))
        until(lambda: status()["images"] == 3)
        until(lambda: status()["watching"]["looked"] is not None)
        watching = status()["watching"]
    assert (watching["seconds"], watching["problem"], watching["being_written"]) == (1, "", 0)


def test_it_is_off_by_default(settings: Settings, folder: Path) -> None:
    draw_into(folder, 2)
    with Watched(settings) as found:
        time.sleep(0.5)
        assert found.watcher.state.looked is None
        assert found.paths() == set()
