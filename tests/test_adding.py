"""An extractor is added to an index at the cost of its own work, and removed at none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from image_search.indexing import adding
from image_search.indexing.reports import Progress, Report
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from image_search.storage.snapshot import segment_folder
from tests.counting import Counting, count
from tests.drawing import draw_into, picture

COUNT = 60


@pytest.fixture
def hsv(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return count(monkeypatch, "hsv")


@pytest.fixture
def edges(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return count(monkeypatch, "edges")


@pytest.fixture
def indexed(settings: Settings, hsv: Counting) -> Settings:
    """An index by ``hsv``."""
    draw_into(settings.images, COUNT)
    Library.open(settings).update()
    hsv.taken()
    return settings


def both(settings: Settings) -> Settings:
    return replace(settings, extractors="hsv,edges")


def first(library: Library, number: int) -> str:
    return library.search(Query((picture(number),), k=1)).hits[0].path


def counts(report: Report) -> tuple[int, int, int]:
    return report.added, report.removed, report.embedded


def test_only_the_new_extractor_works(indexed: Settings, hsv: Counting, edges: Counting) -> None:
    library = Library.open(both(indexed))
    assert library.outdated

    report = library.update()

    assert counts(report) == (0, 0, COUNT)
    assert report.rebuilt
    assert (hsv.embedded, edges.embedded) == (0, COUNT)
    assert library.status().extractors == ("hsv", "edges")
    assert not Library.open(both(indexed)).outdated
    fresh = Library.open(replace(both(indexed), cache=indexed.cache.with_name("fresh.pkl")))
    fresh.update()
    for number in (3, 30):
        query = Query((picture(number),), k=20)
        assert [hit.path for hit in library.search(query).hits] == [
            hit.path for hit in fresh.search(query).hits
        ]


def test_searches_go_on_with_the_others(
    indexed: Settings, edges: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "SAVE_SECONDS", 0.0)
    library = Library.open(both(indexed))
    used: list[tuple[str, ...]] = []
    states = []

    def on_progress(progress: Progress) -> None:
        if progress.phase == "adding" and progress.done < progress.total:
            used.append(library.search(Query((picture(5),), k=1)).extractors)
            states.append(library.status().adding)

    report = library.update(on_progress)

    assert set(used) == {("hsv",)}
    assert any(0 < state["edges"][0] < COUNT for state in states if state)
    assert not report.cancelled
    assert library.search(Query((picture(5),), k=1)).extractors == ("hsv", "edges")
    assert library.status().adding == {}


def test_an_interruption_costs_what_was_not_saved(
    indexed: Settings, edges: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "SAVE_SECONDS", 0.0)
    library = Library.open(both(indexed))

    report = library.update(cancelled=lambda: edges.embedded >= 20)

    assert report.cancelled
    done = edges.taken()
    assert 20 <= done < COUNT
    status = library.status()
    assert status.extractors == ("hsv",)
    assert status.adding == {"edges": (done, COUNT)}
    assert f"edges {done} of {COUNT}" in " ".join(status.warnings)
    assert first(library, 5) == "0005.png"

    assert not library.update().cancelled
    assert edges.embedded == COUNT - done
    assert library.status().extractors == ("hsv", "edges")


def test_files_that_changed_in_between_are_left_to_the_next_update(
    indexed: Settings, edges: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(_: Progress) -> None:
        """After the folder was looked at, and before the files are read again."""
        if edges.embedded == 0 and (indexed.images / "0007.png").exists():
            (indexed.images / "0007.png").unlink()
            (indexed.images / "0008.png").write_bytes(picture(500))

    library = Library.open(both(indexed))
    library.update(lambda progress: spoil(progress) if progress.phase == "adding" else None)

    paths = {hit.path for hit in library.search(Query((picture(0),), k=COUNT)).hits}
    assert len(paths) == COUNT - 2
    assert not {"0007.png", "0008.png"} & paths
    report = library.update()
    assert counts(report) == (1, 0, 1)
    assert first(library, 500) == "0008.png"


def test_new_and_deleted_files_are_seen_first(
    indexed: Settings, hsv: Counting, edges: Counting
) -> None:
    draw_into(indexed.images, 5, first=100)
    (indexed.images / "0003.png").unlink()
    library = Library.open(both(indexed))

    report = library.update()

    assert counts(report) == (5, 1, COUNT - 1 + 5)
    assert (hsv.embedded, edges.embedded) == (5, COUNT - 1 + 5)
    assert first(library, 102) == "0102.png"


def test_a_removed_extractor_costs_nothing_and_leaves_no_file(
    indexed: Settings, hsv: Counting, edges: Counting
) -> None:
    Library.open(both(indexed)).update()
    before = _bytes(indexed.cache)
    edges.taken()

    library = Library.open(replace(indexed, extractors="edges"))
    report = library.update()

    assert report.embedded == hsv.embedded == edges.embedded == 0
    assert library.status().extractors == ("edges",)
    assert _bytes(indexed.cache) < before
    assert first(library, 5) == "0005.png"


def _bytes(cache: Path) -> int:
    return sum(path.stat().st_size for path in segment_folder(cache).iterdir())
