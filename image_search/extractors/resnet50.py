"""``resnet50``: texture, material and parts, as a photo classifier sees them.

The last feature map of a ResNet50 (He and others, CVPR 2016), pooled twice: its average describes
what covers the picture, its maximum what occurs anywhere in it. Importing this imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_search.extractors.base import Extractor, Forward, features_of_squares, unit_rows
from image_search.extractors.crop import centre_square
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.sources import RESNET50_IMAGENET1K_V2
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    import torch

NAME = "resnet50"
DIM = 4096
MODEL = "torchvision/resnet50/IMAGENET1K_V2/avg+max"
WEIGHTS = RESNET50_IMAGENET1K_V2

# As the weights' own transforms have it.
SHORTEST = 232
SIDE = 224
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class ResNet50:
    """Average-pooled and max-pooled features side by side.

    Neither half is scaled before the whole is normalised: a maximum is never below the average of
    the same channel, so the second half weighs more.
    """

    name = NAME
    model = MODEL
    dim = DIM

    def __init__(self, see: Forward) -> None:
        """``see`` takes squares and returns (n, 4096)."""
        self._see = see

    def prepare(self, pixels: Pixels) -> Pixels:
        """One RGB picture, (height, width, 3) uint8, to a square of (224, 224, 3) uint8."""
        return centre_square(
            pixels, shortest=SHORTEST, side=SIDE, resample=Image.Resampling.BILINEAR
        )

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to embeddings, (len(inputs), 4096) float32; each row has length 1."""
        return unit_rows(self.features(inputs))

    def features(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to raw features, (len(inputs), 4096) float32."""
        return features_of_squares(inputs, self._see, DIM)


def load() -> Extractor:
    """The model from disk, on the graphics card where there is one. Touches no network.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    return ResNet50(open_networks(RECIPE)["image"])


def _build(path: Path) -> dict[str, torch.nn.Module]:
    import torch
    import torchvision

    from image_search.extractors.runtime.torch_engine import Normalised

    network = torchvision.models.resnet50()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    # Everything before the pooling and the classifier.
    trunk = torch.nn.Sequential(*list(network.children())[:-2])

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = trunk

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            features = self.trunk(batch)
            return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)

    return {"image": Normalised(MEAN, STD, Pooled())}


RECIPE = Recipe(
    model=MODEL,
    weights=WEIGHTS,
    inputs={"image": Input((SIDE, SIDE, 3), "uint8")},
    build=_build,
)
