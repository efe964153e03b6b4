"""Fingerprints are brought up to date at the cost of what is missing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from image_search.duplicates import fingerprinting
from image_search.duplicates.fingerprinting import update_fingerprints
from image_search.duplicates.fingerprints import FingerprintStore
from image_search.errors import UnknownImage
from image_search.indexing.reports import Progress
from tests.drawing import picture


class Files:
    """Contents by digest, and how often each was read."""

    def __init__(self, count: int) -> None:
        files = [picture(seed) for seed in range(count)]
        self.by_digest = {hashlib.sha256(data).digest(): data for data in files}
        self.read_count = 0

    def __call__(self, content: bytes) -> bytes:
        self.read_count += 1
        if content not in self.by_digest:
            raise UnknownImage("gone")
        return self.by_digest[content]

    @property
    def contents(self) -> list[bytes]:
        return list(self.by_digest)


@pytest.fixture
def store(tmp_path: Path) -> FingerprintStore:
    return FingerprintStore(tmp_path / "fingerprints")


def update(store: FingerprintStore, files: Files, contents: list[bytes]) -> bool:
    return update_fingerprints(store, contents, files, threads=2, max_megapixels=10)


def test_only_what_is_missing_is_read(store: FingerprintStore) -> None:
    files = Files(12)
    assert update(store, files, files.contents[:8])
    assert (len(store), files.read_count) == (8, 8)
    assert update(store, files, files.contents)
    assert (len(store), files.read_count) == (12, 12)
    assert update(store, files, files.contents)
    assert files.read_count == 12
    assert not store.missing(files.contents)


def test_what_cannot_be_read_stays_missing(store: FingerprintStore) -> None:
    files = Files(3)
    damaged, gone = hashlib.sha256(b"damaged").digest(), hashlib.sha256(b"gone").digest()
    files.by_digest[damaged] = b"no picture"
    assert update(store, files, [*files.contents, gone])
    assert store.missing([*files.contents, gone]) == [damaged, gone]
    assert len(store) == 3


def test_a_cancelled_update_keeps_what_it_did_and_goes_on(
    store: FingerprintStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(60)
    progress: list[Progress] = []
    monkeypatch.setattr(fingerprinting, "SAVE_PICTURES", 5)
    done = update_fingerprints(
        store,
        files.contents,
        files,
        threads=1,
        max_megapixels=10,
        on_progress=progress.append,
        cancelled=lambda: len(progress) >= 2,
    )
    assert not done
    kept = len(FingerprintStore(store.folder))
    assert 10 <= kept < 60
    assert progress[0].total == 60
    assert progress[0].done <= progress[-1].done
    before = files.read_count
    assert update(store, files, files.contents)
    assert len(store) == 60
    assert files.read_count - before == 60 - kept
