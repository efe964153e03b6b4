"""``vae``: the place of a picture among the designs of one's own collection.

The encoder of a small variational autoencoder (Kingma and Welling, "Auto-Encoding Variational
Bayes", ICLR 2014) that was trained on the collection by ``image-search train vae``: it reduces a
picture to a few numbers, from which its decoder draws the picture again. There is one on this
account of this computer; training another replaces it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_search.errors import ModelUnavailable
from image_search.extractors.base import Extractor, SquashedNetwork
from image_search.extractors.weights.sources import AUTOENCODER
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    import torch

NAME = "vae"
MODEL = "image_search/vae-64/1"
SIDE = 64
# The place of a picture has so many numbers for each of 4 x 4 fields: where things are matters.
_DEPTH = 16
DIM = 256
# Channels after each halving of the sides: 64 pixels become 4.
_WIDTHS = (32, 64, 96, 192)
_SMALL = SIDE >> len(_WIDTHS)


def network() -> Any:
    """The autoencoder with random weights, a ``torch.nn.Module``.

    Its ``encode`` takes pictures (n, 3, SIDE, SIDE) from -1 to 1 to the mean and the logarithm of
    the variance of their places, (n, DIM) each; ``decode`` takes places to pictures.
    """
    import torch
    from torch import nn

    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(8, after), nn.SiLU()]

    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            down, up, before = list[nn.Module](), list[nn.Module](), 3
            for after in _WIDTHS:
                down += [nn.Conv2d(before, after, 4, 2, 1), nn.GroupNorm(8, after), nn.SiLU()]
                before = after
            self.down = nn.Sequential(*down)
            self.places = nn.Conv2d(before, 2 * _DEPTH, 1)
            self.spread = nn.Conv2d(_DEPTH, before, 1)
            for before, after in itertools.pairwise((*_WIDTHS[::-1], _WIDTHS[0])):
                up += [*block(before, after)]
                up += [nn.Upsample(scale_factor=2)] if before != after else []
            # Four values a colour for each pixel of half the size: a whole layer at full size would
            # take as long as all others.
            up += [nn.Conv2d(_WIDTHS[0], 12, 3, padding=1), nn.PixelShuffle(2)]
            self.up = nn.Sequential(*up)

        def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            mean, log_variance = self.places(self.down(pictures)).chunk(2, dim=1)
            return mean.flatten(1), log_variance.flatten(1).clamp(-12, 6)

        def decode(self, places: torch.Tensor) -> torch.Tensor:
            spread = self.spread(places.view(-1, _DEPTH, _SMALL, _SMALL))
            return torch.tanh(self.up(spread))

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return self.decode(self.encode(pictures)[0])

    return Autoencoder()


def trained() -> Any:
    """The network that was trained on this computer.

    Raises:
        ModelUnavailable: none was trained, or its file is damaged.
    """
    from safetensors.torch import load_file

    path = AUTOENCODER.ready()
    made = network()
    try:
        made.load_state_dict(load_file(path))
    except (RuntimeError, OSError) as error:
        raise ModelUnavailable(
            f"{AUTOENCODER.title}: the file {path} is of another version. {AUTOENCODER.hint()}"
        ) from error
    return made.eval()


def tensor_of(squares: npt.NDArray[np.generic]) -> torch.Tensor:
    """Squares (n, SIDE, SIDE, 3) uint8 as the network takes them, (n, 3, SIDE, SIDE)."""
    import torch

    rows = torch.from_numpy(np.ascontiguousarray(squares.transpose(0, 3, 1, 2)))
    return rows.float() / 127.5 - 1


def encoded(made: Any, squares: npt.NDArray[np.generic]) -> Floats:
    """The places (n, DIM) of squares (n, SIDE, SIDE, 3) uint8."""
    import torch

    with torch.inference_mode():
        return np.asarray(made.encode(tensor_of(squares))[0].numpy(), np.float32)


def decoded(made: Any, places: Floats) -> Pixels:
    """The pictures (n, SIDE, SIDE, 3) uint8 at ``places`` (n, DIM)."""
    import torch

    with torch.inference_mode():
        rows = made.decode(torch.from_numpy(places)).permute(0, 2, 3, 1).numpy()
    return np.asarray(np.rint((rows + 1) * 127.5).clip(0, 255), np.uint8)


def load() -> Extractor:
    """The extractor.

    Raises:
        ModelUnavailable: nothing was trained on this computer yet.
    """
    made = trained()
    return SquashedNetwork(NAME, MODEL, DIM, SIDE, lambda squares: encoded(made, squares))
