"""Indexing that is interrupted or killed, as a process of its own, keeps its work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import draw_into, picture

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[1]


def command(settings: Settings, *arguments: str | Path) -> list[str]:
    """A command for a process of its own."""
    options = ["--images", settings.images, "--cache", settings.cache]
    return [sys.executable, "-m", "image_search", *map(str, (*arguments, *options))]


def environment() -> dict[str, str]:
    return {**os.environ, "IMAGE_SEARCH_EXTRACTORS": "hsv", "OMP_NUM_THREADS": "1"}


def slowly(tmp_path: Path) -> dict[str, str]:
    """An environment in which embedding takes its time, so that it can be interrupted."""
    (tmp_path / "slow").mkdir(exist_ok=True)
    (tmp_path / "slow" / "sitecustomize.py").write_text(
        "import time\n"
        "from image_search.indexing import building, embedding\n"
        "from image_search.extractors import descriptors\n"
        "building.SAVE_SECONDS, embedding.BATCH, real = 0.05, 8, descriptors.HsvHistogram.embed\n"
        "def embed(self, inputs):\n"
        "    time.sleep(0.02 * len(inputs))\n"
        "    return real(self, inputs)\n"
        "descriptors.HsvHistogram.embed = embed\n"
    )
    path = os.pathsep.join([str(tmp_path / "slow"), str(ROOT)])
    return environment() | {"PYTHONPATH": path}


def slow_index(settings: Settings, tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(settings, "index"), cwd=ROOT, env=slowly(tmp_path), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_the_work(
    settings: Settings, folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    draw_into(folder, 150)
    process = slow_index(settings, tmp_path)
    wait_for(settings.cache.exists)

    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert "what was done is saved" in out
    status = Library.open(settings).status()
    assert 0 < status.images < 150
    report = Library.open(settings).update()
    assert report.added == 150 - status.images


def test_a_kill_at_any_moment_leaves_an_index_that_goes_on(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    draw_into(folder, 150)
    before = 0
    for moment in (0.0, 0.15, 0.02, 0.3, 0.08):
        process = slow_index(settings, tmp_path)
        assert process.stderr is not None
        process.stderr.read(1)  # the progress bar appears when embedding starts
        time.sleep(moment)
        process.kill()
        process.communicate(timeout=20)

        library = Library.open(settings)
        assert library.status().warnings in (
            (),
            ("The last indexing was interrupted; reindex to go on where it stopped.",),
        )
        assert library.status().images >= before
        before = library.status().images
        if before:
            hits = library.search(Query((picture(0),), k=1000)).hits
            assert len({hit.path for hit in hits}) == len(hits) == before

    report = Library.open(settings).update()

    assert report.added == report.embedded == 150 - before < 150
    assert report.unchanged == before
    library = Library.open(settings)
    for number in range(0, 150, 10):
        best = library.search(Query((picture(number),), k=1)).hits[0]
        assert best.path == f"{number:04}.png"
        assert best.score == pytest.approx(1, abs=1e-3)
    assert not list(settings.cache.parent.rglob("*.tmp"))
