"""``patches``: what squares of a picture show, by which parts of other pictures are found in it.

The network behind ``imagenet`` sees squares of the picture on its way to what the whole shows: the
map of its fifth stage (17 x 17 cells of 120 features) is averaged over squares of two sizes, after
R-MAC (Tolias, Sicre and Jegou, "Particular object retrieval with integral max-pooling of CNN
activations", ICLR 2016), with means in place of maxima. This costs no look of its own: a batch
that went through the network for ``imagenet`` is not computed a second time.

Patches are no part of the vector of an image, and so no extractor that settings can name.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import ExtractorPool, features_of_squares
from image_search.extractors.registry import ExtractorSpec
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    import torch

NAME = "patches"
BASE = "imagenet"
MODEL = "google/efficientnet-lite2/squashed/stage-5/4,7/int8"
# Cells along a side of the map, and its features.
CELLS, CHANNELS = 17, 120
# The squares: how many cells one has along a side, and how many the next one is away.
SQUARES = ((4, 2), (7, 5))


def _boxes() -> npt.NDArray[np.float64]:
    found = []
    for side, step in SQUARES:
        places = range(0, CELLS - side + 1, step)
        found += [(left, top, side, side) for top, left in itertools.product(places, repeat=2)]
    return np.array(found) / CELLS


#: (COUNT, 4): left, top, width and height of each square as fractions of the picture's sides.
BOXES = _boxes()
COUNT = len(BOXES)
DIM = COUNT * CHANNELS
# The square in the middle of each size, in which a part is shown to the network.
_OFF_CENTRE = np.abs(BOXES[:, :2] + BOXES[:, 2:] / 2 - 0.5).sum(axis=1)
MIDDLES = tuple(int(np.argmin(_OFF_CENTRE + (BOXES[:, 2] != side / CELLS))) for side, _ in SQUARES)
_WHOLE = 127


class Patches:
    """The extractor: the same squares as ``imagenet`` takes, through the same network.

    Embeddings are (n, DIM) whole numbers from -127 to 127, ``COUNT`` patches one after the other,
    each scaled by itself: only its direction counts.
    """

    name = NAME
    model = MODEL
    dim = DIM

    def __init__(self, base: Any) -> None:
        """Take pictures as ``base``, the extractor ``imagenet``, does."""
        self._base = base

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """See ``Extractor.prepare``."""
        prepared: npt.NDArray[np.generic] = self._base.prepare(pixels)
        return prepared

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to patches, (len(inputs), DIM) float32."""
        rows = features_of_squares(inputs, self._base.see_patches, DIM)
        each = rows.reshape(len(rows), COUNT, CHANNELS)
        most = np.maximum(np.abs(each).max(axis=2, keepdims=True), np.float32(1e-12))
        return np.asarray(np.rint(_WHOLE * each / most).reshape(len(rows), DIM), np.float32)


def pool_with_patches(specs: Mapping[str, ExtractorSpec]) -> ExtractorPool:
    """The extractors of ``specs``, and ``patches`` as the ``imagenet`` among these sees them."""
    own = ExtractorSpec(NAME, DIM, MODEL, "parts of pictures", None, lambda: Patches(base()))
    pool = ExtractorPool({**specs, NAME: own})

    def base() -> Any:
        return pool.get(BASE)

    return pool


def averaged(features: torch.Tensor) -> torch.Tensor:
    """(n, DIM): the patches of maps (n, CHANNELS, CELLS, CELLS)."""
    import torch

    sizes = [
        torch.nn.functional.avg_pool2d(features, side, step).flatten(2) for side, step in SQUARES
    ]
    return torch.cat(sizes, dim=2).transpose(1, 2).flatten(1)
