"""Files of several pages or frames: which of them shows most, and all of them one after another."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageSequence

from image_search.errors import ImageSearchError
from image_search.imaging.formats.source import Limit, Rendering, Source

# Pages that are looked at to choose one, and pixels that are decoded for it at most.
MAX_LOOKED_AT: Final = 60
MAX_PIXELS: Final = 100_000_000
# Seconds after which no further page is looked at.
MAX_SECONDS: Final = 4.0
# A later page is chosen where it shows so much more: the first is what people see in a folder, and
# what is chosen must not depend on chance.
_MARGIN: Final = 1.25
# Side in pixels at which pages are compared: what counts is drawing, not the grain of a scan.
_SIDE: Final = 160


def fullest(pages: Iterator[Image.Image]) -> int:
    """The number of the page that shows most, from 0; ``pages`` are loaded one after another, and
    those that are damaged, or come after the bounds, do not count."""
    best, chosen, pixels, began = 0, 0, 0, time.monotonic()
    try:
        for number, page in enumerate(pages):
            pixels += page.width * page.height
            if number >= MAX_LOOKED_AT or (number and pixels > MAX_PIXELS):
                break
            shown = detail(page)
            if number == 0:
                best = shown
            elif shown > best * _MARGIN:
                best, chosen = shown, number
            if time.monotonic() - began > MAX_SECONDS:
                break
    except (ImageSearchError, OSError, ValueError, SyntaxError, EOFError, IndexError):
        pass  # the first damaged page ends the count; opening the chosen page reports more
    return chosen


def detail(page: Image.Image) -> int:
    """How much there is to see: the bytes that a small version takes, compressed."""
    factor = max(1, min(page.size) // _SIDE, max(page.size) // 2048)
    averageable = page.mode in ("L", "LA", "RGB", "RGBA", "CMYK")
    small = page.reduce(factor) if factor > 1 and averageable else page
    shown = Rendering(page, small).rgb(small)
    if not averageable and factor > 1:
        shown = shown.reduce(factor)
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=50, method=2)
    return buffer.tell()


def animation(data: bytes, image: Image.Image, formats: tuple[str, ...], limit: Limit) -> Source:
    """The frame that shows most; all frames have one size, which was checked."""
    count: int = getattr(image, "n_frames", 1)

    def frames() -> Iterator[Image.Image]:
        for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data), formats=formats)):
            limit.check(*frame.size)
            yield frame.copy()

    chosen = fullest(frames())

    def load(_: int | None) -> Image.Image:
        image.seek(chosen)
        image.load()
        return image

    return Source(image.size, load, f"frame {chosen + 1} of {count}", pages=frames)
