"""``imagenet``: what a photo shows, as a classifier of a thousand everyday things sees it.

The features of EfficientNet-Lite2 (Google, 2020; the lite variants of EfficientNet, Tan and Le,
ICML 2019) before its classifier, averaged over the whole picture, which is resized to a square. The
weights are installed with a dependency, so nothing is downloaded later. Importing this module
imports no PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.extractors.base import Extractor, SquashedNetwork
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.sources import EFFICIENTNET_LITE2

if TYPE_CHECKING:
    import torch

NAME = "imagenet"
DIM = 1280
MODEL = "google/efficientnet-lite2/squashed"

SIDE = 260
# Samples from 0 to 255 become (sample - 127) / 128, as the network was trained.
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3


def load() -> Extractor:
    """The network from its installed package, on the graphics card where there is one.

    Raises:
        ModelUnavailable: the package is not installed, or its file is damaged.
    """
    return SquashedNetwork(NAME, MODEL, DIM, SIDE, open_networks(RECIPE)["image"])


def _build(path: Path) -> dict[str, torch.nn.Module]:
    import timm
    import torch

    from image_search.extractors.runtime.torch_engine import Normalised

    network: Any = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    # The file has other names for its tensors than timm, but the same order.
    stored = torch.load(path, map_location="cpu", weights_only=True)
    names = network.state_dict()
    if len(stored) != len(names):
        raise ValueError(f"it has {len(stored)} tensors, not {len(names)}")
    network.load_state_dict(dict(zip(names, stored.values(), strict=True)))

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network  # its parameters belong to this module

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = network.forward_features(batch)
            return features.mean(dim=(2, 3))

    return {"image": Normalised(MEAN, STD, Pooled())}


RECIPE = Recipe(
    model=MODEL,
    weights=EFFICIENTNET_LITE2,
    inputs={"image": Input((SIDE, SIDE, 3), "uint8")},
    build=_build,
)
