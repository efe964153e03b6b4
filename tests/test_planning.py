"""What an update decides to do, against a plain reckoning; and what it reads to decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_search.indexing import planning
from image_search.indexing.planning import IndexedFiles, make_plan
from image_search.indexing.scanning import Entries, Entry
from image_search.library import Library
from image_search.settings import Settings
from image_search.storage import safe_pickle
from image_search.storage.records import READABLE, RETRY, UNREADABLE, FileRecord
from tests.drawing import draw_into
from tests.storage.files import record, vectors_of, write

# Letters below and above the slash, and one that is no UTF-8, so that the order of paths is not
# that of folders.
PATHS = st.text(st.sampled_from("ab-/.0é\udcff"), min_size=1, max_size=5)
BATCHES = st.lists(st.dictionaries(PATHS, st.integers(0, 3), max_size=12), max_size=4)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=BATCHES,
    gone=st.sets(PATHS, max_size=4),
    folder=st.dictionaries(PATHS, st.integers(0, 3), max_size=24),
    closed=st.sets(st.sampled_from(["a/", "b/", "-/"]), max_size=2),
)
def test_the_plan_is_what_a_look_at_each_file_gives(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[dict[str, int]],
    gone: set[str],
    folder: dict[str, int],
    closed: set[str],
) -> None:
    records = [[_record(path, kind) for path, kind in batch.items()] for batch in batches]
    cache = tmp_path_factory.mktemp("plan") / "cache.pkl"
    known = IndexedFiles(write(cache, *records, gone=sorted(gone)))
    expected = {f.path: f for batch in records for f in batch if f.path not in gone}
    entries = [
        Entry(path, 100 + kind, _record(path, kind).mtime_ns) for path, kind in folder.items()
    ]

    plan = make_plan(Entries.of(entries), known, tuple(closed))

    same = {
        entry.path
        for entry in entries
        if (old := expected.get(entry.path)) is not None
        and old.verdict != RETRY
        and (old.size, old.mtime_ns) == (entry.size, entry.mtime_ns)
    }
    assert dict(known) == expected
    assert list(plan.work) == [entry for entry in entries if entry.path not in same]
    assert plan.unchanged == sum(expected[path].verdict == READABLE for path in same)
    missing = {path for path in expected.keys() - folder.keys() if not path.startswith((*closed,))}
    assert set(plan.gone) == missing
    assert len(plan.gone) == len(missing)
    assert (plan.kept, plan.files) == (len(expected) - len(missing), len(folder))


def _record(path: str, kind: int) -> FileRecord:
    verdict = (READABLE, UNREADABLE, RETRY, READABLE)[kind]
    made = record(path, kind, readable=verdict == READABLE)
    return FileRecord(**{**vars(made), "verdict": verdict})


def test_contents_are_found_with_their_vectors(tmp_path: Path) -> None:
    records = [record(f"{i}.png", i % 7) for i in range(20)] + [
        record("bad.png", 8, readable=False)
    ]
    known = IndexedFiles(write(tmp_path / "cache.pkl", records[:9], records[9:], gone=["3.png"]))

    for one in records[:20]:
        same = known.twin(one.digest)
        assert same is not None
        assert same.digest == one.digest
        assert same.path != "3.png"
        assert known.blocks(one.digest)["fake"].units.tolist() == vectors_of([one]).tolist()
    assert known.twin(records[20].digest) is None
    assert known.twin(b"another") is None
    with pytest.raises(KeyError):
        known.blocks(records[20].digest)


def test_a_million_paths_are_compared_in_stretches() -> None:
    """Behaviour, not time: each path is compared a few times, whatever is new among them."""
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, str(other))

        __hash__ = str.__hash__

    known = [f"{i:06}" for i in range(0, 20_000, 2)]
    new = [f"{i:06}" for i in range(1, 20_000, 400)]
    paths = [Counted(path) for path in sorted([*known, *new])]

    places = planning._matched(paths, known)

    assert [known[place] for place in places.tolist() if place >= 0] == known
    assert compared < 5 * len(known)


def test_a_running_service_reads_no_old_segment_again(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_into(folder, 4)
    library = Library.open(settings)
    library.update()
    old = {path.name for path in settings.state_dir.rglob("*.facts.pkl")}
    draw_into(folder, 1, first=4)
    loaded: list[str] = []
    real = safe_pickle.load

    def load(path: Path) -> Any:
        loaded.append(path.name)
        return real(path)

    monkeypatch.setattr(safe_pickle, "load", load)
    report = library.update()

    assert (report.added, report.unchanged) == (1, 4)
    assert loaded
    assert not old & set(loaded)


def test_a_walk_through_many_files_can_be_stopped(settings: Settings, folder: Path) -> None:
    draw_into(folder, 3)
    Library.open(settings).update()
    for number in range(2500):
        (folder / f"empty-{number:04}.png").touch()
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    result: list[int] = []
    library = Library.open(settings)
    report = library.update(lambda progress: result.append(progress.done), cancelled)

    assert report.cancelled
    assert (report.removed, report.added, report.embedded) == (0, 0, 0)
    assert 900 < max(result) <= 1000
    assert library.status().images == 3
