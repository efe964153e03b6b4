"""How often a picture of the collection is found that was pasted into a page: screenshots of web
pages and phones, slides and mood boards."""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.fingerprinted import BACKDROPS, backdrops, files, pixels_of
from benchmarks.report import DATASETS, table, write_section
from image_search.duplicates.checking import EXISTING
from image_search.imaging.arrays import Pixels
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings

FOLDERS = [DATASETS / name for name in ("jewellery", "caltech101", "clothing", "sketchy/photo")]
# What the rules were tuned on; the other collections only report.
TUNED_ON = "jewellery"
# Shares of the page's width that the picture takes.
LEAST, MOST = 0.25, 0.6
_TEXT = """
delivery returns care material silver handmade collection season new ring chain bracelet size guide
gift wrapped in stock studio classic natural finish shop all our story contact
"""
_WORDS = tuple(_TEXT.split())


@dataclass(frozen=True)
class Page:
    """A page (RGB) with a picture on it, and where: left, top, width, height in pixels."""

    pixels: Pixels
    box: tuple[int, int, int, int]


class _Sheet:
    """A page that is being laid out."""

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        self.rng, self.dark = rng, bool(rng.random() < 0.25)
        low, high = (12, 48) if self.dark else (236, 256)
        tinted = self.dark or rng.random() < 0.5
        self.paper = tuple(rng.integers(low, high, 3).tolist()) if tinted else (255, 255, 255)
        self.image = Image.new("RGB", size, self.paper)
        self.draw = ImageDraw.Draw(self.image)
        self.ink = (225, 225, 225) if self.dark else (40, 40, 44)

    def text(self, left: int, top: int, width: int, lines: int, size: int) -> None:
        font = ImageFont.load_default(size)
        for line in range(lines):
            words = " ".join(self.rng.choice(_WORDS, 20))
            while font.getlength(words) > width and " " in words:
                words = words.rpartition(" ")[0]
            self.draw.text((left, top + line * round(1.5 * size)), words, self.ink, font)

    def paste(self, pixels: Pixels, left: int, top: int) -> tuple[int, int, int, int]:
        self.image.paste(Image.fromarray(pixels), (left, top))
        return left, top, pixels.shape[1], pixels.shape[0]


def fitted(pixels: Pixels, width: float, height: float) -> Pixels:
    """``pixels`` as large as this box lets them be."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)


def _square(pixels: Pixels, side: int) -> Pixels:
    """The middle of ``pixels`` as a square."""
    height, width = pixels.shape[:2]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    middle = pixels[top : top + least, left : left + least]
    return np.asarray(cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def browser(pixels: Pixels, others: Sequence[Pixels], rng: np.random.Generator) -> Page:
    """A shop's page in a browser: header, sidebar or none, text, thumbnails."""
    width, height = int(rng.integers(1100, 1500)), int(rng.integers(760, 1000))
    sheet = _Sheet((width, height), rng)
    sheet.draw.rectangle((0, 0, width, 44), fill=(222, 225, 230))
    sheet.draw.rounded_rectangle((90, 8, width - 120, 36), 14, fill=(255, 255, 255))
    sheet.text(20, 66, 160, 1, 26)
    sheet.text(width // 2, 70, width // 2 - 40, 1, 15)
    sheet.draw.line((0, 110, width, 110), fill=(150, 150, 150))
    side = int(rng.choice([0, 200]))
    if side:
        sheet.text(20, 140, side - 40, 14, 14)
    share = float(rng.uniform(LEAST, MOST))
    picture = fitted(pixels, share * width, height - 250)
    left, top = 40 + side, 140
    box = sheet.paste(picture, left, top)
    right = left + box[2] + 40
    if width - right > 120:
        sheet.text(right, top + 10, width - right - 30, 1, 30)
        sheet.text(right, top + 70, width - right - 30, int(rng.integers(3, 9)), 16)
        if rng.random() < 0.7:
            end = min(right + 200, width - 30)
            sheet.draw.rectangle((right, top + 320, end, top + 366), fill=(30, 90, 160))
    for number in range(int(rng.integers(0, 6))):
        small = _square(others[int(rng.integers(len(others)))], 80)
        sheet.paste(small, left + number * 96, min(top + box[3] + 14, height - 90))
    return Page(np.asarray(sheet.image), box)


def phone(pixels: Pixels, others: Sequence[Pixels], rng: np.random.Generator) -> Page:
    """An app on a phone: bars above and below, the picture across or as a card."""
    width, height = int(rng.choice([750, 828, 1080])), 0
    height = round(width * float(rng.uniform(1.9, 2.2)))
    sheet = _Sheet((width, height), rng)
    sheet.text(40, 18, 120, 1, 28)
    sheet.text(width // 3, 90, width // 3, 1, 34)
    margin = int(rng.choice([0, width // 24, width // 6]))
    picture = fitted(pixels, width - 2 * margin, height * 0.5)
    top = 160
    box = sheet.paste(picture, (width - picture.shape[1]) // 2, top)
    below = top + box[3] + 30
    sheet.text(40, below, width - 80, int(rng.integers(3, 7)), 28)
    for number in range(int(rng.integers(0, 4))):
        small = _square(others[int(rng.integers(len(others)))], width // 4)
        if below + 320 + width // 4 < height - 130:
            sheet.paste(small, 20 + number * (width // 4 + 12), below + 320)
    sheet.draw.rectangle((0, height - 120, width, height), fill=(128, 128, 132))
    for number in range(5):
        x = width * (2 * number + 1) // 10
        sheet.draw.ellipse((x - 22, height - 90, x + 22, height - 46), outline="white", width=5)
    return Page(np.asarray(sheet.image), box)


def slide(pixels: Pixels, _others: Sequence[Pixels], rng: np.random.Generator) -> Page:
    """A slide: title, points, the picture on either side, a plain or shaded ground."""
    width, height = 1280, 720
    sheet = _Sheet((width, height), rng)
    if rng.random() < 0.4:
        shade = np.linspace(0, 40, width)[None, :, None] * np.array([1.0, 0.8, 0.5])
        ground = np.asarray(sheet.image, np.float64) + (shade if sheet.dark else -shade)
        shaded = np.broadcast_to(ground, (height, width, 3))
        sheet.image.paste(Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8)))
    sheet.text(60, 40, 900, 1, 44)
    sheet.draw.rectangle((60, 104, 360, 110), fill=(200, 80, 40))
    picture = fitted(pixels, float(rng.uniform(LEAST, MOST)) * width, height - 220)
    on_left = bool(rng.random() < 0.5)
    left = 60 if on_left else width - 60 - picture.shape[1]
    box = sheet.paste(picture, left, 150)
    text = left + box[2] + 40 if on_left else 60
    room = width - 60 - box[2] - 100
    sheet.text(text, 160, room, int(rng.integers(3, 8)), 24)
    sheet.text(60, height - 36, 500, 1, 14)
    return Page(np.asarray(sheet.image), box)


def board(pixels: Pixels, others: Sequence[Pixels], rng: np.random.Generator) -> Page:
    """A mood board: pictures in columns, with gaps or hardly any."""
    columns, gap = int(rng.integers(2, 5)), int(rng.integers(4, 24))
    width, height = 1200, int(rng.integers(800, 1100))
    sheet = _Sheet((width, height), rng)
    wide = (width - gap * (columns + 1)) // columns
    own = int(rng.integers(columns))
    box = (0, 0, 0, 0)
    for column in range(columns):
        top, place = gap, 0
        chosen = 0 if column == own else -1
        while top < height - gap - 60:
            source = pixels if place == chosen else others[int(rng.integers(len(others)))]
            picture = fitted(source, wide, 4 * wide)
            if place == chosen and top + picture.shape[0] > height - gap:
                picture = fitted(source, wide, height - gap - top)
            pasted = sheet.paste(picture, gap + column * (wide + gap), top)
            box = pasted if place == chosen else box
            top, place = top + pasted[3] + gap, place + 1
    return Page(np.asarray(sheet.image), box)


LAYOUTS: dict[str, Callable[[Pixels, Sequence[Pixels], np.random.Generator], Page]] = {
    "browser": browser,
    "phone": phone,
    "slide": slide,
    "mood board": board,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, nargs="*", default=FOLDERS)
    parser.add_argument("--backdrops", type=Path, default=BACKDROPS)
    parser.add_argument("--queries", type=int, default=80, help="pages made for each folder")
    options = parser.parse_args()
    others = backdrops(options.backdrops)
    rows = [measured(folder, others, options.queries) for folder in options.folder]
    text = (
        "### On a page\n\n`python -m benchmarks.screenshots`: a picture of the collection lies on "
        f"a page made for it, over {LEAST:.0%} to {MOST:.0%} of its width (on a board over a "
        "column, on a phone up to all of it), beside text and pictures that are not in the "
        "collection, saved as JPEG. *near*: how often the verdict is near-duplicate and names the "
        "picture, in all and by layout; *others*: on how many pages another picture is named as "
        f"a near-duplicate; *ms*: how long a check takes (median). The rules were tuned on "
        f"{TUNED_ON}.\n\n"
    )
    head = ["collection", "images", "pages", "near", *LAYOUTS, "others", "ms"]
    write_section("quality.md", "screenshots", text + table(head, rows) + "\n")


def measured(folder: Path, others: Sequence[Pixels], queries: int) -> list[object]:
    """A row of the table: how many of so many pages are near, of the pictures in ``folder``."""
    paths = files(folder)
    rng = np.random.default_rng(0)
    chosen = [paths[number] for number in rng.permutation(len(paths))[:queries]]
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(folder, Path(temporary) / "features.pkl", extractors="hsv,edges")
        library = Library.open(settings)
        library.update()
        library.prepare()
        near: dict[str, list[bool]] = {name: [] for name in LAYOUTS}
        wrong, milliseconds = 0, []
        for number, path in enumerate(chosen):
            name = list(LAYOUTS)[number % len(LAYOUTS)]
            page = LAYOUTS[name](pixels_of(path), others, rng)
            buffer = io.BytesIO()
            quality = int(rng.integers(60, 93))
            Image.fromarray(page.pixels).save(buffer, "JPEG", quality=quality)
            started = time.perf_counter()
            result = library.check(Query(images=(buffer.getvalue(),)))
            milliseconds.append((time.perf_counter() - started) * 1000)
            named = [hit.hit.path for hit in result.hits if hit.relation in EXISTING]
            own = path.relative_to(folder).as_posix()
            near[name].append(own in named)
            wrong += any(other != own for other in named)
    every = [found for some in near.values() for found in some]
    return [
        *(folder.name, len(paths), len(every), f"**{np.mean(every):.0%}**"),
        *(f"{np.mean(some):.0%}" if some else "" for some in near.values()),
        *(wrong, f"{np.median(milliseconds):.0f}"),
    ]


if __name__ == "__main__":
    main()
