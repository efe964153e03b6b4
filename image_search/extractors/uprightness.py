"""Which way up a drawing is held, as an extractor sees it: constants of this package.

Most things are drawn standing as they stand. A linear classifier over four classes finds from one
embedding by how many quarter turns a drawing stands upright; after Gidaris, Singh and Komodakis,
"Unsupervised representation learning by predicting image rotations" (ICLR 2018).

The constants come from ``training/uprightness.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from image_search.imaging.arrays import Floats

FILE = Path(__file__).resolve().parent / "uprightness.safetensors"
#: Quarter turns that are distinguished.
QUARTERS = 4


@dataclass(frozen=True, eq=False)
class Uprightness:
    """A linear classifier: ``weights`` (4, dim) and ``biases`` (4,)."""

    weights: Floats
    biases: Floats

    def of(self, block: Floats) -> Floats:
        """Logarithms (4,) of the probabilities that a drawing with this unit embedding (dim,)
        stands upright once it is turned clockwise by 0, 1, 2 and 3 quarters."""
        found = self.weights @ block + self.biases
        found = found - found.max()
        return np.asarray(found - np.log(np.exp(found).sum()), np.float32)


@cache
def uprightness_of(model: str) -> Uprightness | None:
    """The constants for an extractor's model; ``None`` where none were measured."""
    from safetensors.numpy import load_file

    found = load_file(FILE)
    if f"{model}:weights" not in found:
        return None
    weights, biases = (
        np.asarray(found[f"{model}:{name}"], np.float32) for name in ("weights", "biases")
    )
    return Uprightness(weights, biases)
