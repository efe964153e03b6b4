"""The page of the map: made, moved by pointer and keys, and images selected on it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.web.pictures import ring
from tests.web.test_browser_manners import found_by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Page


def at_map(page: Page) -> None:
    page.get_by_role("link", name="Map").click()
    page.wait_for_url("**/map")
    page.get_by_label("Likeness by").select_option("hsv")
    page.get_by_role("button", name="Make").click()
    page.locator("#stage[data-images='8']").wait_for()
    page.get_by_text("8 images · PCA").wait_for()


def painted(page: Page) -> int:
    """How many colours the canvases show."""
    shot = Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB")
    return len(shot.getcolors(1 << 24) or [])


def test_a_map_is_made_and_images_are_selected_on_it(page: Page) -> None:
    at_map(page)
    stage = page.locator("#stage")
    assert painted(page) > 5
    box = stage.bounding_box()
    assert box is not None

    stage.press("v")
    page.locator("#map-chosen-text", has_text="8 images").wait_for()
    assert page.locator("#map-chosen li").count() == 8
    assert "like=" in (
        page.get_by_role("link", name="Search with these").get_attribute("href") or ""
    )

    stage.press("Escape")
    page.get_by_text("Click an image").wait_for()
    stage.press("Enter")
    page.locator("#map-chosen-text", has_text="1 image").wait_for()

    page.get_by_role("button", name="Lasso").click()
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    page.locator("#map-chosen-text", has_text="8 images").wait_for()

    first = page.locator("#map-groups button").first
    first.click()
    assert first.get_attribute("aria-pressed") == "false"
    stage.press("v")
    assert page.locator("#map-chosen li").count() < 8

    with page.expect_navigation():
        page.get_by_role("link", name="Search with these").click()
    page.locator(".hit").first.wait_for()


def test_the_map_moves_by_wheel_drag_and_keys(page: Page) -> None:
    at_map(page)
    stage = page.locator("#stage")
    box = stage.bounding_box()
    assert box is not None
    before = stage.screenshot()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -2000)
    stage.press("ArrowLeft")
    stage.press("v")
    page.locator("#map-chosen-text").wait_for()
    close = page.locator("#map-chosen li").count()
    assert close < 8
    page.get_by_role("button", name="Show all").click()
    stage.press("v")
    assert page.locator("#map-chosen li").count() == 8
    assert stage.screenshot() != before


def test_a_sketch_falls_among_what_it_is_like(page: Page) -> None:
    at_map(page)
    page.locator("#map-sketch").set_input_files(
        {"name": "red.jpg", "mimeType": "image/jpeg", "buffer": ring("red")}
    )
    page.get_by_text("the nearest to your picture").wait_for()
    assert page.locator("#map-chosen li").count() >= 1


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_on_the_map(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    at_map(page)
    page.locator("#stage").press("v")
    page.locator("#map-chosen li").first.wait_for()

    assert [*found_by_axe(page, "dark"), *found_by_axe(page, "light")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
