"""Files of several pages or frames: those that are found beside the one that represents the file.

Also what the process that decodes slow formats answers.
"""

from __future__ import annotations

import functools
from dataclasses import asdict
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
from image_search.imaging.formats.source import Source


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

    The first picture is the one that ``decode`` returns. A page that is damaged ends the others.

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
    for picture in decode_parts(data, max_megapixels=max_megapixels, side=side):
        if picture.part is not None and picture.part.number + 1 == number:
            return picture
    raise UnreadableImage(f"The file has no page or frame {number} that can be shown.")


def answer_here(question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what ``decode`` and ``pixel_digest`` ask of another process."""
    with unreadable_on_failure():
        if "side" not in question:
            return {}, opened(data, question["max_megapixels"], digest_of_all)
        all_of_them = _parts_here if question.pop("parts", False) else first_here
        pictures = all_of_them(data, **question)
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
            note = f"{part.kind} {part.number + 1} of {part.count}"
            turned = source.orientation
            one = Source(image.size, functools.partial(_as_loaded, image), note, turned, part=part)
            picture = picture_of(one, side, longest)
            if part.kind == "page" or not any(is_like(picture.pixels, p.pixels) for p in found):
                found.append(picture)
        return tuple(found)

    return opened(data, max_megapixels, use, name)


def _as_loaded(image: Image.Image, _: int | None) -> Image.Image:
    return image
