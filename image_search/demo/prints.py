"""Repeat prints on cloth: flowers, foliage and fruit."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import (
    Group,
    Part,
    arc,
    around,
    drop,
    ellipse,
    leaf,
    mirrored,
    moved,
    points,
    polygon,
    ribbon,
    scaled,
    separate,
    spline,
    turned,
)
from image_search.demo.repeats import Layer, at, bloom, repeat, sprig


def willow() -> list[Part]:
    """Return trailing willow stems."""
    stem = spline([(-0.1, 0.62), (0.1, 0.3), (-0.06, 0.0), (0.1, -0.3), (-0.1, -0.62)], 14)
    inner = [(scaled(g[0] - g[0][0], 0.55) + g[0][0],) for g in sprig(stem, 0.24, 7)]
    return repeat(
        [
            ("leaf", 0.44, ribbon(stem, 0.02)),
            ("leaf", 0.5, sprig(stem, 0.24, 7)),
            ("light", 0.5, inner),
            (
                "accent",
                0.5,
                separate(
                    [
                        ellipse(0.27, 0.16, 0.03),
                        ellipse(0.31, 0.1, 0.024),
                        ellipse(-0.27, -0.2, 0.03),
                    ]
                ),
            ),
        ],
        0.62,
        1.24,
    )


def peony() -> list[Part]:
    """Return large layered blooms among leaves."""
    leaves = [(moved(turned(leaf(0.46, 0.19, bend=0.06), a), 0, 0),) for a in (0.9, 2.3, 4.0, 5.5)]
    veins = [
        g
        for a in (0.9, 2.3, 4.0, 5.5)
        for g in ribbon(turned(spline([(0, -0.2), (0.01, -0.32), (0.05, -0.43)], 6), a), 0.009)
    ]
    return repeat(
        [
            ("leaf", 0.5, leaves),
            ("light", 0.5, veins),
            ("petal", 0.42, bloom(9, 0.31, 0.2)),
            ("petal", 0.5, bloom(9, 0.26, 0.16, 0.35)),
            ("light", 0.5, bloom(7, 0.2, 0.13)),
            ("petal", 0.53, bloom(7, 0.145, 0.09, 0.45)),
            ("accent", 0.5, separate([ellipse(0, 0, 0.05)])),
            (
                "accent",
                0.56,
                separate(ellipse(float(x), float(y), 0.011) for x, y in polygon(9, 0.075)),
            ),
            ("petal", 0.5, at(bloom(6, 0.1, 0.07), 0.36, 0.42)),
            ("accent", 0.5, at(separate([ellipse(0, 0, 0.025)]), 0.36, 0.42)),
        ],
        0.72,
        0.84,
    )


def meadow() -> list[Part]:
    """Return small flowers, stems and grasses."""
    stems: list[Group] = []
    leaves: list[Group] = []
    heads: list[Group] = []
    hearts: list[Group] = []
    bells: list[Group] = []
    for x, y, lean, kind in (
        (-0.24, 0.1, 0.1, 0),
        (0.02, -0.16, -0.06, 1),
        (0.24, 0.06, 0.12, 0),
        (-0.1, 0.26, -0.1, 2),
        (0.14, 0.3, 0.08, 1),
    ):
        path = spline([(x - lean, y + 0.34), (x - lean * 0.2, y + 0.16), (x, y)], 8)
        stems += ribbon(path, 0.013)
        leaves += [
            (moved(turned(leaf(0.17, 0.05, bend=s * 0.03), s * 0.6), *path[5]),) for s in (-1, 1)
        ]
        if kind == 0:
            heads += at(bloom(8, 0.1, 0.055), x, y)
            hearts.append((ellipse(x, y, 0.032),))
        elif kind == 1:
            bells += [
                (moved(turned(leaf(0.12, 0.055, belly=0.6), a), x, y + 0.03),)
                for a in (-0.6, 0, 0.6)
            ]
        else:
            bells += separate(
                ellipse(x + float(a), y + float(b), 0.018) for a, b in polygon(7, 0.055) * [1, 0.9]
            )
    return repeat(
        [
            ("leaf", 0.45, stems),
            ("leaf", 0.5, leaves),
            ("petal", 0.5, heads),
            ("accent", 0.5, hearts),
            ("light", 0.5, bells),
        ],
        0.66,
        0.78,
    )


def citrus() -> list[Part]:
    """Return slices of citrus with leaves and blossom."""

    def fruit(x: float, y: float, r: float, turn: float) -> list[Layer]:
        wedge = np.concatenate([points((0, -0.1)), arc(0, 0, 0.8, 0.8, -1.9, -1.24, 10)])
        return [
            ("petal", 0.5, [(ellipse(x, y, r),)]),
            ("light", 0.53, [(ellipse(x, y, r * 0.9),)]),
            ("accent", 0.5, [(moved(c * r, x, y),) for c in around(wedge, 8, turn)]),
        ]

    leaves = [
        (moved(turned(leaf(0.34, 0.16, bend=0.04), a), x, y),)
        for a, x, y in ((0.7, 0.0, -0.05), (2.2, 0.05, 0.1), (4.1, -0.1, 0.1), (5.3, 0.2, 0.4))
    ]
    blossom = at(bloom(5, 0.1, 0.08), 0.33, -0.3)
    return repeat(
        [
            ("leaf", 0.5, leaves),
            *fruit(0, 0, 0.25, 0.2),
            *fruit(0.36, 0.44, 0.17, 0.5),
            ("light", 0.5, blossom),
            ("petal", 0.5, [(ellipse(0.33, -0.3, 0.03),)]),
        ],
        0.74,
        0.92,
    )


def ogee_tulip() -> list[Part]:
    """Return tulips within an ogee trellis, after Ottoman silks."""
    side = spline(
        [(0, -0.56), (0.1, -0.42), (0.32, -0.2), (0.36, 0), (0.32, 0.2), (0.1, 0.42), (0, 0.56)], 10
    )
    trellis = ribbon(side, 0.035) + ribbon(mirrored(side), 0.035)
    outer = [
        (turned(leaf(0.42, 0.2, bend=b, belly=0.4), t),) for b, t in ((0.12, 0.32), (-0.12, -0.32))
    ]
    heart = [(leaf(0.46, 0.2),)]
    leaves = [
        (moved(turned(leaf(0.34, 0.09, bend=b), t), 0, 0.3),) for b, t in ((0.1, 0.6), (-0.1, -0.6))
    ]
    return repeat(
        [
            ("leaf", 0.5, trellis),
            ("leaf", 0.47, at(ribbon(points((0, 0), (0, 0.16), (0, 0.32)), 0.02), 0, 0)),
            ("leaf", 0.5, leaves),
            ("petal", 0.5, at(outer, 0, 0.08)),
            ("accent", 0.5, at(heart, 0, 0.08)),
            ("light", 0.5, [(moved(drop(0.2, 0.1), 0, -0.2),)]),
        ],
        0.72,
        1.12,
    )
