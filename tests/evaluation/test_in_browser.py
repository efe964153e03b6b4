"""The report as a browser shows it: on a phone, in the dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from image_search.cli import main
from tests.evaluation.folders import draw_photos, draw_sketches
from tests.web.browsing import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Everything that is drawn must be inside the window, tables that scroll by themselves excepted.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "getComputedStyle(document.body).backgroundColor"
INK = "getComputedStyle(document.querySelector('h1')).color"
BROKEN = "[...document.images].filter(i => i.naturalWidth === 0).length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    draw_photos(folder / "photo")
    draw_sketches(folder / "sketch")
    path = folder / "report.html"
    folders = ["--gallery", str(folder / "photo"), "--queries", str(folder / "sketch")]
    code = main(["evaluate", "--extractors", "hsv,edges", *folders, "--report", str(path)])
    assert code == 0
    return path


def opened(browser: Browser, report: Path, width: int, *, dark: bool = False) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(report.as_uri())
    return page


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_it_fits_every_width(browser: Browser, report: Path, width: int) -> None:
    page = opened(browser, report, width)

    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate(BROKEN) == 0
    assert page.locator("svg.plot").first.is_visible()
    page.context.close()


def test_it_is_dark_where_that_is_liked_but_never_on_paper(browser: Browser, report: Path) -> None:
    page = opened(browser, report, 800, dark=True)
    dark = page.evaluate(GROUND), page.evaluate(INK)
    page.emulate_media(media="print")
    paper = page.evaluate(INK)
    page.context.close()
    light = opened(browser, report, 800)

    assert dark != (light.evaluate(GROUND), light.evaluate(INK))
    assert paper == light.evaluate(INK)
    light.context.close()


def test_plots_are_described_to_those_who_cannot_see_them(browser: Browser, report: Path) -> None:
    page = opened(browser, report, 800)

    plots = page.get_by_role("img")
    names = [plots.nth(i).get_attribute("aria-label") for i in range(plots.count())]

    assert any(name and name.startswith("mAP: hsv 0.") for name in names)
    assert any(name and name.startswith("Recall at k: hsv ") for name in names)
    assert sum(bool(name and name.startswith("Scores of pairs")) for name in names) == 3
    page.context.close()
