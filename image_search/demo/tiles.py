"""Glazed tiles: Moorish, art-deco and geometric, laid on a wall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from image_search.demo.geometry import (
    TAU,
    Curve,
    Part,
    arc,
    around,
    box,
    drop,
    ellipse,
    leaf,
    moved,
    part,
    points,
    polygon,
    scaled,
    separate,
    star,
)

#: Slots, brightness and outlines of one tile that spans -1 to 1.
Layer = tuple[str, list[Curve]]


def _wall(layers: Callable[[], list[Layer]], across: int = 4, rows: int = 4) -> list[Part]:
    """Return a wall of square tiles; every second one's firing differs a little."""
    step = 2.9 / across
    half = step / 2
    out: list[Part] = []
    drawn = layers()
    for row in range(-rows // 2, rows // 2 + 1):
        for column in range(-across // 2, across // 2 + 1):
            x, y = column * step, row * step
            fired = 0.5 + (((row * 7 + column * 13) * 2654435761 % 97) / 97 - 0.5) * 0.07
            body = moved(box(0, 0, step * 0.985, step * 0.985, step * 0.02), x, y)
            out.append(part([(body,)], "base", "glaze", bevel=step * 0.04, lift=0.3, tone=fired))
            for slot, curves in drawn:
                shapes = separate(moved(curve * half * 0.96, x, y) for curve in curves)
                out.append(part(shapes, slot, "glaze", bevel=0.012, lift=0.12, tone=fired))
    return out


def _corners(curve: Curve) -> list[Curve]:
    return [moved(curve, x, y) for x in (-1, 1) for y in (-1, 1)]


def _quarter(curve: Curve) -> list[Curve]:
    """Return a curve about each corner, cut to the tile."""
    return [np.clip(c, -1, 1) for c in _corners(curve)]


def alhambra() -> list[Part]:
    """Return eight-pointed stars and crosses."""
    return _wall(
        lambda: [
            ("second", [star(8, 1.0, 0.765 * 0.98, TAU / 16)]),
            ("base", [star(8, 0.86, 0.66, TAU / 16)]),
            ("accent", [star(8, 0.72, 0.46)]),
            ("base", [star(8, 0.42, 0.3, TAU / 16)]),
            ("second", around(moved(leaf(0.28, 0.12), 0, -0.04), 8)),
            ("accent", _quarter(star(8, 0.34, 0.22))),
        ]
    )


def encaustic() -> list[Part]:
    """Return quarter circles and a four-petalled flower."""
    return _wall(
        lambda: [
            ("second", _quarter(ellipse(0, 0, 0.92))),
            ("base", _quarter(ellipse(0, 0, 0.74))),
            ("accent", _quarter(ellipse(0, 0, 0.6))),
            ("base", _quarter(star(8, 0.46, 0.26))),
            ("second", around(moved(leaf(0.62, 0.34), 0, 0.02), 4)),
            ("accent", around(moved(leaf(0.4, 0.16), 0, -0.08), 4)),
            ("accent", around(moved(leaf(0.32, 0.12), 0, -0.05), 4, TAU / 8)),
        ]
    )


def azulejo() -> list[Part]:
    """Return a Portuguese flower with curling leaves."""
    return _wall(
        lambda: [
            ("second", around(moved(leaf(0.86, 0.4, belly=0.6), 0, -0.12), 4, TAU / 8)),
            ("base", around(moved(leaf(0.6, 0.2, belly=0.6), 0, -0.24), 4, TAU / 8)),
            ("accent", around(moved(leaf(0.7, 0.26, bend=0.1), 0, -0.12), 4)),
            ("accent", around(moved(leaf(0.34, 0.12, bend=0.16), 0.05, -0.5), 4)),
            ("accent", around(scaled(moved(leaf(0.34, 0.12, bend=0.16), 0.05, -0.5), -1, 1), 4)),
            ("second", [ellipse(0, 0, 0.2)]),
            ("base", [ellipse(0, 0, 0.12)]),
            ("second", _quarter(ellipse(0, 0, 0.3))),
            ("base", _quarter(ellipse(0, 0, 0.18))),
        ],
        3,
    )


def scallop() -> list[Part]:
    """Return art-deco fans in overlapping rows."""
    out: list[Part] = []
    r = 0.34
    for row in range(-1, 12):
        for column in range(-5, 6):
            x = column * 2 * r + (r if row % 2 else 0)
            y = -1.6 + row * r * 0.98
            bent = (row * 5 + column * 11) % 7 / 7 * 0.06 - 0.03
            for slot, size, lift in (
                ("metal", 1.0, 0.55),
                ("base", 0.955, 0.0),
                ("metal", 0.72, 0.2),
                ("second", 0.685, 0.0),
                ("metal", 0.42, 0.2),
                ("accent", 0.385, 0.0),
            ):
                finish = "polished" if slot == "metal" else "glaze"
                out.append(
                    part(
                        [(ellipse(x, y, r * size, n=64),)],
                        slot,
                        finish,
                        bevel=0.02,
                        lift=lift,
                        tone=0.5 + bent,
                    )
                )
    return out


def hexagon() -> list[Part]:
    """Return hexagons of three colours, a flower on every third."""
    out: list[Part] = []
    r = 0.26
    for row in range(-5, 6):
        for column in range(-5, 6):
            x = column * r * np.sqrt(3) + (row % 2) * r * np.sqrt(3) / 2
            y = row * 1.5 * r
            kind = (column - (row // 2) - 2 * (row % 2) * 0 + row * 2) % 3
            slot = ("base", "second", "accent")[kind]
            fired = 0.5 + ((row * 31 + column * 17) % 11 / 11 - 0.5) * 0.09
            out.append(
                part(
                    [(moved(polygon(6, r * 0.965), x, y),)],
                    slot,
                    "glaze",
                    bevel=0.02,
                    lift=0.3,
                    tone=fired,
                )
            )
            if kind == 0:
                petals = separate(moved(c, x, y) for c in around(leaf(0.2, 0.1), 6))
                out.append(part(petals, "second", "glaze", bevel=0.012, lift=0.1, tone=fired))
                out.append(part([(ellipse(x, y, 0.045),)], "accent", "glaze", bevel=0.02, lift=0.1))
    return out


def ogee() -> list[Part]:
    """Return Moroccan lantern shapes that fit into each other."""
    t = np.linspace(0, 1, 20)
    wave = 0.5 * (1 - np.cos(np.pi * t))
    side = np.stack([0.06 + 0.24 * wave, -0.44 + 0.44 * t], axis=1)
    right = np.concatenate([side, scaled(side, 1, -1)[::-1]])
    lantern = np.concatenate([right, scaled(right, -1, 1)[::-1]])
    out: list[Part] = []
    for row in range(-4, 5):
        for column in range(-4, 5):
            x, y = column * 0.74 + (row % 2) * 0.37, row * 0.46
            fired = 0.5 + ((row * 13 + column * 29) % 17 / 17 - 0.5) * 0.1
            for slot, size in (
                ("base" if row % 2 else "second", 1.08),
                ("metal", 0.84),
                ("base" if row % 2 else "second", 0.79),
            ):
                out.append(
                    part(
                        [(moved(lantern * size, x, y),)],
                        slot,
                        "polished" if slot == "metal" else "glaze",
                        bevel=0.022,
                        lift=0.25,
                        tone=fired,
                    )
                )
            bloom = [moved(c, x, y) for c in around(moved(leaf(0.17, 0.075), 0, -0.02), 8)]
            out.append(part(separate(bloom), "accent", "glaze", bevel=0.012, lift=0.1))
    return out


def chevron_fan() -> list[Part]:
    """Return sunrise fans, turned tile by tile."""
    rays = [
        np.concatenate([points((-1, 1)), moved(arc(0, 0, 1.9, 1.9, a, a + 0.1745, 12), -1, 1)])
        for a in np.arange(5) * 0.349 - np.pi / 2
    ]
    return _wall(
        lambda: [
            ("second", [np.clip(c, -1, 1) for c in rays]),
            ("base", [np.clip(moved(ellipse(0, 0, 0.86), -1, 1), -1, 1)]),
            ("accent", [np.clip(moved(ellipse(0, 0, 0.74), -1, 1), -1, 1)]),
            ("base", [np.clip(moved(ellipse(0, 0, 0.44), -1, 1), -1, 1)]),
            ("second", [np.clip(moved(ellipse(0, 0, 0.34), -1, 1), -1, 1)]),
            ("accent", [moved(scaled(drop(0.5, 0.26), 1, 1), 0.62, -0.86)]),
        ]
    )
