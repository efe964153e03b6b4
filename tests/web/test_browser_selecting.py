"""Many images at once: chosen by click, Shift, lasso and all; downloaded, printed, checked."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from image_search.settings import Settings
from tests.web.browsing import DESKTOP, PHONE, Seen, fits, keep, opened, shown
from tests.web.pictures import HUES
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


def browse(page: Page) -> Locator:
    """All images by name; gives their buttons."""
    page.goto(f"{page.url}?order=name")
    buttons = page.locator(".hit .open")
    buttons.nth(len(HUES) - 1).wait_for()
    return buttons


def test_images_are_selected_by_click_shift_lasso_and_all(page: Page, seen: Seen) -> None:
    buttons = browse(page)
    buttons.nth(1).click(modifiers=["Control"])
    shown(page, "One image selected.")
    buttons.nth(4).click(modifiers=["Shift"])
    shown(page, "4 selected")
    assert [box.is_checked() for box in page.locator(".hit .pick input").all()][:6] == [
        False, True, True, True, True, False,
    ]  # fmt: skip
    buttons.nth(4).click(modifiers=["Control"])
    shown(page, "3 selected")
    page.locator("#tray-all").click()
    shown(page, f"{len(HUES)} selected")
    assert page.locator("#tray-all").is_hidden()
    page.locator("#tray-clear").click()
    page.locator("#tray").wait_for(state="hidden")

    first, last = buttons.nth(0).bounding_box(), buttons.nth(1).bounding_box()
    assert first
    assert last
    page.keyboard.down("Shift")
    page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(last["x"] + 40, last["y"] + 60, steps=4)
    assert page.locator(".lasso").is_visible()
    assert page.locator(".lassoed").count() == 2
    page.mouse.up()
    page.keyboard.up("Shift")
    shown(page, "2 selected")
    assert page.locator("#viewer[open]").count() == 0
    buttons.nth(3).focus()
    page.keyboard.press("Control+a")
    shown(page, f"{len(HUES)} selected")
    buttons.nth(2).click()  # a click alone opens, as before
    page.locator("#viewer[open]").wait_for()
    assert seen.errors == []


def archived(page: Page) -> dict[str, int]:
    """Downloads what is selected; the bytes of each file in the ZIP."""
    with page.expect_download() as one:
        page.locator("#tray-download").click()
    assert one.value.suggested_filename == "images.zip"
    with zipfile.ZipFile(one.value.path()) as archive:
        assert archive.testzip() is None
        return {info.filename: info.file_size for info in archive.infolist()}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_selected_images_are_downloaded_and_printed(
    browser: Browser, service: Running, size: dict[str, object]
) -> None:
    with opened(browser, service, **size) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        buttons = browse(page)
        for at in (0, 2, 3):
            buttons.nth(at).focus()
            page.keyboard.press("c")
        shown(page, "3 selected") if size is DESKTOP else page.locator(
            "#tray[data-ready]"
        ).wait_for()
        assert fits(page)
        keep(page, f"selected-{'phone' if size is PHONE else 'desktop'}")
        assert archived(page).keys() == {"cold/green.jpg", "cold/navy.jpg", "cold/purple.jpg"}

        page.locator(".menu summary").click()
        with page.expect_download() as table:
            page.get_by_role("button", name="Table (CSV)").click()
        lines = table.value.path().read_text("utf-8-sig").splitlines()
        assert lines[0] == '"path","width","height","bytes","modified","rank","score","id"'
        assert [line.split(",")[0] for line in lines[1:]] == [
            '"cold/green.jpg"', '"cold/navy.jpg"', '"cold/purple.jpg"',
        ]  # fmt: skip
        assert page.evaluate("document.querySelector('.menu').open") is False

        page.locator(".menu summary").click()
        with page.expect_popup() as sheet:
            page.get_by_role("button", name="Contact sheet to print").click()
        sheet.value.get_by_text("purple.jpg").wait_for()
        sheet.value.wait_for_function(
            "() => [...document.images].every((one) => one.complete && one.naturalWidth)"
        )
        assert sheet.value.locator("figure").count() == 3
        assert fits(sheet.value)
        keep(sheet.value, f"contact-{'phone' if size is PHONE else 'desktop'}")
        assert errors == []


def test_the_zip_that_is_downloaded_is_whole(page: Page) -> None:
    buttons = browse(page)
    buttons.nth(0).click(modifiers=["Control"])
    page.locator("#tray[data-ready]").wait_for()
    with page.expect_download() as one:
        page.locator("#tray-download").click()  # one image is no ZIP
    assert one.value.suggested_filename == "green.jpg"
    buttons.nth(1).click(modifiers=["Control"])
    shown(page, "2 selected")
    assert archived(page).keys() == {"cold/green.jpg", "cold/hotpink.jpg"}


def test_paths_are_copied(page: Page) -> None:
    page.get_by_role("link", name="Browse", exact=True).click()
    page.locator("#order").select_option("name")
    page.locator(".hit:first-child img[alt='cold/green.jpg']").wait_for()
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    for at in (0, 1):
        page.locator(".hit .open").nth(at).click(modifiers=["Control"])
    page.locator("#tray[data-ready]").wait_for()
    page.locator(".menu summary").click()
    assert page.locator(".of-folder").is_hidden()  # nothing names the share
    page.get_by_role("button", name="Copy paths").click()
    shown(page, "2 paths copied.")
    assert page.evaluate("window.copied") == "cold/green.jpg\ncold/hotpink.jpg"


def test_paths_are_those_of_the_share(
    browser: Browser, open_service: tuple[Running, Settings]
) -> None:
    service, _ = open_service
    with opened(browser, service, **DESKTOP) as page:
        page.goto(f"{page.url}?order=name&name=teal.jpg")
        page.locator(".hit .open").nth(1).wait_for()
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        page.locator(".hit .open").first.focus()
        page.keyboard.press("c")
        page.locator("#tray[data-ready]").wait_for()
        for item, copied in (
            ("Copy paths on the share", r"\\studio\designs\cold\teal.jpg"),
            ("Copy the path of the folder", r"\\studio\designs\cold"),
        ):
            page.locator(".menu summary").click()
            page.get_by_role("button", name=item).click()
            page.wait_for_function("() => window.copied")
            assert page.evaluate("window.copied") == copied
            page.evaluate("window.copied = ''")
        page.locator("#tray-all").click()
        shown(page, "2 selected")
        page.locator(".menu summary").click()
        assert page.locator(".of-folder").is_hidden()  # they lie in two


def test_each_is_checked(browser: Browser, open_service: tuple[Running, Settings]) -> None:
    service, _ = open_service
    with opened(browser, service, **DESKTOP) as page:
        page.goto(f"{page.url}?order=name&name=teal.jpg")
        page.locator(".hit .open").nth(1).wait_for()
        page.locator(".hit .open").first.focus()
        page.keyboard.press("Control+a")
        page.locator("#tray[data-ready]").wait_for()
        page.locator(".menu summary").click()
        page.get_by_role("button", name="Has each been drawn before?").click()
        dialog = page.get_by_role("dialog", name="Has each been drawn before?")
        dialog.get_by_text(re.compile("checked: 2 of them are in the collection more")).wait_for()
        assert dialog.locator("[data-verdict=exact]").count() == 2
        keep(page, "checks-desktop")
        dialog.get_by_role("link", name="Show the check").first.click()
        page.locator("#verdict").wait_for()
