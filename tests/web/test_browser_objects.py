"""The objects in the picture of the query: found, chosen, left out, by mouse, key and finger."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.drawing import ornate, saved
from tests.web.browsing import PHONE, Seen, fits, keep, opened, search, shown
from tests.web.pictures import ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SPY = """() => {
    const ask = window.fetch;
    window.fetch = (address, options) => {
        if (options?.body?.getAll) window.asked = ["region", "ignore"].map((n) => options.body.getAll(n));
        return ask(address, options);
    };
}"""  # noqa: E501 - one line of JavaScript


def room() -> bytes:
    image = Image.new("RGB", (640, 480), "#c9c2b4")
    for number, place in enumerate([(40, 60), (400, 40), (230, 270)]):
        image.paste(ornate(number).resize((180, 160)), place)
    return saved(image, "JPEG", quality=75)


def find(page: Page) -> None:
    page.get_by_role("button", name="Find objects").click()
    page.locator(".thing").first.wait_for()


def asked(page: Page) -> tuple[int, int]:
    """How many parts the last search asked for, and how many it left out."""
    regions, ignored = page.evaluate("window.asked")
    return len(regions), len(ignored)


def test_objects_are_chosen_by_mouse(page: Page, seen: Seen) -> None:
    search(page, room())
    assert not any("objects" in address for address in seen.addresses), "fetched on demand"
    find(page)
    page.evaluate(SPY)
    things = page.locator(".thing")
    assert 3 <= things.count() <= 8
    shown(page, re.compile(r"objects found\. Choose one or several"))

    with page.expect_request("**/search"):
        things.last.click()
    page.wait_for_url(re.compile("region="))
    assert things.last.get_attribute("aria-pressed") == "true"
    assert asked(page) == (1, 0)
    with page.expect_request("**/search"):
        things.first.press("Enter")
    page.wait_for_url(re.compile("region=.*region="))
    shown(page, "2 objects searched for.")
    assert asked(page) == (2, 0)
    keep(page, "ask-objects-desktop")

    page.get_by_role("radio", name="Leave out").check()
    with page.expect_request("**/search"):
        things.last.click()
    page.wait_for_url(re.compile("ignore="))
    shown(page, "1 object searched for, 1 object left out.")
    assert asked(page) == (1, 1)
    with page.expect_request("**/search"):
        page.get_by_role("button", name="The whole picture").click()
    page.wait_for_url(lambda url: "region" not in url and "ignore" not in url)
    assert asked(page) == (0, 0)
    assert things.count() == 0
    assert page.evaluate("document.activeElement.id") == "objects-use"
    assert seen.errors == []


def test_objects_are_chosen_by_keyboard(page: Page) -> None:
    search(page, room())
    page.get_by_role("button", name="Find objects").press("Enter")
    page.locator(".thing").first.wait_for()

    assert "thing" in str(page.evaluate("document.activeElement.className"))
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_url(re.compile("region="))
    assert page.locator(".thing[aria-pressed=true]").count() == 1
    page.keyboard.press("Space")
    page.wait_for_url(lambda url: "region" not in url)
    assert page.locator(".thing[aria-pressed=true]").count() == 0


def test_a_check_of_several_objects_says_what_to_do(page: Page) -> None:
    search(page, room())
    find(page)
    for thing in (page.locator(".thing").last, page.locator(".thing").first):
        thing.press("Enter")
    page.wait_for_url(re.compile("region=.*region="))
    page.get_by_role("button", name="Has this been drawn before?").click()
    shown(page, "The check failed.")
    shown(page, "choose a single area or object")


def test_what_was_chosen_comes_back_with_the_address(page: Page) -> None:
    search(page, room())
    find(page)
    page.locator(".thing").last.click()
    page.locator(".thing").first.press("Enter")
    page.wait_for_url(re.compile("region=.*region="))

    page.reload()
    page.locator(".thing.asked").nth(1).wait_for()

    assert page.locator(".thing").count() == 2
    page.get_by_role("button", name="The whole picture").click()
    page.wait_for_url(lambda url: "region" not in url)


def test_objects_of_a_hit(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    like = page.evaluate(
        """async () => {
            const form = new FormData();
            form.append("text", "teal");
            const token = document.querySelector("meta[name=csrf-token]").content;
            const options = { method: "POST", body: form, headers: { "X-CSRF-Token": token } };
            return (await (await fetch("search", options)).json()).results[0].id;
        }"""
    )
    page.goto(page.url.split("?")[0] + f"?like={like}")
    page.locator(".hit img").first.wait_for()

    find(page)

    page.locator(".thing").last.press("Enter")
    page.wait_for_url(re.compile("region="))
    page.locator(".hit img").first.wait_for()


def test_nothing_stands_out(page: Page) -> None:
    search(page, saved(Image.new("RGB", (200, 200), "#808080"), "JPEG"))
    page.get_by_role("button", name="Find objects").click()
    shown(page, re.compile("No object stands out"))
    assert page.get_by_role("button", name="Find objects").is_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_objects_on_a_phone(browser: Browser, service: Running, scheme: str) -> None:
    with opened(browser, service, **PHONE, color_scheme=scheme) as page:
        search(page, room())
        page.get_by_role("button", name="Refine").tap()
        page.get_by_role("button", name="Find objects").tap()
        page.locator(".thing").first.wait_for()
        page.locator(".thing").last.tap()
        page.wait_for_url(re.compile("region="))
        assert fits(page)
        keep(page, f"ask-objects-phone-{scheme}")
        page.get_by_role("button", name="Show the results").tap()
        page.locator(".hit img").first.wait_for()
        assert not page.locator(".thing").first.is_visible()
