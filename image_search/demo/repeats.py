"""How a print repeats, and the small plants that several prints share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from image_search.demo.geometry import (
    Curve,
    Group,
    Part,
    around,
    leaf,
    moved,
    part,
    separate,
    turned,
)

#: A layer of a repeat: its slot, its brightness, its shapes.
Layer = tuple[str, float, Sequence[Group]]


def lattice(dx: float, dy: float, drop_by: float = 0.5) -> Iterator[tuple[float, float]]:
    """Yield the centres of a repeat; every second column is moved down by ``drop_by`` x ``dy``."""
    for column in range(-6, 7):
        for row in range(-6, 7):
            x, y = column * dx, row * dy + (drop_by * dy if column % 2 else 0.0)
            if abs(x) < 1.5 + dx / 2 and abs(y) < 1.5 + dy / 2:
                yield x, y


def repeat(layers: list[Layer], dx: float, dy: float, drop_by: float = 0.5) -> list[Part]:
    """Return the layers, first below, at every place of the repeat."""
    places = list(lattice(dx, dy, drop_by))
    return [
        part(
            (tuple(moved(c, x, y) for c in group) for x, y in places for group in groups),
            slot,
            "flat",
            lift=0.0,
            tone=tone,
        )
        for slot, tone, groups in layers
    ]


def at(groups: Sequence[Group], x: float, y: float) -> list[Group]:
    """Return the groups shifted."""
    return [tuple(moved(c, x, y) for c in group) for group in groups]


def bloom(n: int, length: float, width: float, turn: float = 0.0) -> list[Group]:
    """Return ``n`` petals about the origin."""
    return separate(around(moved(leaf(length, width, belly=0.62), 0, -0.02), n, turn))


def sprig(path: Curve, size: float, count: int) -> list[Group]:
    """Return leaves on both sides of a path."""
    step = np.gradient(path, axis=0)
    out: list[Group] = []
    for i in np.linspace(1, len(path) - 1, count).astype(int):
        heading = float(np.arctan2(step[i, 0], -step[i, 1]))
        for side in (-1, 1):
            out.append((moved(turned(leaf(size, size * 0.42), heading + side * 0.85), *path[i]),))
    out.append((moved(turned(leaf(size * 1.1, size * 0.42), heading), *path[-1]),))
    return out
