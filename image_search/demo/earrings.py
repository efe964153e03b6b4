"""Earrings: pairs, hanging side by side."""

from __future__ import annotations

import numpy as np

from image_search.demo.gems import gem, pave, pearl
from image_search.demo.geometry import (
    TAU,
    Part,
    arc,
    around,
    box,
    ellipse,
    leaf,
    moved,
    part,
    placed,
    points,
    polygon,
    ribbon,
    ring,
    separate,
    spline,
)


def pair(parts: list[Part], apart: float = 0.44, y: float = 0.0, scale: float = 1.0) -> list[Part]:
    """Return the parts twice, mirrored, side by side."""
    return [*placed(parts, -apart, y, scale), *placed(parts, apart, y, scale, flip=True)]


def _hook(y: float) -> list[Part]:
    """Return an ear wire that ends at height ``y``."""
    wire = spline(
        [
            (0.19, y - 0.2),
            (0.19, y - 0.4),
            (0.13, y - 0.52),
            (0.04, y - 0.54),
            (-0.04, y - 0.46),
            (-0.03, y - 0.28),
            (0.0, y - 0.04),
        ],
        10,
    )
    eye = ring(ellipse(0, y, 0.045), ellipse(0, y, 0.018))
    return [
        part(ribbon(wire, 0.032), "metal", bevel=0.016, lift=0.0),
        part([eye], "metal", bevel=0.016, lift=0.3),
    ]


def teardrop() -> list[Part]:
    """Return pear-shaped stones below round ones."""
    one = [
        part([(ellipse(0, -0.55, 0.17),)], "metal", bevel=0.04),
        gem("round", 0, -0.55, 0.26, "diamond"),
        part(ribbon(points((0, -0.4), (0, -0.3), (0, -0.22)), 0.03), "metal", bevel=0.015),
    ]
    edge = gem("pear", 0, 0.24, 0.9)
    frame = (edge.groups[0][0] - [0, 0.24]) * 1.13 + [0, 0.235]
    return pair([*one, part([(frame,)], "metal", bevel=0.05, lift=0.3), edge])


def hoops() -> list[Part]:
    """Return broad hoops set with stones down the front."""
    rim = ring(ellipse(0, 0, 0.4, 0.52), ellipse(0.05, 0.0, 0.27, 0.4))
    row = arc(-0.005, 0, 0.365, 0.485, 0.62 * np.pi, 1.38 * np.pi, 13)
    return pair([part([rim], "metal", bevel=0.08), *pave(row, 0.072, "gem")], 0.46, 0.02, 1.1)


def chandelier() -> list[Part]:
    """Return tiers of filigree with a fringe of drops."""
    parts = _hook(-0.42)
    parts.append(
        part(
            [
                (
                    np.concatenate(
                        [
                            arc(0, -0.05, 0.36, 0.36, np.pi, TAU, 40),
                            arc(0, -0.05, 0.36, 0.12, 0, np.pi, 30),
                        ]
                    ),
                    ellipse(0, -0.16, 0.15),
                )
            ],
            "metal",
            bevel=0.05,
            lift=0.0,
        )
    )
    parts.append(gem("round", 0, -0.16, 0.24))
    parts += pave(arc(0, -0.06, 0.3, 0.3, 1.08 * np.pi, 1.92 * np.pi, 9), 0.07, "diamond")
    for x, length in ((-0.3, 0.16), (-0.15, 0.28), (0, 0.38), (0.15, 0.28), (0.3, 0.16)):
        y = 0.05 - 0.5 * x * x
        parts.append(
            part(
                ribbon(points((x, y), (x, y + length / 2), (x, y + length)), 0.022),
                "metal",
                bevel=0.011,
                lift=0.2,
            )
        )
        parts.append(gem("pear", x, y + length + 0.1, 0.22, lift=0.2, n=6))
    return pair(parts, 0.47, 0.04, 1.06)


def studs() -> list[Part]:
    """Return flower studs: petals about a pearl."""
    petals = around(moved(leaf(0.36, 0.27), 0, -0.06), 6)
    under = around(moved(leaf(0.4, 0.17), 0, -0.06), 6, TAU / 12)
    return pair(
        [
            part(separate(under), "metal", bevel=0.08, lift=0.2),
            *[part([(c,)], "metal", bevel=0.12, lift=0.5) for c in petals],
            *pave(polygon(6, 0.155), 0.07, "gem"),
            pearl(0, 0, 0.22),
        ],
        0.48,
        0,
        1.05,
    )


def ginkgo() -> list[Part]:
    """Return ginkgo leaves: fans of fine ribs on a stem."""
    t = np.linspace(-1.02, 1.02, 60)
    rim = 0.66 + 0.03 * np.cos(9 * t) - 0.16 * np.exp(-((t / 0.07) ** 2))
    fan = np.concatenate([points((0, 0)), np.stack([rim * np.sin(t), rim * np.cos(t)], axis=1)])
    parts = [*_hook(-0.34), part([(moved(fan, 0, -0.1),)], "metal", bevel=0.09, lift=0.2)]
    ribs = []
    for angle in np.linspace(-0.9, 0.9, 13):
        tip = np.array([np.sin(angle), np.cos(angle)])
        path = np.linspace(0.08, 0.54, 8)[:, None] * tip + [0, -0.1]
        ribs += ribbon(path, np.linspace(0.022, 0.008, 8))
    stem = ribbon(spline([(0, -0.34), (0.02, -0.2), (0, -0.04)], 8), np.linspace(0.035, 0.06, 17))
    return pair(
        [
            *parts,
            part(ribs, "metal", bevel=0.01, lift=0.45),
            part(stem, "metal", bevel=0.03),
            gem("round", 0, -0.02, 0.12),
        ],
        0.5,
        0.1,
        0.8,
    )


def deco_step() -> list[Part]:
    """Return stepped tablets of stone and enamel."""
    parts: list[Part] = [
        part([(box(0, -0.56, 0.3, 0.2, 0.03),)], "metal", bevel=0.04),
        gem("emerald", 0, -0.56, 0.22, "diamond", turn=np.pi / 2),
    ]
    for y, w, h, slot in (
        (-0.14, 0.4, 0.56, "metal"),
        (-0.14, 0.32, 0.48, "accent"),
        (0.42, 0.28, 0.5, "metal"),
        (0.42, 0.2, 0.42, "accent"),
    ):
        parts.append(
            part(
                [(box(0, y, w, h, 0.03),)],
                slot,
                "polished" if slot == "metal" else "cabochon",
                bevel=0.035,
                lift=0.3 if slot == "metal" else 0.0,
            )
        )
    parts.append(
        part(ribbon(points((0, -0.46), (0, -0.44), (0, -0.4)), 0.05), "metal", bevel=0.025)
    )
    parts += [gem("emerald", 0, -0.14, 0.36), gem("baguette", 0, 0.42, 0.32)]
    return pair([*parts, pearl(0, 0.74, 0.13)], 0.36)


def swirl() -> list[Part]:
    """Return spirals that end in a pearl."""
    angle = np.linspace(0.2, 2.3 * TAU, 120)
    r = 0.05 + 0.0285 * angle
    path = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    parts = [*_hook(-0.44), part(ribbon(path, np.linspace(0.04, 0.085, 120)), "metal", bevel=0.042)]
    return pair(
        [
            *parts,
            pearl(0.0, 0.68, 0.26),
            gem("round", 0, 0, 0.15),
            part([(ellipse(0, 0.55, 0.07, 0.05),)], "metal", bevel=0.05),
        ],
        0.47,
        0.04,
        1.0,
    )
