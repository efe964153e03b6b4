"""The walk through the image folder: everything in it, nothing outside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from image_search.errors import SettingsError
from image_search.indexing.scanning import Remarks, scan


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + os.fsencode(name))


def paths(folder: Path, **options: Any) -> list[str]:
    return [entry.path for entry in scan(folder, **options)]


def test_every_file_is_found_in_order(folder: Path) -> None:
    put(folder, "b.png", "a/2.png", "a/1.png", "a/deep/er/x.png", "with blank.jpg", "ünï 图.png")

    assert paths(folder) == [
        "a/1.png", "a/2.png", "a/deep/er/x.png", "b.png", "with blank.jpg", "ünï 图.png"
    ]  # fmt: skip


def test_size_and_time_are_those_of_the_file(folder: Path) -> None:
    put(folder, "a.png")
    os.utime(folder / "a.png", ns=(1, 1_600_000_000_123_456_789))

    (entry,) = scan(folder)

    assert (entry.size, entry.mtime_ns) == (16, 1_600_000_000_123_456_789)


def test_hidden_files_and_litter_are_left_out(folder: Path) -> None:
    put(folder, ".hidden.png", ".git/a.png", "Thumbs.db", "a/.DS_Store", "@eaDir/b.png", "c.png")

    assert paths(folder) == ["c.png"]


def test_names_that_are_no_utf8_survive(folder: Path) -> None:
    name = b"caf\xe9 \xff.png"
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")

    (path,) = paths(folder)

    assert os.fsencode(path) == name


def test_what_is_excluded_is_left_out(folder: Path) -> None:
    put(folder, "cache.pkl", "cache.files/thumb.webp", "a/cache.pkl")

    assert paths(folder, exclude=[folder / "cache.pkl", folder / "cache.files"]) == ["a/cache.pkl"]


def test_links_do_not_lead_out(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "secret.png")
    put(folder, "a/real.png")
    (folder / "file out.png").symlink_to(outside / "secret.png")
    (folder / "folder out").symlink_to(outside)
    (folder / "file in.png").symlink_to(folder / "a" / "real.png")
    (folder / "dangling.png").symlink_to(folder / "nothing")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "round").symlink_to(folder)

    assert paths(folder) == ["a/real.png", "file in.png"]


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    put(folder, "a.png")
    (tmp_path / "link").symlink_to(folder)

    assert paths(tmp_path / "link") == ["a.png"]


def test_pipes_and_sockets_are_no_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")

    assert paths(folder) == []


def test_a_folder_that_cannot_be_listed_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "a/1.png", "b/2.png", "c/3.png")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    remarks = Remarks()
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        found = paths(folder, remarks=remarks)

    assert found == ["a/1.png", "c/3.png"]
    assert remarks.closed == ["b/"]


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_no_folder_is_an_error_that_says_what_to_do(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "images"
    if kind == "a file":
        path.write_text("x")

    with pytest.raises(SettingsError, match="--images"):
        paths(path)
