"""What an extractor is: the one seam between pictures (or words) and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels


class Extractor(Protocol):
    """Turns pictures into unit-length embeddings.

    The work is split so that a pipeline can overlap it: ``prepare`` is the cheap part for one
    picture; ``embed`` is the expensive part, for a whole batch. Both are called from many threads
    at once; an engine that cannot bear that takes turns by itself.
    """

    @property
    def name(self) -> str:
        """Its name in the registry, in settings and in every answer."""

    @property
    def model(self) -> str:
        """Exactly which model this is; vectors of different models are never compared."""

    @property
    def dim(self) -> int:
        """Length of one embedding."""

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One upright RGB picture, (height, width, 3) uint8, to this extractor's input array."""

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Prepared inputs to embeddings, (len(inputs), dim) float32; each row has length 1."""


@runtime_checkable
class TextExtractor(Protocol):
    """An extractor that places words in the same space as pictures."""

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """Texts to embeddings, (len(texts), dim) float32; each row has length 1."""


def unit_rows(rows: npt.NDArray[np.floating], *, in_place: bool = False) -> Floats:
    """Rows scaled to length 1, float32; ``in_place`` where they are float32 already.

    A row without direction (all zeros) becomes the constant unit vector, so that the inner product
    of two such rows is 1 and nothing downstream meets a NaN.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    # Half the time of numpy.linalg.norm, which squares into memory of its own first.
    lengths = np.sqrt(np.vecdot(rows, rows))[:, None]
    found = np.divide(rows, np.maximum(lengths, np.float32(1e-12)), out=rows if in_place else None)
    without = lengths[:, 0] <= 1e-12
    if without.any():
        found[without] = 1.0 / np.sqrt(rows.shape[1])
    return np.asarray(found, np.float32)
