"""How a file of weights becomes networks, whichever engine then runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from image_search.errors import ModelUnavailable
from image_search.extractors.weights.files import Weights

if TYPE_CHECKING:
    import torch

IMPORTING = threading.RLock()
"""Held while PyTorch and what builds on it are imported: two threads that do so at once find each
other's modules half made."""


@dataclass(frozen=True)
class Input:
    """What a network takes: the shape of one item and NumPy's name of its type; whether full
    batches, as indexing makes them, are worth a network of their own: where it is large."""

    shape: tuple[int, ...]
    dtype: str
    in_bulk: bool = False


@dataclass(frozen=True)
class Recipe:
    """How one file of weights becomes networks."""

    model: str
    """Exactly which model this is."""
    weights: Weights
    inputs: Mapping[str, Input]
    """The networks by name, and what each takes."""
    build: Callable[[Path], Mapping[str, torch.nn.Module]]
    """From the file of weights to those networks, on the processor, in float32. Each takes what
    ``inputs`` says, and does the normalising itself."""

    def modules(self) -> Mapping[str, torch.nn.Module]:
        """The networks as PyTorch has them, from the whole and checked file of weights.

        Raises:
            ModelUnavailable: the weights are not on disk, damaged, or not of this model.
        """
        path = self.weights.ready()
        try:
            with IMPORTING:
                return {name: module.eval() for name, module in self.build(path).items()}
        except Exception as error:
            raise ModelUnavailable(
                f"{self.weights.title}: the weights in {path} cannot be loaded ({error}). "
                f"Delete that file. {self.weights.hint()}"
            ) from error
