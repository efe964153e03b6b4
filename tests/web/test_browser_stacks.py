"""Looking on the page: stacks of one picture, why a hit matches, completed filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from image_search.settings import Settings
from tests.web.browsing import DESKTOP, file, keep, opened, search, shown
from tests.web.pictures import ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_the_same_pictures_lie_on_one_stack(
    browser: Browser, open_service: tuple[Running, Settings]
) -> None:
    with opened(browser, open_service[0], **DESKTOP) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        search(page, ring("teal", (240, 120)))
        before = page.locator(".hit").count()
        alts = [one.get_attribute("alt") for one in page.locator(".hit img").all()]
        assert {"cold/teal.jpg", "copies/teal.jpg"} <= set(alts)
        page.get_by_label("Stack the same pictures").check()
        stack = page.locator(".stack").first
        stack.wait_for()
        folded = page.locator(".hit").count()
        lying = int(stack.inner_text())
        assert lying >= 1
        assert folded <= before - lying
        keep(page, "stacks-desktop")
        stack.click()
        page.locator(".stack[aria-expanded=true]").wait_for()
        assert page.locator(".hit").count() == folded + lying
        assert page.locator(".within").count() == lying
        page.locator(".within .open").first.click()  # the large view counts as the grid does
        second = page.locator(".hit img").nth(1).get_attribute("alt")
        assert page.locator("#viewer-image").get_attribute("alt") == second
        page.keyboard.press("Escape")
        page.locator(".stack[aria-expanded=true]").press("Enter")
        page.locator(".stack[aria-expanded=false]").first.wait_for()
        assert page.locator(".hit").count() == folded

        page.reload()  # it stays so
        page.locator(".stack").first.wait_for()
        page.get_by_label("Stack the same pictures").uncheck()
        page.locator(".stack").first.wait_for(state="detached")
        assert page.locator(".hit").count() == before
        assert errors == []


def test_why_a_hit_matches_is_said_in_words_first(page: Page) -> None:
    search(page, ring("teal"))
    page.locator(".hit .open").first.click()
    why = page.locator("#viewer-scores")
    why.get_by_text("Matched on").wait_for()
    assert why.locator(".part").first.is_hidden()
    why.get_by_text("In numbers").click()
    why.locator(".part").first.wait_for()
    page.keyboard.press("ArrowRight")
    assert why.locator(".part").first.is_visible()  # stays open from one to the next


def test_filters_are_completed_by_what_there_is(page: Page) -> None:
    page.locator("#filters summary").click()
    page.get_by_label("Folder").fill("co")
    page.locator("#folders option[value=cold]").wait_for(state="attached")
    assert page.locator("#folders option").count() == 1
    page.get_by_label("File name").fill("te")
    page.locator("#names option[value='teal.jpg']").wait_for(state="attached")


def test_a_folder_that_may_be_meant_is_one_click_away(page: Page) -> None:
    page.goto(f"{page.url}?text=ring&folder=colt")
    page.get_by_text("No image matches the filters.").wait_for()
    page.get_by_role("button", name="cold").click()
    page.wait_for_url("**folder=cold*")
    page.locator("#file").set_input_files(file(ring("teal")))
    shown(page, "of 5 images")


def test_different_ones_are_shown(page: Page) -> None:
    search(page, ring("teal"))
    before = [one.get_attribute("alt") for one in page.locator(".hit img").all()]
    page.get_by_label("Show different ones").check()
    shown(page, f"{len(before)} images that differ, out of the {len(before)} most similar")
    after = [one.get_attribute("alt") for one in page.locator(".hit img").all()]
    assert after[0] == before[0]
    assert sorted(map(str, after)) == sorted(map(str, before))
    assert after != before
    page.get_by_label("Show different ones").uncheck()
    shown(page, f"The {len(before)} most similar")
