"""A browser, and what the tests do with it again and again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from image_search.library import Library
from image_search.settings import Settings
from tests.drawing import updated
from tests.web.pictures import draw_collection
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, StorageState

PASSWORD = "right"
KEPT = Path(__file__).resolve().parents[2] / "test-output" / "page"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
# Milliseconds that anything may take: a machine that tests is busy.
PATIENCE = 30_000
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}

# What a browser keeps of a service after signing in, by process: most tests are about what follows.
_signed_in: dict[int, StorageState] = {}
# One for each service and kind of window. What a test leaves behind is cleared, but for the files
# that the page is made of.
_contexts: dict[str, BrowserContext] = {}
STORES = "indexeddb,local_storage,cookies"


def missing(what: str) -> None:
    """Skips, except where the tests must be complete."""
    if os.environ.get("CI"):
        pytest.fail(f"The browser tests need {what}.")
    pytest.skip(f"needs {what}")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine, without a window."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the Python package playwright")
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        own = playwright.chromium.executable_path
        if found is None and not Path(own).exists():
            missing("Chromium (installed as chromium or google-chrome)")
        launched = playwright.chromium.launch(executable_path=found or own, args=OPTIONS)
        yield launched
        launched.close()
        _contexts.clear()


def served(folder: Path, index: bool = True) -> Settings:
    settings = Settings(
        images=folder / "images",
        cache=folder / "image_features.pkl",
        password=PASSWORD,
        extractors="hsv,edges",
        upload_megabytes=0.2,
    )
    settings.images.mkdir()
    if index:
        draw_collection(settings.images)
        updated(Library.open(settings))
    return settings


@dataclass
class Seen:
    """What a page did that no page may do."""

    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


def sign_in(page: Page, service: Running, password: str = PASSWORD) -> None:
    page.goto(service.address)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@contextlib.contextmanager
def opened(browser: Browser, service: Running, **how: Any) -> Iterator[Page]:
    """The page in a window like none before, signed in; ``how`` as ``new_context`` takes it."""
    # Not by the address: another service may get the port of one that has ended.
    key = f"{service.process.pid} {sorted(how.items())}"
    if key not in _contexts:
        _contexts[key] = browser.new_context(**how)
        _contexts[key].set_default_timeout(PATIENCE)
        # Stays open: a page in a window that is there takes a third of the time of a new window.
        _contexts[key].new_page()
    context = _contexts[key]
    context.set_offline(False)
    page = context.new_page()
    if service.process.pid in _signed_in:
        context.add_cookies(_signed_in[service.process.pid]["cookies"])  # type: ignore[arg-type]
        page.goto(service.address)
    if not page.url.startswith(service.address) or "/login" in page.url:
        # For the first time, or a test has signed out, which ends the session for all.
        sign_in(page, service)
        _signed_in[service.process.pid] = context.storage_state()
    try:
        yield page
    finally:
        left = context.new_cdp_session(context.pages[-1])
        left.send(
            "Storage.clearDataForOrigin",
            {"origin": service.address.rstrip("/"), "storageTypes": STORES},
        )
        for one in context.pages[1:]:
            one.close()


def file(content: bytes, name: str = "query.jpg") -> Any:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


def search(page: Page, content: bytes) -> None:
    page.locator("#file").set_input_files(file(content))
    page.locator(".hit img").first.wait_for()


def shown(page: Page, text: str | re.Pattern[str]) -> None:
    page.get_by_text(text).locator("visible=true").first.wait_for()


def answer_with(number: int) -> dict[str, Any]:
    """An answer of so many hits, of every shape."""
    hit = {"id": "0" * 16, "path": "a/b.jpg", "size": 1, "modified": 1.0}
    part = {"scores": {"hsv": 0.5}, "contributions": {"hsv": 0.5}}
    place = {"url": "images/0", "thumbnail": "thumbnails/0?side=320"}
    return {
        "results": [
            {
                **hit,
                **part,
                **place,
                "rank": n,
                "score": 1 / n,
                "width": 1 + 977 * n % 1000,
                "height": 300,
            }
            for n in range(1, number + 1)
        ],
        "compared": 2000,
        "unreadable": 0,
        "took_ms": 7.4,
        "kind": "photo",
        "extractors": [],
        "warnings": [],
    }


def keep(page: Page, name: str) -> None:
    """A picture of the page as it is now, kept as evidence in test-output/page."""
    KEPT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=KEPT / f"{name}.png")


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window. A phone makes its window wider for what does not
    fit, so its own width counts."""
    assert page.viewport_size is not None
    return bool(
        page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    )
