"""Drawing the query, and what is done on a picture that asks, as a person would do it."""

from __future__ import annotations

import base64
import io
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.web.browsing import PHONE, Seen, fits, keep, opened, search, shown
from tests.web.pictures import ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

INK = """() => {
    const canvas = document.getElementById("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let dark = 0;
    for (let at = 3; at < data.length; at += 4) dark += data[at] > 0;
    return dark / (canvas.width * canvas.height);
}"""


def ink(page: Page) -> float:
    """Share of the sheet that is drawn on."""
    return float(page.evaluate(INK))


def draw_ring(page: Page, radius: float = 0.3) -> None:
    sheet = page.locator("#canvas").bounding_box()
    assert sheet
    x, y = sheet["x"] + sheet["width"] / 2, sheet["y"] + sheet["height"] / 2
    reach = radius * sheet["width"]
    page.mouse.move(x + reach, y)
    page.mouse.down()
    for step in range(1, 41):
        turn = 2 * math.pi * step / 40
        page.mouse.move(x + reach * math.cos(turn), y + reach * math.sin(turn))
    page.mouse.up()


SPY = """() => {
    const ask = window.fetch;
    window.fetch = (address, options) => {
        if (options?.body?.get?.("image")) window.asked = options.body;
        return ask(address, options);
    };
}"""
SENT = """async () => {
    const bytes = new Uint8Array(await window.asked.get("image").arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def sent_picture(page: Page) -> Image.Image:
    """The picture of the last search."""
    return Image.open(io.BytesIO(base64.b64decode(page.evaluate(SENT))))


def test_results_follow_as_one_draws(page: Page, seen: Seen) -> None:
    page.get_by_role("button", name="Draw").click()
    page.locator("#canvas").wait_for()
    assert ink(page) == 0
    page.evaluate(SPY)
    with page.expect_request("**/search"):
        draw_ring(page)
    picture = np.asarray(sent_picture(page).convert("L"))
    assert (picture[0] == 255).all()  # on white paper, away from the edges
    assert picture.min() < 60
    page.locator(".hit img").first.wait_for()
    shown(page, "Drawn here. Matched on shape, not on colour or meaning.")
    keep(page, "ask-draw-desktop")

    once = ink(page)
    first_address = page.url
    draw_ring(page, 0.2)
    page.wait_for_url(lambda url: url != first_address)
    assert ink(page) > once
    page.keyboard.press("Control+z")
    assert ink(page) == pytest.approx(once)
    page.keyboard.press("Control+Shift+z")
    assert ink(page) > once
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("radio", name="Eraser").check()
    page.get_by_role("slider", name="Width").press("End")
    draw_ring(page)
    for empty in ("all of it is rubbed out", "cleared"):
        assert ink(page) == 0, empty
        page.locator(".hit").first.wait_for(state="detached")
        assert page.locator("#canvas").is_visible()
        page.get_by_role("button", name="Undo").click()
        page.locator(".hit img").first.wait_for()
        assert ink(page) == pytest.approx(once)
        if empty != "cleared":
            page.get_by_role("button", name="Clear").click()
    page.locator(".hit img").first.wait_for()
    page.get_by_role("button", name="Done").click()
    page.locator(".previews img").wait_for()
    page.get_by_role("button", name="Edit drawing").click()
    assert ink(page) == pytest.approx(once)
    assert seen.errors == []


def test_the_sheet_stays_where_it_is_and_the_rows_are_full(page: Page) -> None:
    page.get_by_role("button", name="Draw").click()
    sheet = page.locator("#canvas")
    sheet.wait_for()
    before = sheet.bounding_box()
    draw_ring(page)
    page.locator(".hit img").first.wait_for()

    assert sheet.bounding_box() == before

    # Whatever the width, no row breaks before its last picture.
    for width in range(1180, 1290, 9):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            """() => [...document.querySelectorAll(".shelf")].every((shelf) => {
                const tops = [...shelf.children].map((hit) => hit.getBoundingClientRect().top);
                const rows = Number(shelf.style.getPropertyValue("--rows"));
                return new Set(tops.map(Math.round)).size === rows;
            })"""
        )


def test_a_sheet_left_blank_leads_back_to_the_start(page: Page) -> None:
    page.get_by_role("button", name="Draw").click()
    page.locator("#canvas").wait_for()
    page.get_by_role("button", name="Done").click()
    page.wait_for_function("document.body.classList.contains('start')")


def test_where_it_is_drawn_means_nothing(page: Page) -> None:
    sent = []
    page.get_by_role("button", name="Draw").click()
    page.locator("#canvas").wait_for()
    page.evaluate(SPY)
    canvas = page.locator("#canvas")
    for corner in ((0.05, 0.05), (0.55, 0.5)):
        with page.expect_request("**/search"):
            sheet = canvas.bounding_box()
            assert sheet
            places = [(0, 0), (0.3, 0), (0.3, 0.3), (0, 0.3), (0, 0)]
            for at, (x, y) in enumerate(places):
                page.mouse.move(
                    sheet["x"] + (corner[0] + x) * sheet["width"],
                    sheet["y"] + (corner[1] + y) * sheet["width"],
                    steps=4,
                )
                if at == 0:
                    page.mouse.down()
            page.mouse.up()
        sent.append(np.asarray(sent_picture(page).convert("L")) < 128)
        page.locator(".hit img").first.wait_for()
        page.get_by_role("button", name="Clear").click()
        page.locator(".hit").first.wait_for(state="detached")
    overlap = (sent[0] & sent[1]).sum() / (sent[0] | sent[1]).sum()
    assert overlap > 0.5
    rows, columns = np.nonzero(sent[0])
    assert abs(rows.mean() - 320) < 12
    assert abs(columns.mean() - 320) < 12


def test_by_keyboard(page: Page) -> None:
    page.get_by_role("button", name="Draw").press("Enter")
    page.locator("#canvas").wait_for()
    assert page.evaluate("document.activeElement.id") == "canvas"
    keys = [*["ArrowUp"] * 5, " ", *["ArrowRight"] * 6, *["Shift+ArrowDown"] * 2, " "]
    for key in keys:
        page.keyboard.press(key)
    page.locator(".hit img").first.wait_for()
    drawn = ink(page)
    assert drawn > 0.002
    page.keyboard.press("Control+z")
    page.locator(".hit").first.wait_for(state="detached")
    page.keyboard.press("Control+y")
    page.locator(".hit img").first.wait_for()
    page.keyboard.press("Escape")
    page.locator(".previews img").wait_for()
    assert not page.locator("#canvas").is_visible()


def test_by_finger(browser: Browser, service: Running) -> None:
    with opened(browser, service, **PHONE) as page:
        page.get_by_role("button", name="Draw").tap()
        page.locator("#canvas").wait_for()
        draw_ring(page)
        page.locator(".hit img").first.wait_for()
        # The sheet and the first of what was found are in sight together.
        hit = page.locator(".hit").first.bounding_box()
        assert hit
        assert hit["y"] < 844 - 60
        assert fits(page)
        keep(page, "ask-draw-phone")


def test_tracing_over_a_picture(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.get_by_role("button", name="Draw over it").click()
    page.locator("#trace").wait_for()
    sheet = page.locator("#canvas").bounding_box()
    assert sheet
    assert sheet["width"] / sheet["height"] == pytest.approx(2, abs=0.02)
    page.get_by_role("slider", name="Opacity").press("Home")
    strength = page.locator("#trace").evaluate("image => getComputedStyle(image).opacity")
    assert float(strength) == pytest.approx(0.05)
    page.evaluate(SPY)
    with page.expect_request("**/search"):
        draw_ring(page, 0.1)
    sent = sent_picture(page)
    assert sent.width == 2 * sent.height  # what is traced stays where it was
    assert set(np.unique(np.asarray(sent.convert("L")) > 200)) == {False, True}
    columns = np.nonzero(np.asarray(sent.convert("L")) < 128)[1]
    assert np.ptp(columns) == pytest.approx(0.2 * sent.width, abs=12)
    page.get_by_role("button", name="Remove", exact=True).click()
    assert not page.locator("#trace").is_visible()
    # A hit can be traced too.
    page.get_by_role("button", name="Done").click()
    page.locator(".hit .open").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Draw over it").click()
    page.locator("#trace").wait_for()


def region(page: Page) -> list[float]:
    page.wait_for_url(re.compile("region="))
    found = re.search(r"region=([^&]+)", page.url)
    assert found
    return [float(number) for number in found[1].split("%2C")]


def test_a_box_around_a_part_by_mouse(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.get_by_role("button", name="Select area").click()
    assert region(page) == [0.2, 0.2, 0.6, 0.6]
    sheet = page.locator(".sheet").bounding_box()
    assert sheet
    page.mouse.move(sheet["x"] + 2, sheet["y"] + 2)
    page.evaluate(SPY)
    page.mouse.down()
    page.mouse.move(sheet["x"] + sheet["width"] / 2, sheet["y"] + sheet["height"] / 2, steps=4)
    with page.expect_request("**/search"):
        page.mouse.up()
    page.wait_for_url(lambda url: "0.2000" not in url)
    x, y, width, height = region(page)
    assert (x + width, y + height) == pytest.approx((0.5, 0.5), abs=0.02)
    assert (
        page.evaluate("window.asked.get('region')") == f"{x:.4f},{y:.4f},{width:.4f},{height:.4f}"
    )
    keep(page, "ask-region-desktop")
    page.get_by_role("button", name="The whole picture").click()
    page.wait_for_url(lambda url: "region" not in url)
    assert not page.locator(".box").is_visible()


def test_a_box_by_keyboard(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.get_by_role("button", name="Select area").press("Enter")
    region(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    page.wait_for_url(re.compile("region=0.1800%2C0.2000%2C0.6000%2C0.6200"))
    label = page.get_by_role("group", name=re.compile("Selected area")).get_attribute("aria-label")
    assert "62 % high" in str(label)
    page.keyboard.press("Delete")
    page.wait_for_url(lambda url: "region" not in url)
    assert page.evaluate("document.activeElement.id") == "region-use"


def test_a_colour_off_the_picture(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.get_by_role("button", name="Pick a colour").click()
    sheet = page.locator(".sheet").bounding_box()
    assert sheet
    page.mouse.click(sheet["x"] + sheet["width"] / 2, sheet["y"] + sheet["height"] - 2)
    page.wait_for_url(re.compile("color="))
    picked = str(page.locator(".picked output").inner_text())
    channels = [int(picked[at : at + 2], 16) for at in (1, 3, 5)]
    assert channels == pytest.approx([0, 128, 128], abs=12)  # the teal bar at its foot
    page.get_by_role("button", name="Pick a colour").press("Enter")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    page.locator(".picked li").nth(1).wait_for()
    page.get_by_role("button", name="Pick a colour").press("Enter")
    page.keyboard.press("Escape")
    assert page.locator(".dropper").count() == 0
    assert page.locator(".picked li").count() == 2
