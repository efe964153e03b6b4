"""``image-search backup`` and ``restore``: a consistent copy beside a running service, and back."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.library import Library
from image_search.maintenance import saving
from image_search.maintenance.restoring import restore
from image_search.maintenance.saving import FILES, LISTING, backup
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage import Block, CacheWriter
from image_search.storage.columns import GrowingColumn
from image_search.storage.records import ExtractorIdentity
from image_search.storage.snapshot import read_cache
from tests.conftest import Run
from tests.counting import Counting
from tests.drawing import draw_into, picture

pytestmark = pytest.mark.service


@pytest.fixture
def library(settings: Settings, folder: Path, counting: Counting) -> Library:
    draw_into(folder, 6)
    library = Library.open(settings)
    library.update()
    one, other = (hit.id for hit in library.search(Query((picture(2),))).hits[:2])
    library.duplicates.decide(one, other, "different")
    (settings.state_dir / "secrets.json").write_text('{"session_key": "00"}')
    counting.taken()
    return library


def backed_up(run: Run, target: Path, *options: str) -> dict[str, Any]:
    code, out, err = run("backup", target, "--json", *options)
    assert (code, err) == (0, "")
    report: dict[str, Any] = json.loads(out)
    return report


def paths_in(target: Path) -> set[str]:
    return set(json.loads((target / LISTING).read_text())["files"])


def found(library: Library) -> list[str]:
    return sorted(hit.path for hit in library.search(Query((picture(2),), k=50)).hits)


def test_a_backup_comes_back_on_another_machine(
    run: Run, settings: Settings, library: Library, counting: Counting, tmp_path: Path
) -> None:
    backed_up(run, tmp_path / "backup")
    there = replace(settings, cache=tmp_path / "elsewhere" / "index.pkl")

    code, out, _ = run("restore", tmp_path / "backup", "--cache", there.cache)

    assert code == 0
    assert out.startswith(f"Restored {there.cache}")
    restored = Library.open(there)
    assert restored.status().warnings == ()
    assert restored.duplicates.export_decisions() == library.duplicates.export_decisions()
    assert restored.update().embedded == counting.taken() == 0
    assert found(restored) == found(library)
    assert not (there.state_dir / "secrets.json").exists()


def test_a_column_that_was_computed_again_since_gives_way(
    run: Run, settings: Settings, library: Library, tmp_path: Path
) -> None:
    backed_up(run, tmp_path / "backup")
    with CacheWriter(settings.cache, settings.images) as writer:
        extractors = read_cache(settings.cache)[0].extractors
        [segment] = writer.begin(extractors).segments
        # Others than before, as another version may compute them.
        units = unit_rows(np.ones((segment.rows, extractors[0].dim)))
        segment.drop(extractors[0])
        column = writer.column(segment, extractors[0])
        writer.add(column, Block(units, np.ones(segment.rows, np.float32)))
        writer.finish()
    assert run("verify", "--read-data")[0] == 0

    assert run("restore", tmp_path / "backup", "--force")[0] == 0

    assert run("verify", "--read-data")[0] == 0
    assert Library.open(settings).search(Query((picture(2),))).hits[0].path == "0002.png"


def test_what_can_be_derived_and_secrets_stay_out(
    run: Run, settings: Settings, library: Library, tmp_path: Path
) -> None:
    library.originals.thumbnail(library.search(Query((picture(2),))).hits[0].id)
    library.duplicates.update()
    backed_up(run, tmp_path / "plain")
    backed_up(run, tmp_path / "all", "--with-secrets")

    endings = sorted(name.split(".", 2)[-1] for name in paths_in(tmp_path / "plain"))
    assert len(endings) == 4, endings  # manifest, records, column, decisions
    assert paths_in(tmp_path / "all") - paths_in(tmp_path / "plain") == {"index.files/secrets.json"}
    listing = json.loads((tmp_path / "all" / LISTING).read_text())["files"]
    secret = tmp_path / "all" / FILES / listing["index.files/secrets.json"]["sha256"]
    if os.name == "posix":
        assert secret.stat().st_mode & 0o777 == 0o600

    there = tmp_path / "elsewhere" / "index.pkl"
    assert run("restore", tmp_path / "all", "--cache", there)[0] == 0
    restored = there.with_suffix(".files") / "secrets.json"
    assert restored.read_text() == (settings.state_dir / "secrets.json").read_text()
    if os.name == "posix":
        assert restored.stat().st_mode & 0o777 == 0o600


def test_only_what_is_new_is_copied(
    run: Run, settings: Settings, library: Library, folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    first = backed_up(run, target)
    assert (first["files"], first["copied"]) == (4, 4)
    times = {path.name: path.stat().st_mtime_ns for path in (target / FILES).iterdir()}
    assert backed_up(run, target)["copied"] == 0
    draw_into(folder, 3, first=10)
    library.update()

    second = backed_up(run, target)

    # Records and a column of the new images, and the manifest.
    assert (second["files"], second["copied"]) == (6, 3)
    kept = {path.name: path.stat().st_mtime_ns for path in (target / FILES).iterdir()}
    assert len(kept) == 6, "the manifest before is of no more use"
    listing = json.loads((target / LISTING).read_text())["files"]
    again = [one["sha256"] for name, one in listing.items() if one["sha256"] in times]
    unchanged = [name for name in again if kept[name] == times[name]]
    assert len(again) == 3
    assert len(unchanged) == 2, "records and column; decisions are read by SQLite each time"


def test_an_interrupted_backup_leaves_the_one_before(
    run: Run, settings: Settings, library: Library, folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupted(target: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(saving, "write_durably", interrupt)
            assert run("backup", target)[0] == 130

    interrupted(tmp_path / "first")
    code, _, err = run("restore", tmp_path / "first", "--force")
    assert code == 2
    assert "no complete backup" in err

    backed_up(run, tmp_path / "backup")
    before = found(library)
    draw_into(folder, 3, first=10)
    library.update()
    interrupted(tmp_path / "backup")
    assert run("restore", tmp_path / "backup", "--force")[0] == 0
    assert found(library) == before


@pytest.mark.parametrize("place", [0.0, 0.4, 0.99])
def test_a_damaged_backup_is_not_restored(
    run: Run, settings: Settings, library: Library, tmp_path: Path, place: float
) -> None:
    target = tmp_path / "backup"
    backed_up(run, target)
    for path in (*(target / FILES).iterdir(), target / LISTING):
        whole = path.read_bytes()
        at = int(place * len(whole))
        for broken in (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[:-1], None):
            path.unlink() if broken is None else path.write_bytes(broken)
            code, _, err = run("restore", target, "--force")
            # A changed byte in the listing may be in what nothing depends on.
            assert code == 2 or path.name == LISTING
            assert "backup" in err or code == 0
            path.write_bytes(whole)
    assert run("verify", "--read-data")[0] == 0


def test_an_index_is_replaced_by_force_alone_and_kept(
    run: Run, settings: Settings, library: Library, folder: Path, tmp_path: Path
) -> None:
    backed_up(run, tmp_path / "backup")
    draw_into(folder, 3, first=10)
    library.update()
    one, other = (hit.id for hit in library.search(Query((picture(4),))).hits[:2])
    library.duplicates.decide(one, other, "same")
    latest = library.duplicates.export_decisions()

    code, _, err = run("restore", tmp_path / "backup")
    assert code == 2
    assert "--force" in err
    assert len(found(library)) == 9
    code, out, _ = run("restore", tmp_path / "backup", "--force", "--json")

    assert code == 0
    kept = Library.open(replace(settings, cache=Path(json.loads(out)["before"])))
    assert len(found(kept)) == 9
    assert kept.duplicates.export_decisions() == latest
    # The one that was open all the time takes up what was restored.
    assert len(found(library)) == 6
    assert len(library.duplicates.export_decisions()["decisions"]) == 1
    report = library.update()
    assert (report.added, report.warnings) == (3, ())
    assert len(found(kept)) == 9


def test_a_damaged_index_is_replaced(
    run: Run, settings: Settings, library: Library, tmp_path: Path
) -> None:
    backed_up(run, tmp_path / "backup")
    for path in (settings.cache, settings.state_dir / "decisions.sqlite"):
        path.write_bytes(b"rubbish" * 1000)
    assert run("restore", tmp_path / "backup", "--force")[0] == 0

    restored = Library.open(settings)
    assert len(found(restored)) == 6
    assert len(restored.duplicates.export_decisions()["decisions"]) == 1
    shutil.rmtree(settings.state_dir)
    settings.cache.unlink()
    assert run("restore", tmp_path / "backup")[0] == 0
    assert len(found(Library.open(settings))) == 6


def test_an_update_during_a_backup_does_no_harm(
    settings: Settings, library: Library, folder: Path, tmp_path: Path
) -> None:
    """Segments vanish while they are copied."""
    draw_into(folder, 3, first=10)
    library.update()
    done: list[int] = []

    def update(*_: int) -> None:
        if not done:
            done.append(1)
            for number in (*range(5), 10, 11):
                (folder / f"{number:04}.png").unlink()
            Library.open(settings).update()

    backup(settings, tmp_path / "backup", on_progress=update)

    there = replace(settings, cache=tmp_path / "there" / "index.pkl")
    restore(there, tmp_path / "backup")
    assert done
    assert found(Library.open(there)) == ["0005.png", "0012.png"]


def test_a_damaged_column_is_not_backed_up(
    run: Run, settings: Settings, library: Library, tmp_path: Path
) -> None:
    backed_up(run, tmp_path / "before")
    [column] = settings.state_dir.rglob("*.column")
    data = column.read_bytes()
    column.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    for target in ("before", "new"):
        code, _, err = run("backup", tmp_path / target)
        assert code == 2
        assert f"{column.name} does not match" in err
    assert run("restore", tmp_path / "before", "--force")[0] == 0
    assert run("verify", "--read-data")[0] == 0


def test_columns_in_the_making_are_left_out(
    settings: Settings, library: Library, tmp_path: Path
) -> None:
    [segment] = read_cache(settings.cache)[0].segments
    other = ExtractorIdentity("other", "made/up/1", 3)
    growing = GrowingColumn(segment.folder, segment.name, other)
    block = segment.columns(segment.extractors)[0].block(slice(0, 2))
    growing.append(block._replace(units=block.units[:, :3]))

    backup(settings, tmp_path / "backup")

    assert len([name for name in paths_in(tmp_path / "backup") if ".column" in name]) == 1


def test_strange_places_are_refused(
    run: Run, settings: Settings, library: Library, folder: Path, tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("dear")
    for target in (full, folder / "backup", settings.state_dir / "backup", full / "letter.txt"):
        assert run("backup", target)[0] == 2
    assert [path.name for path in full.iterdir()] == ["letter.txt"]
    backed_up(run, tmp_path / "backup")
    other = tmp_path / "other" / "index.pkl"
    assert run("restore", tmp_path / "backup", "--cache", other)[0] == 0
    code, _, err = run("backup", tmp_path / "backup", "--cache", other)
    assert code == 2
    assert "another index" in err
    assert run("restore", full)[0] == run("restore", tmp_path / "nowhere")[0] == 2
    assert run("backup", tmp_path / "new", "--cache", tmp_path / "none.pkl")[0] == 2


def test_a_restore_waits_for_no_other_writer(
    run: Run, settings: Settings, library: Library, tmp_path: Path
) -> None:
    backed_up(run, tmp_path / "backup")
    with filelock.FileLock(settings.state_dir / "lock"):
        code, _, err = run("restore", tmp_path / "backup", "--force")
    assert code == 2
    assert "Another process is updating" in err
