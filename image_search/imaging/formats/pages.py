"""Files of several pages or frames: which of them shows most, and all of them one after another."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageSequence

from image_search.errors import ImageSearchError
from image_search.imaging.arrays import Pixels
from image_search.imaging.formats.source import Limit, Part, Rendering, Source

# Pages that are looked at to choose one, and pixels that are decoded for it at most.
MAX_LOOKED_AT: Final = 60
MAX_PIXELS: Final = 100_000_000
# Seconds of work after which no further page is looked at, and seconds altogether: work takes
# longer on a machine that is busy with other things.
MAX_SECONDS: Final = 4.0
MAX_WAIT: Final = 25.0
# A later page is chosen where it shows so much more: the first is what people see in a folder, and
# what is chosen must not depend on chance.
_MARGIN: Final = 1.25
# Pages and frames that get a vector of their own, beside the one that shows most.
MAX_PAGES: Final = 40
MAX_FRAMES: Final = 7
# Two frames show the same where the mean difference of their samples, at a side of so many pixels,
# is below this (of 255): most of an animation moves little.
_COMPARED_SIDE: Final = 24
SAME_FRAME: Final = 6.0
# Side in pixels at which pages are compared: what counts is drawing, not the grain of a scan.
_SIDE: Final = 160


class Budget:
    """What may be spent on one file: ``work`` seconds of this thread, or of this process where
    libraries have threads of their own, and ``wait`` seconds altogether."""

    def __init__(
        self,
        work: float = MAX_SECONDS,
        wait: float = MAX_WAIT,
        working: Callable[[], float] = time.thread_time,
    ) -> None:
        self._working, self._until = working, working() + work
        self._end = time.monotonic() + wait

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self._working() > self._until or time.monotonic() > self._end


def fullest(pages: Iterator[Image.Image]) -> int:
    """The number of the page that shows most, from 0; ``pages`` are loaded one after another, and
    those that are damaged, or come after the bounds, do not count."""
    best, chosen, pixels, budget = 0, 0, 0, Budget()
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
            if budget.spent:
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

    # In seconds; some writers leave them out.
    durations: dict[int, float] = {}

    def frames() -> Iterator[Image.Image]:
        opened = ImageSequence.Iterator(Image.open(io.BytesIO(data), formats=formats))
        for number, frame in enumerate(opened):
            limit.check(*frame.size)
            durations[number] = float(frame.info.get("duration") or 0) / 1000
            yield frame.copy()

    def time_of(number: int) -> float:
        return sum(durations.get(before, 0.0) for before in range(number))

    chosen = fullest(frames())

    def load(_: int | None) -> Image.Image:
        image.seek(chosen)
        image.load()
        return image

    def parts(numbers: Sequence[int]) -> Iterator[tuple[Part, Image.Image]]:
        wanted = set(numbers)
        for number, frame in enumerate(frames()):
            if number in wanted:
                yield Part("frame", number, count, time_of(number)), frame
            if number >= max(wanted, default=0):
                return

    note = f"frame {chosen + 1} of {count}"
    part = Part("frame", chosen, count, time_of(chosen))
    return Source(image.size, load, note, pages=frames, part=part, parts=parts)


def other_parts(source: Source) -> Iterator[tuple[Part, Image.Image]]:
    """The pages, or some frames evenly spread, beside the one that counts; those that are damaged,
    or come after the bounds, do not count."""
    shown = source.part
    if shown is None or source.parts is None:
        return
    listed = source.numbers or range(shown.count)
    numbers = [number for number in listed if number != shown.number]
    most = MAX_PAGES if shown.kind == "page" else MAX_FRAMES
    if shown.kind == "page":
        numbers = numbers[:most]
    elif len(numbers) > most and not source.numbers:
        numbers = [numbers[i * (len(numbers) - 1) // (most - 1)] for i in range(most)]
    pixels, budget = 0, Budget()
    parts = source.parts(numbers)
    while True:
        try:
            part, image = next(parts)
        except StopIteration:
            return
        except (ImageSearchError, OSError, ValueError, SyntaxError, EOFError, IndexError):
            return
        pixels += image.width * image.height
        if pixels > MAX_PIXELS or budget.spent:
            return
        yield part, image


def is_like(one: Pixels, other: Pixels) -> bool:
    """Whether two frames (height, width, 3) show nearly the same."""
    return difference(compared(one), compared(other)) < SAME_FRAME


def compared(pixels: Pixels) -> Pixels:
    """A frame (height, width, 3) reduced to the samples by which it is compared with others."""
    size = (_COMPARED_SIDE, _COMPARED_SIDE)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.uint8)


def difference(one: Pixels, other: Pixels) -> float:
    """The mean difference (of 255) of two frames as ``compared``."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def gif_frames(data: bytes, most: int) -> int:
    """How many frames a GIF has, counted up to ``most`` without decoding them; 0 for other files
    (GIF89a, sections 18 to 27)."""
    if not data.startswith((b"GIF87a", b"GIF89a")) or len(data) < 13:
        return 0
    place, frames = 13 + _table(data[10]), 0
    while place < len(data) and frames < most:
        kind = data[place]
        if kind == 0x21:  # an extension
            place += 2
        elif kind == 0x2C and place + 9 < len(data):  # a frame: its place and size, and its colours
            frames += 1
            place += 11 + _table(data[place + 9])
        else:
            break
        while place < len(data) and data[place]:  # blocks, each with its length before it
            place += 1 + data[place]
        place += 1
    return frames


def _table(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
