"""The index suggests the original of an edited copy, and only what counts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from image_search.duplicates.fingerprints import (
    FingerprintIndex,
    FingerprintStore,
    fingerprint,
    visual_words,
)
from image_search.duplicates.fingerprints.visual_words import SUFFIX
from image_search.imaging.edits import INVERTED, KINDS, MILD, edited
from tests.fingerprints.pictures import busy, flat

SEEDS = range(1, 31)

# A negative is compared as such; see test_inverted.
POSITIVE = [kind for kind in KINDS if kind != INVERTED]


def digest(seed: int) -> bytes:
    return hashlib.sha256(f"picture {seed}".encode()).digest()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FingerprintStore:
    made = FingerprintStore(tmp_path_factory.mktemp("fingerprints"))
    for first in range(1, 31, 10):
        made.add([(digest(seed), fingerprint(busy(seed))) for seed in range(first, first + 10)])
    return made


@pytest.fixture(scope="module")
def index(store: FingerprintStore) -> FingerprintIndex:
    return FingerprintIndex(store, map_of(SEEDS))


def map_of(seeds: range) -> set[bytes]:
    return {digest(seed) for seed in seeds}


@pytest.mark.parametrize("kind", POSITIVE)
def test_the_original_comes_first(index: FingerprintIndex, kind: str) -> None:
    for seed in (3, 17):
        copy = edited(busy(seed), kind, MILD, np.random.default_rng(seed), backdrop=busy(77))
        (found, score), *rest = index.candidates(fingerprint(copy), 5)
        assert found == digest(seed)
        assert all(other <= score for _, other in rest)


def test_no_more_than_asked_for_and_none_twice(index: FingerprintIndex) -> None:
    found = [content for content, _ in index.candidates(fingerprint(busy(1)), 3)]
    assert len(found) == len(set(found)) <= 3


def test_only_what_counts_is_found(store: FingerprintStore) -> None:
    index = FingerprintIndex(store, map_of(range(1, 11)))
    asked = fingerprint(busy(15))
    assert len(index) == 10
    assert digest(15) not in [content for content, _ in index.candidates(asked, 30)]

    index.update(map_of(SEEDS))

    assert index.candidates(asked, 1)[0][0] == digest(15)
    assert len(index) == 30


def test_what_is_added_later_is_found_after_an_update(tmp_path: Path) -> None:
    store = FingerprintStore(tmp_path)
    index = FingerprintIndex(store, [])
    assert index.candidates(fingerprint(busy(1)), 5) == []
    for seed in range(1, 12):
        store.add([(digest(seed), fingerprint(busy(seed)))])
        index.update(map_of(range(1, seed + 1)))
        assert index.candidates(fingerprint(busy(seed)), 1)[0][0] == digest(seed)
    assert len(index) == 11


def test_a_content_that_two_processes_added_is_found_once(tmp_path: Path) -> None:
    one, other = FingerprintStore(tmp_path), FingerprintStore(tmp_path)
    one.add([(digest(1), fingerprint(busy(1)))])
    other.add([(digest(1), fingerprint(busy(1))), (digest(2), fingerprint(busy(2)))])
    one.refresh()
    index = FingerprintIndex(one, [digest(1), digest(2)])
    assert len(index) == 2
    found = [content for content, _ in index.candidates(fingerprint(busy(1)), 9)]
    assert found.count(digest(1)) == 1


def test_lists_that_are_damaged_are_made_again(tmp_path: Path) -> None:
    store = FingerprintStore(tmp_path)
    store.add([(digest(seed), fingerprint(busy(seed))) for seed in range(1, 6)])
    live = map_of(range(1, 6))
    before = FingerprintIndex(store, live).candidates(fingerprint(busy(2)), 5)
    lists = next(tmp_path.glob("*" + SUFFIX))
    for damaged in (b"", b"nonsense", lists.read_bytes()[:-4] + b"\xff\xff\xff\x7f"):
        lists.unlink()
        lists.write_bytes(damaged)
        after = FingerprintIndex(FingerprintStore(tmp_path), live)
        assert after.candidates(fingerprint(busy(2)), 5) == before


def test_pictures_without_points_are_found_by_their_hash(tmp_path: Path) -> None:
    store = FingerprintStore(tmp_path)
    store.add([(digest(seed), fingerprint(flat(seed))) for seed in range(1, 20)])
    index = FingerprintIndex(store, map_of(range(1, 20)))
    turned = np.ascontiguousarray(np.rot90(flat(5)[:, ::-1]))
    found = [content for content, _ in index.candidates(fingerprint(turned), 3)]
    assert digest(5) in found


def test_short_and_long_lists_answer_alike(
    store: FingerprintStore, index: FingerprintIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [fingerprint(busy(seed)[::-1].copy()) for seed in (2, 12, 40)]
    short = [index.candidates(one, 10) for one in asked]
    monkeypatch.setattr(visual_words, "_TABLED", 1)

    assert [FingerprintIndex(store, map_of(SEEDS)).candidates(one, 10) for one in asked] == short


def test_many_together_find_what_each_finds_alone_and_none_find_none(
    index: FingerprintIndex,
) -> None:
    asked = [fingerprint(busy(seed)) for seed in (2, 12, 22)]

    together = list(index.candidates_of(asked, 5))

    assert [found[0][0] for found in together] == [digest(seed) for seed in (2, 12, 22)]
    assert [next(iter(index.candidates_of([one], 5))) for one in asked] == together
    assert list(index.candidates_of([], 5)) == []
