"""What drawings by hand have in common, as an extractor sees them: constants of this package.

Two things stand between a drawing and the photo of the same thing. Drawings are alike in what they
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

from image_search.extractors.base import Floats

FILE = Path(__file__).resolve().parent / "drawings.safetensors"
# Of the standard deviation of a picture's cosine with drawings, this power. With the first power
# little changes but the photos' order gets worse again; with none hubs stay.
_POWER = 0.5


@dataclass(frozen=True, eq=False)
class Drawings:
    """``mean`` (dim,) of unit embeddings of drawings; the covariance of what is left, made unit
    again, as ``directions`` (dim, few), scaled, and variances of the ``rest`` (dim,); and how near
    a picture is to drawings ``typically``."""

    mean: Floats
    directions: Floats
    rest: Floats
    typically: float

    def nearness(self, rows: Floats) -> Floats:
        """How near centred unit ``rows`` (n, dim) are to drawings at large, (n,); about 1."""
        variances = np.square(rows @ self.directions).sum(axis=1) + np.square(rows) @ self.rest
        return np.asarray(np.sqrt(np.maximum(variances, 1e-9)) ** _POWER / self.typically)


@cache
def drawings_of(model: str) -> Drawings | None:
    """The constants for an extractor's model; ``None`` where none were measured."""
    from safetensors.numpy import load_file

    found = load_file(FILE)
    if f"{model}:mean" not in found:
        return None
    part = {
        name: np.asarray(found[f"{model}:{name}"], np.float32)
        for name in ("mean", "directions", "rest", "typically")
    }
    return Drawings(part["mean"], part["directions"], part["rest"], float(part["typically"][0]))
