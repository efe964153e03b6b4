"""The cache as its users see it: commits that last, merging, one writer, readers meanwhile."""

from __future__ import annotations

import contextlib
import errno
import gc
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_search.errors import CacheError, CacheLocked
from image_search.storage import CacheWriter, FileRecord, safe_pickle
from image_search.storage.snapshot import segment_folder
from tests.storage.files import (
    DIM,
    FAKE,
    blocks,
    content,
    expected,
    read,
    record,
    segment_files,
    write,
)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "image_features.pkl"


def test_what_was_written_is_read(cache: Path) -> None:
    records = [
        record("a.png", 1),
        record("b c/ü 图.jpg", 2),
        record("broken.png", 3, readable=False),
        record("not utf-8 \udcff\udcfe.png", 4),
    ]

    written = write(cache, records)

    snapshot = read(cache)
    assert snapshot is not None
    assert content(snapshot) == content(written) == expected(records)
    assert (snapshot.images, len(snapshot.failures)) == (3, 1)
    assert snapshot.failures[0].reason == "It is made up."
    assert snapshot.complete
    assert snapshot.fingerprint == written.fingerprint


def test_there_is_no_cache_yet(cache: Path) -> None:
    assert read(cache) is None


def test_an_image_is_found_by_its_id(cache: Path) -> None:
    write(cache, [record(f"{n}.png", n) for n in range(20)], gone=["3.png"])
    snapshot = read(cache)
    assert snapshot is not None

    ids = {
        segment.records.paths[row]: int(segment.records.ids[row])
        for segment in snapshot.segments
        for row in range(len(segment.records))
    }
    for number in range(4, 20):
        assert snapshot.find(ids[f"{number}.png"]) == record(f"{number}.png", number)
    assert snapshot.find(12345) is None


Step = tuple[str, list[tuple[int, int, bool]], list[int]]
batches = st.lists(
    st.tuples(st.integers(0, 14), st.integers(0, 40), st.booleans()),
    max_size=5,
    unique_by=lambda row: row[0],
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), batches, st.lists(st.integers(0, 14), max_size=3)),
        st.tuples(st.just("finish"), st.just([]), st.just([])),
        st.tuples(st.just("crash"), st.just([]), st.just([])),
    ),
    max_size=25,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps)
def test_it_holds_what_a_dictionary_would(
    plan: list[Step], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    cache = tmp_path_factory.mktemp("model") / "cache.pkl"
    model: dict[str, FileRecord] = {}
    writer = CacheWriter(cache, cache.parent)
    writer.__enter__()
    writer.begin(FAKE)
    for action, rows, gone in plan:
        if action == "commit":
            records = [record(f"{path}.png", n, readable=ok) for path, n, ok in rows]
            names = {known.path for known in records}
            dropped = [f"{path}.png" for path in gone if f"{path}.png" not in names]
            writer.commit(records, blocks(records), dropped)
            for path in dropped:
                model.pop(path, None)
            model.update((known.path, known) for known in records)
        else:
            if action == "finish":
                writer.finish()
            writer.__exit__(None, None, None)
            writer = CacheWriter(cache, cache.parent)
            writer.__enter__()
            writer.begin(FAKE)
        assert content(writer.snapshot) == expected(list(model.values()))
        if cache.exists():
            assert content(read(cache)) == content(writer.snapshot)
    writer.__exit__(None, None, None)


def test_the_number_of_segments_grows_with_the_logarithm(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    records = [record(f"{n}.png", n) for n in range(300)]
    for known in records:
        snapshot = write(cache, [known])
        files = len(segment_files(cache))
        assert files == 2 * len(snapshot.segments), "merged segments were left lying about"

    assert len(snapshot.segments) <= 8 * math.log(300, 8)
    assert content(read(cache)) == expected(records)


def test_vectors_of_deleted_images_do_not_stay_for_ever(cache: Path) -> None:
    records = [record(f"{n}.png", n) for n in range(100)]
    write(cache, records)

    snapshot = write(cache, gone=[known.path for known in records[10:]])

    assert content(snapshot) == expected(records[:10])
    assert sum(len(segment.vectors) for segment in snapshot.segments) == 10
    assert sum(path.stat().st_size for path in segment_files(cache)) < 100 * DIM * 2 + 2000


def test_a_commit_writes_what_is_new_only(cache: Path) -> None:
    write(cache, [record(f"{n}.png", n) for n in range(50)])
    before = {path: path.stat().st_mtime_ns for path in segment_files(cache)}

    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(FAKE)
        writer.commit([record("new.png", 99)], blocks([record("new.png", 99)]), ["3.png"])
        after = {path: path.stat().st_mtime_ns for path in segment_files(cache)}

    assert before.items() <= after.items()
    assert len(after) == len(before) + 2


def test_the_fingerprint_tells_of_every_change(cache: Path) -> None:
    seen = [write(cache, [record("a", 1), record("b", 2)]).fingerprint]
    assert write(cache).fingerprint == seen[0]
    seen.append(write(cache, gone=["a"]).fingerprint)
    seen.append(write(cache, [record("b", 3)]).fingerprint)
    seen.append(write(cache, [record("c", 3)]).fingerprint)

    assert len(set(seen)) == len(seen)


def test_a_second_writer_is_turned_away(cache: Path) -> None:
    with CacheWriter(cache, cache.parent):
        with pytest.raises(CacheLocked, match="Another process"), CacheWriter(cache, cache.parent):
            pytest.fail("two writers")
        code = (
            "import sys; from pathlib import Path\n"
            "from image_search.storage import CacheWriter\n"
            "from image_search.errors import CacheLocked\n"
            "cache = Path(sys.argv[1])\n"
            "try: CacheWriter(cache, cache.parent).__enter__()\n"
            "except CacheLocked: print('locked')\n"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code, str(cache)], capture_output=True, text=True, check=True
        )
        assert answer.stdout == "locked\n"
    with CacheWriter(cache, cache.parent):
        pass  # and is let in afterwards


def test_a_reader_goes_on_while_a_writer_merges(cache: Path) -> None:
    records = [record(f"{n}.png", n) for n in range(7)]
    for known in records:
        write(cache, [known])
    old = read(cache)

    write(cache, [record("7.png", 7)], gone=["0.png"])
    gc.collect()

    assert content(old) == expected(records)
    assert content(read(cache)) == expected([*records[1:], record("7.png", 7)])


def full_disk(monkeypatch: pytest.MonkeyPatch, allow: int) -> None:
    """From the call after ``allow`` more, the disk has no room."""
    real: Callable[..., None] = safe_pickle.write_durably
    calls = 0

    def write_durably(path: Path, *chunks: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > allow:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, *chunks)

    monkeypatch.setattr(safe_pickle, "write_durably", write_durably)


@pytest.mark.parametrize("allow", range(7))
def test_a_full_disk_leaves_the_last_save(
    cache: Path, allow: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(f"{n}.png", n) for n in range(7)]
    for known in records:
        write(cache, [known])
    later = record("7.png", 7)
    with monkeypatch.context() as patch:
        full_disk(patch, allow)
        # Three files for the commit, then two for the merged segment, then the manifest.
        enough = contextlib.nullcontext()
        with enough if allow >= 6 else pytest.raises(CacheError, match="No space left"):
            write(cache, [later])

    kept = records if allow < 3 else [*records, later]
    assert content(read(cache)) == expected(kept)
    assert content(write(cache, [later])) == expected([*records, later])
    assert not list(cache.parent.rglob("*.tmp"))


def test_an_unfinished_write_leaves_no_rubbish_for_long(cache: Path) -> None:
    write(cache, [record("a.png", 1)])
    orphans = [
        segment_folder(cache) / "0123456789abcdef.facts.pkl",
        segment_folder(cache) / "0123456789abcdef.0123456789ab.column",
        segment_folder(cache) / "0123456789abcdef.0123456789ab.column.77.tmp",
        cache.with_name(cache.name + ".77.tmp"),
    ]
    for path in orphans:
        path.write_bytes(b"left by a crash")

    write(cache)

    assert not [path for path in orphans if path.exists()]
    assert content(read(cache)) == expected([record("a.png", 1)])


def test_a_cache_that_may_not_be_read_is_an_error_in_words(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cache, [record("a.png", 1)])

    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("image_search.storage.safe_pickle.os.open", refuse)

    with pytest.raises(CacheError, match="Permission denied"):
        read(cache)


def test_a_place_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = tmp_path / "file" / "cache.pkl"

    with pytest.raises(CacheError, match="cannot be written"), CacheWriter(cache, tmp_path):
        pytest.fail("wrote below a file")
