"""A room in perspective, and the pieces that furniture is built of."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import TAU, Curve, Group, Part, part, ribbon, spline

#: A point of the room: to the right, up, towards the viewer; a seat is about 1 wide.
Point = tuple[float, float, float]


def project(*where: Point) -> Curve:
    """Return places of the room as a curve on the page."""
    p = np.array(where, dtype=np.float64)
    turn, dip = 0.5, 0.24
    x = p[:, 0] * np.cos(turn) + p[:, 2] * np.sin(turn)
    near = p[:, 2] * np.cos(turn) - p[:, 0] * np.sin(turn)
    y = -p[:, 1] * np.cos(dip) + near * np.sin(dip)
    scale = 0.98 + 0.1 * near
    return np.stack([x * scale, y * scale + 0.06], axis=1)


def rod(places: list[Point], thick: float, thin: float | None = None, n: int = 12) -> list[Group]:
    """Return a rod along places, smoothly bent, tapering from ``thick`` to ``thin``."""
    path = spline(project(*places), n)
    return ribbon(path, np.linspace(thick, thick if thin is None else thin, len(path)))


def wood(groups: list[Group], thick: float = 0.06, lift: float = 0.3, slot: str = "frame") -> Part:
    """Return a wooden part made of these groups."""
    return part(groups, slot, "wood", bevel=thick * 0.55, lift=lift)


def slab(
    outline: list[Point], depth: float, slot: str, finish: str, bevel: float, smooth: bool = True
) -> list[Part]:
    """Return a flat slab: its edge, then its top; ``outline`` in the order round."""
    top = project(*outline)
    low = project(*[(x, y - depth, z) for x, y, z in outline])
    if smooth:
        top, low = spline(top, 10, closed=True), spline(low, 10, closed=True)
    walls: list[Group] = [
        (np.stack([top[i], top[(i + 1) % len(top)], low[(i + 1) % len(top)], low[i]]),)
        for i in range(len(top))
    ]
    return [
        part([*walls, (low,)], slot, finish, bevel=depth * 0.5, lift=0.3, tone=0.34),
        part([(top,)], slot, finish, bevel=bevel, lift=0.0, tone=0.56),
    ]


def disc(x: float, y: float, z: float, rx: float, rz: float, power: float = 1.0) -> list[Point]:
    """Return the rim of a level disc about (x, y, z); a lower power squares it."""
    angle = np.arange(20) * TAU / 20
    c, s = np.cos(angle), np.sin(angle)
    cx, sz = np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power
    return [(x + rx * float(a), y, z + rz * float(b)) for a, b in zip(cx, sz, strict=True)]


def legs(
    spread: float,
    top: float,
    foot: float,
    thick: float,
    thin: float,
    front: bool,
    apart: float = 0.36,
) -> list[Part]:
    """Return two legs, the front or the rear pair, splayed by ``spread``."""
    z = apart if front else -apart
    low = spread * 1.06
    out = []
    for x in (-apart, apart):
        knee = (x * spread, (top + foot) / 2, z * spread)
        path = rod([(x, top, z), knee, (x * low, foot, z * low)], thick, thin)
        out.append(wood(path, thick, 0.0))
    return out
