"""Extractors are added to an index column by column, while it goes on serving with the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from image_search.storage import CacheWriter, ExtractorIdentity
from image_search.storage.snapshot import segment_folder
from tests.storage.files import (
    DIM,
    FAKE,
    OTHER,
    blocks,
    content,
    expected,
    read,
    record,
    segment_files,
    vectors_of,
    write,
)

RECORDS = [record("a.png", 1), record("b.png", 2), record("c.png", 3, readable=False)]
BOTH = FAKE + OTHER


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "image_features.pkl"
    write(path, RECORDS)
    return path


def extractors_of(cache: Path) -> tuple[ExtractorIdentity, ...]:
    snapshot = read(cache)
    assert snapshot is not None
    return snapshot.extractors


def fill(writer: CacheWriter, *, rows: int = 99) -> None:
    """Add at most so many ``rows`` to each column that is lacking."""
    for segment, missing in writer.lacking:
        records = [segment.records.record(int(owner)) for owner in segment.records.owners]
        for extractor in missing:
            column = writer.column(segment, extractor)
            first, last = column.written, min(column.written + rows, segment.rows)
            writer.add(column, blocks(records[first:last], [extractor])[extractor.name])


def test_a_column_is_added_and_touches_no_other(cache: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in segment_files(cache)}
    with CacheWriter(cache, cache.parent) as writer:
        assert content(writer.begin(BOTH)) == expected(RECORDS)
        assert "other: computed for the 2 images of the index" in writer.warnings[0]
        fill(writer)
        assert extractors_of(cache) == FAKE, "searches use a column that is not adopted yet"
        writer.finish()

    snapshot = read(cache)
    assert snapshot is not None
    assert snapshot.extractors == BOTH
    [segment] = snapshot.segments
    np.testing.assert_array_equal(
        segment.columns(OTHER)[0].block(slice(None)).units, vectors_of(RECORDS, DIM + 1)
    )
    assert segment.columns(OTHER)[0].block(slice(None)).norms.tolist() == [101, 102]
    assert before.items() <= {p: p.stat().st_mtime_ns for p in segment_files(cache)}.items()


def test_an_interruption_keeps_the_rows_so_far(cache: Path) -> None:
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(BOTH)
        fill(writer, rows=1)
    # What a crash in the middle of a write leaves behind.
    [growing] = [p for p in segment_files(cache) if p.stat().st_size == 2 * (DIM + 1) + 4]
    growing.write_bytes(growing.read_bytes() + b"half a row")

    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(BOTH)
        [(segment, missing)] = writer.lacking
        assert missing == OTHER
        assert segment.written(OTHER[0]) == 1
        fill(writer)
        writer.finish()

    snapshot = read(cache)
    assert snapshot is not None
    assert snapshot.segments[0].verify()
    np.testing.assert_array_equal(
        snapshot.segments[0].columns(OTHER)[0].block(slice(None)).units,
        vectors_of(RECORDS, DIM + 1),
    )


def test_new_files_are_found_while_a_column_is_being_added(cache: Path) -> None:
    new = record("d.png", 4)
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(BOTH)
        writer.commit([new], blocks([new], BOTH))

    snapshot = read(cache)
    assert content(snapshot) == expected([*RECORDS, new])
    assert snapshot is not None
    assert snapshot.extractors == FAKE


def test_an_index_serves_until_all_its_extractors_are_replaced(cache: Path) -> None:
    new = record("d.png", 4)
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(OTHER)
        writer.commit([new], blocks([new], OTHER))
        # The new file has no vector that can be searched yet.
        assert content(read(cache)) == expected(RECORDS)

    with CacheWriter(cache, cache.parent) as writer:
        assert set(writer.begin(OTHER).digests()) == {one.digest for one in [*RECORDS, new]}
        fill(writer)
        writer.finish()

    snapshot = read(cache)
    assert snapshot is not None
    assert snapshot.extractors == OTHER
    assert sorted(content(snapshot)) == ["a.png", "b.png", "c.png", "d.png"]


def test_an_extractor_that_is_not_used_any_more_goes_with_its_columns(cache: Path) -> None:
    test_a_column_is_added_and_touches_no_other(cache)

    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(FAKE)
        assert not writer.lacking
        writer.finish()

    assert content(read(cache)) == expected(RECORDS)
    assert len(segment_files(cache)) == 2


def test_a_column_that_is_kept_need_not_be_added_again(cache: Path) -> None:
    test_a_column_is_added_and_touches_no_other(cache)

    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(FAKE, kept=BOTH)
        writer.finish()
    assert extractors_of(cache) == FAKE
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(BOTH)
        assert not writer.lacking
        writer.finish()

    assert extractors_of(cache) == BOTH


def test_an_altered_column_is_added_again_and_nothing_else(cache: Path) -> None:
    test_a_column_is_added_and_touches_no_other(cache)
    with CacheWriter(cache, cache.parent) as writer:
        [segment] = writer.begin(BOTH).segments
        path = next(segment_folder(cache).glob(f"{segment.name}.*.column"))
        path.write_bytes(bytes(path.stat().st_size))

    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(BOTH)
        assert "altered or lost" in writer.warnings[0]
        [(_, missing)] = writer.lacking
        assert len(missing) == 1
        fill(writer)
        writer.finish()

    assert content(read(cache)).keys() == expected(RECORDS).keys()
    assert extractors_of(cache) == BOTH
