"""Ornaments in foil on card: rosettes, damask, paisley, laurel."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import (
    TAU,
    Curve,
    Group,
    Part,
    arc,
    around,
    drop,
    ellipse,
    leaf,
    mirrored,
    moved,
    part,
    placed,
    points,
    polygon,
    ribbon,
    ring,
    scaled,
    separate,
    star,
    turned,
)


def _foil(groups: list[Group], slot: str = "metal", bevel: float = 0.022) -> Part:
    return part(groups, slot, bevel=bevel, lift=0.25)


def _outlined(curve: Curve, inset: float) -> Group:
    """Return a closed curve as a band, by shrinking it towards its middle."""
    middle = (curve.min(axis=0) + curve.max(axis=0)) / 2
    return ring(curve, middle + (curve - middle) * (1 - inset))


def _hoop(radius: float, width: float) -> Group:
    return ring(ellipse(0, 0, radius), ellipse(0, 0, radius - width))


def mandala() -> list[Part]:
    """Return rings of petals within petals."""
    groups: list[Group] = [_hoop(0.98, 0.02), _hoop(0.3, 0.02)]
    groups += [_outlined(c, 0.16) for c in around(moved(leaf(0.52, 0.26), 0, -0.4), 16)]
    groups += separate(around(moved(leaf(0.26, 0.1), 0, -0.5), 16))
    groups += [_outlined(c, 0.2) for c in around(moved(leaf(0.34, 0.2), 0, -0.28), 8)]
    groups += separate(
        moved(ellipse(0, 0, 0.022), *p) for p in polygon(16, 0.87, -np.pi / 2 + TAU / 32)
    )
    groups += separate(moved(ellipse(0, 0, 0.014), *p) for p in polygon(32, 0.93, TAU / 64))
    groups += separate(around(moved(leaf(0.2, 0.09), 0, -0.06), 8, TAU / 16))
    inner = around(moved(leaf(0.2, 0.1), 0, -0.33), 8)
    return [
        _foil(groups),
        _foil(separate(inner), "accent"),
        _foil([(ellipse(0, 0, 0.065),)], "accent", 0.05),
    ]


def _scroll(x: float, y: float, size: float, start: float, sweep: float) -> list[Group]:
    """Return a stem that winds into a scroll about (x, y), thickening to a bud at its eye."""
    t = np.linspace(0, 1, 50)
    r = size * (1 - 0.82 * t**0.8)
    path = np.stack([x + r * np.cos(start + sweep * t), y + r * np.sin(start + sweep * t)], axis=1)
    eye = moved(ellipse(0, 0, size * 0.17), *path[-1])
    return [*ribbon(path, np.linspace(0.02, 0.055, 50)), (eye,)]


def damask() -> list[Part]:
    """Return a symmetric damask plume: a flower on a stem among scrolls and leaves."""
    right: list[Group] = []
    for x, y, size, start, sweep in ((0.34, 0.5, 0.34, 3.1, 6.6), (0.3, -0.1, 0.3, 3.1, -6.2)):
        right += _scroll(x, y, size, start, sweep)
    for y, length, turn in (
        (0.86, 0.5, 1.15),
        (0.84, 0.34, 0.55),
        (0.16, 0.42, 1.3),
        (0.2, 0.4, 0.75),
        (-0.4, 0.46, 1.05),
        (-0.42, 0.5, 0.62),
    ):
        right.append((moved(turned(leaf(length, 0.17, bend=0.12, belly=0.6), turn), 0.0, y),))
    groups = right + [tuple(mirrored(c) for c in g) for g in right]
    groups += ribbon(points((0, 0.92), (0, 0.4), (0, -0.2), (0, -0.5)), 0.045)
    bells = [turned(leaf(0.2, 0.11), s * 2.2) for s in (-1, 1)]
    return [
        _foil(groups),
        _foil([_outlined(moved(leaf(0.66, 0.4), 0, -0.36), 0.12)]),
        _foil(separate([moved(leaf(0.44, 0.2), 0, -0.46)]), "accent", 0.06),
        _foil(separate([moved(c, 0, 0.1) for c in bells]), "accent", 0.04),
        _foil(separate([moved(scaled(leaf(0.24, 0.15), 1, -1), 0, 0.78)]), "accent", 0.05),
    ]


def paisley() -> list[Part]:
    """Return a paisley with a beaded edge and a flower in its belly."""
    t = np.linspace(0, TAU, 140, endpoint=False)  # a drop whose tip is bent over
    body = np.stack(
        [0.56 * np.sin(t) * np.sin(t / 2) ** 1.3, 0.86 * (1 - np.cos(t)) / 2 * 1.75], axis=1
    )
    middle = np.array([0.0, 0.98])

    def inset(share: float) -> Curve:
        curve = middle + (body - middle) * share
        rise = np.maximum(0.0, 0.9 - curve[:, 1])
        return np.stack([curve[:, 0] + 0.55 * rise**2, curve[:, 1] - 0.74], axis=1)

    groups: list[Group] = [ring(inset(1.0), inset(0.955)), ring(inset(0.83), inset(0.8))]
    groups += separate(moved(ellipse(0, 0, 0.021), *p) for p in inset(0.893)[6:-5:4])
    flower = [moved(c, 0.02, 0.28) for c in around(moved(leaf(0.27, 0.17), 0, -0.07), 7)]
    buds = [
        moved(turned(leaf(0.2, 0.09), a), x, y)
        for a, x, y in (
            (-0.5, -0.13, -0.06),
            (0.6, 0.18, -0.06),
            (0.15, 0.04, -0.14),
            (2.6, 0.22, 0.56),
            (-2.6, -0.2, 0.56),
        )
    ]
    rim = inset(1.13)
    step = np.gradient(rim, axis=0)
    spikes = [
        moved(turned(drop(0.12, 0.085), float(np.arctan2(step[i, 1], step[i, 0])) + np.pi), *rim[i])
        for i in range(14, 128, 7)
    ]
    return [
        _foil(groups),
        _foil(separate(spikes)),
        _foil(separate(buds)),
        _foil(separate(flower), "accent", 0.05),
        _foil([(moved(ellipse(0, 0, 0.06), 0.02, 0.28),)]),
    ]


def laurel() -> list[Part]:
    """Return a wreath of laurel with berries."""
    groups: list[Group] = []
    berries: list[Curve] = []
    for flip in (1, -1):
        for i in range(11):
            angle = 0.5 * np.pi - flip * (0.14 + 0.235 * i)
            x, y = 0.68 * np.cos(angle), 0.68 * np.sin(angle)
            size = 0.3 - 0.011 * i
            for lean in (-0.62, 0.5):
                blade = turned(
                    leaf(size, size * 0.36, bend=0.03),
                    angle + (lean if flip > 0 else -lean) + (0 if flip > 0 else np.pi),
                )
                groups.append((moved(blade, x, y),))
            if i % 2:
                berries.append(moved(ellipse(0, 0, 0.028), x * 1.2, y * 1.2))
        stem = arc(0, 0, 0.68, 0.68, 0.5 * np.pi + flip * 0.06, 0.5 * np.pi - flip * 2.55, 60)
        groups += ribbon(stem, np.linspace(0.034, 0.012, 60))
    bow = [
        moved(turned(scaled(leaf(0.24, 0.16), 1, 1), a), 0, 0.69) for a in (1.9, -1.9, 2.7, -2.7)
    ]
    return [
        _foil(groups),
        _foil(separate(berries), "accent", 0.028),
        _foil(separate(bow), "accent", 0.05),
        _foil([(moved(ellipse(0, 0, 0.05), 0, 0.69),)]),
    ]


def girih() -> list[Part]:
    """Return interlaced Moorish stars within a twelve-sided frame."""
    groups: list[Group] = []
    for turn in (0.0, TAU / 24):
        for radius, width in ((0.94, 0.04), (0.6, 0.035)):
            for k in range(3):
                square = polygon(4, radius, turn + k * TAU / 12)
                groups.append(ring(square, square * (1 - width / radius * 1.3)))
    groups.append(ring(polygon(12, 1.02, 0), polygon(12, 0.98, 0)))
    stars = star(12, 0.36, 0.22)
    return [
        _foil(groups, bevel=0.016),
        _foil([ring(stars, stars * 0.82)]),
        _foil(separate(around(moved(leaf(0.17, 0.075), 0, -0.05), 12)), "accent"),
        _foil(separate(moved(ellipse(0, 0, 0.026), *p) for p in polygon(12, 0.77, 0)), "accent"),
    ]


def peacock() -> list[Part]:
    """Return a fan of peacock feathers."""
    parts: list[Part] = []
    for row, (count, length) in enumerate(((11, 1.42), (8, 1.04), (5, 0.7))):
        quills: list[Group] = []
        eyes: list[Group] = []
        pupils: list[Group] = []
        for angle in np.linspace(-1.2 + 0.12 * row, 1.2 - 0.12 * row, count):
            tip = turned(points((0, -length)), float(angle))[0]
            plume = turned(leaf(0.36, 0.24, belly=0.6), float(angle))
            at = tip * 0.78
            quills.append(_outlined(moved(plume, *at), 0.14))
            eyes.append((moved(turned(leaf(0.2, 0.13, belly=0.6), float(angle)), *(tip * 0.84)),))
            pupils.append((moved(ellipse(0, 0, 0.032), *(tip * 0.92)),))
            quills += ribbon(np.linspace([0, 0], at, 8), 0.014)
        parts += [_foil(quills, bevel=0.014), _foil(eyes, "accent"), _foil(pupils, bevel=0.03)]
    return placed(
        [*parts, _foil([(moved(turned(drop(0.34, 0.2), np.pi), 0, 0.16),)], bevel=0.08)],
        0,
        0.5,
        0.76,
    )
