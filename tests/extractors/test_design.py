"""The encoder whose weights come with the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, Extractor, resolve
from image_search.extractors.base import unit_rows
from image_search.extractors.weights.sources import DESIGN, PackagedWeights
from image_search.imaging.arrays import Pixels
from tests.drawing import ornate

MEGABYTES = 8


@pytest.fixture(scope="module")
def design() -> Extractor:
    return REGISTRY["design"].load()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights, in a package that may be damaged."""
    place = tmp_path / DESIGN.filename
    shutil.copy(DESIGN.place, place)
    monkeypatch.setattr(PackagedWeights, "folder", property(lambda _: tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return place


def pixels_of(seed: int) -> Pixels:
    return np.asarray(ornate(seed), np.uint8)


def test_the_weights_are_small_and_what_their_row_says() -> None:
    size = DESIGN.place.stat().st_size

    assert DESIGN.ready() == DESIGN.place
    assert size < MEGABYTES * 1_000_000
    assert DESIGN.size == pytest.approx(size, rel=0.05)


def test_nearly_every_edited_picture_stays_nearer_than_any_other(design: Extractor) -> None:
    pictures = [pixels_of(seed) for seed in range(8)]
    others = design.embed([design.prepare(pixels) for pixels in pictures])
    # As a collection compares them: less what all of it has in common.
    mean = others.mean(axis=0)
    centred = unit_rows(others - mean)
    nearest = []
    for number, pixels in enumerate(pictures):
        edits = [
            np.ascontiguousarray(pixels[:, ::-1]),
            np.ascontiguousarray(pixels[12:-12, 16:-16]),
            cv2.convertScaleAbs(pixels, alpha=0.8, beta=20),
        ]
        rows = design.embed([design.prepare(np.asarray(edit, np.uint8)) for edit in edits])
        nearest += (np.argmax(unit_rows(rows - mean) @ centred.T, axis=1) == number).tolist()

    assert nearest.count(False) <= 1


def test_damaged_weights_are_noticed_and_the_hint_is_reported(copied: Path) -> None:
    with copied.open("r+b") as file:
        file.seek(100_000)
        file.write(b"damage")

    with pytest.raises(ModelUnavailable, match="Install this package again"):
        DESIGN.ready()


def test_an_incomplete_package_does_without(copied: Path) -> None:
    copied.unlink()

    resolution = resolve("auto", fetch=False, timeout=1)

    assert "design" not in resolution.names
    assert "hsv" in resolution.names
    assert any("Install this package again" in warning for warning in resolution.warnings)


def test_nothing_is_written_into_the_package(copied: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in DESIGN.folder.iterdir() if path.name != "cache")

    REGISTRY["design"].load()

    after = sorted(path.name for path in DESIGN.folder.iterdir() if path.name != "cache")
    assert before == after
    assert DESIGN.converted.is_relative_to(tmp_path / "cache")
    assert list(DESIGN.converted.glob("*/*.blob"))
