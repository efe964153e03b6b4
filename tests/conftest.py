"""A small real image folder and the settings for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from image_search.cli import main
from image_search.duplicates.checking import calibrating
from image_search.settings import PREFIX, Settings
from tests.counting import Counting, count
from tests.drawing import MadeOnce
from tests.hub import random_clip, random_resnet50

pytest_plugins = ["tests.tiers"]

Run = Callable[..., tuple[int, str, str]]

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

# The tests start some hundred processes, which would all compile the package again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A developer's own settings must not decide what the tests see.
for variable in [name for name in os.environ if name.startswith(PREFIX)]:
    del os.environ[variable]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share, for what takes long to make."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def random_files(shared_folder: Path) -> tuple[Path, Path]:
    """CLIP's and ResNet50's whole weights, of random numbers, as the hubs have them."""
    folder = shared_folder / "random"
    with FileLock(shared_folder / "random.lock"):
        if not folder.exists():
            partial = shared_folder / "random.partial"
            partial.mkdir()
            random_clip(partial)
            random_resnet50(partial)
            partial.rename(folder)
    return folder / "open_clip_model.safetensors", folder / "resnet50.pth"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes a library that many tests begin with once, and copies it from then on."""
    return MadeOnce(tmp_path_factory.mktemp("made-once"))


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


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """A command in this process, with its exit code and what it printed."""
    monkeypatch.setenv("IMAGE_SEARCH_IMAGES", str(settings.images))
    monkeypatch.setenv("IMAGE_SEARCH_CACHE", str(settings.cache))
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", settings.extractors)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(autouse=True)
def no_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured for thresholds, which takes longer than indexing a few images; fixtures
    that are made once for a file come before this one."""
    monkeypatch.setattr(calibrating, "PICTURES", {"photo": 0, "sketch": 0})
