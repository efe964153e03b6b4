"""Edges shared softly over orientations, as both ``edges`` and ``texture`` count them."""

from __future__ import annotations

import numpy as np

from image_search.imaging.arrays import Floats


def by_orientation(strength: Floats, angle: Floats, orientations: int) -> Floats:
    """The ``strength`` (height, width) of each edge of an ``angle`` in [-pi, pi], shared between
    the two nearest of so many orientations: (orientations, height, width).

    Half a turn is the whole circle: dark on light and light on dark are the same edge.
    """
    place = angle * np.float32(orientations / np.pi)
    place = np.where(place < 0, place + np.float32(orientations), place)
    found = np.empty((orientations, *strength.shape), np.float32)
    for orientation in range(1, orientations):
        found[orientation] = np.abs(place - np.float32(orientation))
    # The first is as near to the end of the circle as to its beginning.
    np.minimum(place, orientations - place, out=found[0])
    np.subtract(1, found, out=found)
    np.maximum(found, 0, out=found)
    found *= strength
    return found
