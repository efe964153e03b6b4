"""The objects in a picture, whatever they are, by what can be seen of it alone: no weights are
downloaded for it, and nothing is known of what things there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Pixels
from image_search.imaging.objects.candidates import SIGNS, candidates_in
from image_search.imaging.page_pictures import Shares, pictures_on
from image_search.imaging.sheets.recognition import Network, read_network

#: The fitted numbers, beside this file; ``python -m training.objects`` writes them.
FITTED: Final = "objects.json"
#: Objects at most: as many as a person looks through.
MOST = 8
#: Of two boxes that share so much of what they cover together, the better one is kept.
SAME = 0.6
# What is less likely an object is none. Textures have candidates of up to .15.
_LEAST = 0.15


@dataclass(frozen=True)
class Proposal:
    """What may be an object: its ``box``, left, top, width and height as fractions, and a ``score``
    from 0 to 1: how much of a box around an object it is likely to be."""

    box: Shares
    score: float


def proposals_in(pixels: Pixels) -> tuple[Proposal, ...]:
    """At most ``MOST`` objects in RGB pixels (h, w, 3), the likeliest first; none where there are
    none, or only one that fills the picture."""
    if min(pixels.shape[:2]) < 16:
        return ()
    found = candidates_in(pixels, pictures_on(pixels))
    if not len(found.boxes):
        return ()
    scores = _judge().sureness(found.signs)
    shares = found.shares()
    return tuple(
        Proposal(_rounded(shares[number]), round(float(scores[number]), 3))
        for number in chosen(shares, scores)
    )


def chosen(shares: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> list[int]:
    """The best boxes, none the same as a better one."""
    found: list[int] = []
    for number in np.argsort(-scores, kind="stable").tolist():
        if scores[number] < _LEAST or len(found) == MOST:
            break
        if not found or overlaps(shares[[number]], shares[found]).max() < SAME:
            found.append(number)
    return found


def overlaps(
    some: npt.NDArray[np.float64], others: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, m): what each of ``some`` boxes (n, 4), left, top, width and height, shares with each of
    the ``others`` (m, 4), as a share of what both cover together."""
    ends, other_ends = some[:, :2] + some[:, 2:], others[:, :2] + others[:, 2:]
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    both = np.clip(np.minimum(ends[:, None], other_ends[None]) - low, 0, None).prod(axis=2)
    areas, other_areas = some[:, 2:].prod(axis=1), others[:, 2:].prod(axis=1)
    return np.asarray(both / np.maximum(areas[:, None] + other_areas[None] - both, 1e-12))


def _rounded(box: npt.NDArray[np.float64]) -> Shares:
    x, y, width, height = np.round(box, 4).tolist()
    return x, y, width, height


@cache
def _judge() -> Network:
    names, network = read_network(resources.files(__package__).joinpath(FITTED).read_text("utf-8"))
    if names != SIGNS:
        raise ValueError(f"{FITTED} was fitted to other signs")
    return network
