"""Keeping the collection: models, warnings, new images; on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from image_search.settings import Settings
from tests.web.browsing import DESKTOP, file, keep, opened, served, shown
from tests.web.pictures import ring
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_models_in_use_and_missing(page: Page) -> None:
    page.locator("#collection-open").press("Enter")
    drawer = page.get_by_role("dialog", name="Collection")
    row = drawer.get_by_role("listitem").filter(has_text="(hsv)")
    row.get_by_text("in use").wait_for()
    row = drawer.get_by_role("listitem").filter(has_text="(texture)")
    row.get_by_text("installed; update the index to use it").wait_for()
    row = drawer.get_by_role("listitem").filter(has_text="(clip)")
    if row.get_by_text("not installed").count():
        row.locator("summary").press("Enter")
        row.get_by_text("image-search models fetch").wait_for()
    keep(page, "keep-desktop")


def test_a_missing_hub_is_stated_once_and_quietly(browser: Browser, tmp_path: Path) -> None:
    # No address of this machine has port 9, so that nothing is downloaded by accident.
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "weights")}
    settings = replace(served(tmp_path), models="best", extractors="auto", hub_timeout=1)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in nowhere.items():
            patch.setenv(name, value)
        with running(settings) as service, opened(browser, service, **DESKTOP) as page:
            page.locator("#collection-open").click()
            page.get_by_role("button", name="Update the index").click()
            shown(page, re.compile("Index updated"))
            page.reload()
            page.locator("#collection-open[data-state=ok]").click()
            line = page.locator("#models-missing")
            line.get_by_text(
                "Searching works with imagenet, design, hsv, edges, texture."
            ).wait_for()
            line.get_by_text("Not on this server: clip-siglip2-b16, dinov2 (1.6 GB).").wait_for()
            assert page.locator("#collection-warnings li").count() == 0
            assert not page.locator("#reindex-news").is_visible()
            page.get_by_role("button", name="Download best").click()
            shown(page, re.compile("No model hub can be reached from this server; searching works"))
            keep(page, "keep-no-hub")


def test_long_warnings_are_reported_in_a_sentence(page: Page) -> None:
    long = "Searching without clip. Its weights are not here. To fix it, run `x` where y."
    status = page.request.get(page.url.split("?")[0] + "status").json()
    page.route("**/status", lambda route: route.fulfill(json={**status, "warnings": [long]}))
    page.reload()
    page.locator("#collection-open").click()
    shown(page, "Searching without clip.")
    assert not page.get_by_text("Its weights are not here.").is_visible()
    page.get_by_text("Searching without clip.").click()
    shown(page, "Its weights are not here.")
    shown(page, "To fix it, run `x` where y.")


def test_adding_what_is_there_already(browser: Browser, tmp_path: Path) -> None:
    # A service of its own: others count what theirs holds.
    settings = replace(served(tmp_path), uploads=1)
    teal = (settings.images / "cold" / "teal.jpg").read_bytes()
    with running(settings) as service, opened(browser, service, **DESKTOP) as adding:
        adding.locator("#collection-open").click()
        adding.locator("#upload-files").set_input_files([file(teal, "mine.jpg")])
        shown(adding, "1 image added.")
        shown(adding, re.compile("is already in the collection: cold/teal.jpg."))
        row = adding.locator("#upload-rows li", has_text="mine.jpg")
        row.get_by_role("button", name="Has this been drawn before?").click()
        adding.locator("#collection").wait_for(state="hidden")
        shown(adding, "Yes, this very picture is in the collection.")


def test_adding_images(
    browser: Browser, open_service: tuple[Running, Settings], page: Page
) -> None:
    assert page.locator("#upload-files").count() == 0  # not unless the settings allow it
    service, settings = open_service
    with opened(browser, service, **DESKTOP) as adding:
        before = int(adding.locator("#collection-brief", has_text="images").inner_text().split()[0])
        adding.locator("#collection-open").click()
        drawer = adding.get_by_role("dialog", name="Collection")
        drawer.get_by_label("Into the folder").fill("new/2026")
        adding.locator("#upload-files").set_input_files(
            [file(ring("lime"), "lime.jpg"), file(b"Dear Sir", "letter.jpg")]
        )
        shown(adding, "1 image added; 1 could not be added.")
        shown(adding, "letter.jpg")
        shown(adding, f"{before + 1} images")
        keep(adding, "keep-upload-desktop")
        assert (settings.images / "new" / "2026" / "lime.jpg").read_bytes() == ring("lime")
        adding.keyboard.press("Escape")
        adding.get_by_label("In words").fill("lime")
        adding.locator("img[alt='new/2026/lime.jpg']").wait_for()
