"""How often pictures that only share a template are called the same picture: spec sheets, colour
charts, app screens, decorative frames, watermarks, chains."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.fingerprinted import files, pixels_of, spaced
from benchmarks.report import DATASETS, table, write_section
from benchmarks.screenshots import fitted
from image_search.duplicates.checking.thresholds import ASSUMED
from image_search.duplicates.fingerprints import difference, fingerprint, match, replaced_region
from image_search.imaging.arrays import Pixels

FOLDERS = [DATASETS / name for name in ("jewellery", "caltech101", "clothing", "sketchy/photo")]
# What the rules were tuned on; the other collections only report.
TUNED_ON = "jewellery"
# Where copies and similar pictures are even, which is about the lowest threshold there is.
NEAR = ASSUMED.even
# Pictures on each template.
TOGETHER = 4
_FIELDS = "Style no.|Season|Supplier|Material|Weight|Finish|Stone|Count|Setting|Size|Packaging|Care"

Template = Callable[[Pixels, int, np.random.Generator], Pixels]
"""Lays a picture on the template of a number; chance makes what differs from sheet to sheet."""


def sheet(pixels: Pixels, number: int, rng: np.random.Generator) -> Pixels:
    """A specification sheet: title, table with other values, the picture."""
    look = np.random.default_rng(number)
    width, height = 1100, 780
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    rule = int(look.integers(700, 820))
    draw.rectangle((10, 10, width - 11, height - 11), outline="black", width=3)
    draw.line((10, 90, width, 90), fill="black", width=2)
    draw.line((rule, 90, rule, height), fill="black", width=2)
    draw.text(
        (30, 30), f"ATELIER {number:03}  -  SPECIFICATION", "black", ImageFont.load_default(28)
    )
    for row, name in enumerate(_FIELDS.split("|")):
        top = 100 + row * 52
        draw.line((rule, top, width, top), fill="black")
        draw.text((rule + 10, top + 12), name, "black", ImageFont.load_default(16))
        value = str(int(rng.integers(1000, 9999)))
        draw.text((rule + 150, top + 12), value, "black", ImageFont.load_default(16))
    _pasted(page, pixels, (40, 110, rule - 30, height - 30))
    return np.asarray(page)


def chart(pixels: Pixels, number: int, _rng: np.random.Generator) -> Pixels:
    """A product shot with a colour chart along one side."""
    look = np.random.default_rng(number)
    page = Image.new("RGB", (900, 700), tuple(look.integers(225, 256, 3).tolist()))
    draw = ImageDraw.Draw(page)
    colours = look.integers(0, 256, (24, 3)).tolist()
    for place, colour in enumerate(colours):
        left, top = 20 + place % 2 * 55, 20 + place // 2 * 55
        draw.rectangle((left, top, left + 48, top + 48), fill=tuple(colour), outline="black")
    for step in range(18):
        draw.line((20 + step * 48, 688, 20 + step * 48, 676), fill="black", width=2)
        draw.text((23 + step * 48, 664), str(step), "black", ImageFont.load_default(11))
    _pasted(page, pixels, (150, 20, 880, 650))
    return np.asarray(page)


def screen(pixels: Pixels, number: int, rng: np.random.Generator) -> Pixels:
    """A screen of an app with another item."""
    look = np.random.default_rng(number)
    width, height = 750, 1500
    paper = tuple(look.integers(230, 256, 3).tolist())
    page = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(page)
    accent = tuple(look.integers(20, 200, 3).tolist())
    draw.rectangle((0, 0, width, 110), fill=accent)
    draw.text((250, 40), f"Studio {number}", "white", ImageFont.load_default(38))
    draw.line((30, 60, 60, 35), fill="white", width=5)
    draw.line((30, 60, 60, 85), fill="white", width=5)
    _pasted(page, pixels, (30, 140, width - 30, 900))
    draw.text(
        (40, 930), f"Item {int(rng.integers(1_000_000))}", "black", ImageFont.load_default(36)
    )
    draw.text((40, 990), f"{int(rng.integers(20, 900))} EUR", "black", ImageFont.load_default(30))
    for row, words in enumerate(("Free delivery in three days", "Returns within a month", "Care")):
        draw.text((90, 1060 + row * 60), words, "black", ImageFont.load_default(26))
        draw.ellipse((40, 1062 + row * 60, 68, 1090 + row * 60), outline=accent, width=4)
    draw.rounded_rectangle((40, 1260, width - 40, 1340), 30, fill=accent)
    draw.text((270, 1278), "Add to the bag", "white", ImageFont.load_default(32))
    for place in range(5):
        middle = width * (2 * place + 1) // 10
        draw.rectangle((middle - 25, 1400, middle + 25, 1450), outline="black", width=4)
    return np.asarray(page)


def frame(pixels: Pixels, number: int, _rng: np.random.Generator) -> Pixels:
    """A decorative frame around the picture."""
    look = np.random.default_rng(number)
    width, height, rim = 800, 800, int(look.integers(60, 120))
    page = Image.new("RGB", (width, height), tuple(look.integers(60, 200, 3).tolist()))
    draw = ImageDraw.Draw(page)
    step = rim * 0.9
    for place in np.arange(step / 2, width, step):
        for x, y in (
            (place, rim / 2),
            (place, height - rim / 2),
            (rim / 2, place),
            (width - rim / 2, place),
        ):
            turns = look.uniform(0.2, 0.45, 3) * rim
            colour = tuple(look.integers(0, 256, 3).tolist())
            draw.ellipse(
                (x - turns[0], y - turns[1], x + turns[0], y + turns[1]), outline=colour, width=4
            )
            draw.line(
                (x - turns[2], y - turns[0], x + turns[1], y + turns[2]), fill=colour, width=4
            )
    box = (rim, rim, width - rim, height - rim)
    page.paste(Image.fromarray(_filling(pixels, box[2] - box[0], box[3] - box[1])), box[:2])
    return np.asarray(page)


def watermark(pixels: Pixels, number: int, _rng: np.random.Generator) -> Pixels:
    """A mark across the picture, and a logo in its corner."""
    look = np.random.default_rng(number)
    page = Image.fromarray(_filling(pixels, 720, 640))
    mark = Image.new("L", page.size, 0)
    draw = ImageDraw.Draw(mark)
    for row in range(5):
        draw.text(
            (20 + row % 2 * 160, 30 + row * 130),
            f"STUDIO {number:03}",
            110,
            ImageFont.load_default(60),
        )
    draw.rectangle((540, 560, 700, 620), fill=255)
    page.paste((255, 255, 255), mask=mark)
    draw = ImageDraw.Draw(page)
    for place in range(5):
        x = 556 + place * 28
        draw.polygon(
            [(x, 610), (x + 22, 610), (x + int(look.integers(0, 22)), 566)],
            fill=tuple(look.integers(0, 220, 3).tolist()),
        )
    return np.asarray(page)


def chain(pixels: Pixels, number: int, _rng: np.random.Generator) -> Pixels:
    """The same chain with another thing on it."""
    look = np.random.default_rng(number)
    page = Image.new("RGB", (800, 800), "white")
    draw = ImageDraw.Draw(page)
    links = np.linspace(0.04, np.pi - 0.04, int(look.integers(36, 60)))
    size = look.uniform(8, 16, len(links))
    colours = look.integers(90, 200, (len(links), 3))
    for angle, radius, colour in zip(links, size, colours.tolist(), strict=True):
        x, y = 400 - 340 * np.cos(angle), 30 + 300 * np.sin(angle)
        box = (x - radius, y - radius * 0.6, x + radius, y + radius * 0.6)
        draw.ellipse(box, outline=tuple(colour), width=4)
    _pasted(page, pixels, (200, 350, 600, 790))
    return np.asarray(page)


TEMPLATES: dict[str, Template] = {
    "spec sheet": sheet,
    "colour chart": chart,
    "app screen": screen,
    "frame": frame,
    "watermark": watermark,
    "chain": chain,
}


def _pasted(page: Image.Image, pixels: Pixels, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    picture = fitted(pixels, right - left, bottom - top)
    height, width = picture.shape[:2]
    page.paste(
        Image.fromarray(picture),
        (left + (right - left - width) // 2, top + (bottom - top - height) // 2),
    )


def _filling(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class Pair:
    """Two pictures on one template."""

    kind: str
    query: Pixels
    other: Pixels


def pairs(paths: Sequence[Path], groups: int, seed: int = 0) -> Iterator[Pair]:
    """Every two of ``TOGETHER`` pictures on each of so many templates of every kind."""
    rng = np.random.default_rng(seed)
    chosen = iter(spaced(paths, groups * TOGETHER * len(TEMPLATES)))
    for number in range(groups):
        for kind, lay in TEMPLATES.items():
            some = [
                _jpeg(lay(pixels_of(p), number, rng)) for p in itertools.islice(chosen, TOGETHER)
            ]
            for one, other in itertools.combinations(some, 2):
                yield Pair(kind, one, other)


def _jpeg(pixels: Pixels) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, nargs="*", default=FOLDERS)
    parser.add_argument("--groups", type=int, default=6, help="templates of each kind")
    options = parser.parse_args()
    rows = [measured(folder, options.groups) for folder in options.folder]
    text = (
        f"### On one template\n\n`python -m benchmarks.templates`: of {options.groups} templates "
        f"of each kind, each with {TOGETHER} pictures of a collection, every two are compared. "
        "In each cell: pairs called near-duplicates / all pairs / pairs that would be called so if "
        f"only a replaced part counted. The threshold, {NEAR:g}, is about the lowest that "
        f"collections have. The rules were tuned on {TUNED_ON}.\n\n"
    )
    write_section(
        "quality.md", "templates", text + table(["collection", *TEMPLATES, "all"], rows) + "\n"
    )


def measured(folder: Path, groups: int) -> list[object]:
    """A row of the table."""
    counts = {kind: [0, 0, 0] for kind in TEMPLATES}
    for pair in pairs(files(folder), groups):
        found = match(fingerprint(pair.query), fingerprint(pair.other))
        count = counts[pair.kind]
        count[1] += 1
        if found is None or found.score < NEAR:
            continue
        count[2] += replaced_region(pair.query, pair.other, found) is None
        count[0] += difference(pair.query, pair.other, found) is None
    everything = [sum(count[place] for count in counts.values()) for place in range(3)]
    cells = [f"{near} / {of} / {before}" for near, of, before in (*counts.values(), everything)]
    return [folder.name, *cells]


if __name__ == "__main__":
    main()
