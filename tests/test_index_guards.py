"""What an update refuses to do, and what of it can be interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from image_search.errors import CacheLocked, SettingsError
from image_search.indexing import building as indexing
from image_search.indexing import planning
from image_search.indexing.reports import Progress, Report
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.counting import Counting, Gate, count
from tests.drawing import draw_into, picture


def update(settings: Settings) -> Report:
    """An update as a process of its own would do it."""
    return Library.open(settings).update()


def counts(report: Report) -> dict[str, int]:
    """What the report counts, without the zeros."""
    names = ("added", "changed", "moved", "removed", "unchanged", "unreadable", "embedded")
    return {name: number for name in names if (number := getattr(report, name))}


def test_a_missing_folder_is_an_error_and_costs_nothing(settings: Settings, folder: Path) -> None:
    draw_into(folder, 2)
    update(settings)
    folder.rename(folder.with_name("elsewhere"))

    with pytest.raises(SettingsError, match="cannot be read"):
        update(settings)

    assert Library.open(settings).status().images == 2


@pytest.mark.parametrize("extractors", ["hsv", "edges", "hsv,edges"])
def test_an_empty_folder_does_not_empty_the_index(
    settings: Settings, folder: Path, extractors: str
) -> None:
    paths = draw_into(folder, 2)
    update(settings)
    for path in paths:
        path.unlink()

    with pytest.raises(SettingsError, match="mount it"):
        update(replace(settings, extractors=extractors))

    status = Library.open(settings).status()
    assert (status.images, status.extractors) == (2, ("hsv",))


def test_from_a_small_collection_one_moves_on_without_ceremony(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    draw_into(folder, 2)
    update(settings)
    draw_into(tmp_path / "other", 3, first=7)

    report = update(replace(settings, images=tmp_path / "other"))

    assert (report.added, report.removed) == (3, 2)


def test_the_index_of_another_folder_is_not_overwritten(
    settings: Settings, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "QUICKLY_MADE", 1)
    draw_into(folder, 2)
    update(settings)
    draw_into(tmp_path / "other", 3, first=7)

    for extractors in ("hsv", "edges"):
        with pytest.raises(SettingsError, match="another image folder"):
            update(replace(settings, images=tmp_path / "other", extractors=extractors))

    assert Library.open(settings).status().images == 2


def test_a_folder_that_was_moved_keeps_its_index(
    settings: Settings, folder: Path, tmp_path: Path, counting: Counting
) -> None:
    draw_into(folder, 3)
    update(settings)
    folder.rename(tmp_path / "new place")

    report = update(replace(settings, images=tmp_path / "new place"))

    assert counts(report) == {"unchanged": 3}


def test_a_folder_without_images_gives_an_empty_index(settings: Settings) -> None:
    assert counts(update(settings)) == {}
    status = Library.open(settings).status()
    assert (status.ready, status.complete) == (False, True)


def test_an_update_that_is_cancelled_goes_on_later(
    settings: Settings, folder: Path, counting: Counting
) -> None:
    draw_into(folder, 150)
    library = Library.open(settings)

    report = library.update(cancelled=lambda: counting.embedded >= 64)

    assert report.cancelled
    assert 64 <= report.embedded < 150
    status = library.status()
    assert (status.images, status.complete) == (report.embedded, False)
    assert "interrupted" in " ".join(status.warnings)
    hits = library.search(Query((picture(0),), k=1000)).hits
    assert len(hits) == report.embedded
    second = update(settings)
    assert second.embedded == 150 - report.embedded
    assert not second.cancelled
    assert Library.open(settings).status().complete


def test_an_error_of_an_extractor_costs_little(
    settings: Settings, folder: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(folder, 150)
    monkeypatch.setattr(indexing, "SAVE_SECONDS", 0.0)

    def fail(embedded: int) -> None:
        if embedded >= 64:
            raise RuntimeError("out of memory on the device")

    counting.before_batch = fail
    with pytest.raises(RuntimeError):
        update(settings)

    counting.before_batch = lambda _: None
    assert Library.open(settings).status().images >= 60
    assert update(settings).embedded <= 90


def test_other_extractors_are_built_up_while_the_old_index_serves(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edges = count(monkeypatch, "edges")
    draw_into(folder, 100)
    update(settings)
    other = replace(settings, extractors="edges")
    library = Library.open(other)
    served: list[tuple[str, ...]] = []

    def on_progress(progress: Progress) -> None:
        if progress.phase == "embedding":
            served.append(library.search(Query((picture(5),), k=1)).extractors)

    first = library.update(on_progress, lambda: edges.embedded >= 32)

    assert (first.rebuilt, first.cancelled) == (True, True)
    assert set(served) == {("hsv",)}
    assert "hsv" in " ".join(first.warnings)
    assert Library.open(other).status().extractors == ("hsv",)
    assert Library.open(other).outdated
    done = edges.taken()

    second = update(other)

    assert second.rebuilt
    assert edges.embedded == 100 - done
    assert Library.open(other).search(Query((picture(5),), k=1)).extractors == ("edges",)
    assert not Library.open(other).outdated


def test_a_second_update_at_once_is_refused(
    settings: Settings, folder: Path, counting: Counting
) -> None:
    draw_into(folder, 2)
    gate = Gate()
    gate.go_on.set()

    def meanwhile(_: int) -> None:
        with pytest.raises(CacheLocked):
            update(settings)
        gate.reached.set()

    counting.before_batch = meanwhile
    update(settings)

    assert gate.reached.is_set()
