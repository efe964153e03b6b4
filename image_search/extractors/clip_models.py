"""The CLIP models that there are weights of, one row each. Reading the rows loads no library.

What their image and text towers share is the space they answer in; which space differs from row to
row, so vectors of two rows are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from image_search.extractors.weights.sources import (
    CLIP_VIT_B_32_256_DATACOMP,
    CLIP_VIT_B_32_DATACOMP_XL,
    CLIP_VIT_B_32_LAION2B,
    CLIP_VIT_B_32_OPENAI,
    SIGLIP2_VIT_B_16,
    SIGLIP2_VIT_B_32,
    HuggingFaceWeights,
)


@dataclass(frozen=True)
class Sight:
    """What a network is shown of a picture: a square of ``side`` pixels, the middle of it or
    ``squashed`` the whole, each channel less its ``mean`` and divided by its ``std`` in values from
    0 to 1."""

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    squashed: bool = False


@dataclass(frozen=True)
class ClipModel:
    """One row: the extractor's name, and what open_clip calls the network and its weights."""

    name: str
    architecture: str
    pretrained: str
    weights: HuggingFaceWeights
    learnt_from: str
    """In words, for people."""
    dim: int
    """Length of an embedding."""
    sight: Sight
    length: int
    """Tokens per text; what is longer is cut off."""
    vocabulary: str = ""
    """The file of its vocabulary, beside the weights; empty if it uses that of CLIP."""

    @property
    def model(self) -> str:
        """Exactly which model this is."""
        return f"open_clip/{self.architecture}/{self.pretrained}"


# Mean and spread of the pictures that OpenAI's CLIP was trained on.
_CLIP_SIGHT = Sight(
    side=224, mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711)
)

OPENAI = ClipModel(
    name="clip",
    # OpenAI's own activation, which the later ones do without.
    architecture="ViT-B-32-quickgelu",
    pretrained="openai",
    weights=CLIP_VIT_B_32_OPENAI,
    learnt_from="OpenAI's 400 million pictures",
    dim=512,
    sight=_CLIP_SIGHT,
    length=77,
)
LAION2B = ClipModel(
    name="clip-laion2b",
    architecture="ViT-B-32",
    pretrained="laion2b_s34b_b79k",
    weights=CLIP_VIT_B_32_LAION2B,
    learnt_from="LAION-2B",
    dim=512,
    sight=_CLIP_SIGHT,
    length=77,
)
DATACOMP_XL = ClipModel(
    name="clip-datacomp",
    architecture="ViT-B-32",
    pretrained="datacomp_xl_s13b_b90k",
    weights=CLIP_VIT_B_32_DATACOMP_XL,
    learnt_from="DataComp-XL",
    dim=512,
    sight=_CLIP_SIGHT,
    length=77,
)
SIGLIP2 = ClipModel(
    name="clip-siglip2",
    architecture="ViT-B-32-SigLIP2-256",
    pretrained="webli",
    weights=SIGLIP2_VIT_B_32,
    learnt_from="Google's WebLI, with words of 109 languages",
    dim=768,
    sight=Sight(side=256, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), squashed=True),
    length=64,
    vocabulary="tokenizer.json",
)
DATACOMP_XL_256 = ClipModel(
    name="clip-datacomp-256",
    architecture="ViT-B-32-256",
    pretrained="datacomp_s34b_b86k",
    weights=CLIP_VIT_B_32_256_DATACOMP,
    learnt_from="DataComp-XL, at 256 pixels",
    dim=512,
    sight=replace(_CLIP_SIGHT, side=256),
    length=77,
)
SIGLIP2_B_16 = ClipModel(
    name="clip-siglip2-b16",
    architecture="ViT-B-16-SigLIP2-256",
    pretrained="webli",
    weights=SIGLIP2_VIT_B_16,
    learnt_from="Google's WebLI, with words of 109 languages, in finer patches",
    dim=768,
    sight=SIGLIP2.sight,
    length=SIGLIP2.length,
    vocabulary=SIGLIP2.vocabulary,
)

# Schuhmann and others, "LAION-5B", NeurIPS 2022; Gadre and others, "DataComp", NeurIPS 2023;
# Tschannen and others, "SigLIP 2", arXiv 2502.14786, 2025.
CLIP_MODELS = (OPENAI, LAION2B, DATACOMP_XL, SIGLIP2, DATACOMP_XL_256, SIGLIP2_B_16)
"""The first is the one that the others are variants of."""
