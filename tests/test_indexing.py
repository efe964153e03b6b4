"""An update does what the folder asks for, at a cost in proportion to what changed."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_search.indexing import scanning
from image_search.indexing.reports import Progress, Report
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.counting import Counting
from tests.drawing import design, draw_into, picture, saved

ROBUST = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "robust"


def update(settings: Settings) -> Report:
    """An update as a process of its own would do it."""
    return Library.open(settings).update()


def counts(report: Report) -> dict[str, int]:
    """What the report counts, without the zeros."""
    names = ("added", "changed", "moved", "removed", "unchanged", "unreadable", "embedded")
    return {name: number for name in names if (number := getattr(report, name))}


def found(settings: Settings, data: bytes, k: int = 1) -> list[str]:
    return [hit.path for hit in Library.open(settings).search(Query((data,), k=k)).hits]


def indexed(settings: Settings) -> list[str]:
    """Every path that can be found."""
    return sorted(found(settings, picture(0), k=10_000))


def test_an_update_counts_what_it_does(
    settings: Settings, folder: Path, counting: Counting
) -> None:
    draw_into(folder, 12)
    (folder / "broken.png").write_bytes(b"no picture")
    assert counts(update(settings)) == {"added": 12, "embedded": 12, "unreadable": 1}

    assert counts(update(settings)) == {"unchanged": 12, "unreadable": 1}

    (folder / "0000.png").write_bytes(picture(100))  # changed
    (folder / "sub").mkdir()
    (folder / "0001.png").rename(folder / "sub" / "moved.png")
    shutil.copy(folder / "0002.png", folder / "copy.png")
    (folder / "0003.png").unlink()
    os.utime(folder / "0004.png", (1, 1))  # touched
    draw_into(folder, 2, first=12)
    (folder / "0005.png").write_bytes(b"overwritten with rubbish")

    report = update(settings)

    assert counts(report) == {
        "added": 3, "changed": 1, "moved": 1, "removed": 1,
        "unchanged": 8, "unreadable": 2, "embedded": 3,
    }  # fmt: skip
    assert [failure.path for failure in report.failures] == ["0005.png", "broken.png"]
    assert counting.embedded == 15
    assert len(indexed(settings)) == 13
    assert counts(update(settings)) == {"unchanged": 13, "unreadable": 2}


def test_nothing_is_loaded_where_nothing_is_to_be_embedded(
    settings: Settings, folder: Path, counting: Counting
) -> None:
    draw_into(folder, 3)
    update(settings)
    assert counting.loaded == 1

    (folder / "0000.png").rename(folder / "other.png")
    update(settings)
    update(settings)

    assert counting.loaded == 1


def test_one_of_two_twins_moves(settings: Settings, folder: Path, counting: Counting) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (folder / name).write_bytes(picture(1))
    update(settings)
    counting.taken()

    (folder / "a.png").rename(folder / "z.png")
    (folder / "b.png").unlink()

    assert counts(update(settings)) == {"moved": 1, "removed": 1, "unchanged": 1}
    assert indexed(settings) == ["c.png", "z.png"]
    assert counting.taken() == 1, "only the query"


def test_two_files_that_change_places_keep_their_vectors(
    settings: Settings, folder: Path, counting: Counting
) -> None:
    a, b = draw_into(folder, 2)
    update(settings)
    counting.taken()
    a.rename(folder / "aside")
    b.rename(a)
    (folder / "aside").rename(b)
    os.utime(a, (5, 5))
    os.utime(b, (6, 6))

    assert counts(update(settings)) == {"changed": 2}

    assert counting.taken() == 0
    assert found(settings, picture(0)) == ["0001.png"]


def test_every_kind_of_name_is_indexed(settings: Settings, folder: Path) -> None:
    names = [b"with blank.png", "ünï 图.png".encode(), b"caf\xe9 \xff.png", b"new\nline.png"]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(picture(number))
    update(settings)

    for number, name in enumerate(names):
        assert os.fsencode(found(settings, picture(number))[0]) == name


def test_a_picture_over_the_limit_is_tried_again_when_the_limit_rises(
    settings: Settings, folder: Path
) -> None:
    (folder / "large.png").write_bytes(saved(design(0, (400, 300))))
    draw_into(folder, 1)
    small = replace(settings, image_megapixels=0.05)

    report = update(small)
    assert counts(report) == {"added": 1, "embedded": 1, "unreadable": 1}
    assert "limit" in report.failures[0].reason
    before = Library.open(settings).status().fingerprint
    assert counts(update(small)) == {"unchanged": 1, "unreadable": 1}
    assert Library.open(settings).status().fingerprint == before

    assert counts(update(settings)) == {"added": 1, "unchanged": 1, "embedded": 1}


def test_a_file_that_may_not_be_read_is_listed_and_tried_again(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(folder, 2)
    real = Path.open

    def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "0001.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        report = update(settings)
    assert counts(report) == {"added": 1, "embedded": 1, "unreadable": 1}
    assert "Permission denied" in report.failures[0].reason

    assert counts(update(settings)) == {"added": 1, "unchanged": 1, "embedded": 1}


def test_a_file_that_vanishes_meanwhile_is_no_error(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(folder, 4)
    real = scanning.scan

    def scan(*arguments: Any) -> Any:
        entries = real(*arguments)
        (folder / "0002.png").unlink()
        return entries

    monkeypatch.setattr("image_search.indexing.planning.scan", scan)

    assert counts(update(settings)) == {"added": 3, "embedded": 3}


def test_images_below_a_folder_that_cannot_be_listed_are_kept(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(folder / "a", 2)
    draw_into(folder / "b", 3, first=2)
    update(settings)
    (folder / "a" / "0000.png").unlink()
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        report = update(settings)

    assert counts(report) == {"removed": 1, "unchanged": 1}
    assert "b/" in " ".join(report.warnings)
    assert len(indexed(settings)) == 4


def test_a_link_out_of_the_folder_is_not_followed(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    draw_into(tmp_path / "outside", 2)
    draw_into(folder, 1)
    (folder / "link.png").symlink_to(tmp_path / "outside" / "0001.png")
    (folder / "all").symlink_to(tmp_path / "outside")

    assert counts(update(settings)) == {"added": 1, "embedded": 1}


def test_a_cache_inside_the_image_folder_is_no_image(settings: Settings, folder: Path) -> None:
    draw_into(folder, 2)
    inside = replace(settings, cache=folder / "image_features.pkl")
    update(inside)
    Library.open(inside).originals.thumbnail(
        Library.open(inside).search(Query((picture(0),))).hits[0].id
    )

    assert counts(update(inside)) == {"unchanged": 2}
    inside.cache.write_bytes(inside.cache.read_bytes()[:-20])
    assert counts(update(inside)) == {"unchanged": 2}, "a damaged cache that was set aside"
    other = replace(inside, extractors="edges")
    Library.open(other).update(cancelled=lambda: True)
    assert counts(update(other)) == {"unchanged": 2, "embedded": 2}


def test_progress_is_reported(settings: Settings, folder: Path) -> None:
    draw_into(folder, 5)
    (folder / "broken.png").write_bytes(b"x")
    result: list[Progress] = []

    Library.open(settings).update(result.append)

    assert list(dict.fromkeys(p.phase for p in result)) == [
        "resolving", "scanning", "embedding", "saving"
    ]  # fmt: skip
    last = result[-1]
    assert (last.done, last.total, last.added, last.unreadable) == (6, 6, 5, 1)
    assert last.rate
    assert last.seconds_left == 0
    assert [failure.path for failure in last.recent] == ["broken.png"]


@pytest.mark.skipif(not ROBUST.is_dir(), reason=f"the collection {ROBUST} is not on this machine")
def test_every_file_that_is_meant_to_break_software_is_indexed_or_listed(
    settings: Settings,
) -> None:
    files = [path for path in ROBUST.rglob("*") if path.is_file()]
    library = Library.open(replace(settings, images=ROBUST, extractors="hsv,edges"))

    report = library.update()

    counted = report.added + report.unreadable + sum(report.not_images.values())
    assert counted == len(files)
    assert report.added > 590
    assert all(failure.reason.endswith(".") for failure in report.failures)
    assert library.status().images == report.added
    for kind in ("Landscape", "Portrait"):
        one = next(ROBUST.rglob(f"{kind}_6.jpg"))
        hits = library.search(Query((one.read_bytes(),), k=9)).hits
        assert all(Path(hit.path).stem.startswith(kind) for hit in hits)
        assert hits[-1].score > 0.95
