"""The named sets of models, one row each. Reading the rows loads no library.

``settings.models`` names the set that ``extractors=auto`` stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from image_search.extractors.clip_models import DATACOMP_XL_256, OPENAI, SIGLIP2_B_16


@dataclass(frozen=True)
class ModelSet:
    """One row: extractors that are used together, in the order in which blocks are stored."""

    name: str
    extractors: tuple[str, ...]
    summary: str
    """One line for people."""


# What comes along with the package and its requirements.
_INSTALLED = ("imagenet", "design", "hsv", "edges", "texture")

_ROWS = (
    ModelSet(
        "classic",
        (OPENAI.name, "resnet50", *_INSTALLED),
        "CLIP ViT-B/32 and ResNet50, beside what comes along",
    ),
    ModelSet(
        "sharp",
        (DATACOMP_XL_256.name, "dinov2", *_INSTALLED),
        "a later CLIP that sees 256 pixels, and DINOv2, beside what comes along",
    ),
    ModelSet(
        "best",
        (SIGLIP2_B_16.name, "dinov2", *_INSTALLED),
        "SigLIP 2 B/16, which reads words of many languages, and DINOv2, beside what comes along",
    ),
    ModelSet("light", _INSTALLED, "only what comes along; nothing is downloaded"),
)

SETS: Mapping[str, ModelSet] = MappingProxyType({row.name: row for row in _ROWS})
"""The rows by name, as ``settings.MODEL_SETS`` lists them; the first is the default."""
