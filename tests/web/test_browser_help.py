"""Help on the page: the keys, and a tour that does not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.browsing import DESKTOP, PHONE, Seen, fits, keep, opened
from tests.web.running import Running
from tests.web.test_browser_manners import found_by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_the_keys_are_shown_and_lead_to_the_words(page: Page, seen: Seen) -> None:
    page.locator("#collection-brief", has_text="images").wait_for()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.get_by_text("more like this").first.wait_for()
    assert found_by_axe(page, "light", least=10) == []  # of a panel alone
    assert found_by_axe(page, "dark") == []
    keep(page, "keys-desktop")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.keyboard.press("/")
    words = page.get_by_label("In words")
    assert words.evaluate("field => field === document.activeElement")
    page.keyboard.type("a/b?")  # typed, not obeyed
    assert words.input_value() == "a/b?"
    assert dialog.is_hidden()
    page.get_by_role("button", name="Keys and help").click()
    dialog.wait_for()
    assert seen.errors == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_tour_is_skipped_for_good(
    browser: Browser, service: Running, size: dict[str, object]
) -> None:
    with opened(browser, service, **size) as page:
        page.reload()
        begin = page.get_by_role("button", name="New here? A tour in four steps")
        begin.click()
        tour = page.locator(".tour")
        tour.get_by_text("1 of 4").wait_for()
        for number in (2, 3):
            tour.get_by_role("button", name="Next").press("Enter")
            tour.get_by_text(f"{number} of 4").wait_for()
            assert page.locator(".toured").count() == 1
        assert found_by_axe(page, "light") == []
        assert fits(page)
        keep(page, f"tour-{'phone' if size is PHONE else 'desktop'}")
        tour.get_by_role("button", name="Back").click()
        tour.get_by_role("button", name="Skip the tour").click()
        tour.wait_for(state="detached")
        assert page.locator(".toured").count() == 0
        page.reload()
        page.locator("#collection-brief", has_text="images").wait_for()
        assert begin.is_hidden()
