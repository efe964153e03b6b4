"""Another set of extractors is built up aside while the old index serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_search.storage import CacheWriter
from tests.storage.files import (
    DIM,
    OTHER,
    content,
    expected,
    read,
    record,
    segment_files,
    vectors_of,
    write,
)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "image_features.pkl"


def test_other_extractors_are_built_up_aside(cache: Path) -> None:
    old = [record("a.png", 1), record("b.png", 2)]
    write(cache, old)
    with CacheWriter(cache, cache.parent) as writer:
        assert content(writer.begin(OTHER)) == {}
        assert writer.aside
        assert "fake" in writer.warnings[0]
        writer.commit(old[:1], vectors_of(old[:1], DIM + 1))
        assert content(read(cache)) == expected(old), "the old index does not serve meanwhile"
        # interrupted here

    with CacheWriter(cache, cache.parent) as writer:
        assert list(content(writer.begin(OTHER))) == ["a.png"], "the work so far was lost"
        writer.commit(old[1:], vectors_of(old[1:], DIM + 1))
        writer.finish()
        assert not writer.aside

    snapshot = read(cache)
    assert snapshot is not None
    assert snapshot.extractors == OTHER
    assert sorted(content(snapshot)) == ["a.png", "b.png"]
    assert len(segment_files(cache)) == 2 * len(snapshot.segments)
    assert not cache.with_name(cache.name + ".next").exists()


def test_going_back_to_the_old_extractors_drops_the_rebuild(cache: Path) -> None:
    write(cache, [record("a.png", 1)])
    with CacheWriter(cache, cache.parent) as writer:
        writer.begin(OTHER)
        writer.commit([record("a.png", 1)], vectors_of([record("a.png", 1)], DIM + 1))

    assert content(write(cache)) == expected([record("a.png", 1)])
    assert not cache.with_name(cache.name + ".next").exists()
    assert len(segment_files(cache)) == 2
