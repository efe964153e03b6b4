"""A small real library, and the application around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from image_search.indexing.reports import Progress, Report
from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from tests.drawing import MadeOnce
from tests.web.browsing import Seen, chromium, opened, served
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.pictures import draw_collection
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def indexed(settings: Settings) -> None:
    draw_collection(settings.images)
    Library.open(settings).update()


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
def library(settings: Settings, made_once: MadeOnce) -> Library:
    """Indexed, with one file that cannot be read."""
    return made_once(settings, indexed)


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
        self,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        **options: Any,
    ) -> Report:
        on_progress(Progress("embedding", done=1, total=4, added=1, rate=2.0, seconds_left=1.5))
        while not self.release.wait(0.01) and not cancelled():
            pass
        return self._update(on_progress, cancelled, **options)


@pytest.fixture
def held(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldUpdate]:
    update = HeldUpdate(library)
    monkeypatch.setattr(library, "update", update)
    yield update
    update.release.set()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(served(tmp_path_factory.mktemp("service"))) as started:
        yield started


@pytest.fixture(scope="package")
def open_service(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Running, Settings]]:
    """One that takes new images and knows the share of the studio, over a collection with a
    duplicate in it."""
    settings = served(tmp_path_factory.mktemp("open"), index=False)
    settings = replace(settings, uploads=1, share=r"\\studio\designs")
    draw_collection(settings.images)
    (settings.images / "copies").mkdir()
    (settings.images / "copies" / "teal.jpg").write_bytes(
        (settings.images / "cold" / "teal.jpg").read_bytes()
    )
    Library.open(settings).update()
    with running(settings) as started:
        yield started, settings


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Browser, service: Running, seen: Seen) -> Iterator[Page]:
    with opened(browser, service, viewport={"width": 1280, "height": 800}) as page:
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: seen.addresses.append(request.url))
        yield page
