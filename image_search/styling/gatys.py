"""A picture in the style of another by VGG19, as in the first style transfer.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016): the
pixels are changed until the maps of one layer are like those of the picture, and the Gram matrices
of five layers like those of the style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from image_search.errors import ModelUnavailable
from image_search.extractors.weights.sources import VGG19_IMAGENET1K_V1
from image_search.imaging.arrays import Pixels
from image_search.styling.patches import Cancelled, Preview, Progress

if TYPE_CHECKING:
    import torch

# Layers of torchvision's network after their ReLU: conv1_1 to conv5_1 for style, conv4_2 for what
# is shown.
_STYLE_LAYERS, _CONTENT_LAYER = (1, 6, 11, 20, 29), 22
# How much style counts against what is shown, from the least strength to the most.
_LEAST, _MOST = 1e3, 1e6
_STEPS, _SHOWN_EVERY = 200, 20
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def optimised(
    content: Pixels,
    style: Pixels,
    strength: float,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
    on_preview: Preview = lambda _: None,
    *,
    steps: int = _STEPS,
) -> Pixels:
    """As ``patches.patched``.

    Raises:
        Cancelled: it was cancelled.
        ModelUnavailable: the weights of VGG19 are not on this machine, or damaged.
    """
    import torch

    network = _network()
    wanted = _maps(network, _tensor(content))[_CONTENT_LAYER]
    found = _maps(network, _tensor(style))
    grams = [_gram(found[layer]) for layer in _STYLE_LAYERS]
    weight = _LEAST * (_MOST / _LEAST) ** strength
    picture = _tensor(content).requires_grad_(True)
    optimiser = torch.optim.Adam([picture], 0.03)
    for number in range(steps):
        if cancelled():
            raise Cancelled
        on_progress(number, steps)
        maps = _maps(network, picture, grad=True)
        loss = (maps[_CONTENT_LAYER] - wanted).pow(2).mean()
        for layer, gram in zip(_STYLE_LAYERS, grams, strict=True):
            loss = loss + weight / len(grams) * (_gram(maps[layer]) - gram).pow(2).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if number % _SHOWN_EVERY == _SHOWN_EVERY - 1:
            on_preview(_pixels(picture))
    return _pixels(picture)


def _pixels(picture: torch.Tensor) -> Pixels:
    rows = picture.detach()[0].permute(1, 2, 0).numpy() * np.array(_STD) + np.array(_MEAN)
    return np.asarray(np.rint(rows.clip(0, 1) * 255), np.uint8)


def _network() -> Sequence[torch.nn.Module]:
    import torch
    import torchvision

    path = VGG19_IMAGENET1K_V1.ready()
    with torch.device("meta"):
        network = torchvision.models.vgg19()
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(stored, assign=True)
    except (RuntimeError, OSError) as error:
        raise ModelUnavailable(f"VGG19: the file {path} cannot be used ({error}).") from error
    layers: list[torch.nn.Module] = []
    for layer in network.features[: _STYLE_LAYERS[-1] + 1]:
        # Averages make smoother pictures than maxima (section 2 of the paper); what is computed in
        # place would be lost for its gradient.
        if isinstance(layer, torch.nn.MaxPool2d):
            layers.append(torch.nn.AvgPool2d(2, ceil_mode=True))
        elif isinstance(layer, torch.nn.ReLU):
            layers.append(torch.nn.ReLU())
        else:
            layers.append(layer.float().requires_grad_(False))
    return layers


def _maps(
    network: Sequence[Any], picture: torch.Tensor, *, grad: bool = False
) -> Mapping[int, torch.Tensor]:
    import torch

    kept, wanted = dict[int, torch.Tensor](), {*_STYLE_LAYERS, _CONTENT_LAYER}
    with torch.set_grad_enabled(grad):
        for number, layer in enumerate(network):
            picture = layer(picture)
            if number in wanted:
                kept[number] = picture
    return kept


def _gram(maps: torch.Tensor) -> torch.Tensor:
    rows = maps[0].flatten(1)
    return rows @ rows.T / rows.numel()


def _tensor(pixels: Pixels) -> torch.Tensor:
    import torch

    rows = (pixels.astype(np.float32) / 255 - np.array(_MEAN)) / np.array(_STD)
    return torch.from_numpy(rows.astype(np.float32).transpose(2, 0, 1).copy())[None]
