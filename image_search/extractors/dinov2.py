"""``dinov2``: how things look, learnt from pictures alone.

The class token of DINOv2 ViT-S/14 (Oquab and others, "DINOv2: Learning Robust Visual Features
without Supervision", TMLR 2024), as timm has it. The network sees squares of 224 pixels instead of
the 518 that its position embeddings were stored for; timm resamples these. Importing this module
imports no PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.extractors.base import Extractor, SquashedNetwork
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.sources import DINOV2_VIT_S_14

if TYPE_CHECKING:
    import torch

NAME = "dinov2"
DIM = 384
ARCHITECTURE = "vit_small_patch14_dinov2"
MODEL = f"timm/{ARCHITECTURE}.lvd142m/224"

# 16 x 16 patches: about the work of ResNet50, where 518 pixels would be seven times as much.
SIDE = 224
# As the weights' own configuration in timm has it.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def load() -> Extractor:
    """The model from disk, on the graphics card where there is one. Touches no network.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    return SquashedNetwork(NAME, MODEL, DIM, SIDE, open_networks(RECIPE)["image"])


def _build(path: Path) -> dict[str, torch.nn.Module]:
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    from image_search.extractors.runtime.torch_engine import Normalised

    network: Any = timm.create_model(ARCHITECTURE, img_size=SIDE, num_classes=0)
    timm.models.load_checkpoint(network, str(path), filter_fn=checkpoint_filter_fn)
    return {"image": Normalised(MEAN, STD, network)}


RECIPE = Recipe(
    model=MODEL,
    weights=DINOV2_VIT_S_14,
    inputs={"image": Input((SIDE, SIDE, 3), "uint8")},
    build=_build,
)
