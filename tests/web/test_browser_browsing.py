"""The collection on the page without a query: folders, orders, the same grid and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.browsing import DESKTOP, PHONE, Seen, file, fits, keep, opened, search, shown
from tests.web.pictures import HUES, ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def alts(page: Page) -> list[str]:
    return [str(image.get_attribute("alt")) for image in page.locator(".hit img").all()]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_folders_and_orders(browser: Browser, service: Running, size: dict[str, object]) -> None:
    with opened(browser, service, **size) as page:
        page.get_by_role("link", name="Browse", exact=True).click()
        page.get_by_role("heading", name=f"{len(HUES)} images in the collection").wait_for()
        assert len(alts(page)) == len(HUES)
        page.get_by_role("navigation", name="Folders").get_by_role("link", name="warm").click()
        page.get_by_role("heading", name="3 images in warm").wait_for()
        page.wait_for_url("**folder=warm*")
        page.get_by_label("Order").select_option("Largest first")
        page.locator(".hit:first-child img[alt='warm/gold.jpg']").wait_for()
        assert alts(page) == ["warm/gold.jpg", "warm/orange.jpg", "warm/red.jpg"]
        assert fits(page)
        keep(page, f"browse-{'phone' if size is PHONE else 'desktop'}")

        page.reload()
        page.locator(".hit:first-child img[alt='warm/gold.jpg']").wait_for()
        assert page.get_by_label("Order").input_value() == "largest"
        page.get_by_role("link", name="Collection", exact=True).click()
        page.get_by_role("heading", name=f"{len(HUES)} images in the collection").wait_for()
        page.go_back()
        page.get_by_role("heading", name="3 images in warm").wait_for()


def test_the_same_grid_large_view_and_keys(page: Page, seen: Seen) -> None:
    page.get_by_role("link", name="Browse", exact=True).click()
    page.get_by_label("Order").select_option("By name")
    page.locator(".hit:first-child img[alt='cold/green.jpg']").wait_for()
    page.locator(".hit .open").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    shown(page, "One image selected.")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="hotpink.jpg").wait_for()
    facts = page.locator("#viewer-facts").inner_text()
    assert "pixels" in facts
    assert "Similarity" not in facts  # nothing was compared
    assert page.get_by_role("button", name="Compare with query").is_hidden()
    page.keyboard.press("m")
    page.locator(".hit:first-child img[alt='cold/hotpink.jpg']").wait_for()
    shown(page, "The 8 most similar")
    assert page.locator(".browse").is_hidden()
    assert seen.errors == []


def test_a_query_from_a_folder_asks_all_of_the_collection(page: Page) -> None:
    page.goto(f"{page.url}?folder=warm&order=newest")
    page.get_by_role("heading", name="3 images in warm").wait_for()
    page.locator("#file").set_input_files(file(ring("teal", (240, 120))))
    page.locator(".hit:first-child img[alt='cold/teal.jpg']").wait_for()
    page.get_by_role("button", name="Only in warm").click()
    shown(page, "The 3 most similar")
    page.wait_for_url("**folder=warm*")


def test_all_folders_and_labels(page: Page) -> None:
    page.goto(f"{page.url}?order=newest")
    page.get_by_text("All folders and labels").click()
    tree = page.locator(".tree")
    tree.get_by_role("link", name="cold").click()
    page.get_by_role("heading", name="5 images in cold").wait_for()
    assert tree.locator("[aria-current]").inner_text().startswith("cold")


def test_a_folder_that_is_not_there_names_those_like_it(page: Page) -> None:
    page.goto(f"{page.url}?folder=war")
    page.get_by_text("You may mean").wait_for()
    page.get_by_role("link", name="warm").click()
    page.get_by_role("heading", name="3 images in warm").wait_for()


def test_the_start_shows_what_is_new(page: Page) -> None:
    page.reload()
    title = page.get_by_role("region", name="Newest in the collection")
    title.locator("img").first.wait_for()
    path = str(title.locator("img").first.get_attribute("alt"))
    title.locator("a").first.click()
    page.locator("#viewer[open]").wait_for()
    assert page.locator("#viewer-image").get_attribute("alt") == path
    page.keyboard.press("Escape")
    search(page, ring("teal"))
    assert page.locator("#newest-title").is_hidden()
