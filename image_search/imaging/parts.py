"""Files of several pages or frames: those that are found beside the one that represents the file.

Also what the process that decodes slow formats answers.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.decoding import (
    LONGEST_SIDE,
    WORKING_SIDE,
    Picture,
    decode,
    digest_of_all,
    first_here,
    opened,
    picture_of,
    pictures_by,
    unreadable_on_failure,
)
from image_search.imaging.formats.pages import is_like, other_parts
from image_search.imaging.formats.source import Limit, Part, Source
from image_search.imaging.formats.video import frames_of, is_video


def decode_parts(
    data: bytes,
    *,
    max_megapixels: float,
    side: int = WORKING_SIDE,
    longest: int = LONGEST_SIDE,
    name: str = "",
) -> tuple[Picture, ...]:
    """Decode image bytes as ``decode`` does and, of a file of several pages or frames, the others
    too: up to ``MAX_PAGES`` pages, or some frames that differ, evenly spread.

    The first picture is the one that ``decode`` returns. A page that is damaged ends the others;
    the first note says so where not all pages are there.

    Raises:
        ImageTooLarge, NotAnImage, FormatNotRead, UnreadableImage: as for ``decode``.
    """
    bounds = {"max_megapixels": max_megapixels, "side": side, "longest": longest}
    return pictures_by(_parts_here, data, bounds, name, parts=True)


def decode_part(data: bytes, number: int, *, max_megapixels: float, side: int) -> Picture:
    """Decode the page or frame of this ``number``, from 1, or for 0 what ``decode`` does.

    Raises:
        UnreadableImage, ImageTooLarge: as for ``decode``; or there is no such page or frame.
    """
    if not number:
        return decode(data, max_megapixels=max_megapixels, side=side)
    return decode_numbered(data, [number], max_megapixels=max_megapixels, side=side)[number]


def decode_numbered(
    data: bytes, numbers: Sequence[int], *, max_megapixels: float, side: int = WORKING_SIDE
) -> dict[int, Picture]:
    """Decode the pages or frames of these ``numbers``, from 1, and no others.

    Raises:
        UnreadableImage, ImageTooLarge: as for ``decode``; or one of them is not there.
    """
    wanted = sorted({number - 1 for number in numbers})
    bounds = {"max_megapixels": max_megapixels, "side": side, "longest": LONGEST_SIDE}
    here = functools.partial(_numbered_here, numbers=wanted)
    pictures = pictures_by(here, data, bounds, "", numbers=wanted)
    found = {one.part.number + 1: one for one in pictures if one.part is not None}
    for number in numbers:
        if number not in found:
            raise UnreadableImage(f"The file has no page or frame {number} that can be shown.")
    return found


def answer_here(question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what ``decode`` and ``pixel_digest`` ask of another process."""
    with unreadable_on_failure():
        if "side" not in question:
            if is_video(data):
                raise UnreadableImage("Of a video only some frames are read.")
            return {}, opened(data, question["max_megapixels"], digest_of_all)
        if "numbers" in question:
            pictures = _numbered_here(data, **question)
        elif question.pop("parts", False):
            pictures = _parts_here(data, **question)
        else:
            pictures = first_here(data, **question)
    answer = {
        "pictures": [
            {
                "shape": one.pixels.shape[:2],
                "width": one.width,
                "height": one.height,
                "note": one.note,
                "part": one.part and asdict(one.part),
            }
            for one in pictures
        ]
    }
    return answer, b"".join(one.pixels.tobytes() for one in pictures)


def _parts_here(
    data: bytes, max_megapixels: float, side: int, longest: int, name: str
) -> tuple[Picture, ...]:
    def use(source: Source) -> tuple[Picture, ...]:
        main = picture_of(source, side, longest)
        found = [main]
        for part, image in other_parts(source):
            picture = _picture_of_part(part, image, source.orientation, side, longest)
            if part.kind == "page" or not any(is_like(picture.pixels, p.pixels) for p in found):
                found.append(picture)
        shown = source.part
        if shown is not None and shown.kind == "page" and len(found) < shown.count:
            found[0] = replace(main, note=f"{main.note} ({len(found)} of them are searched)")
        return tuple(found)

    return opened(data, max_megapixels, use, name)


def _numbered_here(
    data: bytes,
    max_megapixels: float,
    side: int,
    longest: int,
    name: str,
    numbers: Sequence[int],
) -> tuple[Picture, ...]:
    if is_video(data):  # which need not be looked through for them
        return tuple(
            _picture_of_part(part, image, 1, side, longest)
            for part, image in frames_of(data, Limit(max_megapixels), numbers)
        )

    def use(source: Source) -> tuple[Picture, ...]:
        if source.part is None or source.parts is None:
            return ()
        there = [number for number in numbers if number < source.part.count]
        return tuple(
            _picture_of_part(part, image, source.orientation, side, longest)
            for part, image in source.parts(there)
        )

    return opened(data, max_megapixels, use, name)


def _picture_of_part(
    part: Part, image: Image.Image, orientation: int | None, side: int, longest: int
) -> Picture:
    note = f"{part.kind} {part.number + 1} of {part.count}"
    load = functools.partial(_as_loaded, image)
    return picture_of(Source(image.size, load, note, orientation, part=part), side, longest)


def _as_loaded(image: Image.Image, _: int | None) -> Image.Image:
    return image
