"""Caches of every released form are upgraded in place: nothing is embedded again, nothing lost."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from image_search.cli import main
from image_search.errors import CacheError, CacheLocked
from image_search.library import Library
from image_search.settings import Settings
from image_search.storage import CacheWriter, migrations, read_snapshot, safe_pickle
from image_search.storage.snapshot import SCHEMA, segment_folder
from tests.storage.releases.__main__ import FIRST, FOLDER, IMAGES, scores_of

RELEASES = sorted(path.stem for path in FOLDER.glob("*.zip"))
NAMES = ["hsv", "edges"]


@pytest.fixture(params=RELEASES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A cache of that release; its images are not there."""
    with zipfile.ZipFile(FOLDER / f"{request.param}.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "images").mkdir()
    shutil.copy(FOLDER / f"{request.param}.json", tmp_path / "expected.json")
    return Settings(
        images=tmp_path / "images", cache=tmp_path / "image_features.pkl", extractors="hsv,edges"
    )


def test_the_same_images_come_first(settings: Settings) -> None:
    expected = json.loads((settings.cache.parent / "expected.json").read_text())
    library = Library.open(settings)

    assert library.status().images == IMAGES
    assert len(expected) >= 5
    for image_id, before in expected.items():
        now = scores_of(library, image_id, NAMES)
        assert len(before) == FIRST
        np.testing.assert_allclose([now[one] for one in before], list(before.values()), atol=1e-3)
        last = min(before.values())
        assert all(score < last + 1e-3 for one, score in now.items() if one not in before)


def test_the_cache_is_of_the_present_form_then(settings: Settings) -> None:
    if migrations._schema(settings.cache) == SCHEMA:
        pytest.skip("it is of the present form")
    before = {path.name for path in segment_folder(settings.cache).iterdir()}

    assert migrations.upgrade(settings.cache)

    assert safe_pickle.load(settings.cache)["schema"] == SCHEMA
    assert not migrations.upgrade(settings.cache)
    snapshot = read_snapshot(settings.cache, segment_folder(settings.cache))
    assert snapshot is not None
    assert all(segment.verify() for segment in snapshot.segments)
    # The files of the old form go with the next update.
    with CacheWriter(settings.cache, settings.images) as writer:
        writer.begin(snapshot.extractors)
        assert writer.warnings == []
    assert not before & {path.name for path in segment_folder(settings.cache).iterdir()}


def test_a_full_disk_leaves_the_old_cache(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if migrations._schema(settings.cache) == SCHEMA:
        pytest.skip("it is of the present form")
    before = settings.cache.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("image_search.storage.safe_pickle.write_durably", full)
        with pytest.raises(CacheError, match="No space left"):
            Library.open(settings)

    assert settings.cache.read_bytes() == before
    assert Library.open(settings).status().images == IMAGES


def test_an_upgrade_waits_for_the_lock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    if migrations._schema(settings.cache) == SCHEMA:
        pytest.skip("it is of the present form")
    monkeypatch.setattr(migrations, "_WAIT_SECONDS", 0.05)
    with CacheWriter(settings.cache, settings.images), pytest.raises(CacheLocked, match="earlier"):
        Library.open(settings)


def test_a_damaged_segment_is_left_out(settings: Settings) -> None:
    if migrations._schema(settings.cache) == SCHEMA:
        pytest.skip("it is of the present form")
    path = max(segment_folder(settings.cache).iterdir(), key=lambda path: path.stat().st_size)
    path.write_bytes(bytes(path.stat().st_size))

    status = Library.open(settings).status()

    assert status.images < IMAGES
    assert not status.complete


def test_the_status_shows_the_upgraded_index(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--images", str(settings.images), "--cache", str(settings.cache)]

    assert main(["status", "--json", *where]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert answer["images"] == IMAGES
    assert not any("damaged" in warning for warning in answer["warnings"])
