"""Looking at what was found: rows, further hits, the large view; with a thousand hits too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browsing import PHONE, answer_with, keep, opened, search, shown
from tests.web.pictures import HUES, ring
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROWS = """() => {
    const rows = new Map();
    for (const hit of document.querySelectorAll(".hit")) {
        const { left, right, top } = hit.getBoundingClientRect();
        const picture = hit.querySelector(".picture").getBoundingClientRect();
        const row = rows.get(Math.round(top)) ?? [];
        row.push({ left, right, ratio: picture.width / picture.height, height: picture.height });
        rows.set(Math.round(top), row);
    }
    return [...rows.values()];
}"""


@pytest.mark.parametrize("width", [390, 1440, 3840])
def test_rows_fill_the_width_and_pictures_keep_their_shape(
    browser: Browser, service: Running, width: int
) -> None:
    with opened(browser, service, viewport={"width": width, "height": 900}) as page:
        page.route("**/search", lambda route: route.fulfill(json=answer_with(60)))
        page.route("**/thumbnails/**", lambda route: route.fulfill(body=b""))
        page.get_by_label("In words").fill("ring")
        page.locator(".hit").first.wait_for()
        edge = page.locator("#hits").bounding_box()
        assert edge
        rows = page.evaluate(ROWS)
        assert len(rows) > 2
        shapes = [hit["ratio"] for row in rows for hit in row]
        answers = [hit["width"] / hit["height"] for hit in answer_with(60)["results"]]
        for shape, wanted in zip(shapes, answers, strict=True):
            assert shape == pytest.approx(min(3, max(0.5, wanted)), rel=0.02)
        for row in rows[:-1]:
            assert row[-1]["right"] == pytest.approx(edge["x"] + edge["width"], abs=2)
            assert max(hit["height"] for hit in row) - min(hit["height"] for hit in row) < 0.5


def answering(found: dict[str, Any]) -> Callable[[Any], None]:
    return lambda route: route.fulfill(json=found)


def test_thumbnails_come_in_the_size_that_is_shown(browser: Browser, service: Running) -> None:
    for density, side in ((1, 320), (3, 640)):
        size = {"width": 1000, "height": 800}
        with opened(browser, service, viewport=size, device_scale_factor=density) as page:
            found = answer_with(6)
            for hit in found["results"]:
                hit["width"] = hit["height"] = 2000
            page.route("**/search", answering(found))
            with page.expect_request(re.compile(rf"thumbnails/0\?side={side}")):
                page.get_by_label("In words").fill("ring")


def test_further_hits_come_as_one_scrolls(page: Page) -> None:
    asked = []

    def answer(route: Any) -> None:
        wanted = int(re.search(r'name="k"\s+(\d+)', route.request.post_data)[1])  # type: ignore[index]
        asked.append(wanted)
        route.fulfill(json=answer_with(min(wanted, 150)) | {"compared": 150})

    page.route("**/search", answer)
    page.route("**/thumbnails/**", lambda route: route.fulfill(body=b""))
    page.get_by_label("In words").fill("ring")
    page.locator(".hit").nth(59).wait_for(state="attached")
    page.locator(".hit .open").nth(3).focus()
    for already in (60, 120):
        assert page.locator(".hit").count() == already
        page.locator("#hits-end").scroll_into_view_if_needed()
        page.locator(".hit").nth(already).wait_for(state="attached")
    assert page.locator(".hit").count() == 150
    assert asked == [60, 120, 240]
    assert not page.locator("#hits-end").is_visible()
    focused = "[...document.querySelectorAll('.open')].indexOf(document.activeElement)"
    assert page.evaluate(focused) == 3  # what is added disturbs nobody
    page.keyboard.press("End")
    assert page.evaluate(focused) == 149


def test_by_keys(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.locator(".hit .open").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    view = page.get_by_role("dialog")
    view.get_by_text(f"3 of {len(HUES)}").wait_for()
    page.keyboard.press("1")
    view.get_by_text(f"1 of {len(HUES)}").wait_for()
    page.keyboard.press("+")
    page.keyboard.press("+")
    shown(page, "196 %")
    page.keyboard.press("Shift+ArrowRight")
    moved = page.locator(".viewer .inner").evaluate("inner => inner.style.getPropertyValue('--x')")
    assert float(moved.rstrip("%")) < 0
    page.keyboard.press("0")
    page.get_by_text("196 %").wait_for(state="hidden")
    page.keyboard.press("Escape")
    view.wait_for(state="hidden")
    page.keyboard.press("ArrowDown")
    keep(page, "look-desktop")


def test_zoom_by_wheel_and_drag(page: Page) -> None:
    search(page, ring("teal", (240, 120)))
    page.locator(".hit .open").first.click()
    stage = page.locator(".viewer .stage").bounding_box()
    assert stage
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    box = "inner => { const b = inner.getBoundingClientRect(); return [b.x, b.width]; }"
    inner = page.locator(".viewer .inner")
    left, width = inner.evaluate(box)
    at = left + 0.75 * width
    page.mouse.move(at, y)
    page.mouse.wheel(0, -600)
    page.wait_for_function("document.getElementById('viewer-zoom').textContent !== ''")
    zoomed_left, zoomed = inner.evaluate(box)
    assert zoomed > 1.5 * width
    assert zoomed_left + 0.75 * zoomed == pytest.approx(at, abs=2)  # the point under it stays
    page.mouse.down()
    page.mouse.move(at + 30, y, steps=3)
    page.mouse.up()
    assert inner.evaluate(box)[0] == pytest.approx(zoomed_left + 30, abs=2)
    page.mouse.dblclick(x, y)
    assert inner.evaluate(box)[1] == pytest.approx(width, abs=1)


def test_a_finger_leafs_through(browser: Browser, service: Running) -> None:
    with opened(browser, service, **PHONE) as page:
        search(page, ring("teal", (240, 120)))
        page.locator(".hit .open").first.tap()
        stage = page.locator(".viewer .stage").bounding_box()
        assert stage
        finger = page.context.new_cdp_session(page)
        for number, way in ((2, (0.8, 0.4)), (3, (0.8, 0.4)), (2, (0.3, 0.7))):
            for kind, at in zip(("touchStart", "touchMove", "touchEnd"), (*way, None), strict=True):
                place = {"x": stage["width"] * (at or 0), "y": stage["y"] + 99}
                result = {"type": kind, "touchPoints": [place] if at else []}
                finger.send("Input.dispatchTouchEvent", result)
            shown(page, f"{number} of {len(HUES)}")


SHIFT = """() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(sum), 300);
})"""


def test_nothing_jumps(page: Page) -> None:
    page.reload()
    shown(page, f"{len(HUES)} images")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SHIFT) < 0.05
    # That CLIP is not here is said once, above the rest. How soon depends on the machine, and what
    # moves within half a second of a key does not count.
    page.get_by_label("In words").fill("navy")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Dismiss").click()
    page.wait_for_timeout(600)
    before = page.evaluate(SHIFT)
    page.get_by_label("In words").fill("jpg")
    page.keyboard.press("Enter")
    page.locator(".hit img").first.wait_for()
    page.get_by_label("Why each one matches").check()
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SHIFT) - before < 0.05


@pytest.mark.parametrize(
    ("closer_than", "shown_as", "words"),
    [
        (0.999968, "top 0.0032 %", "Closer to your query than 99.9968 % of the images compared."),
        (336 / 337, "top 0.3 %", "Closer to your query than 99.7 % of the images compared."),
        (0.998, "top 0.2 %", "Closer to your query than 99.8 % of the images compared."),
        (0.66, "top 34 %", "Closer to your query than 66 % of the images compared."),
        (0.0, "top 100 %", "Closer to your query than 0 % of the images compared."),
    ],
)
def test_a_hit_says_its_place_among_all(
    page: Page, closer_than: float, shown_as: str, words: str
) -> None:
    answer = answer_with(60) | {"compared": 60}
    answer["results"] = [hit | {"closer_than": closer_than} for hit in answer["results"]]
    page.route("**/search", answering(answer))
    page.get_by_label("In words").fill("ring")
    shown(page, "The 60 most similar")
    place = page.locator(".hit .score").first
    assert place.inner_text() == shown_as
    assert place.get_attribute("aria-label") == words
    assert str(place.get_attribute("title")).startswith(f"{words} The bar is the similarity")
    page.locator(".hit .open").first.click()
    facts = page.locator("#viewer-facts").inner_text()
    assert words.removeprefix("Closer to your query than ").removesuffix(".") in facts


def test_a_hit_found_by_its_name_is_not_called_closer(page: Page) -> None:
    answer = answer_with(60) | {"compared": 60, "matched_by": "names"}
    named = {"closer_than": 0.98, "scores": {"name": 1.0}, "contributions": {"name": 1.0}}
    answer["results"] = [hit | named for hit in answer["results"]]
    page.route("**/search", answering(answer))
    page.get_by_label("In words").fill("ring")
    shown(page, "Matches in file names")
    page.locator(".hit .open").first.click()
    shown(page, "How well the names of the file and its folders match your words.")
    assert "Closer than" not in page.locator("#viewer-facts").inner_text()


def test_a_thousand_hits(page: Page) -> None:
    page.route("**/search", answering(answer_with(1000) | {"compared": 1000}))
    page.route("**/thumbnails/**", lambda route: route.fulfill(body=b""))
    page.get_by_label("In words").fill("ring")
    shown(page, "The 1,000 most similar of 1,000 images, in 7 ms")
    assert page.locator(".hit").count() == 1000
    # What is out of sight is not rendered, so that clicks and keys are answered at once.
    rendered = page.evaluate(
        """() => [...document.querySelectorAll(".hit .open")].filter(
            (open) => open.checkVisibility({ contentVisibilityAuto: true })).length"""
    )
    assert 0 < rendered < 300
    page.locator(".hit .open").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    last = page.locator(".hit").last
    assert last.evaluate("hit => hit.contains(document.activeElement)")
    page.keyboard.press("m")
    page.locator(".previews img").wait_for()
