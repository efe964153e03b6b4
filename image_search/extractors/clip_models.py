"""The CLIP models that there are weights of, one row each. Reading the rows loads no library.

All of them are ViT-B/32: they see the same square of 224 pixels, read the same tokens, and answer
with 512 numbers. What differs is what they learnt from, so their vectors are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from image_search.extractors.sources import (
    CLIP_VIT_B_32_DATACOMP_XL,
    CLIP_VIT_B_32_LAION2B,
    CLIP_VIT_B_32_OPENAI,
)
from image_search.extractors.weights import Weights


@dataclass(frozen=True)
class ClipModel:
    """One row: the extractor's name, and what open_clip calls the network and its weights."""

    name: str
    architecture: str
    pretrained: str
    weights: Weights
    learnt_from: str
    """In words, for people."""

    @property
    def model(self) -> str:
        """Exactly which model this is."""
        return f"open_clip/{self.architecture}/{self.pretrained}"


DIM = 512

OPENAI = ClipModel(
    name="clip",
    # OpenAI's own activation, which the later ones do without.
    architecture="ViT-B-32-quickgelu",
    pretrained="openai",
    weights=CLIP_VIT_B_32_OPENAI,
    learnt_from="OpenAI's 400 million pictures",
)
LAION2B = ClipModel(
    name="clip-laion2b",
    architecture="ViT-B-32",
    pretrained="laion2b_s34b_b79k",
    weights=CLIP_VIT_B_32_LAION2B,
    learnt_from="LAION-2B",
)
DATACOMP_XL = ClipModel(
    name="clip-datacomp",
    architecture="ViT-B-32",
    pretrained="datacomp_xl_s13b_b90k",
    weights=CLIP_VIT_B_32_DATACOMP_XL,
    learnt_from="DataComp-XL",
)

# Schuhmann and others, "LAION-5B", NeurIPS 2022; Gadre and others, "DataComp", NeurIPS 2023.
CLIP_MODELS = (OPENAI, LAION2B, DATACOMP_XL)
"""The first is the one that ``auto`` takes."""
