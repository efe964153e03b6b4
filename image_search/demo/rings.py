"""Rings: a band, standing or lying, and what it carries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from image_search.demo.gems import gem, gem_profile, pave, pearl
from image_search.demo.geometry import (
    TAU,
    Curve,
    Part,
    arc,
    ellipse,
    leaf,
    moved,
    part,
    placed,
    points,
    ribbon,
    ring,
    separate,
    spline,
    star,
    turned,
)


def standing(width: float = 0.13, radius: float = 0.66, y: float = 0.2) -> list[Part]:
    """Return a plain band seen from the front, a little from above: its inside shows below."""
    inner, depth = radius - width, 0.06
    back = ring(
        ellipse(0, y - depth, radius * 0.985, radius * 0.975),
        ellipse(0, y - depth, inner * 0.985, inner * 0.97),
    )
    front = ring(ellipse(0, y, radius), ellipse(0, y, inner))
    return [
        part([back], "metal", bevel=width * 0.9, lift=0.0),
        part([front], "metal", bevel=width * 0.52, lift=0.5),
    ]


def lying(height: float = 0.26, tilt: float = 0.5, radius: float = 0.86) -> list[Part]:
    """Return a broad band lying on the table: its inside behind, its face in front."""
    top, low = -height / 2, height / 2
    ry = radius * tilt
    inside = np.concatenate(
        [
            arc(0, top, radius * 0.97, ry * 0.95, np.pi, TAU, 60),
            arc(0, top, radius * 0.97, ry * 0.95, 0, np.pi, 60),
        ]
    )
    hole = arc(0, low + height * 0.35, radius * 0.9, ry * 0.84, 0, TAU * 0.99, 90)
    face = np.concatenate(
        [arc(0, low, radius, ry, 0, np.pi, 70), arc(0, top, radius, ry, np.pi, 0, 70)]
    )
    rim = ring(ellipse(0, top, radius, ry), ellipse(0, top, radius * 0.94, ry * 0.9))
    return [
        part([(inside, hole)], "metal", bevel=height * 0.8, lift=0.0),
        part([(face,)], "metal", bevel=height * 0.55, lift=0.0),
        part([rim], "metal", bevel=0.03, lift=0.35),
    ]


def on_face(shares: Curve, y: float, tilt: float = 0.5, radius: float = 0.86) -> Curve:
    """Return points on the face of a lying band: ``shares`` 0 to 1 from right to left."""
    angle = shares * np.pi
    return np.stack([radius * np.cos(angle), y + radius * tilt * np.sin(angle)], axis=1)


def prongs(y: float, width: float, depth: float) -> list[Part]:
    """Return a tulip of claws holding a stone of this width whose girdle is at ``y``."""
    claws = []
    for x in (-1.0, -0.36, 0.36, 1.0):
        path = spline(
            [
                (x * 0.12 * width, y + depth),
                (x * 0.34 * width, y + depth * 0.5),
                (x * 0.51 * width, y - 0.025),
            ],
            10,
        )
        claws += ribbon(path, np.linspace(0.05, 0.04, len(path)))
    return [part(claws, "metal", bevel=0.024, lift=0.4)]


def leaves(x: float, y: float, turn: float, count: int, size: float) -> list[Part]:
    """Return a sprig: paired leaves along a short bent stem, ending in one at its tip."""
    out: list[Part] = []
    for i in range(count):
        at = i / max(count - 1, 1)
        for side in (-1, 1):
            blade = turned(leaf(size * (1 - 0.3 * at), size * 0.46), side * (0.95 - 0.3 * at))
            blade = moved(blade, 0, -size * 0.62 * i)
            vein = moved(
                turned(points((0, -0.08 * size), (0, -0.8 * size)), side * (0.95 - 0.3 * at)),
                0,
                -size * 0.62 * i,
            )
            out.append(part([(blade,)], "metal", bevel=size * 0.2, lift=0.5))
            out.append(
                part(
                    ribbon(np.linspace(vein[0], vein[1], 8), size * 0.035),
                    "metal",
                    bevel=0.012,
                    lift=0.45,
                )
            )
    out.append(
        part(
            [(moved(leaf(size * 0.8, size * 0.36), 0, -size * 0.62 * (count - 1)),)],
            "metal",
            bevel=size * 0.18,
            lift=0.5,
        )
    )
    return placed(out, x, y, 1.0, turn)


def solitaire() -> list[Part]:
    """Return one brilliant in claws on a slim band."""
    return [*standing(0.11), *prongs(-0.62, 0.52, 0.26), gem_profile(0, -0.62, 0.54)]


def solitaire_leaf() -> list[Part]:
    """Return a brilliant between two sprigs of leaves."""
    out = standing(0.11)
    for flip in (False, True):
        out += placed(leaves(0.14, -0.4, 1.42, 3, 0.19), flip=flip)
    return [*out, *prongs(-0.6, 0.46, 0.2), gem_profile(0, -0.6, 0.48)]


def trilogy() -> list[Part]:
    """Return three brilliants in a row."""
    out = standing(0.12)
    for x in (-0.38, 0.38):
        out += placed([*prongs(0, 0.32, 0.18), gem_profile(0, 0, 0.33)], x, -0.44, 1.0, x * 0.8)
    return [*out, *prongs(-0.62, 0.46, 0.24), gem_profile(0, -0.62, 0.48)]


def halo() -> list[Part]:
    """Return an oval stone in a halo of small ones, seen from above on a lying band."""
    out = lying(0.14, 0.5)
    at = 0.24
    out.append(part([(ellipse(0, at, 0.44, 0.53),)], "metal", bevel=0.06, lift=0.6))
    edge = arc(0, at, 0.37, 0.455, 0, TAU * (1 - 1 / 22), 22)
    return [*out, *pave(edge, 0.108, "diamond"), gem("oval", 0, at, 0.74)]


def eternity() -> list[Part]:
    """Return a broad band set with brilliants all along its face."""
    out = lying(0.3, 0.46)
    shares = np.linspace(0.06, 0.94, 13)
    for point, share in zip(on_face(shares, 0, 0.46), shares, strict=True):
        size = 0.08 + 0.13 * np.sin(np.pi * share)
        out.append(gem("round", float(point[0]), float(point[1]), float(size), lift=0.6))
    return out


def signet() -> list[Part]:
    """Return a signet ring with a cushion-shaped plate and a star cut into it."""
    out = lying(0.22, 0.5)
    shoulder = spline(
        [
            (-0.8, 0.16),
            (-0.5, 0.0),
            (0, -0.1),
            (0.5, 0.0),
            (0.8, 0.16),
            (0.55, 0.5),
            (0, 0.68),
            (-0.55, 0.5),
        ],
        10,
        closed=True,
    )
    out.append(part([(shoulder,)], "metal", bevel=0.16, lift=0.4))
    plate = moved(ellipse(0, 0, 0.42, 0.36), 0, 0.26)
    out.append(part([(plate,)], "metal", bevel=0.045, lift=0.3))
    out.append(
        part(
            [(moved(ellipse(0, 0, 0.33, 0.28), 0, 0.26),)], "gem", "cabochon", bevel=0.03, lift=0.0
        )
    )
    out.append(part([(moved(star(8, 0.23, 0.09), 0, 0.26),)], "metal", bevel=0.02, lift=0.2))
    return out


def twist() -> list[Part]:
    """Return a band of two strands wound about each other, with a small stone."""
    out: list[Part] = []
    angle = np.linspace(0, TAU, 361)
    radius, y, turns = 0.62, 0.12, 9
    strands = []
    for phase in (0.0, np.pi):
        r = radius + 0.055 * np.sin(turns * angle + phase)
        strands.append(np.stack([r * np.sin(angle), y - r * np.cos(angle)], axis=1))
    cut = np.arange(0, 361, 20)
    for over in (False, True):  # even stretches pass below, odd ones above
        for k, strand in enumerate(strands):
            for i, (a, b) in enumerate(itertools.pairwise(cut)):
                if ((i + k) % 2 == 0) is over:
                    span = strand[max(a - 6, 0) : b + 7]
                    out.append(
                        part(
                            ribbon(
                                span, 0.1 * np.sin(np.pi * np.linspace(0.1, 0.9, len(span))) ** 0.45
                            ),
                            "metal",
                            bevel=0.05,
                            lift=0.55 if over else 0.0,
                        )
                    )
    return [*out, *prongs(-0.66, 0.36, 0.17), gem_profile(0, -0.66, 0.38)]


def crossover() -> list[Part]:
    """Return two bands that cross in front, one of them set with small stones."""
    out = lying(0.1, 0.5)[:1]
    for sign, low in ((1, False), (-1, True)):
        t = np.linspace(0.0, 1.0, 60)
        path = on_face(t, 0.0)
        path[:, 1] += sign * 0.17 * np.sin(TAU * t) - 0.03 * sign
        out.append(
            part(ribbon(path, 0.1 + 0.06 * np.sin(np.pi * t)), "metal", bevel=0.08, lift=0.6)
        )
        if low:
            out += pave(path[6:-5:3], 0.075)
    return out


def bezel() -> list[Part]:
    """Return an emerald-cut stone in a smooth frame, turned across a lying band."""
    out = lying(0.18, 0.48)
    frame = gem("emerald", 0, 0.27, 0.84, turn=np.pi / 2)
    ring_edge = (frame.groups[0][0] - [0, 0.27]) * [1.12, 1.18] + [0, 0.27]
    out.append(part([(ring_edge,)], "metal", bevel=0.06, lift=0.6))
    return [*out, frame]


def cluster() -> list[Part]:
    """Return a flower of stones about a pearl."""
    out = lying(0.12, 0.5)
    for i in range(8):
        angle = TAU * i / 8
        x, y = 0.34 * np.sin(angle), 0.22 - 0.34 * np.cos(angle)
        out.append(part([(ellipse(float(x), float(y), 0.155),)], "metal", bevel=0.04, lift=0.5))
    for i in range(8):
        angle = TAU * i / 8
        x, y = 0.34 * np.sin(angle), 0.22 - 0.34 * np.cos(angle)
        out.append(gem("pear", float(x), float(y), 0.27, turn=angle + np.pi, lift=0.2))
    return [*out, pearl(0, 0.22, 0.36)]


def bubbles() -> list[Part]:
    """Return a ring of pearls and beads running along the face of a band."""
    out = lying(0.08, 0.5)
    order: Iterator[float] = iter(np.linspace(0.14, 0.86, 9))
    for i, share in enumerate(order):
        x, y = on_face(np.array([share]), -0.06)[0]
        size = 0.13 + 0.13 * float(np.sin(np.pi * share))
        if i % 2:
            out.append(
                part(
                    separate([ellipse(float(x), float(y), size * 0.42)]),
                    "metal",
                    bevel=size * 0.42,
                    lift=0.5,
                )
            )
        else:
            out.append(pearl(float(x), float(y), size))
    return out
