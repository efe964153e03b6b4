"""The same designs by hand: graphite on paper.

Lines are traced where one part of a plate ends, so hidden edges stay hidden; then they are drawn
as a hand would: in several strokes, a little off, pressing harder and softer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from image_search.demo.geometry import Curve, Part
from image_search.demo.palettes import Pixels
from image_search.demo.shading import Gray, Mask, Plate, View

_PAPER = np.array([246, 243, 235], np.float32)
_GRAPHITE = np.array([52, 52, 57], np.float32)
_MARGIN = 1.14  # the page is a little larger than the picture
_FINE = 2  # supersampling of the page


class _Hand:
    """Draws strokes on a page; ``deposit`` is the graphite on it, 0 to 1, supersampled."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.deposit: Gray = np.zeros((height * _FINE, width * _FINE), np.float32)

    def _wander(self, n: int, size: float, every: float = 22.0) -> NDArray[np.float64]:
        """Return smooth noise of ``n`` values: how a hand strays along a line."""
        knots = self.rng.standard_normal(max(3, int(n / every) + 3)) * size
        x = np.linspace(0, len(knots) - 1, n)
        t = x - np.floor(x)
        low = np.minimum(np.floor(x).astype(int), len(knots) - 2)
        blend = t * t * (3 - 2 * t)
        wander: NDArray[np.float64] = knots[low] * (1 - blend) + knots[low + 1] * blend
        return wander

    def stroke(self, path: Curve, pressure: float, wobble: float = 0.8, width: int = 3) -> None:
        """Draw one stroke along a path in page pixels."""
        n = len(path)
        if n < 2:
            return
        stray = np.stack([self._wander(n, wobble), self._wander(n, wobble)], axis=1)
        at = (path + stray) * _FINE
        ends = np.minimum(np.arange(n), np.arange(n)[::-1]) / max(1.0, min(14.0, n / 3))
        press = pressure * np.clip(0.35 + ends, 0, 1) * (1 + self._wander(n, 0.22, 30.0))
        low = np.floor(at.min(axis=0)).astype(int) - 4
        high = np.ceil(at.max(axis=0)).astype(int) + 5
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(high, self.deposit.shape[::-1])
        if x1 <= x0 or y1 <= y0:
            return
        trace: Mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = np.round((at - [x0, y0]) * 8).astype(int)
        levels = np.clip(press * 255, 0, 255).astype(int)
        for i in range(n - 1):
            thick = width + int(press[i] > 0.62)
            cv2.line(
                trace,
                tuple(fixed[i].tolist()),
                tuple(fixed[i + 1].tolist()),
                int(levels[i]),
                thick,
                cv2.LINE_AA,
                3,
            )
        patch = self.deposit[y0:y1, x0:x1]
        patch += (1 - patch) * trace.astype(np.float32) * np.float32(0.95 / 255)

    def line(self, path: Curve, pressure: float, wobble: float = 0.8) -> None:
        """Draw a line as a hand does: in overlapping strokes, gone over a second time."""
        at, n = 0, len(path)
        while at < n - 1:
            length = int(self.rng.integers(70, 150))
            end = n if n - at - length < 25 else at + length
            firm = pressure * self.rng.uniform(0.8, 1.1)
            self.stroke(path[max(0, at - 5) : end], firm, wobble)
            if self.rng.random() < 0.7:
                nudge = self.rng.normal(0, 0.75, 2)
                self.stroke(path[max(0, at - 8) : end] + nudge, firm * 0.55, wobble * 1.4)
            at = end


def _smooth(curve: Curve, sigma: float) -> Curve:
    """Return a closed curve with its pixel steps rounded off."""
    reach = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    wrapped = np.concatenate([curve[-reach:], curve, curve[:reach]])
    return np.stack([np.convolve(wrapped[:, i], kernel, "valid") for i in (0, 1)], axis=1)


def _edges(piece: NDArray[np.uint16]) -> Iterator[tuple[int, Curve]]:
    """Yield each part's visible edges once, topmost part first, as runs of points a pixel apart."""
    taken: Mask = np.zeros(piece.shape, np.uint8)
    padded = np.pad(piece, 1)
    for number in np.unique(piece)[::-1]:
        if number == 0:
            continue
        mask = (padded == number).astype(np.uint8)
        found, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        fresh: list[NDArray[np.int64]] = []
        for contour in found:
            raw = contour[:, 0, :].astype(np.int64) - 1
            if len(raw) < 14:
                continue
            x, y = raw[:, 0], raw[:, 1]
            free = taken[y, x] == 0
            h, w = piece.shape
            free &= (x > 1) & (y > 1) & (x < w - 2) & (y < h - 2)
            fresh.append(raw[free])
            curve = _smooth(raw.astype(np.float64), 2.0 if len(raw) > 24 else 1.0)
            ahead, behind = np.roll(curve, -6, axis=0), np.roll(curve, 6, axis=0)
            a, b = ahead - curve, curve - behind
            bend = np.abs(np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1)))
            corner = (bend > 0.85) & (bend >= np.maximum(np.roll(bend, 1), np.roll(bend, -1)))
            cut = corner | (free != np.roll(free, 1))
            start = int(np.argmax(cut)) if cut.any() else 0
            curve, free, cut = (np.roll(v, -start, axis=0) for v in (curve, free, cut))
            marks = [*np.flatnonzero(cut).tolist(), len(curve)] if cut.any() else [0, len(curve)]
            for i, j in itertools.pairwise(marks):
                if j - i >= 6 and free[i:j].mean() > 0.5:
                    yield int(number), np.concatenate([curve[i:j], curve[j % len(curve)][None]])
        for raw in fresh:
            spots = np.zeros_like(taken)
            spots[raw[:, 1], raw[:, 0]] = 1
            taken |= cv2.dilate(spots, np.ones((5, 5), np.uint8)).astype(np.uint8)


def _paper(width: int, height: int, rng: np.random.Generator) -> tuple[Gray, Gray]:
    """Return the tooth of the paper (0 to 1) and its shade (about 1), (height, width)."""
    fine = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32), (0, 0), 0.8)
    coarse = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32), (0, 0), 2.2)
    tooth = np.clip(0.5 + (fine - 0.5) * 2.6 + (coarse - 0.5) * 2.2, 0, 1)
    few = rng.random((6, 6), dtype=np.float32)
    cloud = cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)
    shade = 1 - 0.035 * (1 - tooth) + 0.025 * (cloud - 0.5)
    return tooth.astype(np.float32), shade.astype(np.float32)


def _hatch(hand: _Hand, dark: Gray, place: NDArray[np.float64], offset: Curve) -> None:
    """Fill the dark places with parallel strokes; ``dark`` is 0 to 1 over the picture."""
    h, w = dark.shape
    direction = np.array([np.cos(-0.95), np.sin(-0.95)])
    across = np.array([-direction[1], direction[0]])
    middle, reach = np.array([w / 2, h / 2]), float(np.hypot(w, h)) / 2
    steps = np.arange(-reach, reach, 3.0)[:, None]
    for far in np.arange(-reach, reach, 6.2):
        path = middle + across * (far + hand.rng.normal(0, 0.7)) + direction * steps
        x = np.clip(path[:, 0], 0, w - 1).astype(int)
        y = np.clip(path[:, 1], 0, h - 1).astype(int)
        inside = ((path >= 0) & (path < [w, h])).all(axis=1)
        on = inside & (dark[y, x] > 0.12)
        turns = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
        for i, j in zip(turns[::2], turns[1::2], strict=True):
            if j - i >= 3:
                firm = 0.22 + 0.36 * float(dark[y[i:j], x[i:j]].mean())
                hand.stroke(path[i:j] @ place + offset, firm, 0.6)


def sketch(plate: Plate, parts: Sequence[Part], view: View, seed: int) -> Pixels:
    """Return a pencil drawing of a rendered design, (height, width, 3) uint8 RGB, greys only.

    The drawing sits, leans and is proportioned a little differently from the plate, and strays.
    """
    rng = np.random.default_rng([seed, 2])
    s = plate.scale
    piece = plate.piece[::s, ::s]
    h, w = piece.shape
    width, height = int(w * _MARGIN), int(h * _MARGIN)
    hand = _Hand(width, height, rng)
    lean = rng.normal(0, 0.035)
    grow = rng.uniform(0.9, 1.03) * np.array([1 + rng.normal(0, 0.03), 1 + rng.normal(0, 0.03)])
    place = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]]) * grow
    offset = np.array([width, height]) / 2 + rng.normal(0, 9, 2) - np.array([w, h]) / 2 @ place
    bow = rng.normal(0, 2.4, (4,))

    def on_page(curve: Curve) -> Curve:
        """Return a curve of the picture on the page, bent slowly as a hand misjudges lengths."""
        x, y = curve[:, 0] / w * np.pi, curve[:, 1] / h * np.pi
        stray = np.stack(
            [
                bow[0] * np.sin(2 * y) + bow[1] * np.sin(x + y),
                bow[2] * np.sin(2 * x) + bow[3] * np.sin(x - y),
            ],
            axis=1,
        )
        moved: Curve = curve @ place + offset + stray
        return moved

    body = np.argwhere(piece > 0)
    low, high = body.min(axis=0)[::-1], body.max(axis=0)[::-1]
    centre = (low + high) / 2
    for axis in (0, 1):  # two faint lines that help to place the drawing
        ends = np.array([centre, centre])
        ends[:, axis] = [max(low[axis] - 24, 4), min(high[axis] + 24, (w, h)[axis] - 4)]
        hand.stroke(on_page(np.linspace(ends[0], ends[1], 90)), 0.13, 0.5)
    shift: dict[int, Curve] = {}
    for number, curve in _edges(piece):
        drift = shift.setdefault(number, rng.normal(0, 0.9, 2))
        path = on_page(curve[::2] if len(curve) > 8 else curve) + drift
        hand.line(path, 0.86 if len(curve) > 30 else 0.7)
    for item in parts:
        if len(item.groups) > 1:
            continue  # too small to draw their faces
        for face, _ in item.facets:
            closed = view.pixels(np.concatenate([face, face[:1]])) / s
            for a, b in itertools.pairwise(closed):
                size = float(np.hypot(*(b - a)))
                if size > 9 and rng.random() < 0.62:
                    steps = np.linspace(a, b, max(4, int(size / 3)))
                    hand.stroke(on_page(steps), 0.36, 0.4)
    tone = cv2.GaussianBlur(plate.tone[::s, ::s].astype(np.float32) / 255, (0, 0), 2.5)
    label = plate.label[::s, ::s]
    dark = np.where(label > 0, np.clip((0.43 - tone) * 3.2, 0, 1), 0)
    if all(item.finish in ("flat", "glaze") for item in parts):  # flat work: shade one colour
        names = [n for n in ("ink", "leaf", "second") if n in plate.slots]
        dark = np.where(label == plate.slots.index(names[0]), 0.45, 0) if names else dark
    _hatch(hand, dark.astype(np.float32), place, offset)
    graphite = cv2.resize(hand.deposit, (width, height), interpolation=cv2.INTER_AREA)
    smudge = cv2.GaussianBlur(graphite, (0, 0), 5) * 0.1
    tooth, shade = _paper(width, height, rng)
    held = np.clip(graphite * 1.3 - (1 - tooth) * 0.42 * (1 - graphite), 0, 1) * 0.93 + smudge
    held = np.clip(held, 0, 1)[:, :, None]
    page = _PAPER * shade[:, :, None] * (1 - held) + _GRAPHITE * held
    drawn: Pixels = np.clip(np.round(page), 0, 255).astype(np.uint8)
    return drawn
