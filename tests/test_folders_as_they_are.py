"""Folders as studios have them: network stores, archives, broken clocks, other scripts."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from image_search.indexing.scanning import MAX_DEPTH, scan
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.conftest import Run
from tests.drawing import design, draw_into, ornate, saved


def test_a_date_that_no_clock_shows_stops_nothing(settings: Settings) -> None:
    paths = draw_into(settings.images, 3)
    os.utime(paths[0], ns=(0, 10_400_000_000 * 10**9))  # the year 2299
    os.utime(paths[1], ns=(0, -(10**19)))
    library = Library.open(settings)

    assert library.update().added == 3
    assert library.update().unchanged == 3
    assert len(library.search(Query(images=(saved(design(0)),))).hits) == 3


@pytest.fixture(params=[1_100, 2_100])
def depth(request: pytest.FixtureRequest, settings: Settings) -> Iterator[int]:
    """So many folders within each other, further down than one path can say."""
    depth: int = request.param
    here = os.open(settings.images, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield depth
    # pytest removes folders by recursion.
    top, aside = settings.images / "d", settings.images / "aside"
    while (top / "d").exists():
        (top / "d").rename(aside)
        top.rmdir()
        aside.rename(top)


@pytest.mark.skipif(os.name == "nt", reason="such folders are made in a way of Unix")
def test_folders_within_each_other_end_somewhere(settings: Settings, depth: int) -> None:
    draw_into(settings.images, 1)

    report = Library.open(settings).update()

    assert report.added == 1
    deep = [warning for warning in report.warnings if "1 folders" in warning]
    assert bool(deep) == (depth > MAX_DEPTH)
    assert max(map(len, report.warnings), default=0) < 400


LITTER = (
    "#recycle/rings", "@Recycle/rings", "@Recently-Snapshot/GMT+02_2026-01-01", "#snapshot/daily",
    "lost+found", "System Volume Information", "__MACOSX/rings", ".Trash-1000/files",
    "$RECYCLE.BIN/S-1-5", "@eaDir/ring.png", "@SynoEAStream", "~snapshot/hourly.0", ".zfs/snapshot",
)  # fmt: skip


def test_what_network_stores_keep_is_not_indexed(settings: Settings) -> None:
    draw_into(settings.images / "rings", 1)
    for place in LITTER:
        draw_into(settings.images / place, 1)

    assert [entry.path for entry in scan(settings.images)] == ["rings/0000.png"]


def test_patterns_of_ones_own_are_left_out(settings: Settings) -> None:
    for name in (
        "ring.png",
        "ring_OLD.png",
        "archive/2019/a.png",
        "archive/2020/b.png",
        "wip/c.png",
    ):
        (settings.images / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.images / name).write_bytes(saved(design(len(name))))
    library = Library.open(replace(settings, ignore="*_old.*, archive/2019/*, wip"))

    assert library.update().added == 2
    hits = library.search(Query(images=(saved(design(1)),))).hits
    assert {hit.path for hit in hits} == {"ring.png", "archive/2020/b.png"}


def test_what_is_ignored_later_is_forgotten(settings: Settings) -> None:
    draw_into(settings.images, 2)
    Library.open(settings).update()

    assert Library.open(replace(settings, ignore="0001.*")).update().removed == 1


def test_links_that_lead_out_are_counted_once(settings: Settings, tmp_path: Path) -> None:
    (outside,) = draw_into(tmp_path / "outside", 1, first=50)
    draw_into(settings.images, 2)
    for number in range(3):
        (settings.images / f"link {number}.png").symlink_to(outside)
    (settings.images / "folder").symlink_to(outside.parent)
    (settings.images / "dangling.png").symlink_to(outside.parent / "nothing")

    report = Library.open(settings).update()

    assert (report.added, report.unreadable) == (2, 0)
    (warning,) = (warning for warning in report.warnings if "links" in warning)
    assert warning.startswith("4 links lead out of the image folder")


@pytest.mark.skipif(os.name == "nt", reason="the system does not tell when a file was changed")
def test_a_file_replaced_with_the_same_size_and_time_is_noticed(settings: Settings) -> None:
    path = settings.images / "label.bmp"
    path.write_bytes(saved(ornate(1), "BMP"))
    os.utime(path, ns=(10**18, 10**18))
    library = Library.open(settings)
    library.update()

    path.write_bytes(saved(ornate(2), "BMP"))
    os.utime(path, ns=(10**18, 10**18))
    report = library.update()

    assert (report.changed, report.unchanged) == (1, 0)
    assert library.check(Query(images=(saved(ornate(2)),))).verdict == "exact"


def test_a_file_that_was_only_touched_is_not_embedded_again(settings: Settings) -> None:
    (path,) = draw_into(settings.images, 1)
    library = Library.open(settings)
    library.update()
    path.chmod(0o640)

    report = library.update()
    again = library.update()

    assert (report.unchanged, report.changed, report.embedded) == (1, 0, 0)
    assert (again.unchanged, again.embedded) == (1, 0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("指輪", "金の指輪01"), ("金", "金の指輪01"), ("连衣裙", "春夏连衣裙_红色"), ("反", "反地"),
        ("반지", "은반지디자인"), ("แหวน", "ลายแหวนทอง"),
        ("リング", "ｺﾞｰﾙﾄﾞﾘﾝｸﾞ"), ("ﾘﾝｸﾞ", "ゴールドリング"), ("gold", "指輪ＧＯＬＤ"),
        ("មាស", "ខ្សែកមាស"),
    ],
)  # fmt: skip
def test_a_part_of_a_name_without_spaces_is_found(settings: Settings, text: str, name: str) -> None:
    (settings.images / f"{name}.png").write_bytes(saved(design(1)))
    for number in range(5):
        (settings.images / f"別の絵{number}.png").write_bytes(saved(design(10 + number)))
    library = Library.open(settings)
    library.update()

    hit = library.search(Query(text=text)).hits[0]

    assert hit.path == f"{name}.png"
    assert hit.scores["name"] == 1


def test_a_name_that_is_a_formula_is_escaped(run: Run, settings: Settings, tmp_path: Path) -> None:
    names = ('=HYPERLINK("http:x","open").png', "@SUM(A1).png", "-1+2.png", "Größe_é.png")
    for number, name in enumerate(names):
        for copy in ("", "copy of "):
            folder = settings.images / copy
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(saved(ornate(number)))
    run("index")

    for command in (["check", settings.images / names[3]], ["duplicates"]):
        table = tmp_path / "table.csv"
        run(*command, "--csv", table)
        data = table.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@", "-", "+"))]
    assert {f"'{name}" for name in names[:3]} <= set(cells)
    assert names[3] in cells
