"""Chairs, seen from the front and a little to one side and above."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import Part, part, placed, ribbon, spline
from image_search.demo.room import disc, legs, project, rod, slab, wood


def spindle() -> list[Part]:
    """Return a Windsor chair: a bow and spindles above a saddled seat."""
    out = [*legs(1.12, 0, -0.78, 0.06, 0.045, False)]
    for x in (-0.4, 0.4):
        out.append(wood(rod([(x, -0.42, -0.4), (x, -0.42, 0), (x, -0.42, 0.4)], 0.034), 0.034, 0.0))
    out.append(wood(rod([(-0.4, -0.42, 0), (0, -0.42, 0), (0.4, -0.42, 0)], 0.036), 0.036, 0.0))
    out += legs(1.12, 0, -0.78, 0.07, 0.05, True)
    out += slab(disc(0, 0.04, 0.02, 0.5, 0.46, 0.8), 0.07, "frame", "wood", 0.3)
    for x in np.linspace(-0.28, 0.28, 7):
        height = 0.92 - 0.9 * float(x) ** 2
        out.append(
            wood(
                rod(
                    [
                        (float(x), 0.04, -0.34),
                        (float(x) * 1.15, 0.5, -0.4),
                        (float(x) * 1.2, height, -0.48),
                    ],
                    0.026,
                    0.02,
                ),
                0.026,
                0.2,
            )
        )
    bow = rod(
        [
            (-0.38, 0.04, -0.3),
            (-0.44, 0.5, -0.4),
            (-0.32, 0.84, -0.47),
            (0, 0.96, -0.5),
            (0.32, 0.84, -0.47),
            (0.44, 0.5, -0.4),
            (0.38, 0.04, -0.3),
        ],
        0.052,
    )
    return [*out, wood(bow, 0.052, 0.35)]


def lounge() -> list[Part]:
    """Return a lounge chair: deep cushions on a bent frame with armrests."""
    out = [*legs(1.2, -0.1, -0.74, 0.06, 0.04, False)]
    back = [
        (-0.46, 0.06, -0.3),
        (-0.47, 0.5, -0.46),
        (-0.42, 0.9, -0.6),
        (0, 0.94, -0.62),
        (0.42, 0.9, -0.6),
        (0.47, 0.5, -0.46),
        (0.46, 0.06, -0.3),
        (0, 0.02, -0.26),
    ]
    out += slab(disc(0, -0.08, 0, 0.56, 0.5, 0.5), 0.07, "frame", "wood", 0.05)
    cushion = spline(project(*back), 10, closed=True)
    out.append(part([(cushion,)], "seat", "cloth", bevel=0.16, lift=0.3, tone=0.5))
    for y in (0.34, 0.62):
        z = -0.33 - 0.27 * y
        seam = rod([(-0.44, y, z), (0, y - 0.015, z + 0.02), (0.44, y, z)], 0.012)
        out.append(part(seam, "seat", "cloth", bevel=0.01, lift=0.4, tone=0.26))
    out += legs(1.2, -0.1, -0.74, 0.068, 0.045, True)
    out += slab(disc(0, 0.1, 0.06, 0.5, 0.47, 0.45), 0.17, "seat", "cloth", 0.14)
    for s in (-1, 1):
        arm = rod(
            [(s * 0.47, 0.44, -0.42), (s * 0.57, 0.42, 0.0), (s * 0.56, 0.38, 0.44)], 0.07, 0.085
        )
        post = rod([(s * 0.55, -0.1, 0.34), (s * 0.57, 0.15, 0.36), (s * 0.56, 0.37, 0.38)], 0.05)
        out += [wood(post, 0.05, 0.3), wood(arm, 0.08, 0.4)]
    return out


def wishbone() -> list[Part]:
    """Return a chair with a Y-shaped splat, a round top rail and a woven seat."""
    out: list[Part] = []
    for s in (-1, 1):
        leg = rod(
            [
                (s * 0.4, -0.78, -0.46),
                (s * 0.37, -0.2, -0.38),
                (s * 0.4, 0.2, -0.4),
                (s * 0.5, 0.62, -0.24),
            ],
            0.055,
            0.045,
        )
        out.append(wood(leg, 0.055, 0.0))
    out.append(
        wood(rod([(-0.38, -0.4, -0.4), (0, -0.4, -0.4), (0.38, -0.4, -0.4)], 0.034), 0.034, 0)
    )
    out += legs(1.08, 0.0, -0.78, 0.066, 0.05, True)
    out.append(
        wood(rod([(-0.38, -0.34, 0.38), (0, -0.34, 0.38), (0.38, -0.34, 0.38)], 0.036), 0.036)
    )
    out += slab(
        [(-0.4, 0.04, -0.36), (0.4, 0.04, -0.36), (0.46, 0.04, 0.42), (-0.46, 0.04, 0.42)],
        0.06,
        "accent",
        "cloth",
        0.05,
        smooth=False,
    )
    for k in np.linspace(0.12, 0.94, 11):
        k = float(k)
        square = [
            (-0.44 * k, 0.045, -0.36 * k),
            (0.44 * k, 0.045, -0.36 * k),
            (0.46 * k, 0.045, 0.42 * k),
            (-0.46 * k, 0.045, 0.42 * k),
            (-0.44 * k, 0.045, -0.36 * k),
        ]
        cord = ribbon(project(*square), 0.008)
        out.append(part(cord, "accent", "flat", lift=0.0, tone=0.36))
    out.append(wood(rod([(0, 0.04, -0.38), (0, 0.26, -0.44), (0, 0.38, -0.46)], 0.11, 0.08), 0.1))
    for s in (-1, 1):
        out.append(
            wood(
                rod([(0, 0.32, -0.45), (s * 0.06, 0.48, -0.5), (s * 0.17, 0.66, -0.5)], 0.06, 0.05),
                0.055,
            )
        )
    rail = rod(
        [
            (-0.6, 0.56, 0.2),
            (-0.54, 0.62, -0.2),
            (-0.34, 0.68, -0.46),
            (0, 0.7, -0.54),
            (0.34, 0.68, -0.46),
            (0.54, 0.62, -0.2),
            (0.6, 0.56, 0.2),
        ],
        0.07,
    )
    return [*out, wood(rail, 0.07, 0.45)]


def shell() -> list[Part]:
    """Return a moulded shell on splayed wooden legs."""
    out = [
        *legs(1.5, -0.02, -0.76, 0.06, 0.035, False, 0.25),
        *legs(1.5, 0.04, -0.76, 0.065, 0.04, True, 0.27),
    ]
    bucket = [
        (-0.52, 0.14, 0.42),
        (-0.56, 0.34, 0.1),
        (-0.52, 0.56, -0.26),
        (-0.36, 0.84, -0.46),
        (0, 0.92, -0.52),
        (0.36, 0.84, -0.46),
        (0.52, 0.56, -0.26),
        (0.56, 0.34, 0.1),
        (0.52, 0.14, 0.42),
        (0.26, 0.0, 0.52),
        (0, -0.03, 0.54),
        (-0.26, 0.0, 0.52),
    ]
    edge = spline(project(*bucket), 10, closed=True)
    under = spline(
        project(
            (-0.56, 0.24, 0.1),
            (-0.52, 0.1, 0.42),
            (-0.28, -0.08, 0.5),
            (0, -0.13, 0.52),
            (0.3, -0.1, 0.48),
            (0.54, 0.12, 0.36),
            (0.54, 0.3, 0.1),
            (0, 0.3, 0),
        ),
        8,
        closed=True,
    )
    out.append(part([(under,)], "seat", "cloth", bevel=0.1, lift=0.5, tone=0.3))
    out.append(part([(edge,)], "seat", "cabochon", bevel=0.05, lift=0.0))
    inner = spline(
        project(*[(x * 0.93, y * 0.95 + 0.02, z * 0.93) for x, y, z in bucket]), 10, closed=True
    )
    out.append(part([(inner,)], "seat", "cloth", bevel=0.32, lift=0.0, tone=0.53))
    pad = slab(disc(0, 0.1, 0.12, 0.36, 0.34, 0.7), 0.05, "accent", "cloth", 0.12)
    return [*out, *pad]


def stool() -> list[Part]:
    """Return a bar stool with a round upholstered seat and a ring for the feet."""
    out = [*legs(1.0, 0.46, -0.8, 0.055, 0.045, False)]
    foot = rod(disc(0, -0.36, 0, 0.44, 0.44)[10:] + disc(0, -0.36, 0, 0.44, 0.44)[:1], 0.034)
    out.append(part(foot, "metal", bevel=0.017, lift=0.3))
    near = rod(disc(0, -0.36, 0, 0.44, 0.44)[:11], 0.034)
    out += legs(1.0, 0.46, -0.8, 0.06, 0.045, True)
    out.append(part(near, "metal", bevel=0.017, lift=0.4))
    out += slab(disc(0, 0.5, 0, 0.5, 0.5), 0.06, "frame", "wood", 0.04)
    out += slab(disc(0, 0.63, 0, 0.49, 0.49), 0.12, "seat", "cloth", 0.2)
    back = rod(
        [
            (-0.4, 0.62, -0.3),
            (-0.42, 0.84, -0.34),
            (-0.26, 0.9, -0.5),
            (0, 0.92, -0.56),
            (0.26, 0.9, -0.5),
            (0.42, 0.84, -0.34),
            (0.4, 0.62, -0.3),
        ],
        0.06,
    )
    return placed([*out, wood(back, 0.06, 0.4)], 0.0, 0.05, 0.86)


def ladder() -> list[Part]:
    """Return a ladder-back chair with four curved slats and a padded seat."""
    out: list[Part] = []
    for y in (0.28, 0.46, 0.64, 0.83):
        slat = rod(
            [
                (-0.36, y, -0.4 - 0.08 * y),
                (0, y + 0.035, -0.46 - 0.08 * y),
                (0.36, y, -0.4 - 0.08 * y),
            ],
            0.085,
        )
        out.append(wood(slat, 0.05, 0.0))
    for s in (-1, 1):
        post = rod(
            [
                (s * 0.4, -0.78, -0.44),
                (s * 0.37, 0.0, -0.37),
                (s * 0.38, 0.5, -0.42),
                (s * 0.39, 1.0, -0.5),
            ],
            0.062,
            0.05,
        )
        out.append(wood(post, 0.06, 0.3))
    out.append(wood(rod([(-0.39, -0.36, -0.4), (-0.37, -0.36, 0.36)], 0.036), 0.036, 0))
    for y in (-0.3, -0.5):
        out.append(wood(rod([(-0.37, y, 0.37), (0, y, 0.37), (0.37, y, 0.37)], 0.036), 0.036, 0))
    out += legs(1.02, 0.0, -0.78, 0.068, 0.056, True)
    out += slab(disc(0, -0.01, 0.02, 0.47, 0.45, 0.3), 0.07, "frame", "wood", 0.04)
    return [*out, *slab(disc(0, 0.06, 0.02, 0.44, 0.42, 0.4), 0.07, "seat", "cloth", 0.16)]
