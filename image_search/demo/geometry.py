"""Curves and parts: what a design is made of, before anybody draws it.

Lengths are in design units: the shorter side of the picture spans -1 to 1, x to the right, y down.
A curve is an (n, 2) float64 array of points. Angles are in radians, clockwise on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
#: Outlines filled together by the even-odd rule, so that a second outline is a hole.
Group = tuple[Curve, ...]
TAU = 2.0 * np.pi


@dataclass(frozen=True)
class Part:
    """One piece of a design: the union of its groups, made of one material.

    ``slot`` names the material that a colourway fills in, ``finish`` how light falls on it,
    ``bevel`` how far (design units) its edge is rounded, ``lift`` how strong a shadow it casts on
    the parts below (0 to 1), ``tone`` its own brightness (0 to 1) where the finish asks for one.
    ``facets`` are flat faces with a brightness each, drawn over the part.
    """

    groups: tuple[Group, ...]
    slot: str
    finish: str = "polished"
    bevel: float = 0.05
    lift: float = 0.35
    tone: float = 0.5
    facets: tuple[tuple[Curve, float], ...] = ()


def points(*pairs: tuple[float, float]) -> Curve:
    """Return the pairs as a curve."""
    return np.array(pairs, dtype=np.float64)


def ellipse(
    x: float = 0.0, y: float = 0.0, rx: float = 1.0, ry: float | None = None, n: int = 96
) -> Curve:
    """Return a closed ellipse; a circle where ``ry`` is left out."""
    return arc(x, y, rx, rx if ry is None else ry, 0.0, TAU * (1 - 1 / n), n)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, n: int = 48) -> Curve:
    """Return the arc of an ellipse from angle ``start`` to ``end``."""
    angle = np.linspace(start, end, n)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def polygon(n: int, radius: float = 1.0, turn: float = -np.pi / 2) -> Curve:
    """Return a regular polygon of ``n`` corners, one of them at angle ``turn``."""
    angle = turn + TAU * np.arange(n) / n
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def star(n: int, outer: float, inner: float, turn: float = -np.pi / 2) -> Curve:
    """Return a star of ``n`` tips."""
    curve = polygon(2 * n, 1.0, turn)
    return curve * np.where(np.arange(2 * n) % 2 == 0, outer, inner)[:, None]


def box(x: float, y: float, width: float, height: float, radius: float = 0.0) -> Curve:
    """Return a rectangle about its centre (x, y), its corners rounded by ``radius``."""
    a, b = width / 2 - radius, height / 2 - radius
    if radius <= 0:
        return points((x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b))
    corners = [(x + a, y - b, -0.25), (x + a, y + b, 0), (x - a, y + b, 0.25), (x - a, y - b, 0.5)]
    return np.concatenate(
        [arc(cx, cy, radius, radius, t * TAU, (t + 0.25) * TAU, 10) for cx, cy, t in corners]
    )


def spline(
    knots: Curve | Sequence[tuple[float, float]], n: int = 16, closed: bool = False
) -> Curve:
    """Return a smooth curve through the knots (Catmull-Rom), ``n`` points a span."""
    k = np.asarray(knots, dtype=np.float64)
    padded = (
        np.concatenate([k[-1:], k, k[:2]])
        if closed
        else np.concatenate([2 * k[:1] - k[1:2], k, 2 * k[-1:] - k[-2:-1]])
    )
    t = np.linspace(0, 1, n, endpoint=False)[:, None]
    spans = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        spans.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2)
            + 0.5 * (3 * b - a - 3 * c + d) * t**3
        )
    if not closed:
        spans.append(k[-1:])
    return np.concatenate(spans)


def leaf(length: float, width: float, bend: float = 0.0, belly: float = 0.45, n: int = 24) -> Curve:
    """Return a leaf from the origin up to (bend, -length), widest at ``belly`` of its length."""
    t = np.linspace(0, 1, n)
    power = np.log(0.5) / np.log(belly)
    half = 0.5 * width * np.sin(np.pi * t**power)
    spine = np.stack([bend * t**2, -length * t], axis=1)
    side = normals(spine)
    return np.concatenate([spine + side * half[:, None], (spine - side * half[:, None])[::-1]])


def drop(length: float, width: float, n: int = 64) -> Curve:
    """Return a pear shape: its point at the origin, its belly at y = ``length``."""
    angle = np.linspace(0, TAU, n, endpoint=False)
    x = 0.5 * width * np.sin(angle) * np.sin(angle / 2) ** 1.35 * 1.12
    return np.stack([x, length * (1 - np.cos(angle)) / 2], axis=1)


def heart(size: float, n: int = 90) -> Curve:
    """Return a heart about the origin, ``size`` wide."""
    t = np.linspace(0, TAU, n, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y - 2.5], axis=1) * size / 32


def crescent(radius: float, bite: float, offset: float, axis: float) -> Curve:
    """Return a moon: a disc less a disc of radius ``bite`` whose centre lies off along ``axis``."""
    along = (radius**2 - bite**2 + offset**2) / (2 * offset)
    across = np.sqrt(radius**2 - along**2)
    horn, cut = np.arctan2(across, along), np.arctan2(across, along - offset)
    outer = arc(0, 0, radius, radius, axis + horn, axis + TAU - horn, 80)
    x, y = offset * np.cos(axis), offset * np.sin(axis)
    return np.concatenate([outer, arc(x, y, bite, bite, axis + TAU - cut, axis + cut, 70)])


def normals(path: Curve) -> Curve:
    """Return the unit normals along a path."""
    step = np.gradient(path, axis=0)
    side = np.stack([-step[:, 1], step[:, 0]], axis=1)
    unit: Curve = side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    return unit


def moved(curve: Curve, x: float = 0.0, y: float = 0.0) -> Curve:
    """Return the curve shifted."""
    shifted: Curve = curve + np.array([x, y])
    return shifted


def turned(curve: Curve, angle: float) -> Curve:
    """Return the curve turned about the origin."""
    c, s = np.cos(angle), np.sin(angle)
    spun: Curve = curve @ np.array([[c, s], [-s, c]])
    return spun


def scaled(curve: Curve, x: float, y: float | None = None) -> Curve:
    """Return the curve scaled about the origin."""
    grown: Curve = curve * np.array([x, x if y is None else y])
    return grown


def mirrored(curve: Curve) -> Curve:
    """Return the curve mirrored left to right."""
    return scaled(curve, -1.0, 1.0)


def around(curve: Curve, n: int, start: float = 0.0) -> list[Curve]:
    """Return ``n`` copies of the curve turned about the origin."""
    return [turned(curve, start + TAU * i / n) for i in range(n)]


def ribbon(path: Curve, width: float | NDArray[np.float64], round_ends: bool = True) -> list[Group]:
    """Return a band of the given full width along a path, as small pieces; width may vary."""
    half = np.broadcast_to(np.asarray(width, dtype=np.float64) / 2, (len(path),))
    side = normals(path) * half[:, None]
    left, right = path + side, path - side
    pieces: list[Group] = [
        (np.stack([left[i], left[i + 1], right[i + 1], right[i]]),) for i in range(len(path) - 1)
    ]
    if round_ends:
        pieces += [
            (ellipse(float(path[i, 0]), float(path[i, 1]), float(half[i]), n=24),)
            for i in (0, -1)
            if half[i] > 1e-3
        ]
    return pieces


def ring(outer: Curve, inner: Curve) -> Group:
    """Return the band between two closed curves."""
    return (outer, inner)


def separate(curves: Iterable[Curve]) -> list[Group]:
    """Return each closed curve as a group of its own."""
    return [(curve,) for curve in curves]


def part(groups: Iterable[Group], slot: str, finish: str = "polished", **more: float) -> Part:
    """Return a part of these groups; ``more`` are the numeric fields of Part."""
    return replace(Part(tuple(groups), slot, finish), **more)  # type: ignore[arg-type]


def placed(
    parts: Iterable[Part],
    x: float = 0.0,
    y: float = 0.0,
    scale: float = 1.0,
    turn: float = 0.0,
    flip: bool = False,
) -> list[Part]:
    """Return the parts mirrored (where asked), scaled, turned, then shifted."""

    def move(curve: Curve) -> Curve:
        start = mirrored(curve) if flip else curve
        return moved(turned(scaled(start, scale), turn), x, y)

    return [
        replace(
            p,
            groups=tuple(tuple(move(c) for c in group) for group in p.groups),
            facets=tuple((move(c), tone) for c, tone in p.facets),
            bevel=p.bevel * scale,
        )
        for p in parts
    ]
