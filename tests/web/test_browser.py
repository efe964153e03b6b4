"""The page in a real browser: what a designer does, and what goes wrong meanwhile."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browsing import (
    PASSWORD,
    PATIENCE,
    Seen,
    file,
    fits,
    search,
    served,
    shown,
    sign_in,
)
from tests.web.pictures import HUES, draw_collection, ring
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request


def test_signing_in_and_out(page: Page, service: Running) -> None:
    shown(page, "Has this been drawn before?")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, service, "wrong")
    shown(page, "That password is wrong.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    shown(page, f"{len(HUES)} images")


def test_searching_looking_and_going_on(page: Page, seen: Seen, service: Running) -> None:
    search(page, ring("teal", (240, 120)))
    shown(page, f"The {len(HUES)} most similar of {len(HUES)} images")
    hits = page.locator(".hit")
    assert hits.count() == len(HUES)
    first = hits.first.locator("img")
    assert first.get_attribute("alt") == "cold/teal.jpg"
    assert (first.get_attribute("width"), first.get_attribute("height")) == ("240", "120")

    hits.nth(1).locator("button").first.click()
    view = page.get_by_role("dialog")
    view.get_by_text(f"2 of {len(HUES)}").wait_for()
    page.keyboard.press("ArrowLeft")
    view.get_by_text("240 \u00d7 120 pixels").wait_for()
    view.get_by_text("cold/teal.jpg").wait_for()
    page.keyboard.press("ArrowLeft")  # no further
    view.get_by_text(f"1 of {len(HUES)}").wait_for()
    with page.expect_download() as download:
        view.get_by_text("Download the original").click()
    assert download.value.suggested_filename == "teal.jpg"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    view.wait_for(state="hidden")
    page.locator(".hit:nth-child(3):focus-within").wait_for()
    page.keyboard.press("ArrowLeft")
    page.locator(".hit:nth-child(2):focus-within").wait_for()

    assert seen.errors == []
    assert {address for address in seen.addresses if not address.startswith("blob:")}
    assert all(
        address.startswith((service.address, f"blob:{service.address}"))
        for address in seen.addresses
    )


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_pasting_and_dropping(page: Page, how: str) -> None:
    page.evaluate(
        """([how, content]) => {
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], "held.jpg", { type: "image/jpeg" }));
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(how === "paste"
                ? new ClipboardEvent("paste", { ...options, clipboardData: carried })
                : new DragEvent("drop", { ...options, dataTransfer: carried }));
        }""",
        [how, base64.b64encode(ring("gold", (200, 120))).decode()],
    )
    page.locator(".hit img").first.wait_for()
    assert page.locator(".hit img").first.get_attribute("alt") == "warm/gold.jpg"
    page.get_by_role("button", name="Remove held.jpg").click()
    page.locator(".hit").first.wait_for(state="detached")
    shown(page, "Has this been drawn before?")


DROPPED = """(where) => {
    const carried = new DataTransfer();
    carried.items.add(new File(["picture"], "held.jpg", { type: "image/jpeg" }));
    const left = [];
    for (const name of ["dragover", "drop"]) {
        const how = { bubbles: true, cancelable: true, dataTransfer: carried };
        const event = new DragEvent(name, how);
        document.querySelector(where).dispatchEvent(event);
        if (!event.defaultPrevented) left.push(name);
    }
    return left;
}"""


def test_a_file_dropped_anywhere_never_makes_the_browser_leave(
    page: Page, service: Running
) -> None:
    search(page, ring("gold"))
    for opener, panel in (("#collection-open", "#collection"), (".hit img", "#viewer")):
        page.locator(opener).first.click()
        page.locator(f"{panel}[open]").wait_for()
        assert page.evaluate(DROPPED, panel) == []  # what is left to the browser
        page.locator(panel).wait_for(state="hidden")
        # A picture is searched for wherever it is dropped.
        page.get_by_role("button", name="Remove held.jpg").wait_for()
        search(page, ring("gold"))
    page.goto(f"{service.address}duplicates-page")
    page.locator("#queue-text").wait_for()
    assert page.evaluate(DROPPED, "#queue") == []


def test_a_file_dropped_where_one_signs_in_loses_nothing(
    browser: Browser, service: Running
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{service.address}login")
        page.locator("#password").fill("half a pass")

        assert page.evaluate(DROPPED, "#password") == []
        assert page.evaluate(DROPPED, "body") == []
        assert page.locator("#password").input_value() == "half a pass"


def test_what_cannot_be_searched_with(page: Page) -> None:
    page.locator("#file").set_input_files(file(b"Dear Sir or Madam", "letter.doc"))
    shown(page, "This file cannot be used.")
    shown(page, "letter.doc")
    page.locator("#draw").wait_for()
    for tool in ("Select area", "Pick a colour", "Draw over it"):
        assert page.get_by_role("button", name=tool).count() == 0
    requests: list[Request] = []
    page.on("request", lambda asked: requests.append(asked))
    page.locator("#file").set_input_files(file(bytes(300_000)))
    shown(page, "a search takes at most 200 kB")
    assert [asked.url for asked in requests if asked.method == "POST"] == []


def test_the_state_of_the_collection(page: Page) -> None:
    shown(page, f"{len(HUES)} images")
    page.get_by_role("button", name=f"{len(HUES)} images").click()
    drawer = page.get_by_role("dialog", name="Collection")
    drawer.get_by_text("1 file could not be read").click()
    drawer.get_by_text("broken.png").wait_for()
    drawer.get_by_role("button", name="Update the index").click()
    drawer.get_by_text("Index updated: nothing changed; 1 file cannot be read.").wait_for()
    page.keyboard.press("Escape")
    drawer.wait_for(state="hidden")


def test_progress_and_cancelling(page: Page) -> None:
    job: dict[str, Any] = {
        "id": "1",
        "state": "idle",
        "phase": "embedding",
        "done": 250,
        "total": 1000,
        "added": 250,
        "changed": 0,
        "moved": 0,
        "removed": 0,
        "unreadable": 0,
        "rate": 12.5,
        "seconds_left": 60,
        "started": 1,
        "finished": None,
        "errors": [],
        "message": "",
    }

    def answer(route: Any) -> None:
        after = {"GET": job["state"], "POST": "running", "DELETE": "cancelled"}
        job["state"] = after[route.request.method]
        route.fulfill(status=202, json=job)

    page.route("**/reindex", answer)
    page.locator("#collection-open").click()
    page.get_by_role("button", name="Update the index").click()
    shown(page, "Reading images · 250 of 1,000 · 12.5 images/s · 1 min left")
    assert page.locator("#progress-bar").get_attribute("value") == "250"
    assert "Updating 25 %" in page.locator("#collection-brief").inner_text()
    page.get_by_role("button", name="Stop").click()
    shown(page, "Update stopped: 250 added.")


def test_an_empty_collection(browser: Browser, tmp_path: Path) -> None:
    settings = served(tmp_path, index=False)
    with running(settings) as started, browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        job = {"state": "running", "phase": "scanning", "total": 0}
        page.route("**/reindex", lambda route: route.fulfill(json=job))
        sign_in(page, started)
        shown(page, "The index is being built.")
        page.unroute("**/reindex")
        page.reload()
        shown(page, "Nothing to search yet.")
        shown(page, "No images yet")
        draw_collection(settings.images)
        page.locator("#message").get_by_role("button", name="Update the index").click()
        shown(page, f"Index updated: {len(HUES)} added; 1 file cannot be read.")
        page.keyboard.press("Escape")
        page.get_by_text("Nothing to search yet.").wait_for(state="hidden")
        search(page, ring("navy"))


def test_the_session_ends_and_the_query_survives(page: Page, service: Running) -> None:
    search(page, ring("teal"))
    page.context.clear_cookies()
    page.get_by_role("button", name="Search", exact=True).click()
    shown(page, "Your session has ended.")
    assert page.locator(".hit").count() == len(HUES)  # what was found stays
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in again").click()
    sign_in(opened.value, service)
    # Goes on by itself, once one is back.
    with page.expect_response(lambda result: result.url.endswith("/search") and result.ok):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("Your session has ended.").wait_for(state="hidden")


def test_the_service_goes_and_comes_back(page: Page) -> None:
    page.context.set_offline(True)
    page.locator("#file").set_input_files(file(ring("teal")))
    shown(page, "Trying again…")
    page.context.set_offline(False)
    page.locator(".hit img").first.wait_for()
    page.get_by_text("Trying again…").wait_for(state="hidden")


def test_by_keyboard_alone(page: Page) -> None:
    shown(page, f"{len(HUES)} images")
    names = []
    for _ in range(16):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                """() => {
                    const at = document.activeElement;
                    const label = at.labels?.[0]?.textContent ?? at.textContent;
                    const marked = at.matches(".hidden") ? at.nextElementSibling : at;
                    const style = getComputedStyle(marked);
                    return (style.outlineStyle === "none" ? "unmarked " : "") + label.trim();
                }"""
            )
        )
    wanted = [
        "Skip to the results",
        "Image search",
        "Browse",
        "Duplicates",
        "Map",
        f"{len(HUES)} images",
        "?",
    ]
    further = ["Sign out", "New here? A tour in four steps", "Choose a picture", "Draw"]
    assert names[:11] == [*wanted, *further]
    assert {"In words", "Search", "Colours", "Match on"} <= set(names)
    assert not [name for name in names if name.startswith("unmarked")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Browser, service: Running, scheme: Any) -> None:
    with browser.new_context(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, color_scheme=scheme
    ) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(service.address)
        assert fits(page)
        sign_in(page, service)
        shown(page, "Take a photo")
        assert fits(page)
        search(page, ring("teal"))
        assert fits(page)
        page.locator(".hit button").first.tap()
        shown(page, "Download the original")
        assert fits(page)
        page.keyboard.press("Escape")
        page.locator("#collection-open").tap()
        shown(page, "Update the index")
        assert fits(page)
