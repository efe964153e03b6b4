"""A stand-in, on this machine, for the hubs that weights are fetched from."""

from tests.hub.server import Behaviour, Hub
from tests.hub.weights import (
    random_clip,
    random_detector,
    random_dinov2,
    random_resnet50,
    random_siglip2,
    random_vgg,
    small_vocabulary,
    tiny_safetensors,
    tiny_torch,
)

__all__ = [
    "Behaviour",
    "Hub",
    "random_clip",
    "random_detector",
    "random_dinov2",
    "random_resnet50",
    "random_siglip2",
    "random_vgg",
    "small_vocabulary",
    "tiny_safetensors",
    "tiny_torch",
]
