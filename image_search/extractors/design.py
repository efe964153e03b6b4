"""``design``: photos, drawings and designs as our own small network sees them; needs no download.

Its weights are part of the package and were trained by the commands in ``training/`` alone; the
model card there describes on what, how, and how good it is. Importing this imports no PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from image_search.extractors.base import Extractor, Forward, SquashedNetwork
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.sources import DESIGN
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import resized

if TYPE_CHECKING:
    import torch

NAME = "design"
DIM = 512
SIDE = 160
MODEL = "image_search/design-resnet18-w32/10"


def squeezed(pixels: Pixels, side: int) -> Pixels:
    """Return the whole picture, (height, width, 3) uint8, as a square of ``side`` pixels."""
    return resized(pixels, side, side)


def encoder(see: Forward) -> SquashedNetwork:
    """Return the extractor that asks ``see``, which takes squares and returns (n, 512)."""
    return SquashedNetwork(NAME, MODEL, DIM, SIDE, see)


def load() -> Extractor:
    """The encoder from the package, on the graphics card where there is one.

    Raises:
        ModelUnavailable: the file is missing from the package, or damaged.
    """
    return encoder(open_networks(RECIPE)["image"])


def build(path: Path) -> dict[str, torch.nn.Module]:
    """The network from its file of weights, for squares of uint8."""
    import safetensors.torch

    from image_search.extractors.design_network import Design
    from image_search.extractors.runtime.torch_engine import Normalised

    network = Design()
    halves = safetensors.torch.load_file(path)
    network.load_state_dict({name: tensor.float() for name, tensor in halves.items()}, strict=False)
    missing = network.state_dict().keys() - halves.keys()
    if any(not name.endswith("num_batches_tracked") for name in missing):
        raise ValueError(f"it lacks {sorted(missing)[0]}")
    # The network itself takes values from 0 to 1.
    return {"image": Normalised((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), network)}


RECIPE = Recipe(
    model=MODEL,
    weights=DESIGN,
    inputs={"image": Input((SIDE, SIDE, 3), "uint8")},
    build=build,
)
