"""A small real library, and the application around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from image_search.library import Library
from image_search.reports import Progress, Report
from image_search.settings import Settings
from image_search.web import create_app
from tests.web.browsing import Seen, chromium, served, sign_in
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.pictures import draw_collection
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(served(tmp_path_factory.mktemp("service"))) as started:
        yield started


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Browser, service: Running, seen: Seen) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        opened = context.new_page()
        opened.set_default_timeout(10_000)
        opened.on("pageerror", lambda error: seen.errors.append(str(error)))
        opened.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
        opened.on("request", lambda request: seen.addresses.append(request.url))
        sign_in(opened, service)
        yield opened
