"""A drawing on whatever paper, made ready to be compared: the sheet first, then the drawing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import within
from image_search.imaging.sheets.paper import Inked, Sheet, filled, find_sheet, paper_of, separated
from image_search.imaging.sheets.parts import Box, SheetLayout, layout_of, without_specks
from image_search.imaging.sheets.recognition import signs_of, sureness
from image_search.imaging.sheets.ruling import without_dots, without_rulings

Shares = tuple[float, float, float, float]

#: Longer side, in pixels, at which a sheet is worked on.
SIDE = 480
# A sheet is cut from a picture of it that has so many times that, and a small drawing from one
# that has as much as it needs, up to _FINEST.
_FINER, _FINEST = 2, 8
# A drawing in a smaller box than this, in pixels, is looked at more closely, where the picture has
# so many times the pixels at least.
_CLOSE, _MORE_PIXELS = 240, 1.25
# A drawing that fills at least so much of its sheet, by its longer side, was framed by the hand
# that drew it: where it lies in the frame says something. A smaller one is cut out, ...
_FRAMED = 0.35
# ... with a margin of so much of its longer side, and square.
_MARGIN = 0.1
# Strokes are made as dark as those of a soft pencil on white.
_DARKEST = 235
# Pixels; no drawing is told in a picture with a shorter side.
_SMALLEST = 16
# Longer side of a preview, in pixels.
_PREVIEW = 240


@dataclass(frozen=True, eq=False)
class PreparedDrawing:
    """A drawing as it is compared.

    ``pixels`` (h, w, 3) uint8 is dark ink on white paper; ``score`` from 0 to 1 how sure it is that
    this is a drawing, yes above .5; ``box`` what of the original it shows, and ``parts`` the
    drawings on the sheet, largest first, each as left, top, width and height in shares of the
    original's sides; ``steps`` what was done, in words. ``cut_out`` is whether it was
    cropped to the drawing, so that its margin says nothing.
    """

    pixels: Pixels
    score: float
    box: Shares
    parts: tuple[Shares, ...]
    steps: tuple[str, ...]
    cut_out: bool = False

    def to_json(self) -> dict[str, Any]:
        """The same as plain values, with a ``preview`` of the pixels: a small picture as a data
        URL."""
        small = within(self.pixels, _PREVIEW)
        _, png = cv2.imencode(".png", small[..., 0])
        return {
            "score": round(self.score, 3),
            "box": _rounded(self.box),
            "parts": [_rounded(part) for part in self.parts],
            "steps": list(self.steps),
            "preview": "data:image/png;base64," + base64.b64encode(png.tobytes()).decode("ascii"),
        }


def prepare_drawing(pixels: Pixels, *, declared: bool = False) -> PreparedDrawing | None:
    """The drawing in an RGB picture, (height, width, 3) uint8; None where there is none.

    Args:
        pixels: the picture.
        declared: whether it is said to be a drawing; then only what has no paper or no ink is
            none.
    """
    work = within(pixels, SIDE)
    if min(work.shape[:2]) < _SMALLEST:
        return None
    sheet = find_sheet(work)
    found = None if sheet is None else _prepared(pixels, sheet, declared=declared)
    return found or _prepared(pixels, None, declared=declared)


def is_line_art(pixels: Pixels) -> float:
    """How sure it is that an RGB picture, (height, width, 3) uint8, is a drawing.

    Returns:
        A score within [0, 1]: above 0.5 a drawing, below it a photo or painting. A picture without
        any ink scores 0, for there is no drawing in it.
    """
    found = prepare_drawing(pixels)
    return 0.0 if found is None else found.score


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A flat sheet taken apart: ``one`` as it was, ``ink`` without ``lines`` and ``dots``, and the
    ``signs`` that tell whether it is a drawing."""

    one: Inked
    ink: Floats
    lines: int
    dots: bool
    signs: dict[str, float]


def _look(flat: Pixels) -> _Drawn | None:
    """None where the paper is that of a photo, as for most photos; the rest takes longer."""
    paper = paper_of(flat)
    if not paper.may_be_drawn_on:
        return None
    one = separated(flat, paper)
    ink, lines = without_rulings(one.ink, one.shares, one.least)
    ink, dots = without_dots(without_specks(ink, one.least), one.least)
    return _Drawn(one, ink, lines, dots, signs_of(one, ink))


def signs_in(pixels: Pixels) -> list[dict[str, float]]:
    """What tells whether an RGB picture is a drawing, for the sheet in it, if one is found, and for
    all of it; without those that cannot be one."""
    work = within(pixels, SIDE)
    sheet = find_sheet(work)
    sheets = (None,) if sheet is None else (sheet, None)
    looks = [_look(_flat(pixels, sheet, SIDE)) for sheet in sheets]
    return [look.signs for look in looks if look is not None and look.signs]


def _flat(pixels: Pixels, sheet: Sheet | None, side: int) -> Pixels:
    """What is on the ``sheet``, or all of the picture, at most ``side`` pixels long."""
    if sheet is None:
        return within(pixels, side)
    # It fills only a part of the picture.
    return within(sheet.flat(within(pixels, _FINER * side)), side)


def _prepared(pixels: Pixels, sheet: Sheet | None, *, declared: bool) -> PreparedDrawing | None:
    flat = _flat(pixels, sheet, SIDE)
    drawn = _look(flat)
    if drawn is None:
        return None
    score = sureness(drawn.signs)
    if score <= 0.5 and not declared:
        return None
    one, ink = drawn.one, np.maximum(drawn.ink, filled(flat, drawn.one, drawn.ink))
    layout = layout_of(ink, one.least)
    if not layout.drawings:
        return None
    box = _frame(layout)
    closer = _closer(pixels, sheet, drawn, layout, box)
    clean = _rendered(*(closer or (ink, layout.drawn, one.least, box)))
    whole = 0, 0, ink.shape[1], ink.shape[0]
    cut_out = box not in (whole, layout.page)
    steps = [
        ("the sheet cut out and laid flat", sheet is not None),
        ("light ink on dark paper inverted", one.paper.light),
        ("ruled lines removed", drawn.lines > 0),
        ("dots removed", drawn.dots),
        ("notes set apart", layout.notes),
        ("the strip with holes cut off", box == layout.page != whole),
        ("cropped to the drawing", cut_out),
    ]
    return PreparedDrawing(
        clean,
        score,
        _shares(box, ink.shape, sheet),
        tuple(_shares(part, ink.shape, sheet) for part in layout.drawings),
        tuple(step for step, done in steps if done),
        cut_out,
    )


def _frame(layout: SheetLayout) -> Box:
    """The box that is shown, which may reach beyond the sheet."""
    width, height = layout.page[2] - layout.page[0], layout.page[3] - layout.page[1]
    boxes = np.array(layout.drawings)
    left, top = map(int, boxes[:, :2].min(axis=0))
    right, bottom = map(int, boxes[:, 2:].max(axis=0))
    longer = max(right - left, bottom - top)
    if not layout.notes and longer >= _FRAMED * max(width, height):
        return layout.page
    half = (0.5 + _MARGIN) * longer
    x, y = (left + right) / 2, (top + bottom) / 2
    return round(x - half), round(y - half), round(x + half), round(y + half)


def _closer(
    pixels: Pixels, sheet: Sheet | None, drawn: _Drawn, layout: SheetLayout, box: Box
) -> tuple[Floats, npt.NDArray[np.bool_], float, Box] | None:
    """The ink of a small drawing, where it is drawn, the least ink, and its box there, as in
    ``_rendered``, from more of the picture's pixels; None where it is large, or there are none."""
    height, width = drawn.ink.shape
    longer = max(box[2] - box[0], box[3] - box[1])
    if longer > _CLOSE:
        return None
    finest = min(SIDE / longer, _FINEST) * SIDE
    whole = _flat(pixels, sheet, round(finest))
    scale = max(whole.shape[:2]) / max(height, width)
    if scale < _MORE_PIXELS:
        return None
    left, top = max(box[0], 0), max(box[1], 0)
    right, bottom = min(box[2], width), min(box[3], height)
    ends = [round(scale * end) for end in (left, top, right, bottom)]
    part = np.ascontiguousarray(whole[ends[1] : ends[3], ends[0] : ends[2]])
    one = separated(part, paper_of(part, light=drawn.one.paper.light))
    ink = without_rulings(one.ink, one.shares, one.least)[0] if drawn.lines else one.ink
    ink = np.maximum(ink, filled(part, one, ink))
    there = layout.drawn[top:bottom, left:right].astype(np.uint8)
    wider = cv2.dilate(there, np.ones((3, 3), np.uint8))
    size = part.shape[1], part.shape[0]
    near = cv2.resize(wider, size, interpolation=cv2.INTER_NEAREST) > 0
    start = np.array([ends[0], ends[1]] * 2)
    corner = [int(end) for end in np.round(scale * np.array(box)) - start]
    return ink, near & (ink > one.least), one.least, (corner[0], corner[1], corner[2], corner[3])


def _rendered(ink: Floats, drawn: npt.NDArray[np.bool_], least: float, box: Box) -> Pixels:
    """What is ``drawn`` in the ``box``, as dark ink on white paper."""
    # The pale sides of strokes belong to them, which lie beside what is inked.
    near = cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    own = np.where(near, ink, np.float32(0))
    strong = own[drawn]
    typical = float(np.percentile(strong, 85)) if strong.size else 1.0
    left, top, right, bottom = box
    height, width = ink.shape
    out = np.zeros((bottom - top, right - left), np.float32)
    seen = own[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    y, x = max(-top, 0), max(-left, 0)
    out[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
    tones = np.clip(out / max(typical, least), 0, 1)
    grey = (255 - _DARKEST * tones).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _rounded(box: Shares) -> list[float]:
    return [round(side, 4) for side in box]


def _shares(box: Box, shape: tuple[int, ...], sheet: Sheet | None) -> Shares:
    height, width = shape
    left, top, right, bottom = box
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, width), min(bottom, height)
    found = left / width, top / height, (right - left) / width, (bottom - top) / height
    return found if sheet is None else sheet.back(found)
