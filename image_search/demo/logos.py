"""Marks for imaginary houses: plain shapes, few colours."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import (
    TAU,
    Group,
    Part,
    arc,
    around,
    crescent,
    drop,
    ellipse,
    leaf,
    mirrored,
    moved,
    part,
    points,
    polygon,
    ribbon,
    ring,
    scaled,
    separate,
    spline,
    star,
    turned,
)


def _ink(groups: list[Group], slot: str = "ink", tone: float = 0.5) -> Part:
    return part(groups, slot, "flat", lift=0.0, tone=tone)


def lotus() -> list[Part]:
    """Return a lotus of overlapping petals over two lines of water."""
    parts = []
    for slot, angle, size in (("accent", 1.22, 0.86), ("second", 0.82, 0.98), ("ink", 0.42, 1.08)):
        petals = [moved(turned(leaf(size, 0.44), s * angle), 0, 0.42) for s in (-1, 1)]
        gaps = [moved(turned(leaf(size * 1.04, 0.5), s * (angle - 0.4)), 0, 0.42) for s in (-1, 1)]
        parts += [_ink(separate(petals), slot), _ink(separate(gaps), "ground", 0.55)]
    parts.append(_ink([(moved(leaf(1.16, 0.46), 0, 0.42),)], "second"))
    lines = [
        g
        for y, w in ((0.58, 0.6), (0.72, 0.36))
        for g in ribbon(points((-w, y), (0, y + 0.02), (w, y)), 0.045)
    ]
    return [*parts, _ink(lines)]


def sun_wave() -> list[Part]:
    """Return a sun over waves, in a disc."""
    parts = [_ink([(ellipse(0, 0, 0.92),)]), _ink([(ellipse(0, -0.16, 0.4),)], "second")]
    x = np.linspace(-1, 1, 80)
    for i, slot in enumerate(("accent", "ground", "accent")):
        y = 0.14 + 0.24 * i + 0.07 * np.sin(TAU * x * 1.1 + 1.9 * i)
        inside = x**2 + y**2 < 0.9**2
        wave = np.stack([x[inside], y[inside]], axis=1)
        parts.append(_ink(ribbon(wave, 0.1, False), slot, 0.55 if slot == "ground" else 0.5))
    rays = [moved(c, 0, -0.16) for c in around(moved(leaf(0.17, 0.05), 0, -0.46), 16)][:5] + [
        moved(c, 0, -0.16) for c in around(moved(leaf(0.17, 0.05), 0, -0.46), 16)
    ][12:]
    return [
        *parts,
        _ink(separate(rays), "second"),
        _ink([ring(ellipse(0, 0, 1.0), ellipse(0, 0, 0.96))]),
    ]


def compass() -> list[Part]:
    """Return a compass star, each ray half light and half dark."""
    light: list[Group] = []
    dark: list[Group] = []
    for k in range(8):
        long = 0.98 if k % 2 == 0 else 0.58
        wide = 0.15
        angle = TAU * k / 8
        side = wide * (1.0 if k % 2 == 0 else 0.8)
        light.append((turned(points((0, 0), (0, -long), (side, -wide * 1.4)), angle),))
        dark.append((turned(points((0, 0), (0, -long), (-side, -wide * 1.4)), angle),))
    order = [1, 3, 5, 7, 0, 2, 4, 6]
    parts = [_ink([ring(ellipse(0, 0, 0.74), ellipse(0, 0, 0.69))], "accent")]
    for k in order:
        parts += [_ink([light[k]], "second"), _ink([dark[k]])]
    return [*parts, _ink([(ellipse(0, 0, 0.09),)], "ground", 0.55)]


def leaf_drop() -> list[Part]:
    """Return a drop of water that holds a sprig."""
    body = moved(drop(1.9, 1.5), 0, -0.98)
    stem = ribbon(spline([(0, 0.74), (0.02, 0.3), (0, -0.2)], 10), np.linspace(0.05, 0.025, 21))
    blades = [
        moved(turned(leaf(0.42 - 0.05 * i, 0.19), s * 0.9), 0, 0.5 - 0.24 * i)
        for i in range(3)
        for s in (-1, 1)
    ] + [moved(leaf(0.4, 0.19), 0, -0.16)]
    return [
        _ink([(body,)]),
        _ink([(moved(scaled(body, 0.9), 0, 0.02),)], "accent"),
        _ink(stem, "ground", 0.56),
        _ink(separate(blades), "ground", 0.56),
        _ink([(moved(leaf(0.22, 0.1), 0, 0.93),)], "second"),
    ]


def knot() -> list[Part]:
    """Return three loops woven over and under each other."""
    t = np.linspace(0, TAU, 241)
    path = 0.31 * np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t)], axis=1)
    height = -np.sin(3 * t)
    parts = []
    spans = [(a, a + 21) for a in range(0, 240, 20)]
    spans.sort(key=lambda s: float(height[s[0] : s[1]].mean()))
    slots = ("ink", "second", "accent")
    for a, b in spans:
        piece = path[max(a - 1, 0) : b + 1]
        parts.append(_ink(ribbon(piece, 0.27, False), "ground", 0.55))
        wide = path[max(a - 2, 0) : b + 2]
        parts.append(_ink(ribbon(wide, 0.19, False), slots[((a + 40) // 80) % 3]))
    return parts


def crane() -> list[Part]:
    """Return a folded paper bird."""

    def fold(slot: str, tone: float, *corners: tuple[float, float]) -> Part:
        return _ink([(points(*corners),)], slot, tone)

    return [
        fold("accent", 0.46, (-0.1, 0.18), (-0.62, -0.8), (0.16, 0.0)),
        fold("accent", 0.54, (-0.1, 0.18), (-0.62, -0.8), (-0.36, 0.1)),
        fold("ink", 0.5, (-0.98, -0.14), (-0.36, 0.1), (0.0, 0.62)),
        fold("ink", 0.42, (-0.98, -0.14), (-0.3, 0.34), (0.0, 0.62)),
        fold("second", 0.5, (-0.36, 0.1), (0.16, 0.0), (0.0, 0.62)),
        fold("second", 0.43, (0.16, 0.0), (0.42, 0.28), (0.0, 0.62)),
        fold("second", 0.56, (-0.16, 0.14), (0.3, -0.94), (0.36, 0.18)),
        fold("ink", 0.54, (0.42, 0.28), (0.9, -0.36), (0.56, 0.04), (0.0, 0.62)),
        fold("ink", 0.44, (0.9, -0.36), (1.02, -0.1), (0.8, -0.22)),
    ]


def moon_garden() -> list[Part]:
    """Return a crescent in whose arms a branch grows."""
    moon = crescent(0.94, 0.74, 0.34, -0.6)
    branch = spline([(-0.16, 0.74), (0.14, 0.36), (0.3, -0.06), (0.3, -0.5)], 12)
    blades = [
        moved(turned(leaf(0.32, 0.14), a), *branch[i])
        for i, a in (
            (6, -0.9),
            (9, 1.5),
            (14, -0.7),
            (18, 1.25),
            (23, -0.6),
            (27, 1.0),
            (31, -0.5),
            (36, 0.0),
        )
    ]
    stars = [moved(star(4, 0.11, 0.03), 0.62, -0.5), moved(star(4, 0.07, 0.02), -0.02, -0.46)]
    return [
        _ink([(moon,)]),
        _ink(ribbon(branch, np.linspace(0.05, 0.02, len(branch))), "accent"),
        _ink(separate(blades), "accent"),
        _ink(separate(stars), "second"),
    ]


def hive() -> list[Part]:
    """Return a bee on a comb of hexagons."""
    cells: list[Group] = []
    for x, y in ((0, 0), *polygon(6, 0.76, 0.0)):
        hexagon = moved(polygon(6, 0.42), float(x), float(y))
        cells.append(ring(hexagon, moved(polygon(6, 0.35), float(x), float(y))))
    wings = [turned(leaf(0.66, 0.3, belly=0.6), a) for a in (0.85, 1.35)]
    wings += [mirrored(w) for w in wings]
    body = ellipse(0, 0.12, 0.21, 0.42)
    bands = [
        g
        for y in (0.06, 0.24, 0.4)
        for g in ribbon(arc(0, y - 0.05, 0.2, 0.07, 0.25, np.pi - 0.25, 16), 0.075)
    ]
    feelers = [
        g
        for s in (-1, 1)
        for g in ribbon(spline([(s * 0.05, -0.36), (s * 0.12, -0.52), (s * 0.22, -0.58)], 6), 0.03)
    ]
    return [
        _ink(cells, "second"),
        _ink([(moved(polygon(6, 0.5), 0, 0),)], "ground", 0.55),
        _ink(separate(moved(w, 0, -0.06) for w in wings), "accent"),
        _ink([(body,)], "second"),
        _ink(bands),
        _ink([(ellipse(0, -0.28, 0.13),)]),
        _ink(feelers),
    ]
