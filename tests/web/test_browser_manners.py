"""Manners: what axe finds, how heavy the page is, less motion where that is wished."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from image_search.settings import Settings
from tests.web.browsing import DESKTOP, PATIENCE, PHONE, missing, opened, search, shown, sign_in
from tests.web.pictures import HUES, ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# Bytes of everything but pictures, unpacked, by address.
SIZES = """async () => {
    const asked = performance.getEntriesByType("resource").map(({ name }) => name);
    const names = [location.href, ...asked.filter((name) => !/thumbnails|icons/.test(name))];
    const sized = (name) => fetch(name).then((a) => a.blob()).then(({ size }) => [name, size]);
    return Object.fromEntries(await Promise.all(names.map(sized)));
}"""
RUN = """async (rules) => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    const told = ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" ")}`;
    return { passes: found.passes.length, violations: found.violations.map(told) };
}"""
CONTRASTS = {"type": "rule", "values": ["color-contrast"]}


def found_by_axe(page: Page, scheme: Any, least: int = 20) -> list[str]:
    """What axe objects to in the page as it is now; in the dark, to its contrasts: the rest is the
    same as in the light. More than ``least`` of its rules find something to look at."""
    if page.evaluate("typeof axe") == "undefined":
        try:
            page.evaluate(
                resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
            )
        except ModuleNotFoundError:
            missing("the Python package axe-playwright-python")
    page.emulate_media(color_scheme=scheme)
    found = page.evaluate(RUN, CONTRASTS if scheme == "dark" else list(RULES))
    assert found["passes"] > (0 if scheme == "dark" else least)
    return [f"{scheme}: {one}" for one in found["violations"]]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(
    browser: Browser, open_service: tuple[Running, Settings], size: dict[str, Any]
) -> None:
    service, _ = open_service
    with browser.new_context(reduced_motion="reduce", **size) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        found: dict[str, list[str]] = {}

        asked: list[Request] = []
        page.on("request", lambda one: asked.append(one) if one.method == "POST" else None)

        def look(state: str) -> None:
            before = -1
            while before < len(asked):  # hits are dimmed while others are asked for
                before = len(asked)
                page.locator("[aria-busy=true]").wait_for(state="detached")
                found[state] = [*found_by_axe(page, "dark"), *found_by_axe(page, "light")]

        page.goto(service.address)
        look("signing in")
        sign_in(page, service)
        page.locator("#collection-brief", has_text="images").wait_for()
        look("the start")
        page.locator("#draw").click()
        look("the sheet to draw on")
        page.locator("#draw-done").click()
        search(page, ring("teal", (240, 120)))
        if size is PHONE:
            page.locator("#edit").click()
        for part in ("#colours-more", "#balance", "#filters"):
            page.locator(f"{part} summary").click()
        page.get_by_role("button", name="navy", exact=True).click()
        page.get_by_role("button", name="red", exact=True).click()
        page.get_by_label("Why each one matches").check()
        page.locator("#region-use").click()
        look("everything that can be asked")
        page.locator("#dropper-use").click()
        look("the colour picker")
        page.keyboard.press("Escape")
        page.locator(".hit .open").first.click()
        page.locator("#viewer[open]").wait_for()
        look("the large view")
        page.keyboard.press("c")
        page.keyboard.press("Escape")
        look("the tray")
        page.locator("#tray-compare").click()
        page.locator("#compare[open]").wait_for()
        look("the comparison")
        page.keyboard.press("Escape")
        page.locator("#region-use").click()  # all of the picture is here, a part of it is too plain
        page.locator("#check").click()
        page.locator("#verdict").wait_for()
        look("the verdict")
        page.get_by_role("button", name="Show the evidence").click()
        page.locator("#compare[open] polygon").first.wait_for()
        page.get_by_role("radio", name="Swipe").check()
        look("the evidence")
        page.keyboard.press("Escape")
        page.locator("#collection-open").click()
        page.locator("#models li").first.wait_for()
        look("the collection")
        page.goto(f"{service.address}?order=name")
        page.locator(".tree summary").click()
        page.locator(".branch").first.wait_for()
        look("the collection without a query")
        page.locator(".hit .open").first.focus()
        page.keyboard.press("Control+a")
        page.locator("#tray[data-ready]").wait_for()
        page.locator(".menu summary").click()
        look("many images")
        with page.expect_popup() as sheet:
            page.get_by_role("button", name="Contact sheet to print").click()
        sheet.value.wait_for_load_state()
        found["a contact sheet"] = found_by_axe(sheet.value, "light")
        page.goto(f"{service.address}duplicates-page")
        page.locator("#pair").wait_for()
        page.locator("#keep summary").click()
        look("the duplicates")
        assert {state: what for state, what in found.items() if what} == {}
        assert len(found) == 15


def test_the_page_is_light(page: Page) -> None:
    page.reload()
    shown(page, f"{len(HUES)} images")
    page.wait_for_load_state("networkidle")
    sizes = page.evaluate(SIZES)
    assert sum(name.endswith(".js") for name in sizes) > 20
    assert sum(name.endswith(".css") for name in sizes) > 3
    assert min(sizes.values()) > 0
    assert sum(sizes.values()) < 160_000  # unpacked; over the line it is a third of that


def test_no_script_waits_for_another(page: Page) -> None:
    """Every module that is loaded is named in the page, so that all are asked for at once."""
    asked = page.evaluate(
        """() => performance.getEntriesByType("resource")
            .map(({ name }) => name).filter((name) => name.endsWith(".js"))"""
    )
    named = page.evaluate(
        "[...document.querySelectorAll('[rel=modulepreload]')].map((l) => l.href)"
    )
    assert {name for name in asked if not name.endswith("main.js")} == set(named)


def test_less_motion_where_that_is_wished(browser: Browser, service: Running) -> None:
    moving = """() => document.getAnimations().length
        + [...document.querySelectorAll("*")].filter(
            (one) => !/^0s(, 0s)*$/.test(getComputedStyle(one).transitionDuration)).length"""
    counts = []
    for wish in ("no-preference", "reduce"):
        with opened(browser, service, reduced_motion=wish) as page:
            search(page, ring("teal"))
            counts.append(page.evaluate(moving))
    assert counts[0] > 0
    assert counts[1] == 0
