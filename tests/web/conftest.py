"""A small real library, and the application around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from image_search.library import Library
from image_search.reports import Progress, Report
from image_search.settings import Settings
from image_search.web import create_app
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.pictures import draw_collection


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    images = tmp_path / "images"
    draw_collection(images)
    return Settings(
        images=images,
        cache=tmp_path / "state" / "image_features.pkl",
        password=PASSWORD,
        extractors="hsv,edges",
        upload_megabytes=0.2,
        threads=1,
    )


@pytest.fixture
def library(settings: Settings) -> Library:
    """Indexed, with one file that cannot be read."""
    opened = Library.open(settings)
    opened.update()
    return opened


@pytest.fixture
def app(library: Library, settings: Settings) -> Flask:
    return create_app(library, settings)


@pytest.fixture
def anyone(app: Flask) -> Client:
    """Somebody without a password."""
    return client_of(app)


@pytest.fixture
def client(app: Flask) -> Client:
    """A program that sends the password with every request."""
    return client_of(app, PASSWORD)


class HeldUpdate:
    """An update that goes on only when told, so that a test decides what happens meanwhile."""

    def __init__(self, library: Library) -> None:
        self._update = library.update
        self.release = threading.Event()

    def __call__(
        self, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
    ) -> Report:
        on_progress(Progress("embedding", done=1, total=4, added=1, rate=2.0, seconds_left=1.5))
        while not self.release.wait(0.01) and not cancelled():
            pass
        return self._update(on_progress, cancelled)


@pytest.fixture
def held(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldUpdate]:
    update = HeldUpdate(library)
    monkeypatch.setattr(library, "update", update)
    yield update
    update.release.set()
