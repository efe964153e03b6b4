"""An index copied while it is in use, brought back, and changed by other programs under it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage import columns, unmapped
from tests.drawing import draw_into, picture

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def library(settings: Settings, folder: Path) -> Library:
    draw_into(folder, 12)
    library = Library.open(settings)
    library.update()
    library.prepare()
    return library


def copy(settings: Settings, target: Path) -> Settings:
    """The index copied as ``cp -a`` does: the file, and the folder beside it."""
    there = replace(settings, cache=target / settings.cache.name)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(settings.state_dir, there.state_dir, dirs_exist_ok=True)
    shutil.copy2(settings.cache, there.cache)
    return there


def holds_all(library: Library) -> bool:
    found = library.search(Query((picture(3),), k=50)).hits
    verdict = library.check(Query((picture(3),))).verdict
    return len(found) == 12 and found[0].path == "0003.png" and verdict == "exact"


def test_a_copy_made_while_serving_opens(
    library: Library, settings: Settings, tmp_path: Path
) -> None:
    one, other = (hit.id for hit in library.search(Query((picture(3),))).hits[:2])
    library.duplicates.decide(one, other, "different")
    stop, failures = threading.Event(), []

    def serve() -> None:
        while not stop.is_set():
            if not holds_all(library):
                failures.append("a search went wrong")

    busy = threading.Thread(target=serve)
    busy.start()
    try:
        copied = Library.open(copy(settings, tmp_path / "backup"))
    finally:
        stop.set()
        busy.join()

    assert not failures
    assert copied.status().warnings == ()
    assert holds_all(copied)
    assert copied.duplicates.export_decisions() == library.duplicates.export_decisions()
    assert copied.update().embedded == 0


def test_a_backup_comes_back_into_a_stopped_service(
    library: Library, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    copied = copy(settings, tmp_path / "backup")
    draw_into(folder, 5, first=20)
    library.update()
    del library  # it is stopped
    settings.cache.unlink()
    shutil.rmtree(settings.state_dir)

    copy(copied, settings.cache.parent)

    restored = Library.open(settings)
    assert restored.status().warnings == ()
    assert holds_all(restored)
    report = restored.update()
    assert (report.added, report.unchanged, report.embedded) == (5, 12, 5)


def test_a_backup_copied_over_a_running_service_is_taken_up(
    library: Library, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    copied = copy(settings, tmp_path / "backup")
    draw_into(folder, 5, first=20)
    library.update()
    assert library.status().images == 17

    copy(copied, settings.cache.parent)

    assert holds_all(library)


SHORTENED = """
import os, shutil, sys
from pathlib import Path
from image_search.storage import columns, unmapped
from image_search.errors import ImageSearchError
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings

unmapped.IN_MEMORY = columns.HELD = int(sys.argv[4])
images, cache, query = map(Path, sys.argv[1:4])
library = Library.open(Settings(images=images, cache=cache, extractors="hsv", threads=1))
asked = Query((query.read_bytes(),))
assert library.check(asked).verdict == "exact"
state = library.settings.state_dir
kinds = (".column", ".fingerprints", ".words")
files = [path for path in sorted(state.rglob("*")) if path.name.endswith(kinds)]
assert len({path.suffix for path in files}) == 3, files
for path in files:
    whole = path.read_bytes()
    os.truncate(path, 0)  # as `cp` does before it writes
    for work in (library.search, library.check):
        try:
            work(asked)
        except ImageSearchError as error:
            print(path.suffix, type(error).__name__)
    path.write_bytes(whole)
    os.utime(path)
library.update()
library.prepare()
assert library.check(asked).verdict == "exact"
print("alive")
"""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file in use cannot be shortened")
@pytest.mark.parametrize("in_memory", [unmapped.IN_MEMORY, 0], ids=["in memory", "mapped"])
def test_a_file_that_shrinks_under_a_service_does_not_end_it(
    library: Library, settings: Settings, tmp_path: Path, in_memory: int
) -> None:
    assert holds_all(library)
    (tmp_path / "query.png").write_bytes(picture(3))

    done = subprocess.run(
        [sys.executable, "-c", SHORTENED, settings.images, settings.cache, tmp_path / "query.png",
         str(in_memory)],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("alive\n")


@pytest.mark.parametrize("by_position", [True, False], ids=["", "in turns"])
@pytest.mark.parametrize("held", [columns.HELD, 0], ids=["held", "read"])
def test_vectors_are_read_by_any_rows(
    tmp_path: Path, held: int, by_position: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "HELD", held)
    if not by_position:  # as on Windows
        monkeypatch.delattr(os, "preadv", raising=False)
    path, whole = tmp_path / "some.column", np.arange(60, dtype="<f4").reshape(10, 6)
    path.write_bytes(whole.tobytes())
    rows = columns.StoredRows(path, 10, [("vector", "<f4", (6,))])

    for key in (3, -1, slice(None), slice(2, 9, 3), slice(4, 4), [7, 8, 9, 1, 1], whole[:, 0] > 30):
        np.testing.assert_array_equal(rows[key]["vector"], whole[key])
    for numbers in ([], [3], [2, 3, 4, 7, 9], [9, 1, 1, 2]):
        runs = columns.Runs(np.array(numbers, np.int64))
        rows.prefetch(runs)
        np.testing.assert_array_equal(rows[runs]["vector"], whole[numbers].reshape(-1, 6))


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="the system has no such reads")
@pytest.mark.parametrize("cold", ["nothing", "a part", "not known"])
def test_what_is_not_in_memory_is_read_ahead_and_then_read(
    tmp_path: Path, cold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = os.preadv, list[tuple[int, int]]()

    def read(file: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags and cold == "nothing":
            raise BlockingIOError
        if flags and cold == "not known":
            raise OSError(errno.EOPNOTSUPP, "not with this file system")
        # Of a run the first 5 bytes are there.
        return real(file, [buffers[0][:5]] if flags else buffers, offset)

    def advise(_: int, offset: int, length: int, __: int) -> None:
        asked.append((offset, length))

    monkeypatch.setattr(columns, "HELD", 0)
    monkeypatch.setattr(os, "preadv", read)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    path, whole = tmp_path / "some.column", np.arange(60, dtype="<f4").reshape(10, 6)
    path.write_bytes(whole.tobytes())
    rows = columns.StoredRows(path, 10, [("vector", "<f4", (6,))])

    np.testing.assert_array_equal(rows[[1, 2, 7]]["vector"], whole[[1, 2, 7]])

    there = 5 if cold == "a part" else 0
    assert asked == [(24 + there, 48 - there), (168 + there, 24 - there)]
