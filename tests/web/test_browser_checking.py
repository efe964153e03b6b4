"""What a check is about: the part that is marked, what the filters admit, pictures on a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.web.browsing import file, keep, search, shown
from tests.web.pictures import ring
from tests.web.test_browser_deciding import verdict
from tests.web.test_browser_drawing import SPY, region

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECK = "Has this been drawn before?"


def test_a_marked_part_and_filters_are_sent_with_a_check(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.get_by_role("button", name="Select area").click()
    region(page)
    page.locator("#filters summary").click()
    page.get_by_label("File name").fill("navy*")
    page.get_by_label("File name").press("Tab")
    page.wait_for_url(re.compile("name=navy"))
    page.evaluate(SPY)
    with page.expect_response("**/check") as answered:
        page.get_by_role("button", name=CHECK).click()
    assert page.evaluate("window.asked.get('region')") == "0.2000,0.2000,0.6000,0.6000"
    assert page.evaluate("window.asked.get('name')") == "navy*"
    result = answered.value.json()
    assert result["compared"] == 1
    assert "only the marked part was looked for" in result["limit"]
    assert page.locator(".box").is_visible()
    shown(page, "only the one image that passes the filters was compared")


def test_nothing_like_it_among_some_is_no_clear_no(page: Page) -> None:
    search(page, ring("teal"))
    found = {
        **verdict("new", page),
        "headline": "The same picture was not found in what was compared.",
        "clear": False,
        "limit": "only the 3 images that pass the filters were compared",
    }
    page.route("**/check", lambda route: route.fulfill(json=found))
    page.get_by_role("button", name=CHECK).click()
    shown(page, "The same picture was not found in what was compared.")
    shown(page, "only the 3 images that pass the filters were compared")
    assert page.locator("#verdict.unsure").is_visible()


def test_a_picture_on_a_page_is_checked_by_itself(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    parts = [
        {"x": 0.1, "y": 0.1, "width": 0.5, "height": 0.8},
        {"x": 0.65, "y": 0.2, "width": 0.3, "height": 0.4},
    ]
    found = {**verdict("new", page), "parts": parts}
    page.route("**/check", lambda route: route.fulfill(json=found))
    page.get_by_role("button", name=CHECK).click()
    second = page.get_by_role("button", name="Check only picture 2 of 2")
    second.wait_for()
    keep(page, "decide-parts")
    page.evaluate(SPY)
    with page.expect_request("**/check"):
        second.press("Enter")
    assert page.evaluate("window.asked.get('region')") == "0.6500,0.2000,0.3000,0.4000"
    assert region(page) == [0.65, 0.2, 0.3, 0.4]
    assert "check=1" in page.url
    assert page.get_by_role("button", name="The whole picture").is_visible()
    assert not page.locator(".offer").count()
    page.locator("#file").set_input_files(file(ring("gold")))
    page.locator("#verdict").wait_for(state="hidden")
    assert not page.locator(".offer").count()
