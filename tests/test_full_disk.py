"""A disk that fills while images are indexed: a clear message, and the work done is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import draw_into, picture

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[1]
IMAGES = 300
# What an index of them takes is several times as much: 1 kB a vector.
SMALL, LARGE = "240k", "64m"

posix = pytest.mark.skipif(os.name != "posix", reason="limits and mounts as POSIX has them")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for less than the index."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", place],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def index(settings: Settings, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """The real command, saving often; no file of it may grow beyond ``limit`` bytes."""
    lines = [
        "import sys",
        "from image_search.indexing import building",
        "from image_search.cli import main",
    ]
    if limit is not None:
        lines += ["import resource", f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit},) * 2)"]
    lines += ["building.SAVE_FILES = 32", "sys.exit(main(sys.argv[1:]))"]
    where = ["--images", settings.images, "--cache", settings.cache, "--extractors", "hsv"]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines), "index", "--json", *map(str, where)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def holds(settings: Settings) -> int:
    """How many images can be found; each of them is."""
    library = Library.open(settings)
    images = library.status().images
    hits = library.search(Query((picture(0),), k=IMAGES)).hits
    assert hits[0].path == "0000.png"
    assert len({hit.path for hit in hits}) == images
    return images


@posix
def test_a_disk_that_fills_keeps_the_work_done(
    settings: Settings, folder: Path, small_disk: Path
) -> None:
    settings = replace(settings, cache=small_disk / "image_features.pkl")
    draw_into(folder, IMAGES)

    done = index(settings)

    assert done.returncode == 2, done.stderr
    assert answer(done)["error"]["code"] == "cache_error"
    assert "make room on the disk" in answer(done)["error"]["message"]
    assert "Traceback" not in done.stderr
    before = holds(settings)
    assert 0 < before < IMAGES

    subprocess.run(["mount", "-o", f"remount,size={LARGE}", small_disk], check=True)
    done = index(settings)
    assert done.returncode == 0, done.stderr
    assert answer(done)["embedded"] == IMAGES - before
    assert holds(settings) == IMAGES
    assert not list(small_disk.rglob("*.tmp"))


@posix
def test_a_disk_that_fills_leaves_the_old_index_whole(
    settings: Settings, folder: Path, small_disk: Path
) -> None:
    settings = replace(settings, cache=small_disk / "image_features.pkl")
    draw_into(folder, 20)
    assert index(settings).returncode == 0
    draw_into(folder, IMAGES, first=20)
    (small_disk / "full").write_bytes(b"x" * _free(small_disk))

    done = index(settings)

    assert done.returncode == 2, done.stderr
    assert "make room on the disk" in answer(done)["error"]["message"]
    assert holds(settings) == 20


@posix
def test_a_file_that_may_not_grow_keeps_the_work_done(settings: Settings, folder: Path) -> None:
    draw_into(folder, IMAGES)

    # Saves of 32 images fit; the segment that they are merged into does not.
    done = index(settings, limit=200_000)

    assert done.returncode == 2, done.stderr
    assert "could not be written" in answer(done)["error"]["message"]
    assert "Traceback" not in done.stderr
    before = holds(settings)
    assert 0 < before <= IMAGES
    assert answer(index(settings))["embedded"] == IMAGES - before
    assert holds(settings) == IMAGES


def _free(place: Path) -> int:
    state = os.statvfs(place)
    return state.f_bavail * state.f_frsize
