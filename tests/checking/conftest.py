"""Libraries over a small collection of designs: one to read, and one to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_search.library import Library
from image_search.settings import Settings
from tests.checking.collection import IMAGES
from tests.drawing import copy_of, ornate, saved, updated


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Twelve designs and a broken file, indexed once."""
    place = tmp_path_factory.mktemp("checks")
    (place / "images" / "old").mkdir(parents=True)
    for number in range(IMAGES):
        folder = place / "images" / ("old" if number < 3 else "")
        (folder / f"{number:02}.png").write_bytes(saved(ornate(number)))
    (place / "images" / "broken.png").write_bytes(b"no picture")
    made = Settings(
        images=place / "images", cache=place / "state" / "f.pkl", extractors="hsv,edges", threads=2
    )
    updated(Library.open(made))
    return made


@pytest.fixture
def library(kept: Settings) -> Library:
    return Library.open(kept)


@pytest.fixture
def own(kept: Settings, tmp_path: Path) -> Library:
    """A library of one's own, to change."""
    return copy_of(kept, tmp_path)


@pytest.fixture
def folder(own: Library) -> Path:
    return own.settings.images
