"""The pictures in the Readme and the guide: the page over the demo, in headless Chromium.

Run it where the page has changed: ``python -m benchmarks.pictures`` writes ``docs/pictures/``.
"""

from __future__ import annotations

import io
import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from benchmarks.page import demo
from benchmarks.report import ROOT
from tests.web.browsing import DESKTOP, PHONE, chromium, file, opened
from tests.web.running import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = ROOT / "docs" / "pictures"
#: What is there without any download.
SHIPPED = "imagenet,design,hsv,edges,texture"
# Bytes: a guide with all of them opens at once on a slow line.
LARGEST = 150_000


def shoot(page: Page, name: str) -> None:
    """The page as it is now, as a WebP file of at most ``LARGEST`` bytes."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)  # what fades in must have come
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in range(85, 20, -5):
        buffer = io.BytesIO()
        shot.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= LARGEST:
            break
    path = FOLDER / f"{name}.webp"
    path.write_bytes(buffer.getvalue())
    print(f"{path.relative_to(ROOT)}: {buffer.tell() / 1000:.0f} kB")


def ask(page: Page, content: bytes, name: str) -> None:
    page.locator("#file").set_input_files(file(content, name))
    page.locator(".hit img").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.locator("#query").evaluate("query => query.requestSubmit()")  # now that all is loaded
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)


def sketch(browser: Browser, service: Running, sketches: Path) -> None:
    """A pencil sketch, and the designs found for it."""
    name = "sketch-of-solitaire-leaf.png"
    with opened(browser, service, viewport={"width": 1280, "height": 800}) as page:
        ask(page, (sketches / name).read_bytes(), name)
        shoot(page, "sketch")
    with opened(browser, service, **PHONE, color_scheme="dark") as page:
        ask(page, (sketches / name).read_bytes(), name)
        shoot(page, "phone")


def drawing(browser: Browser, service: Running) -> None:
    """A crescent drawn by hand, while results follow."""
    with opened(browser, service, **DESKTOP) as page:
        page.get_by_role("button", name="Draw").click()
        page.locator("#canvas").wait_for()
        # The sheet moves aside with the first results, so it is measured for every stroke.
        # Of two circles, the arcs that end where they meet: how far from the line through both
        # centres, in radians.
        towards = math.atan2(-0.055, 0.11)
        for reach, lean, end in ((0.28, 0.0, 0.857), (0.22, 0.11, 1.292)):
            sheet = page.locator("#canvas").bounding_box()
            assert sheet
            x, y, side = sheet["x"], sheet["y"], sheet["width"]
            for step in range(61):
                turn = towards + end + 2 * (math.pi - end) * step / 60
                across = 0.5 + lean + reach * math.cos(turn)
                down = 0.5 - lean / 2 + reach * math.sin(turn)
                page.mouse.move(x + side * across, y + side * down)
                if step == 0:
                    page.mouse.down()
            page.mouse.up()
            page.locator(".hit img").first.wait_for()
            page.wait_for_timeout(1500)
        shoot(page, "drawing")


def checking(browser: Browser, service: Running, images: Path) -> None:
    """The duplicates; an edited copy of a design, the verdict, and what proves it."""
    with opened(browser, service, **DESKTOP, color_scheme="dark") as page:
        page.get_by_role("link", name="Duplicates").click()
        page.locator("#pair").wait_for(timeout=300_000)  # milliseconds: first all are compared
        shoot(page, "duplicates")
    source = sorted((images / "tiles").glob("alhambra-*"))[0]
    picture = ImageOps.mirror(Image.open(source).convert("RGB"))
    width, height = picture.size
    picture = picture.crop((width // 8, height // 10, width, height))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=70)
    with opened(browser, service, **DESKTOP) as page:
        ask(page, buffer.getvalue(), "found-in-a-catalogue.jpg")
        page.locator("#check").click()
        page.locator("#verdict").wait_for()
        shoot(page, "verdict")
        page.get_by_role("button", name="Show the evidence").click()
        page.locator("#compare .inner").nth(1).wait_for()
        shoot(page, "evidence")


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        demo(Path(place), SHIPPED) as service,
        chromium() as browser,
    ):
        sketch(browser, service, Path(place) / "sketches")
        drawing(browser, service)
        checking(browser, service, Path(place) / "images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
