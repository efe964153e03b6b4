"""Pendants: what hangs from a fine chain."""

from __future__ import annotations

import numpy as np

from image_search.demo.gems import gem, outline, pave, pearl, tablet
from image_search.demo.geometry import (
    TAU,
    Curve,
    Part,
    arc,
    around,
    drop,
    ellipse,
    heart,
    leaf,
    mirrored,
    moved,
    normals,
    part,
    placed,
    points,
    polygon,
    ribbon,
    ring,
    separate,
    spline,
    star,
    turned,
)
from image_search.demo.geometry import crescent as moon_shape


def _links(path: Curve, size: float) -> list[Part]:
    """Return a chain of links along a path: open ones seen from the front, thin ones edge-on."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.arange(0, along[-1], size * 0.72)
    centre = np.stack([np.interp(at, along, path[:, i]) for i in (0, 1)], axis=1)
    step = np.gradient(centre, axis=0)
    turn = np.arctan2(step[:, 1], step[:, 0])
    flat, edge = [], []
    for i, (c, a) in enumerate(zip(centre, turn, strict=True)):
        if i % 2:
            bar = turned(ellipse(0, 0, size * 0.5, size * 0.13, n=20), float(a))
            edge.append((moved(bar, *c),))
        else:
            outer, inner = (
                turned(ellipse(0, 0, size * rx, size * ry, n=24), float(a))
                for rx, ry in ((0.54, 0.34), (0.34, 0.16))
            )
            flat.append(ring(moved(outer, *c), moved(inner, *c)))
    return [
        part(flat, "metal", bevel=size * 0.1, lift=0.0),
        part(edge, "metal", bevel=size * 0.13, lift=0.3),
    ]


def hung(parts: list[Part], top: float = -0.42, size: float = 0.062) -> list[Part]:
    """Return the parts below a chain that comes down from both upper corners to a bail."""
    right = spline([(0.0, top - 0.09), (0.2, top - 0.3), (0.44, top - 0.7), (0.6, top - 1.1)], 20)
    out = _links(right, size) + _links(mirrored(right), size)
    bail = ring(ellipse(0, top - 0.035, 0.06, 0.1), ellipse(0, top - 0.035, 0.024, 0.06))
    return [*out, part([bail], "metal", bevel=0.03, lift=0.4), *parts]


def drop_stone() -> list[Part]:
    """Return a pear-shaped stone in a frame of small ones."""
    edge = moved(outline("pear", 0.98), 0, 0.26)
    frame = (edge - [0, 0.26]) * 1.26 + [0, 0.245]
    row = ((edge - [0, 0.26]) * 1.13 + [0, 0.25])[::2]
    return hung(
        [
            part([(frame,)], "metal", bevel=0.05, lift=0.4),
            *pave(row[1:], 0.085, "diamond"),
            gem("pear", 0, 0.26, 0.96),
        ],
        -0.42,
    )


def sunburst() -> list[Part]:
    """Return rays of two lengths about a round stone."""
    rays = around(moved(leaf(0.34, 0.1, belly=0.3), 0, -0.26), 12)
    fine = around(moved(leaf(0.2, 0.07, belly=0.3), 0, -0.27), 12, TAU / 24)
    parts = [
        part(separate(fine), "metal", bevel=0.04, lift=0.4),
        part(separate(rays), "metal", bevel=0.05, lift=0.4),
    ]
    dots = pave(polygon(12, 0.48, TAU / 24), 0.07, "diamond")
    parts += [*dots, part([(ellipse(0, 0, 0.29),)], "metal", bevel=0.06, lift=0.4)]
    return hung(placed([*parts, gem("round", 0, 0, 0.46)], 0, 0.26, 1.06), -0.4)


def crescent() -> list[Part]:
    """Return a crescent moon with a star in its arms."""
    axis, d, r = -0.25 * np.pi, 0.24, 0.42  # the bite: where it lies and how large it is
    moon = moon_shape(0.56, r, d, axis)
    angle = np.linspace(0.52 * np.pi, 1.48 * np.pi, 13)
    middle = (0.56 + d * np.cos(angle) + np.sqrt(r * r - (d * np.sin(angle)) ** 2)) / 2
    bow = turned(np.stack([middle * np.cos(angle), middle * np.sin(angle)], axis=1), axis)
    stones = pave(bow, 0.075, "diamond")
    tip = part([(moved(star(8, 0.24, 0.09), 0.16, -0.1),)], "metal", bevel=0.05, lift=0.4)
    return hung(
        placed(
            [
                part([(moon,)], "metal", bevel=0.1, lift=0.3),
                *stones,
                tip,
                gem("round", 0.16, -0.1, 0.13),
            ],
            0,
            0.22,
            1.08,
        ),
        -0.44,
    )


def locket() -> list[Part]:
    """Return an oval locket with an engraved flower under a beaded edge."""
    body = part([(ellipse(0, 0.28, 0.5, 0.63),)], "metal", bevel=0.3, lift=0.3)
    beads = part(
        separate(
            moved(ellipse(0, 0, 0.032, n=20), float(x), float(y))
            for x, y in arc(0, 0.28, 0.46, 0.59, 0, TAU * (1 - 1 / 44), 44)
        ),
        "metal",
        bevel=0.03,
        lift=0.35,
    )
    field = part([(ellipse(0, 0.28, 0.385, 0.51),)], "gem", "cabochon", bevel=0.3, lift=0.0)
    petals = separate(moved(c, 0, 0.28) for c in around(moved(leaf(0.25, 0.17), 0, -0.07), 6))
    spray = separate(moved(c, 0, 0.28) for c in around(moved(leaf(0.16, 0.07), 0, -0.27), 6, 0.52))
    return hung(
        [
            body,
            beads,
            field,
            part(spray, "metal", bevel=0.03, lift=0.3),
            part(petals, "metal", bevel=0.07, lift=0.4),
            pearl(0, 0.28, 0.15),
        ],
        -0.46,
    )


def open_heart() -> list[Part]:
    """Return an open heart of two sweeping lines with a stone at its turn."""
    left = spline(
        [
            (0, 0.86),
            (-0.36, 0.52),
            (-0.56, 0.14),
            (-0.42, -0.18),
            (-0.14, -0.16),
            (0.02, 0.1),
            (0.1, 0.34),
        ],
        14,
    )
    right = spline(
        [(-0.04, 0.84), (0.34, 0.54), (0.56, 0.14), (0.42, -0.2), (0.16, -0.24), (0.0, -0.36)], 14
    )
    t = np.linspace(0, 1, len(left))
    u = np.linspace(0, 1, len(right))
    parts = [
        part(ribbon(right, 0.1 + 0.05 * np.sin(np.pi * u)), "metal", bevel=0.07, lift=0.4),
        *pave(right[14:-18:5], 0.07, "diamond"),
        part(ribbon(left, 0.14 - 0.09 * t**2), "metal", bevel=0.07, lift=0.5),
    ]
    return hung([*parts, gem("round", 0.1, 0.34, 0.24)], -0.42)


def feather() -> list[Part]:
    """Return a feather of many barbs about a curved quill."""
    spine = spline([(0.1, -0.36), (0.06, 0.0), (-0.03, 0.42), (-0.22, 0.86)], 14)
    t = np.linspace(0, 1, len(spine))
    side = normals(spine)
    half = 0.25 * np.sin(np.pi * (0.06 + 0.94 * t)) ** 0.6 * (1.08 - 0.3 * t)
    parts: list[Part] = []
    ribs = []
    for sign in (-1, 1):
        notched = half * (1 - 0.45 * np.isin(np.arange(len(t)), (19, 31) if sign > 0 else (25,)))
        edge = spine + sign * side * notched[:, None] + [0.0, 0.06]
        vane = np.concatenate([spine[3:], edge[:2:-1]])
        parts.append(part([(vane,)], "metal", bevel=0.08, lift=0.35))
        for i in range(5, len(spine) - 6, 2):
            tip = spine[i] + sign * side[i] * notched[i] * 0.78 + [0.0, 0.1]
            ribs += ribbon(np.linspace(spine[i], tip, 6), np.linspace(0.018, 0.008, 6))
    parts.append(part(ribs, "metal", bevel=0.009, lift=0.5))
    quill = ribbon(spine, np.linspace(0.055, 0.02, len(spine)))
    return hung(
        [*parts, part(quill, "metal", bevel=0.026, lift=0.5), gem("round", 0.1, -0.3, 0.13)], -0.4
    )


def deco_fan() -> list[Part]:
    """Return an art-deco fan of steps, with a baguette stone at its heart."""
    parts: list[Part] = []
    for radius, slot in (
        (0.92, "metal"),
        (0.84, "gem"),
        (0.66, "metal"),
        (0.6, "accent"),
        (0.42, "metal"),
    ):
        a, b = np.pi * 0.2, np.pi * 0.8
        fan = np.concatenate(
            [points((0, -0.1)), moved(arc(0, 0, radius, radius, a, b, 40), 0, -0.1)]
        )
        finish = "polished" if slot == "metal" else "cabochon"
        parts.append(part([(fan,)], slot, finish, bevel=0.04, lift=0.2 if slot == "metal" else 0.0))
    for angle in np.linspace(-0.3 * np.pi, 0.3 * np.pi, 9):
        rib = turned(points((0, 0.4), (0, 0.6), (0, 0.84)), float(angle))
        parts.append(part(ribbon(moved(rib, 0, -0.1), 0.03), "metal", bevel=0.015, lift=0.25))
    tips = [
        moved(turned(points((0, 0.93)), float(a)), 0, -0.1)[0]
        for a in np.linspace(-0.27 * np.pi, 0.27 * np.pi, 8)
    ]
    parts += [pearl(float(x), float(y), 0.095) for x, y in tips]
    return hung([*parts, gem("baguette", 0, 0.06, 0.42)], -0.24)


def tree() -> list[Part]:
    """Return a tree of life: a branching tree within a hoop, its leaves small stones."""
    parts = [part([ring(ellipse(0, 0.24, 0.62), ellipse(0, 0.24, 0.535))], "metal", bevel=0.045)]
    twigs = []
    for flip in (1, -1):
        for knots in (
            [(0, 0.6), (0.02, 0.3), (0.14, 0.06), (0.2, -0.18)],
            [(0.02, 0.36), (0.18, 0.16), (0.36, 0.06)],
            [(0.06, 0.2), (0.04, 0.0), (0.05, -0.2)],
            [(0.02, 0.4), (0.2, 0.32), (0.42, 0.28)],
            [(0, 0.55), (0.12, 0.68), (0.26, 0.74)],
        ):
            path = spline(points(*knots) * [flip, 1], 8)
            twigs += ribbon(path, np.linspace(0.075, 0.025, len(path)))
    parts.append(part(twigs, "metal", bevel=0.035, lift=0.4))
    for x, y in (
        (0.2, -0.18),
        (0.36, 0.06),
        (0.05, -0.2),
        (0.42, 0.28),
        (0.28, -0.06),
        (0.3, 0.19),
        (0.13, 0.1),
    ):
        for flip in (1, -1):
            parts.append(gem("marquise", x * flip, y, 0.15, turn=flip * (0.5 + x), n=6))
    return hung(parts, -0.43)


def winged_heart() -> list[Part]:
    """Return a heart-shaped stone between two small wings."""
    parts: list[Part] = []
    for flip in (False, True):
        for i in range(5):
            blade = turned(leaf(0.62 - 0.07 * i, 0.15, bend=-0.1), 0.75 + 0.26 * i)
            wing = part([(blade,)], "metal", bevel=0.05, lift=0.45)
            parts += placed([wing], -0.1 if flip else 0.1, 0.16, 1.0, 0.0, flip)
    edge = moved(heart(0.56), 0, 0.26)
    parts.append(part([((edge - [0, 0.26]) * 1.2 + [0, 0.26],)], "metal", bevel=0.06, lift=0.5))
    parts.append(gem("heart", 0, 0.26, 0.54))
    return hung([*parts, part([(moved(drop(0.24, 0.17), 0, 0.56),)], "metal", bevel=0.08)], -0.06)


def tablet_bar() -> list[Part]:
    """Return a tall smooth stone held by a stepped frame."""
    parts = [
        part([(outline_box,)], "metal", bevel=b, lift=0.3)
        for outline_box, b in (
            (moved(outline("emerald", 1.24) * [0.92, 1], 0, 0.3), 0.05),
            (moved(outline("emerald", 1.08) * [0.9, 1], 0, 0.3), 0.03),
        )
    ]
    parts.append(tablet(0, 0.3, 0.46, 0.82, 0.1, "gem"))
    for y in (-0.17, 0.77):
        parts += pave(points((-0.13, y), (0.0, y), (0.13, y)), 0.085, "diamond")
    return hung(parts, -0.4)
