"""The page on which a picture is drawn in the style of a hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.browsing import search
from tests.web.pictures import ring
from tests.web.test_browser_manners import found_by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("width", [1280, 390])
def test_a_picture_is_drawn_in_the_style_of_a_hit(page: Page, width: int) -> None:
    search(page, ring("teal", (240, 120)))
    page.locator(".hit .open").first.click()
    page.get_by_role("link", name="Try its style").click()
    page.wait_for_url("**/stylize?style=*")
    page.set_viewport_size({"width": width, "height": 800})
    assert page.locator("#styling-style").is_visible()
    page.get_by_role("button", name="Draw").click()
    page.get_by_text("image must be a file").wait_for()

    page.locator("#styling-content-file").set_input_files(
        {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": ring("red")}
    )
    page.get_by_label("Longest side in pixels").fill("100")
    page.get_by_role("button", name="Draw").click()
    page.get_by_text("Drawn by patches").wait_for()
    page.wait_for_function("document.getElementById('styling-drawn').naturalWidth > 0")
    assert page.get_by_role("link", name="Save the picture").is_visible()
    assert [*found_by_axe(page, "dark"), *found_by_axe(page, "light")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
