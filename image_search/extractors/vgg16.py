"""``vgg16`` and ``vgg16-pool``: what VGG16 sees, before its classifier and before its dense layers.

VGG16 (Simonyan and Zisserman, ICLR 2015) has been used for similar images longer than any other
network here, so older collections of features can be compared with. ``vgg16`` is the last fully
connected layer before the one with the classes, behind its rectifier; ``vgg16-pool`` is the average
of the last feature map. Both come from one file of 528 MB, which is fetched only where one of them
is named. Importing this imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_search.extractors.base import Extractor, Forward, features_of_squares, unit_rows
from image_search.extractors.crop import centre_square
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.sources import VGG16_IMAGENET1K_V1
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    import torch

LAYER, POOL = "vgg16", "vgg16-pool"
WEIGHTS = VGG16_IMAGENET1K_V1

# As the weights' own transforms have it.
SHORTEST = 256
SIDE = 224
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class VGG16:
    """One of the two extractors; ``see`` takes squares and returns (n, dim)."""

    name: str
    model: str
    dim: int
    see: Forward

    def prepare(self, pixels: Pixels) -> Pixels:
        """One RGB picture, (height, width, 3) uint8, to a square of (224, 224, 3) uint8."""
        return centre_square(
            pixels, shortest=SHORTEST, side=SIDE, resample=Image.Resampling.BILINEAR
        )

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to embeddings, (len(inputs), dim) float32; each row has length 1."""
        return unit_rows(self.features(inputs))

    def features(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to raw features, (len(inputs), dim) float32."""
        return features_of_squares(inputs, self.see, self.dim)


def load(name: str) -> Extractor:
    """The one called ``name`` from disk, on the graphics card where there is one. Touches no
    network.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    recipe = RECIPES[name]
    return VGG16(name, recipe.model, DIMS[name], open_networks(recipe)["image"])


def _build(part: Callable[[Any], torch.nn.Module], path: Path) -> dict[str, torch.nn.Module]:
    import torch
    import torchvision

    from image_search.extractors.runtime.torch_engine import Normalised

    # Without numbers of its own: to draw 138 million takes longer than to read them.
    with torch.device("meta"):
        network = torchvision.models.vgg16()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(stored, assign=True)
    return {"image": Normalised(MEAN, STD, part(network).float())}


def _layer(network: Any) -> torch.nn.Module:
    import torch

    # Pooling changes nothing at 224 pixels. The last three steps are dropout and the classes.
    dense = list(network.classifier.children())[:-2]
    return torch.nn.Sequential(network.features, network.avgpool, torch.nn.Flatten(), *dense)


def _pool(network: Any) -> torch.nn.Module:
    import torch

    return torch.nn.Sequential(network.features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


DIMS = {LAYER: 4096, POOL: 512}
RECIPES = {
    name: Recipe(
        model=f"torchvision/vgg16/IMAGENET1K_V1/{what}",
        weights=WEIGHTS,
        inputs={"image": Input((SIDE, SIDE, 3), "uint8")},
        build=partial(_build, part),
    )
    for name, what, part in ((LAYER, "fc2", _layer), (POOL, "avg", _pool))
}
