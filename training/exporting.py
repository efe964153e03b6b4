"""The trained network as the one file that the package carries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch

from image_search.extractors.weights.integrity import sha256


def save(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write ``state`` in float16 to ``path``, whole or not at all."""
    halves = {
        name: tensor.detach().cpu().to(torch.float16).contiguous()
        for name, tensor in state.items()
        if tensor.dtype.is_floating_point
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    safetensors.torch.save_file(halves, aside)
    aside.replace(path)


def export(state: Mapping[str, torch.Tensor], folder: Path) -> Path:
    """Write ``state`` to ``folder`` as ``design-DIGITS.safetensors``.

    The digits are the first of the file's SHA-256, by which it is checked whenever it is loaded.
    """
    aside = folder / "design.safetensors"
    save(state, aside)
    return aside.replace(folder / f"design-{sha256(aside)[:8]}.safetensors")
