"""Damage at any place is noticed, set aside and named, and costs only what is damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from image_search.errors import CacheDamaged
from image_search.storage import CacheWriter
from tests.storage.files import FAKE, Content, content, expected, read, record, segment_files, write

GROUPS = [[record(f"{group}-{n}.png", 10 * group + n) for n in range(1, 5)] for group in range(3)]
ALL = [known for group in GROUPS for known in group]
Damage = Callable[[bytes, float], bytes]


def truncated(data: bytes, place: float) -> bytes:
    return data[: int(len(data) * place)]


def flipped(data: bytes, place: float) -> bytes:
    at = min(int(len(data) * place), len(data) - 1)
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def lengthened(data: bytes, place: float) -> bytes:
    return data + bytes(int(1 + 50 * place))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "image_features.pkl"
    write(path, *GROUPS)
    return path


def begun(cache: Path) -> tuple[Content, str]:
    """What the next update goes on from, and what it tells; then it ends."""
    with CacheWriter(cache, cache.parent) as writer:
        found = content(writer.begin(FAKE))
        result = " ".join(writer.warnings)
        writer.finish()
    return found, result


@pytest.mark.parametrize("place", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("damage", [truncated, flipped])
def test_a_damaged_manifest_costs_nothing(cache: Path, damage: Damage, place: float) -> None:
    cache.write_bytes(damage(cache.read_bytes(), place))
    with pytest.raises(CacheDamaged):
        read(cache)

    found, result = begun(cache)

    assert found == expected(ALL)
    assert "damaged" in result
    assert next(cache.parent.glob("*.damaged-*")).name in result
    assert content(read(cache)) == expected(ALL)


@pytest.mark.parametrize("place", [0.0, 0.02, 0.2, 0.4, 0.6, 0.8, 0.99])
@pytest.mark.parametrize("damage", [truncated, flipped])
def test_damaged_records_cost_one_segment(cache: Path, damage: Damage, place: float) -> None:
    records = [path for path in segment_files(cache) if path.suffix == ".pkl"][1]
    records.write_bytes(damage(records.read_bytes(), place))
    with pytest.raises(CacheDamaged):
        read(cache)

    found, _ = begun(cache)

    assert len(found) == len(ALL) - 4
    assert found.items() <= expected(ALL).items()
    assert content(read(cache)) == found
    assert len(segment_files(cache)) == 4


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("damage", [truncated, flipped, lengthened])
def test_damaged_vectors_cost_one_segment(cache: Path, damage: Damage, place: float) -> None:
    vectors = [path for path in segment_files(cache) if path.suffix == ".column"][2]
    vectors.write_bytes(damage(vectors.read_bytes(), place))

    found, result = begun(cache)

    assert len(found) == len(ALL) - 4
    assert found.items() <= expected(ALL).items()
    assert "damaged" in result or "4 images were altered" in result
    assert content(read(cache)) == found


@pytest.mark.parametrize("suffix", [".pkl", ".column"])
def test_a_missing_file_costs_one_segment(cache: Path, suffix: str) -> None:
    next(path for path in segment_files(cache) if path.suffix == suffix).unlink()
    with pytest.raises(CacheDamaged, match="missing"):
        read(cache)

    found, _ = begun(cache)

    assert len(found) == len(ALL) - 4


def test_deleted_files_do_not_come_back_with_a_rescued_cache(cache: Path) -> None:
    write(cache, [record("0-1.png", 77)], gone=["1-2.png"])
    cache.write_bytes(b"")

    found, _ = begun(cache)

    # 1-2.png may count again until the folder is looked at; 0-1.png must be the newer one.
    expectation = expected([*(f for f in ALL if f.path != "0-1.png"), record("0-1.png", 77)])
    assert found == expectation


def test_a_cache_somebody_deleted_is_built_again(cache: Path) -> None:
    cache.unlink()

    found, result = begun(cache)

    assert found == {}
    assert result == ""
    assert segment_files(cache) == []
