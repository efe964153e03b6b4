"""Cut stones and pearls, as parts."""

from __future__ import annotations

import numpy as np

from image_search.demo.geometry import (
    TAU,
    Curve,
    Part,
    box,
    drop,
    ellipse,
    heart,
    leaf,
    moved,
    points,
    turned,
)

#: Where the light comes from, on the page: upper left.
LIGHT = np.array([-0.6, -0.8])


def outline(cut: str, size: float) -> Curve:
    """Return the outline of a cut about the origin, ``size`` high (a round one: across)."""
    half = size / 2
    if cut == "oval":
        return ellipse(0, 0, half * 0.74, half)
    if cut == "pear":
        return moved(drop(size, size * 0.74), 0, -half * 1.08)
    if cut == "marquise":
        return moved(leaf(size, size * 0.5, belly=0.5, n=40), 0, half)
    if cut == "heart":
        return heart(size)
    if cut == "cushion":
        angle = np.linspace(0, TAU, 96, endpoint=False)
        c, s = np.cos(angle), np.sin(angle)
        r = (np.abs(c) ** 3.2 + np.abs(s) ** 3.2) ** (-1 / 3.2)
        return np.stack([c * r, s * r], axis=1) * half
    if cut in ("emerald", "baguette"):
        w = half * (0.72 if cut == "emerald" else 0.4)
        bevel = w * 0.36
        x, y = w - bevel, half - bevel
        return points(
            (-x, -half), (x, -half), (w, -y), (w, y), (x, half), (-x, half), (-w, y), (-w, -y)
        )
    return ellipse(0, 0, half)


def _tone(centre: Curve, index: int, contrast: float) -> float:
    """Return how bright a face about ``centre`` (relative to the stone) is."""
    length = float(np.hypot(*centre)) or 1.0
    lit = float(centre @ LIGHT) / length
    glint = ((index * 7919 + 13) % 17) / 16 - 0.5  # faces of a real stone vary; always the same way
    return float(np.clip(0.5 + contrast * (0.3 * lit + 0.5 * glint), 0.03, 1.0))


def _at(curve: Curve, share: Curve) -> Curve:
    """Return the points at these shares (0 to 1) of the way round a closed curve."""
    closed = np.concatenate([curve, curve[:1]])
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = (share % 1.0) * along[-1]
    return np.stack([np.interp(at, along, closed[:, i]) for i in (0, 1)], axis=1)


def _brilliant(edge: Curve, n: int) -> list[tuple[Curve, float]]:
    """Return the faces of a brilliant cut: girdle, kites, stars, table and what shines through."""
    middle = edge.mean(axis=0)
    k = np.arange(n)
    rim = _at(edge, np.arange(2 * n) / (2 * n))
    kite = middle + (_at(edge, (k + 0.5) / n) - middle) * 0.77
    table = middle + (_at(edge, k / n) - middle) * 0.56
    faces: list[Curve] = []
    for i in range(n):
        j = (i + 1) % n
        faces.append(np.stack([rim[2 * i], rim[2 * i + 1], kite[i]]))
        faces.append(np.stack([rim[2 * i + 1], rim[2 * j], kite[i]]))
        faces.append(np.stack([rim[2 * j], kite[j], table[j], kite[i]]))
        faces.append(np.stack([kite[i], table[j], table[i]]))
    out = [(face, _tone(face.mean(axis=0) - middle, i, 1.0)) for i, face in enumerate(faces)]
    out.append((table, 0.62))
    for i in range(n):
        tip = middle + (table[i] - middle) * 0.93
        left, right = (middle + (kite[m % n] - middle) * 0.33 for m in (i - 1, i))
        for m, corner in enumerate((left, right)):
            face = np.stack([tip, corner, middle])
            out.append((face, _tone(middle - face.mean(axis=0), 3 * i + 5 * m + 1, 0.95)))
    return out


def _stepped(edge: Curve) -> list[tuple[Curve, float]]:
    """Return the faces of a step cut: nested outlines, each side a face."""
    middle = edge.mean(axis=0)
    out: list[tuple[Curve, float]] = []
    for step, (outer, inner) in enumerate([(1.0, 0.82), (0.82, 0.66), (0.66, 0.5)]):
        a, b = middle + (edge - middle) * outer, middle + (edge - middle) * inner
        for i in range(len(edge)):
            j = (i + 1) % len(edge)
            face = np.stack([a[i], a[j], b[j], b[i]])
            out.append((face, _tone(face.mean(axis=0) - middle, i + 5 * step, 0.9)))
    table = middle + (edge - middle) * 0.5
    out.append((table, 0.66))
    out.append((np.stack([table[0], table[1], middle, table[-1]]), 0.85))
    out.append((np.stack([table[4], table[5], middle, table[3]]), 0.42))
    return out


def gem(
    cut: str,
    x: float,
    y: float,
    size: float,
    slot: str = "gem",
    turn: float = 0.0,
    n: int = 8,
    lift: float = 0.35,
) -> Part:
    """Return a faceted stone seen from above."""
    edge = turned(outline(cut, size), turn)
    faces = _stepped(edge) if cut in ("emerald", "baguette") else _brilliant(edge, n)
    edge = moved(edge, x, y)
    return Part(
        ((edge,),),
        slot,
        "gem",
        size * 0.1,
        lift,
        facets=tuple((moved(f, x, y), t) for f, t in faces),
    )


def gem_profile(x: float, y: float, width: float, slot: str = "gem") -> Part:
    """Return a brilliant seen from the side, its girdle's middle at (x, y)."""
    w, crown, depth = width / 2, width * 0.17, width * 0.44
    top = [(-0.56, -crown), (-0.2, -crown), (0.2, -crown), (0.56, -crown)]
    rim = [(-1.0, 0.0), (-0.62, 0.0), (-0.2, 0.0), (0.24, 0.0), (0.64, 0.0), (1.0, 0.0)]
    up = points(*top) * [w, 1.0]
    girdle = points(*rim) * [w, 1.0]
    tip = points((0.0, depth))[0]
    faces: list[tuple[Curve, float]] = []
    for i in range(5):
        inner = [up[min(i, 3)]] if i == 4 else [up[i]] + ([up[i - 1]] if i else [])
        faces.append((np.array([girdle[i], girdle[i + 1], *inner]), (0.9, 0.6, 0.98, 0.7, 0.5)[i]))
        middle = (girdle[i] + girdle[i + 1]) / 2 * [0.45, 0] + [0, depth * 0.45]
        faces.append((np.array([girdle[i], girdle[i + 1], middle]), (0.35, 0.8, 0.5, 0.92, 0.3)[i]))
        faces.append((np.array([girdle[i], middle, tip]), (0.65, 0.25, 0.85, 0.4, 0.55)[i]))
        faces.append((np.array([girdle[i + 1], middle, tip]), (0.4, 0.7, 0.3, 0.75, 0.45)[i]))
    edge = np.concatenate([girdle[:1], up[:1], up[3:], girdle[5:], tip[None]])
    shift = np.array([x, y])
    return Part(
        ((edge + shift,),),
        slot,
        "gem",
        width * 0.05,
        0.3,
        facets=tuple((face + shift, tone) for face, tone in faces),
    )


def pearl(x: float, y: float, diameter: float, slot: str = "pearl") -> Part:
    """Return a round pearl."""
    return Part(((ellipse(x, y, diameter / 2),),), slot, "pearl", diameter / 2, 0.45)


def pave(path: Curve, size: float, slot: str = "gem") -> list[Part]:
    """Return small round stones, one at each point of the path."""
    stones = [gem("round", x, y, size, slot, n=6, lift=0.0) for x, y in path]
    groups = tuple(g for stone in stones for g in stone.groups)
    facets = tuple(f for stone in stones for f in stone.facets)
    return [Part(groups, slot, "gem", size * 0.12, 0.25, facets=facets)]


def tablet(x: float, y: float, width: float, height: float, radius: float, slot: str) -> Part:
    """Return a smooth (cabochon-cut) stone with rounded corners."""
    return Part(
        ((box(x, y, width, height, radius),),), slot, "cabochon", min(width, height) * 0.45, 0.3
    )
