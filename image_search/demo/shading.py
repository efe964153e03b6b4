"""From parts to a plate: which material shows at each pixel, and how light falls on it.

A plate holds no colours. A colourway turns it into a picture (see palettes.py), so one plate serves
a whole family at the price of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from image_search.demo.geometry import Curve, Part

Gray = NDArray[np.float32]
Mask = NDArray[np.uint8]
#: Fixed-point bits of OpenCV's drawing calls: sixteenths of a pixel.
BITS = 4


@dataclass(frozen=True)
class Plate:
    """A rendered design without its colours; all arrays (height, width), supersampled by ``scale``.

    ``slots`` names the labels: 0 is the ground. ``tone`` is 0 to 255, dark to bright. ``piece``
    is the number of the part that shows (0: ground).
    """

    label: Mask
    tone: Mask
    piece: NDArray[np.uint16]
    slots: tuple[str, ...]
    scale: int


@dataclass(frozen=True)
class View:
    """How design units become pixels of the supersampled canvas."""

    width: int
    height: int
    unit: float

    @classmethod
    def of(cls, size: tuple[int, int], scale: int, fill: float) -> View:
        """Return the view of a picture of ``size`` (width, height) pixels."""
        return cls(size[0] * scale, size[1] * scale, min(size) * scale * fill / 2)

    def pixels(self, curve: Curve) -> Curve:
        """Return the curve in canvas pixels."""
        at: Curve = curve * self.unit + np.array([self.width / 2, self.height / 2])
        return at


def _fixed(curve: Curve) -> NDArray[np.int32]:
    return np.round((curve - 0.5) * (1 << BITS)).astype(np.int32)


@lru_cache(maxsize=8)
def _surround(finish: str) -> Mask:
    """Return what a surface of this finish reflects, (256, 256), by the normal's y and x."""
    axis = np.linspace(-1, 1, 256, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    r = np.minimum(np.hypot(x, y), 1.0)

    def lamp(cx: float, cy: float, rx: float, ry: float, soft: float) -> Gray:
        away = np.maximum(np.abs(x - cx) / rx, np.abs(y - cy) / ry)
        lit: Gray = 1 / (1 + np.exp(np.clip((away - 1) / soft, -30, 30)))
        return lit

    toward = -0.6 * x - 0.8 * y
    if finish == "polished":  # a studio: two soft boxes, a dark horizon, light from the table
        tone = 0.57 + 0.22 * toward + 0.46 * lamp(-0.3, -0.5, 0.4, 0.24, 0.14)
        tone += 0.34 * lamp(0.74, -0.1, 0.12, 0.5, 0.25) + 0.3 * lamp(0.1, 0.72, 0.5, 0.13, 0.3)
        tone -= 0.34 * lamp(0.15, 0.34, 0.9, 0.12, 0.35) + 0.22 * r**6
    elif finish == "pearl":
        tone = 0.66 + 0.3 * toward - 0.2 * r**4 + 0.08 * lamp(0.45, 0.55, 0.3, 0.3, 0.4)
        tone += 0.5 * np.exp(-((x + 0.34) ** 2 + (y + 0.42) ** 2) / 0.018)
    elif finish == "cabochon":
        tone = 0.42 + 0.1 * toward - 0.12 * r**3 + 0.3 * np.maximum(0, -toward) ** 1.5
        tone += 0.55 * lamp(-0.34, -0.42, 0.2, 0.12, 0.15)
    elif finish == "glaze":
        tone = 0.5 + 0.2 * toward + 0.42 * lamp(-0.4, -0.52, 0.3, 0.16, 0.2)
    else:  # satin, wood, cloth: scattered light
        tone = 0.5 + 0.36 * toward - 0.1 * r**4
    table: Mask = np.clip(tone * 255, 0, 255).astype(np.uint8)
    return table


def _relief(mask: Mask, bevel: float, slope: float) -> tuple[Gray, Gray]:
    """Return the normals' x and y of a shape inflated from its edge inwards by ``bevel`` pixels."""
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    t = np.minimum(inside / max(bevel, 1.0), 1.0)
    height = np.sqrt(t * (2.0 - t)) * bevel
    height = cv2.GaussianBlur(height, (0, 0), max(1.0, bevel * 0.09))
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=-slope / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=-slope / 8)
    length = 1 / np.sqrt(1 + dx * dx + dy * dy)
    return dx * length, dy * length


def _grain(shape: tuple[int, int], seed: int, across: float, along: float) -> Gray:
    """Return smooth noise of about -1 to 1, stretched differently both ways."""
    rng = np.random.default_rng(seed)
    small = (max(2, int(shape[0] / along)), max(2, int(shape[1] / across)))
    noise = rng.standard_normal(small, dtype=np.float32)
    grown = cv2.resize(noise, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return grown.astype(np.float32, copy=False) * np.float32(0.5)


def _shade(piece: Part, mask: Mask, unit: float, seed: int) -> Gray:
    """Return the tone (0 to 1) over a part's own patch of canvas."""
    h, w = mask.shape
    if piece.finish == "flat":
        return np.full((h, w), piece.tone, np.float32)
    slope = {"polished": 1.15, "glaze": 0.8, "gem": 0.8}.get(piece.finish, 1.0)
    nx, ny = _relief(mask, piece.bevel * unit, slope)
    # Even a flat face is never quite flat: tilt it slowly, so that it catches a gradient.
    tilt = 0.3 if piece.finish == "polished" else 0.14
    nx += np.linspace(-tilt, tilt, w, dtype=np.float32)[None, :]
    ny += np.linspace(-tilt, tilt, h, dtype=np.float32)[:, None]
    table = _surround("satin" if piece.finish in ("gem", "wood", "cloth") else piece.finish)
    column = np.clip(nx * 127.5 + 127.5, 0, 255).astype(np.uint8)
    row = np.clip(ny * 127.5 + 127.5, 0, 255).astype(np.uint8)
    tone: Gray = table[row, column].astype(np.float32) * np.float32(1 / 255)
    if piece.finish in ("glaze", "cloth", "wood"):
        tone += np.float32(piece.tone - 0.5)
    if piece.finish == "wood":
        tone += 0.07 * _grain((h, w), seed, unit * 0.012, unit * 0.3)
    elif piece.finish == "cloth":
        tone += 0.05 * _grain((h, w), seed, 3, 3) + 0.03 * _grain((h, w), seed + 1, 90, 3)
    return tone


def _ground(view: View, kind: str, seed: int) -> Gray:
    """Return the tone of the ground: a studio sweep, or cloth, card or mortar."""
    x = np.linspace(-1, 1, view.width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, view.height, dtype=np.float32)[:, None]
    shape = (view.height, view.width)
    if kind == "cloth":
        folds = 0.025 * np.sin(2.1 * x + 1.3 * y) + 0.02 * np.sin(3.7 * x - 2.2 * y + 1)
        return np.asarray(0.5 + folds, np.float32)
    if kind == "mortar":
        return 0.5 + 0.05 * _grain(shape, seed, 5, 5)
    if kind == "card":
        return 0.55 - 0.06 * (x + y) + 0.012 * _grain(shape, seed, 3, 3)
    pool = np.exp(-((x + 0.15) ** 2 / 1.6 + (y + 0.2) ** 2 / 1.3))
    if kind == "room":  # a wall that meets the floor in a soft curve
        floor = 1 / (1 + np.exp(-(y - 0.5) * 14))
        return np.asarray(0.58 + 0.26 * pool - 0.07 * floor + 0.1 * floor * y, np.float32)
    return np.asarray(0.56 + 0.36 * pool, np.float32)


def _soft(mask: Mask, sigma: float) -> Gray:
    """Return the mask blurred widely, by way of a smaller copy; 0 to 1, (height, width)."""
    h, w = mask.shape
    step = max(1, int(sigma / 3))
    small = cv2.resize(mask, (max(1, w // step), max(1, h // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small.astype(np.float32), (0, 0), sigma / step)
    grown = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    return grown.astype(np.float32, copy=False) * np.float32(1 / 255)


def _shift(field: Gray, dx: float, dy: float) -> Gray:
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(field, move, (field.shape[1], field.shape[0]))
    return moved.astype(np.float32, copy=False)


def _cast(tone: Gray, body: Mask, view: View, shadow: str) -> None:
    """Darken the ground of ``tone`` in place where the whole design shades it."""
    unit = view.unit
    if shadow == "none" or not body.any():
        return
    ground = body == 0
    if shadow == "stand":
        rows, columns = np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0))
        foot = float(rows[-1])
        middle, half = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 2
        pool = np.zeros_like(body)
        foot -= unit * 0.12  # the rear legs stand further up the page
        for share, thick in ((0.95, 0.12), (0.6, 0.08)):
            axes = (int(half * share), int(unit * thick))
            spot = np.zeros_like(body)
            cv2.ellipse(spot, (int(middle + unit * 0.03), int(foot)), axes, 0, 0, 360, 255, -1)
            pool = np.maximum(pool, (_soft(spot, unit * thick * 0.7) * 255).astype(np.uint8))
        shade = pool.astype(np.float32) * np.float32(0.5 / 255)
        shade += 0.1 * _shift(_soft(body, unit * 0.12), unit * 0.06, unit * 0.08)
    else:
        far = _shift(_soft(body, unit * 0.075), unit * 0.05, unit * 0.085)
        near = _shift(_soft(body, unit * 0.02), unit * 0.012, unit * 0.02)
        shade = 0.42 * far + 0.3 * near
    tone[ground] *= 1 - np.minimum(shade[ground], 0.85)


def render(
    parts: Sequence[Part],
    view: View,
    scale: int,
    ground: str,
    shadow: str,
    seed: int,
) -> Plate:
    """Draw the parts, first to last, over a ground."""
    tone = _ground(view, ground, seed)
    label = np.zeros((view.height, view.width), np.uint8)
    piece = np.zeros((view.height, view.width), np.uint16)
    slots = ["ground"]
    for number, item in enumerate(parts, 1):
        if item.slot not in slots:
            slots.append(item.slot)
        outlines = [[view.pixels(c) for c in group] for group in item.groups]
        every = np.concatenate([c for group in outlines for c in group])
        margin = int(view.unit * 0.09) + 4
        x0, y0 = np.maximum(np.floor(every.min(axis=0)).astype(int) - margin, 0)
        x1, y1 = np.ceil(every.max(axis=0)).astype(int) + margin
        x1, y1 = min(int(x1), view.width), min(int(y1), view.height)
        if x1 <= x0 or y1 <= y0:
            continue
        corner = np.array([x0, y0])
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for group in outlines:
            cv2.fillPoly(mask, [_fixed(c - corner) for c in group], 255, cv2.LINE_8, BITS)
        patch = (slice(y0, y1), slice(x0, x1))
        if item.lift > 0:
            shade = _shift(_soft(mask, view.unit * 0.022), view.unit * 0.014, view.unit * 0.024)
            tone[patch] *= 1 - np.float32(item.lift) * shade
        light = _shade(item, mask, view.unit, seed + number)
        for face, value in item.facets:
            where = _fixed(view.pixels(face) - corner)
            cv2.fillConvexPoly(light, where, float(value), cv2.LINE_8, BITS)
        if item.finish == "gem":  # light runs over a stone's faces, brighter towards the lamp
            run = np.linspace(0.1, -0.1, x1 - x0, dtype=np.float32)[None, :]
            light = light + run + np.linspace(0.1, -0.1, y1 - y0, dtype=np.float32)[:, None]
        on = mask > 0
        tone[patch][on] = light[on]
        label[patch][on] = slots.index(item.slot)
        piece[patch][on] = number
    _cast(tone, (label > 0).astype(np.uint8) * np.uint8(255), view, shadow)
    if ground == "cloth":  # the weave runs through both ground and print
        weave = _grain(tone.shape, seed, 2, 2) + _grain(tone.shape, seed + 1, 40, 2)
        x = np.linspace(0, 7, view.width, dtype=np.float32)[None, :]
        y = np.linspace(0, 5, view.height, dtype=np.float32)[:, None]
        tone += 0.018 * weave + 0.03 * np.sin(x + 0.6 * y)
    rng = np.random.default_rng(seed)  # a little noise keeps slow gradients free of bands
    noise = rng.integers(0, 256, tone.shape, dtype=np.uint8).astype(np.float32)
    levels = np.clip(tone * 255 + noise * np.float32(1.6 / 255) - 0.3, 0, 255).astype(np.uint8)
    return Plate(label, levels, piece, tuple(slots), scale)
