"""Repeat prints on cloth: geometry, birds and stars."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import (
    TAU,
    Curve,
    Group,
    Part,
    arc,
    crescent,
    ellipse,
    leaf,
    moved,
    part,
    points,
    ribbon,
    scaled,
    separate,
    spline,
    star,
    turned,
)
from image_search.demo.repeats import repeat


def deco_shell() -> list[Part]:
    """Return art-deco shells of fine ribs."""
    out: list[Part] = []
    r = 0.42
    for row in range(-4, 9):
        shells: list[Group] = []
        ribs: list[Group] = []
        hearts: list[Group] = []
        for column in range(-5, 6):
            x, y = column * 2 * r + (r if row % 2 else 0), row * r * 0.62 - 0.6
            shells.append((ellipse(x, y, r * 0.99),))
            for size in (0.94, 0.74):
                ribs.append(
                    (
                        arc(x, y, r * size, r * size, np.pi, TAU, 40),
                        arc(x, y, r * (size - 0.035), r * (size - 0.035), np.pi, TAU, 40),
                    )
                )
            for a in np.linspace(-1.4, 1.4, 11):
                ray = turned(points((0, -r * 0.3), (0, -r * 0.5), (0, -r * 0.68)), float(a))
                ribs += ribbon(moved(ray, x, y), np.array([0.008, 0.014, 0.024]))
            hearts.append((ellipse(x, y, r * 0.24),))
        out += [
            part(shells, "petal" if row % 2 else "leaf", "flat", lift=0.35, tone=0.5),
            part(ribs, "light", "flat", lift=0.0),
            part(hearts, "accent", "flat", lift=0.0),
        ]
    return out


def cranes() -> list[Part]:
    """Return flying cranes over rounded clouds."""
    body = spline(
        [
            (-0.5, 0.1),
            (-0.3, 0.02),
            (-0.1, 0.05),
            (0.08, 0.0),
            (0.3, -0.08),
            (0.46, -0.16),
            (0.3, -0.03),
            (0.1, 0.09),
            (-0.1, 0.12),
            (-0.3, 0.08),
        ],
        8,
        closed=True,
    )
    wings: list[Group] = []
    tips: list[Group] = []
    for i in range(7):
        wing = turned(leaf(0.52 - 0.045 * i, 0.09, bend=-0.06), -0.72 + 0.16 * i)
        wings.append((moved(wing, 0.05 - 0.03 * i, 0.03),))
        tips.append((moved(scaled(wing - wing[23], 0.36) + wing[23], 0.05 - 0.03 * i, 0.03),))
    far = [
        (moved(turned(leaf(0.4 - 0.04 * i, 0.08, bend=0.05), 2.2 + 0.15 * i), 0.02, 0.08),)
        for i in range(5)
    ]
    beak = [(points((0.44, -0.17), (0.58, -0.2), (0.45, -0.14)),)]
    cloud = [
        g
        for x, y, w in ((0.1, 0.52, 0.5), (-0.08, 0.585, 0.42), (0.2, 0.65, 0.34))
        for g in ribbon(points((x - w / 2, y), (x, y), (x + w / 2, y)), 0.05)
    ]
    return repeat(
        [
            ("leaf", 0.5, cloud),
            ("light", 0.44, far),
            ("light", 0.5, [(body,)]),
            ("light", 0.52, wings),
            ("petal", 0.5, tips),
            ("accent", 0.5, beak),
            ("accent", 0.5, [(ellipse(0.41, -0.155, 0.025),)]),
        ],
        0.98,
        1.2,
    )


def kilim() -> list[Part]:
    """Return stepped diamonds in bands."""

    def stepped(n: int, size: float) -> Curve:
        corner = [
            p
            for i in range(n)
            for p in ((size * (n - i) / n, size * i / n), (size * (n - i) / n, size * (i + 1) / n))
        ]
        q = points(*corner)
        return np.concatenate(
            [q, scaled(q, -1, 1)[::-1], scaled(q, -1, -1), scaled(q, 1, -1)[::-1]]
        )

    side = [(moved(stepped(3, 0.12), x, 0.36),) for x in (-0.18, 0.18)]
    return repeat(
        [
            ("petal", 0.5, [(stepped(6, 0.5),)]),
            ("light", 0.5, [(stepped(6, 0.42),)]),
            ("leaf", 0.5, [(stepped(6, 0.35),)]),
            ("accent", 0.5, [(stepped(5, 0.24),)]),
            ("light", 0.5, [(stepped(4, 0.13),)]),
            ("petal", 0.5, [(stepped(3, 0.07),)]),
            ("accent", 0.5, side),
        ],
        0.52,
        1.04,
    )


def stars() -> list[Part]:
    """Return stars, moons and dots strewn over a night sky."""
    moon = crescent(0.15, 0.12, 0.065, -1.2)
    big = [
        (moved(star(8, 0.17, 0.045), 0, 0),),
        (moved(star(4, 0.1, 0.026), 0.3, 0.2),),
        (moved(star(4, 0.07, 0.02), -0.24, 0.26),),
    ]
    dots = separate(
        ellipse(x, y, r)
        for x, y, r in (
            (0.2, -0.12, 0.014),
            (-0.2, -0.16, 0.02),
            (0.1, 0.3, 0.016),
            (-0.1, 0.18, 0.011),
            (0.34, -0.02, 0.012),
            (0.22, 0.38, 0.012),
        )
    )
    halo = [(moved(star(8, 0.1, 0.03, -np.pi / 2 + TAU / 16), 0, 0),)]
    turned_moon = [(moved(moon, 0.04, 0.44),)]
    return repeat(
        [
            ("petal", 0.5, halo),
            ("light", 0.5, big),
            ("accent", 0.5, turned_moon),
            ("light", 0.52, dots),
        ],
        0.62,
        0.84,
    )
