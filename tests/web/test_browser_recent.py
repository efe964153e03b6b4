"""Recent searches: kept in the browser, forgotten on demand and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.browsing import search, shown
from tests.web.pictures import ring

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEPT = "JSON.parse(localStorage.getItem('image-search.recent') ?? '[]').length"


def ask(page: Page, words: str, kept: int) -> None:
    field = page.get_by_label("In words")
    field.fill(words)
    field.press("Enter")
    page.wait_for_function("kept => " + KEPT + " === kept", arg=kept)


def test_recent_searches_are_one_click_away(page: Page) -> None:
    start = page.url
    assert page.get_by_text("Recent searches").count() == 0
    ask(page, "navy", 1)
    ask(page, "gold", 2)
    page.get_by_label("Why each one matches").check()
    page.get_by_label("In words").fill("navy")  # again is no third one
    page.locator(".recent a").first.get_by_text("navy").wait_for(state="attached")
    assert page.evaluate(KEPT) == 2
    page.get_by_label("In words").fill("")
    search(page, ring("teal"))
    page.wait_for_function("() => " + KEPT + " === 3")

    page.goto(start)
    recent = page.locator(".recent")
    rows = recent.get_by_role("link")
    assert [row.inner_text() for row in rows.all()] == ["query.jpg", "“navy”", "“gold”"]
    assert rows.first.locator("img").evaluate("image => image.naturalWidth") > 20
    rows.first.click()
    shown(page, "Detected as: photo")
    page.locator(".hit:first-child img[alt='cold/teal.jpg']").wait_for()

    page.goto(start)
    page.get_by_role("button", name="Forget them").click()
    recent.wait_for(state="hidden")
    assert page.evaluate("localStorage.getItem('image-search.recent')") is None


def test_signing_out_forgets_them(page: Page) -> None:
    ask(page, "navy", 1)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Password").wait_for()
    assert page.evaluate("localStorage.getItem('image-search.recent')") is None


def test_what_is_kept_there_by_others_does_no_harm(page: Page) -> None:
    for text in ("not JSON", '{"a": 1}', '[{"search": "javascript:alert(1)", "words": "x"}]'):
        page.evaluate("text => localStorage.setItem('image-search.recent', text)", text)
        page.reload()
        page.locator(".recent").wait_for(state="attached")
        assert page.locator(".recent").is_hidden()
