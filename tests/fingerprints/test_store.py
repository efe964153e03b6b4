"""The store keeps what it was given, whatever happens, and forgets what it is told to."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_search.duplicates.fingerprints import Fingerprint, FingerprintStore
from image_search.duplicates.fingerprints.segments import SUFFIX, columns_of, write_segment
from image_search.errors import CacheError


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def some(number: int, points: int = 7) -> Fingerprint:
    rng = np.random.default_rng(number)
    placed = rng.random((points, 4)).astype(np.float32)
    placed[:, 2] *= 0.2
    placed[:, 3] *= 6.2
    return Fingerprint(
        rng.integers(0, 1 << 63, 8).astype(np.uint64),
        placed,
        rng.integers(0, 256, (points, 16)).astype(np.uint8),
        float(rng.uniform(0.2, 5)),
        rng.integers(0, 256, (32, 32)).astype(np.uint8),
    )


def is_same(one: Fingerprint | None, other: Fingerprint) -> bool:
    return (
        one is not None
        and np.array_equal(one.hashes, other.hashes)
        and np.array_equal(one.descriptors, other.descriptors)
        and np.array_equal(one.preview, other.preview)
        and one.aspect == other.aspect
        and np.allclose(one.points, other.points, rtol=1e-3, atol=2e-4)
    )


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*" + SUFFIX))


def test_what_is_added_is_there_also_for_the_next_process(tmp_path: Path) -> None:
    store = FingerprintStore(tmp_path / "fingerprints")
    assert store.missing([digest(1), digest(2), digest(1)]) == [digest(1), digest(2)]

    store.add([(digest(1), some(1)), (digest(2), some(2, points=0))])

    for one in (store, FingerprintStore(store.folder)):
        assert is_same(one.get(digest(1)), some(1))
        assert is_same(one.get(digest(2)), some(2, points=0))
        assert one.get(digest(3)) is None
        assert one.missing(map(digest, range(4))) == [digest(0), digest(3)]


def test_many_small_additions_become_few_files(tmp_path: Path) -> None:
    store = FingerprintStore(tmp_path)
    for number in range(100):
        store.add([(digest(number), some(number))])

    assert len(files(tmp_path)) < 20
    assert len(store) == 100
    assert all(is_same(store.get(digest(number)), some(number)) for number in range(100))


def test_one_process_sees_what_another_added_and_merged(tmp_path: Path) -> None:
    reader, writer = FingerprintStore(tmp_path), FingerprintStore(tmp_path)
    for number in range(30):
        writer.add([(digest(number), some(number))])
        if number % 7 == 0:
            reader.refresh()

    reader.refresh()

    assert not reader.missing(map(digest, range(30)))
    assert is_same(reader.get(digest(11)), some(11))


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    def write(first: int) -> None:
        store = FingerprintStore(tmp_path)
        for number in range(first, first + 20):
            store.add([(digest(number), some(number))])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, (0, 10, 20, 30)))

    store = FingerprintStore(tmp_path)
    assert not store.missing(map(digest, range(50)))
    assert all(is_same(store.get(digest(number)), some(number)) for number in range(50))


@pytest.mark.parametrize("place", [0.0, 0.001, 0.02, 0.5, 0.99])
@pytest.mark.parametrize("way", ["cut", "flip"])
def test_a_damaged_file_costs_only_itself(tmp_path: Path, place: float, way: str) -> None:
    store = FingerprintStore(tmp_path)
    store.add([(digest(number), some(number)) for number in range(5)])
    store.add([(digest(number), some(number)) for number in range(5, 7)])
    path = max(files(tmp_path), key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    at = min(int(len(data) * place), len(data) - 1)
    if way == "cut":
        del data[at:]
    else:
        data[at] ^= 0xFF
    # As a new file, because the old one is mapped.
    path.unlink()
    path.write_bytes(data)

    opened = FingerprintStore(tmp_path)

    assert not opened.missing([digest(5), digest(6)])
    missing = opened.missing(map(digest, range(5)))
    assert missing in ([], [digest(number) for number in range(5)])
    if way == "cut":
        assert missing
    opened.add([(content, some(0)) for content in missing])
    assert not FingerprintStore(tmp_path).missing(map(digest, range(7)))


def test_what_is_gone_is_forgotten_once_it_is_much(tmp_path: Path) -> None:
    store = FingerprintStore(tmp_path)
    store.add([(digest(number), some(number)) for number in range(20)])

    store.sweep({digest(number) for number in range(1, 20)})
    assert len(store) == 20

    store.sweep({digest(number) for number in range(10, 20)})
    assert len(store) == len(FingerprintStore(tmp_path)) == 10
    assert store.missing([digest(3)]) == [digest(3)]
    assert is_same(store.get(digest(12)), some(12))

    store.sweep(set())
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FingerprintStore(tmp_path / "file" / "fingerprints")
    with pytest.raises(CacheError, match="make room"):
        store.add([(digest(1), some(1))])


def test_a_digest_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FingerprintStore(tmp_path).get(b"short")


@pytest.mark.parametrize(
    "starts", [[0, 9, 7], [1, 7, 14], [0, 7, 13], [0, -7, 14], [0, 1 << 60, 14]]
)
def test_points_that_belong_to_no_picture_are_damage(tmp_path: Path, starts: list[int]) -> None:
    columns = columns_of([(digest(1), some(1)), (digest(2), some(2))])
    write_segment(tmp_path, replace(columns, starts=np.array(starts, np.int64)))

    assert len(FingerprintStore(tmp_path)) == 0
    assert len(list(tmp_path.glob("*.damaged"))) == 1
