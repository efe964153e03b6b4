"""What drawings by hand have in common, as an extractor sees them: constants of this package.

Two things separate a drawing from the photo of the same thing. Drawings are similar in what they
lack; so from a drawing the mean of *drawings* is taken away, as from a photo the mean of photos.
And some photos are near to all drawings: without more, they are among the first for each of them
("hubs": Radovanovic, Nanopoulos and Ivanovic, "Hubs in space", JMLR 2010). So the cosine is divided
by how near a picture is to drawings at large; after Lample and others, "Word translation without
parallel data" (ICLR 2018), who subtract where we divide.

The constants come from ``training/drawings.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats

FILE = Path(__file__).resolve().parent / "drawings.safetensors"


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the numbers of an embedding, at ``place``, with their ``share`` in the cosine.

    ``mean`` (width,) is that of drawings, these numbers made unit, so that it does not matter what
    share they have elsewhere; the covariance of what is left, made unit again, is held as
    ``directions`` (width, few), scaled, and variances of the ``rest`` (width,). How near a picture
    is to drawings is the ``power`` of the standard deviation of its cosine with them, and
    ``typically`` so much.
    """

    place: slice
    share: float
    mean: Floats
    directions: Floats
    rest: Floats
    power: float
    typically: float

    def nearness(self, rows: Floats) -> Floats:
        """How near centred unit ``rows`` (n, width) are to drawings at large, (n,); about 1."""
        variances = np.square(rows @ self.directions).sum(axis=1) + np.square(rows) @ self.rest
        return np.asarray(np.maximum(variances, 1e-9) ** (self.power / 2) / self.typically)


@dataclass(frozen=True, eq=False)
class Drawings:
    """What is known of drawings, by the ``parts`` of an embedding, whose shares add up to one."""

    parts: tuple[Part, ...]

    def asked(self, block: Floats) -> Floats:
        """A drawing's unit embedding (dim,) without what all drawings have in common, again of
        length 1."""
        out = np.zeros_like(block)
        for part in self.parts:
            left = unit_rows(unit_rows(block[None, part.place]) - part.mean)[0]
            out[part.place] = left * np.float32(part.share**0.5)
        return out

    def hubness_corrected(self, rows: Floats) -> Floats:
        """Photos' centred unit ``rows`` (n, dim), divided by how near to drawings they are: inner
        products with what is ``asked`` are the scores."""
        out = np.zeros_like(rows)
        for part in self.parts:
            left = unit_rows(rows[:, part.place])
            near = part.nearness(left)[:, None]
            out[:, part.place] = left * np.float32(part.share**0.5) / near
        return out


@cache
def drawings_of(model: str) -> Drawings | None:
    """The constants for an extractor's model; ``None`` where none were measured."""
    from safetensors.numpy import load_file

    found = load_file(FILE)
    parts, start = list[Part](), 0
    while f"{model}:{len(parts)}:mean" in found:
        mean, directions, rest, numbers = (
            np.asarray(found[f"{model}:{len(parts)}:{name}"], np.float32)
            for name in ("mean", "directions", "rest", "numbers")
        )
        share, power, typically = map(float, numbers)
        place = slice(start, start := start + len(mean))
        parts.append(Part(place, share, mean, directions, rest, power, typically))
    return Drawings(tuple(parts)) if parts else None
