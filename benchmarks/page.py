"""The page in a real browser: how heavy it is, how soon it answers a click among 1,000 hits.

Starts the service over the demo collection (drawn into a folder of its own), opens the page in
headless Chromium, and writes ``docs/performance.md``. ``--lighthouse`` names an installed
Lighthouse (``npm install lighthouse``), whose scores are then added.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import ROOT, table, write_section
from image_search.demo import draw_collection
from image_search.library import Library
from image_search.settings import Settings
from tests.web.browsing import answer_with, chromium, sign_in
from tests.web.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CATEGORIES = ("performance", "accessibility", "best-practices")
CLICKS = 20
SIZES = """async () => {
    const asked = performance.getEntriesByType("resource").map(({ name }) => name);
    const ours = asked.filter((name) => !/thumbnails|examples|icons/.test(name));
    const names = [location.href, ...ours];
    const sized = (name) => fetch(name).then((a) => a.blob()).then(({ size }) => size);
    return (await Promise.all(names.map(sized))).reduce((a, b) => a + b, 0);
}"""
SENT = """() => ["navigation", "resource"]
    .flatMap((type) => performance.getEntriesByType(type))
    .filter(({ name }) => !/thumbnails|examples|icons/.test(name))
    .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
WATCH = """() => {
    window.slow = [];
    new PerformanceObserver((list) => window.slow.push(
        ...list.getEntries().filter((e) => e.interactionId).map((e) => e.duration)
    )).observe({ type: "event", durationThreshold: 16, buffered: false });
}"""


@contextmanager
def demo(folder: Path, extractors: str = "hsv,edges,texture") -> Iterator[Running]:
    """The service over the demo collection, with these extractors."""
    settings = Settings(
        images=folder / "images",
        cache=folder / "image_features.pkl",
        password="right",
        extractors=extractors,
    )
    draw_collection(settings.images, folder / "sketches")
    Library.open(settings).update()
    with running(settings) as started:
        yield started


def opened(browser: Browser, service: Running, width: int = 1440, height: int = 900) -> Page:
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    sign_in(page, service)
    page.locator("#collection-brief", has_text="images").wait_for()
    return page


def weight(browser: Browser, service: Running) -> tuple[float, float]:
    """Kilobytes of the page without pictures: unpacked, and as they are sent."""
    page = opened(browser, service)
    page.wait_for_load_state("networkidle")
    sent = page.evaluate(SENT)
    return page.evaluate(SIZES) / 1000, sent / 1000


def interactions(browser: Browser, service: Running) -> list[float]:
    """Milliseconds to the next paint of clicks and keys, with 1,000 hits on the page."""
    page = opened(browser, service)
    found = answer_with(1000) | {"compared": 1000}
    page.route("**/search", lambda route: route.fulfill(json=found))
    page.get_by_label("In words").fill("ring")
    page.locator(".hit").nth(999).wait_for(state="attached")
    page.evaluate(WATCH)
    for number in range(CLICKS):
        page.locator(".hit .open").nth(number).click()
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("c")
    page.get_by_label("Why each one matches").check()
    page.wait_for_timeout(500)
    return [float(one) for one in page.evaluate("window.slow")]


def lighthouse(program: str, service: Running) -> dict[str, float]:
    """Scores of 0 to 100 for the page, signed in."""
    answer = ROOT / "test-output" / "lighthouse.json"
    answer.parent.mkdir(exist_ok=True)
    basic = base64.b64encode(b"studio:right").decode()
    headers = json.dumps({"Authorization": f"Basic {basic}"})
    subprocess.run(
        [
            program, service.address, "--quiet", "--output=json", f"--output-path={answer}",
            f"--extra-headers={headers}", f"--only-categories={','.join(CATEGORIES)}",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        ],
        check=True,
        env={**os.environ, "CHROME_PATH": os.environ.get("CHROME_PATH", "/usr/bin/chromium")},
    )  # fmt: skip
    output: Any = json.loads(answer.read_text("utf-8"))
    return {name: 100 * output["categories"][name]["score"] for name in CATEGORIES}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lighthouse", metavar="PROGRAM")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as service:
        with chromium() as browser:
            unpacked, sent = weight(browser, service)
            slow = interactions(browser, service)
        slow.sort()
        rows: list[list[object]] = [
            ["the page without pictures, kB", f"{unpacked:.0f} ({sent:.0f} over the line)"],
            [
                "a click with 1,000 hits, median ms to the next paint",
                f"{statistics.median(slow):.0f}",
            ],
            ["98 of 100 are quicker than, ms", f"{slow[int(0.98 * len(slow)) - 1]:.0f}"],
            ["the slowest, ms", f"{slow[-1]:.0f} (of {len(slow)})"],
        ]
        rows.append(["load of the machine at the time", f"{os.getloadavg()[0]:.1f}"])
        if chosen.lighthouse:
            scores = lighthouse(chosen.lighthouse, service)
            rows += [[f"Lighthouse: {name}", f"{score:.0f}"] for name, score in scores.items()]
    text = (
        "### The page\n\n`python -m benchmarks.page --lighthouse PROGRAM`, over the demo "
        "collection.\n\n"
    )
    write_section("performance.md", "page", text + table(["what", "figure"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
