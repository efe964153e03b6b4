"""A small real image folder and the settings for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image_search.settings import PREFIX, Settings
from tests.counting import Counting, count
from tests.hub import random_clip, random_resnet50

# A developer's own settings must not decide what the tests see.
for variable in [name for name in os.environ if name.startswith(PREFIX)]:
    del os.environ[variable]


@pytest.fixture(scope="session")
def random_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """CLIP's and ResNet50's whole weights, of random numbers, as the hubs have them."""
    folder = tmp_path_factory.mktemp("random")
    return random_clip(folder), random_resnet50(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty image folder."""
    path = tmp_path / "images"
    path.mkdir()
    return path


@pytest.fixture
def settings(folder: Path, tmp_path: Path) -> Settings:
    """Extractors that need no weights, a cache of its own."""
    return Settings(
        images=folder,
        cache=tmp_path / "state" / "image_features.pkl",
        extractors="hsv",
        threads=2,
    )


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The colour extractor, counted."""
    return count(monkeypatch, "hsv")
