"""A grid of pictures with their labels beneath, as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from image_search.imaging.arrays import Pixels
from image_search.labels.labels import ImageLabels

_SIDE, _GAP, _LINE = 220, 12, 20
_COLUMNS = 5
_LINES = 4
_INK, _PALE, _GROUND = (30, 30, 30), (140, 140, 140), (255, 255, 255)
# Below this, a label is shown with a question mark: the picture may well be something else.
SURE = 0.8
_LEAST = 0.02
_FONT = 14
_MOST_CHARACTERS = 24


def grid(pictures: Sequence[tuple[str, Pixels, ImageLabels]]) -> Image.Image:
    """Return a picture with each of ``pictures``, a name, its pixels and its labels, in a cell."""
    columns = min(_COLUMNS, max(1, len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    height = _SIDE + _LINE * (_LINES + 1) + _GAP
    sheet = Image.new("RGB", (columns * (_SIDE + _GAP) + _GAP, rows * height + _GAP), _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    for number, (name, pixels, labels) in enumerate(pictures):
        left = _GAP + number % columns * (_SIDE + _GAP)
        top = _GAP + number // columns * height
        small = Image.fromarray(np.ascontiguousarray(pixels))
        small.thumbnail((_SIDE, _SIDE))
        place = (left + (_SIDE - small.width) // 2, top + (_SIDE - small.height) // 2)
        sheet.paste(small, place)
        lines = [(_short(name), _PALE)]
        for label, probability in list(labels.labels.items())[:_LINES]:
            if probability >= _LEAST or len(lines) == 1:
                unsure = "" if probability >= SURE else "?"
                ink = _INK if probability >= SURE else _PALE
                lines.append((f"{_short(label)}{unsure}  {100 * probability:.0f} %", ink))
        for line, (text, ink) in enumerate(lines):
            draw.text((left, top + _SIDE + 4 + line * _LINE), text, fill=ink, font=font)
    return sheet


def _short(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= _MOST_CHARACTERS else shown[: _MOST_CHARACTERS - 1] + "…"
