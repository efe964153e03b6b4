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

from image_search.extractors.base import BATCH, Extractor, Forward, features_of_squares, unit_rows
from image_search.extractors.clip_models import CLIP_MODELS, OPENAI, ClipModel
from image_search.extractors.crop import centre_square, squashed
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.tokenizer import tokens
from image_search.extractors.vocabulary import reader
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    import torch


class Clip:
    """Image tower and text tower, each a function of arrays."""

    def __init__(
        self, row: ClipModel, see: Forward, read: Callable[[Sequence[str]], Floats]
    ) -> None:
        """Towers: ``see`` takes squares, ``read`` at most BATCH texts; both return (n, dim)."""
        self.name, self.model, self.dim = row.name, row.model, row.dim
        self._sight = row.sight
        self._see = see
        self._read = read

    def prepare(self, pixels: Pixels) -> Pixels:
        """One RGB picture, (height, width, 3) uint8, to a square of (side, side, 3) uint8."""
        side, filtered = self._sight.side, Image.Resampling.BICUBIC
        if self._sight.squashed:
            return squashed(pixels, side=side, resample=filtered)
        return centre_square(pixels, shortest=side, side=side, resample=filtered)

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to embeddings, (len(inputs), dim) float32; each row has length 1."""
        return unit_rows(self.features(inputs))

    def features(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Squares to raw features, (len(inputs), dim) float32."""
        return features_of_squares(inputs, self._see, self.dim)

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """Texts to embeddings, (len(texts), dim) float32; each row has length 1.

        A text is cut off after as many tokens as the model takes, some 50 words.
        """
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
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
    read, tokens_of = networks["text"], _tokens_of(row)
    return Clip(row, networks["image"], lambda texts: read(tokens_of(texts)))


def _tokens_of(row: ClipModel) -> Callable[[Sequence[str]], npt.NDArray[np.int64]]:
    if not row.vocabulary:
        return tokens
    return reader(row.weights, row.vocabulary, row.length)


@cache
def recipe(row: ClipModel) -> Recipe:
    """How the weights of ``row`` become its two towers."""

    def build(path: Path) -> dict[str, torch.nn.Module]:
        return _towers(row, path)

    return Recipe(
        model=row.model,
        weights=row.weights,
        inputs={
            "image": Input((row.sight.side, row.sight.side, 3), "uint8", in_bulk=True),
            "text": Input((row.length,), "int64"),
        },
        build=build,
    )


def _towers(row: ClipModel, path: Path) -> dict[str, torch.nn.Module]:
    import open_clip
    from torch.nn import Module

    from image_search.extractors.runtime.torch_engine import Normalised

    network = open_clip.create_model(row.architecture, pretrained=str(path))

    class Reader(Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = network.encode_text(words)
            return features

    return {"image": Normalised(row.sight.mean, row.sight.std, network.visual), "text": Reader()}
