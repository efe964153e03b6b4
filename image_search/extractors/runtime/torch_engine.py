"""Networks in PyTorch: the reference in float32, and half precision on a graphics card.

Imported only where a network is loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from image_search.extractors.base import Forward
from image_search.extractors.runtime.recipe import Recipe
from image_search.imaging.arrays import Floats


class Normalised(torch.nn.Module):
    """(n, side, side, 3) uint8 to (n, 3, side, side), normalised channel by channel, and on.

    ``mean`` and ``std`` are of values from 0 to 1. Computes in float32, then hands on in the type
    of ``network``'s weights.
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        network: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.network = torch.nn.Identity() if network is None else network
        self.mean, self.std = tuple(mean), tuple(std)
        self.dtype = torch.float32

    def forward(self, squares: torch.Tensor) -> torch.Tensor:
        """Squares to what the network makes of them."""
        batch = squares.permute(0, 3, 1, 2).float().div(255)
        centre = torch.tensor(self.mean, device=batch.device).view(3, 1, 1)
        spread = torch.tensor(self.std, device=batch.device).view(3, 1, 1)
        return self.network(batch.sub(centre).div(spread).to(self.dtype))


@cache
def device() -> torch.device:
    """The graphics card where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def open_networks(recipe: Recipe) -> Mapping[str, Forward]:
    """The networks of ``recipe``: float32 on the processor, half precision on a graphics card.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    on_card = device().type == "cuda"
    modules = recipe.modules()
    return {name: forward_of(halved(m) if on_card else m) for name, m in modules.items()}


def halved(module: torch.nn.Module) -> torch.nn.Module:
    """On the card, in half precision, with the channels innermost, as its matrix units like it."""
    module = module.half().to(device=device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    if isinstance(module, Normalised):
        module.dtype = torch.float16
    return module


def forward_of(module: torch.nn.Module) -> Forward:
    """The module as a function of arrays."""
    # One thread at a time: PyTorch takes all cores, or the one card, for each call.
    turn = threading.Lock()

    @torch.inference_mode()
    def forward(batch: npt.NDArray[Any]) -> Floats:
        given = torch.from_numpy(np.ascontiguousarray(batch))
        if device().type == "cuda":
            # From pinned memory the copy runs beside the computing.
            given = given.pin_memory().to(device(), non_blocking=True)
        with turn:
            rows: torch.Tensor = module(given)
        return rows.float().cpu().numpy()

    return forward
