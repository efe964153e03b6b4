"""The query in the address: back, forward, reload, links; and what stays in the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.web.browsing import PATIENCE, file, search, shown, sign_in
from tests.web.pictures import HUES, ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def first(page: Page, path: str) -> None:
    page.locator(f".hit:first-child img[alt='{path}']").wait_for()


def test_back_forward_and_reload(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    first(page, "cold/teal.jpg")
    page.wait_for_url(re.compile("image="))
    page.locator("#file").set_input_files(file(ring("gold", (200, 120)), "other.jpg"))
    first(page, "warm/gold.jpg")
    page.locator("#filters summary").click()
    page.get_by_label("Folder").fill("cold")
    page.get_by_label("Folder").press("Enter")
    shown(page, "The 5 most similar of 5 images")
    page.wait_for_url(re.compile("folder=cold"))
    page.go_back()
    first(page, "warm/gold.jpg")
    assert page.get_by_label("Folder").input_value() == ""
    page.go_back()
    first(page, "cold/teal.jpg")
    page.go_back()
    shown(page, "Drop a picture here, or paste one")
    assert page.locator(".hit").count() == 0
    page.go_forward()
    first(page, "cold/teal.jpg")
    page.go_forward()
    page.go_forward()
    shown(page, "The 5 most similar of 5 images")
    page.reload()
    shown(page, "The 5 most similar of 5 images")
    assert page.locator(".previews img").get_attribute("alt") == "other.jpg"
    assert page.get_by_label("Folder").input_value() == "cold"


def test_moving_a_slider_is_one_step(page: Page) -> None:
    search(page, ring("teal"))
    page.wait_for_url(re.compile("image="))
    before = page.evaluate("history.length")
    page.locator("#balance summary").click()
    slider = page.get_by_role("slider", name="Colour")
    for value in ("10", "20", "90"):
        slider.fill(value)
        page.wait_for_url(re.compile(f"balance=50-50-{value}"))
    assert page.evaluate("history.length") == before + 1


def test_a_link_to_words_colours_and_a_likeness(page: Page, service: Running) -> None:
    search(page, ring("teal"))
    page.locator(".hit", has=page.locator("img[alt='cold/navy.jpg']")).hover()
    page.get_by_role("button", name="More like navy.jpg").click()
    page.wait_for_url(re.compile("like="))
    first(page, "cold/navy.jpg")
    like = re.search("like=([0-9a-f]{16})", page.url)
    assert like
    page.goto(
        f"{service.address}?like={like[1]}&color=%231c2c54&kind=photo&balance=form&folder=cold"
    )
    shown(page, "The 5 most similar of 5 images")
    page.locator(".previews").get_by_text("Like navy.jpg").wait_for()  # learnt from the answer
    assert page.locator(".picked li").count() == 1
    assert page.get_by_role("radio", name="Photo").is_checked()
    page.goto(f"{service.address}?text=red&after=nonsense&weights=%7B&balance=0-0-999")
    first(page, "warm/red.jpg")
    assert page.get_by_label("In words").input_value() == "red"


def test_a_link_whose_picture_is_elsewhere(page: Page, browser: Browser, service: Running) -> None:
    search(page, ring("teal"))
    page.wait_for_url(re.compile("image="))
    address = page.url
    with browser.new_context() as context:
        other = context.new_page()
        other.set_default_timeout(PATIENCE)
        other.goto(address)
        other.get_by_label("Password").fill("right")
        other.keyboard.press("Enter")
        shown(other, "This browser does not have the picture of this search")
        shown(other, f"{len(HUES)} images")
        search(other, ring("teal"))
        other.get_by_text("does not have the picture of this search").wait_for(state="hidden")


def test_a_drawing_comes_back_and_can_be_gone_on_with(page: Page) -> None:
    page.get_by_role("button", name="Draw").press("Enter")
    page.locator("#canvas").wait_for()
    for key in ("ArrowUp", " ", *["Shift+ArrowRight"] * 3, " "):
        page.keyboard.press(key)
    page.wait_for_url(re.compile("image="))
    page.reload()
    page.locator(".hit img").first.wait_for()
    shown(page, "Drawn here")
    page.get_by_role("button", name="Edit drawing").click()
    assert page.get_by_role("button", name="Undo").is_enabled()


def test_signing_out_forgets_the_pictures(page: Page, service: Running) -> None:
    search(page, ring("teal"))
    page.wait_for_url(re.compile("image="))
    address = page.url
    kept = "indexedDB.databases().then((all) => all.map(({ name }) => name))"
    assert page.evaluate(kept) == ["image-search"]
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()
    page.wait_for_function(f"{kept}.then((names) => names.length === 0)")
    sign_in(page, service)
    page.goto(address)
    shown(page, "This browser does not have the picture of this search")
