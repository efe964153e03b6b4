"""Every extractor there is, one row each. Reading the rows loads no model and no model library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from image_search.extractors.clip_models import CLIP_MODELS, OPENAI
from image_search.extractors.weights.files import Weights
from image_search.extractors.weights.sources import (
    AUTOENCODER,
    DESIGN,
    DINOV2_VIT_S_14,
    EFFICIENTNET_LITE2,
    RESNET50_IMAGENET1K_V2,
    VGG16_IMAGENET1K_V1,
    VGG19_IMAGENET1K_V1,
)

if TYPE_CHECKING:
    from image_search.extractors.base import Extractor


@dataclass(frozen=True)
class ExtractorSpec:
    """What is known about an extractor without loading it."""

    name: str
    dim: int
    """Length of one embedding."""
    model: str
    """Exactly which model this is; vectors of different models are never compared."""
    summary: str
    """One line for people."""
    weights: Weights | None
    """The file of weights, or None if there is none."""
    load: Callable[[], Extractor]
    """Imports what it needs and loads the model from disk; raises ModelUnavailable. No network."""
    reads: bool = False
    """Whether it also embeds words."""
    classifies: bool = False
    """Whether it names what pictures show (see ``Labeller``). The only words that it embeds are the
    names of its classes, so it leaves words to another extractor that reads, where there is one."""
    variant_of: str = ""
    """The extractor that this is a variant of, with other weights or from another layer."""


def _from(module: str, *names: str) -> Callable[[], Extractor]:
    """The ``load`` of a module in this package, imported on the first call and not before."""

    def load() -> Extractor:
        return cast("Extractor", import_module(f"image_search.extractors.{module}").load(*names))

    return load


_ROWS = (
    *(
        ExtractorSpec(
            name=row.name,
            dim=row.dim,
            model=row.model,
            summary=f"what a picture shows, and words for it; trained on {row.learnt_from}",
            weights=row.weights,
            load=_from("clip", row.name),
            reads=True,
            variant_of="" if row is OPENAI else OPENAI.name,
        )
        for row in CLIP_MODELS
    ),
    ExtractorSpec(
        name="resnet50",
        dim=4096,
        model="torchvision/resnet50/IMAGENET1K_V2/avg+max",
        summary="texture, material and parts, as a photo classifier sees them",
        weights=RESNET50_IMAGENET1K_V2,
        load=_from("resnet50"),
    ),
    ExtractorSpec(
        name="vgg16",
        dim=4096,
        model="torchvision/vgg16/IMAGENET1K_V1/fc2",
        summary="what a photo shows, as the last dense layer of an early photo classifier has it",
        weights=VGG16_IMAGENET1K_V1,
        load=_from("vgg16", "vgg16"),
    ),
    ExtractorSpec(
        name="vgg16-pool",
        dim=512,
        model="torchvision/vgg16/IMAGENET1K_V1/avg",
        summary="the same network before its dense layers, averaged over the picture",
        weights=VGG16_IMAGENET1K_V1,
        load=_from("vgg16", "vgg16-pool"),
        variant_of="vgg16",
    ),
    ExtractorSpec(
        name="dinov2",
        dim=384,
        model="timm/vit_small_patch14_dinov2.lvd142m/224",
        summary="how things look, learnt from pictures without any words or labels",
        weights=DINOV2_VIT_S_14,
        load=_from("dinov2"),
    ),
    ExtractorSpec(
        name="imagenet",
        dim=1280,
        model="google/efficientnet-lite2/squashed",
        summary="what a photo shows, as a classifier of everyday things sees it, and their names",
        weights=EFFICIENTNET_LITE2,
        load=_from("imagenet"),
        reads=True,
        classifies=True,
    ),
    ExtractorSpec(
        name="design",
        dim=512,
        model="image_search/design-resnet18-w32/10",
        summary="what is drawn or photographed, as the small network of this package sees it",
        weights=DESIGN,
        load=_from("design"),
    ),
    ExtractorSpec(
        name="style",
        dim=512,
        model="image_search/style-efficientnet-lite2/1",
        summary="how a picture is made: drawn, painted or photographed, whatever it shows",
        weights=EFFICIENTNET_LITE2,
        load=_from("style", "style"),
    ),
    ExtractorSpec(
        name="style-vgg19",
        dim=896,
        model="image_search/style-vgg19/1",
        summary="the same, through VGG19, the network of the first style transfer",
        weights=VGG19_IMAGENET1K_V1,
        load=_from("style", "style-vgg19"),
        variant_of="style",
    ),
    ExtractorSpec(
        name="vae",
        dim=256,
        model="image_search/vae-64/1",
        summary="how a picture looks at a glance, as an autoencoder of your own collection has it",
        weights=AUTOENCODER,
        load=_from("vae"),
    ),
    ExtractorSpec(
        name="hsv",
        dim=512,
        model="opencv/hsv-8x8x8-sqrt/1",
        summary="which colours, and how much of each",
        weights=None,
        load=_from("descriptors", "hsv"),
    ),
    ExtractorSpec(
        name="edges",
        dim=1296,
        model="image_search/edges-12x12x9/4",
        summary="shape: which direction the lines have, and where",
        weights=None,
        load=_from("descriptors", "edges"),
    ),
    ExtractorSpec(
        name="texture",
        dim=1059,
        model="image_search/texture-lbp-glac/1",
        summary="surface and pattern, wherever they are in the picture",
        weights=None,
        load=_from("descriptors", "texture"),
    ),
)

REGISTRY: Mapping[str, ExtractorSpec] = MappingProxyType({row.name: row for row in _ROWS})
"""The rows by name, in the order in which blocks are stored."""
