"""``clip``: what a picture shows, in one space with words.

CLIP (Radford and others, ICML 2021) as open_clip loads it, with the weights of any row of
``clip_models``. Importing this imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_search.extractors.base import Extractor, Floats, Pixels, unit_rows
from image_search.extractors.batches import BATCH, Forward, embed_squares
from image_search.extractors.clip_models import CLIP_MODELS, DIM, OPENAI, ClipModel
from image_search.extractors.crop import centre_square
from image_search.extractors.engines import open_networks
from image_search.extractors.recipe import Input, Recipe
from image_search.extractors.words import LENGTH, tokens

if TYPE_CHECKING:
    import torch

SIDE = 224
# Mean and spread of the pictures that CLIP was trained on, per channel, of values from 0 to 1.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class Clip:
    """Image tower and text tower, each a function of arrays."""

    dim = DIM

    def __init__(
        self, row: ClipModel, see: Forward, read: Callable[[Sequence[str]], Floats]
    ) -> None:
        """Towers: ``see`` takes squares, ``read`` at most BATCH texts; both return (n, 512)."""
        self.name, self.model = row.name, row.model
        self._see = see
        self._read = read

    def prepare(self, pixels: Pixels) -> Pixels:
        """One RGB picture, (height, width, 3) uint8, to a square of (224, 224, 3) uint8."""
        return centre_square(pixels, shortest=SIDE, side=SIDE, resample=Image.Resampling.BICUBIC)

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to embeddings, (len(inputs), 512) float32; each row has length 1."""
        return embed_squares(inputs, self._see, DIM)

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """Texts to embeddings, (len(texts), 512) float32; each row has length 1.

        A text is cut off after 77 tokens, some 50 words.
        """
        if not texts:
            return np.empty((0, DIM), dtype=np.float32)
        starts = range(0, len(texts), BATCH)
        return unit_rows(np.concatenate([self._read(texts[i : i + BATCH]) for i in starts]))


def load(name: str = OPENAI.name) -> Extractor:
    """The model of this name from disk, on the graphics card where there is one. Touches no
    network.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    (row,) = (row for row in CLIP_MODELS if row.name == name)
    networks = open_networks(recipe(row))
    read = networks["text"]
    return Clip(row, networks["image"], lambda texts: read(tokens(texts)))


@cache
def recipe(row: ClipModel) -> Recipe:
    """How the weights of ``row`` become its two towers."""

    def build(path: Path) -> dict[str, torch.nn.Module]:
        return _towers(row.architecture, path)

    return Recipe(
        model=row.model,
        weights=row.weights,
        inputs={"image": Input((SIDE, SIDE, 3), "uint8"), "text": Input((LENGTH,), "int64")},
        build=build,
    )


def _towers(architecture: str, path: Path) -> dict[str, torch.nn.Module]:
    import open_clip
    from torch.nn import Module

    from image_search.extractors.torch_engine import Normalised

    network = open_clip.create_model(architecture, pretrained=str(path))

    class Reader(Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = network.encode_text(words)
            return features

    return {"image": Normalised(MEAN, STD, network.visual), "text": Reader()}
