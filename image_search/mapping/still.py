"""A map as one picture: thumbnails where there is room for them, points for all images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from image_search.imaging.arrays import Floats
from image_search.mapping.colouring import REST, Grouping

SIDES = (400, 8000)
"""The least and the longest side of a still in pixels."""
_GROUND = "#f6f5f2"
_INK = "#1e1f1d"
# A thumbnail has a field of its own, so that none hides another; so many lie on a side.
_FIELDS = 24
_MARGIN = 0.03

Look = Callable[[int], "Image.Image | None"]
"""Returns a thumbnail of the image of this number, or ``None`` if it cannot be shown."""


def still(places: Floats, grouping: Grouping | None, look: Look, side: int) -> Image.Image:
    """A square picture of the map.

    Args:
        places: (n, 2) within 0 and 1.
        grouping: gives the images colours; without it all points are grey.
        look: the thumbnails.
        side: of the picture, in pixels.
    """
    sheet = Image.new("RGB", (side, side), _GROUND)
    drawing = ImageDraw.Draw(sheet)
    at = (places * (1 - 2 * _MARGIN) + _MARGIN) * side
    colours = [REST] * len(places)
    if grouping is not None:
        palette = grouping.colours()
        colours = [palette[number] for number in grouping.of.tolist()]
    radius = max(1.0, side / 700)
    for (x, y), colour in zip(at.tolist(), colours, strict=True):
        drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    field = side / _FIELDS
    for number, (x, y) in shown_in_fields(at, field):
        thumbnail = look(number)
        if thumbnail is None:
            continue
        most = max(2, int(field * 0.86))
        thumbnail.thumbnail((most, most))
        left, top = int(x - thumbnail.width / 2), int(y - thumbnail.height / 2)
        frame = max(1, side // 1000)
        box = (left - frame, top - frame, left + thumbnail.width, top + thumbnail.height)
        drawing.rectangle((*box[:2], box[2] + frame - 1, box[3] + frame - 1), fill=colours[number])
        sheet.paste(thumbnail.convert("RGB"), (left, top))
    if grouping is not None:
        _legend(drawing, grouping, side)
    return sheet


def shown_in_fields(at: Floats, field: float) -> Sequence[tuple[int, tuple[float, float]]]:
    """The images that are shown in a grid of fields of so many pixels, with the middles of these:
    of each field the image that lies closest to its middle; ``at`` (n, 2) are in pixels."""
    cells = np.floor(at / field)
    middles = (cells + 0.5) * field
    distance = ((at - middles) ** 2).sum(axis=1)
    order = np.lexsort((distance, cells[:, 1], cells[:, 0]))
    found = list[tuple[int, tuple[float, float]]]()
    last: tuple[float, ...] | None = None
    for number in order.tolist():
        cell = tuple(cells[number].tolist())
        if cell != last:
            found.append((number, (float(middles[number, 0]), float(middles[number, 1]))))
        last = cell
    return found


def _legend(drawing: ImageDraw.ImageDraw, grouping: Grouping, side: int) -> None:
    size = max(10, side // 90)
    left = top = size
    for name, colour in zip(grouping.names, grouping.colours(), strict=False):
        shown = name if len(name) <= 32 else f"…{name[-31:]}"
        drawing.rectangle((left, top, left + size, top + size), fill=colour)
        drawing.text((left + 1.5 * size, top - size * 0.1), shown, fill=_INK, font_size=size)
        top += round(1.5 * size)
