"""``style``: how a picture is made, whatever it shows: drawn, painted, photographed, and with which
texture.

The inner products of the channels of a network's feature map, averaged over the picture, tell which
of its features occur together and not where: they are called its Gram matrix and stand for style in
style transfer (Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks",
CVPR 2016). The means of the channels of a deeper map, the other usual statistic of style (Huang and
Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV 2017),
lie beside it. A matrix has thousands of numbers, which a fixed projection of random signs reduces
to a few hundred (Achlioptas, "Database-friendly random projections", JCSS 2003); no training data
is needed for that.

Which layers were chosen how is written in ``benchmarks/styles.py``. ``style`` looks through
EfficientNet-Lite2, whose weights come along with a dependency, and ``style-vgg19`` through VGG19,
as Gatys and others did. Importing this imports no PyTorch.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_search.extractors import imagenet
from image_search.extractors.base import Extractor, Forward, features_of_squares, unit_rows
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.files import Weights
from image_search.extractors.weights.sources import EFFICIENTNET_LITE2, VGG19_IMAGENET1K_V1
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class StyleNetwork:
    """One row: a network, and which of its maps are looked at.

    The Gram matrices of maps with so many ``channels`` are reduced to ``projected`` numbers each;
    the means of a map with so many channels, ``means``, follow them.
    """

    name: str
    model: str
    weights: Weights
    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: tuple[int, ...]
    projected: int
    means: int
    maps: Callable[[Path], Callable[[torch.Tensor], Sequence[torch.Tensor]]]
    """From the file of weights to what takes a batch to the maps, those of the means last."""

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.projected * len(self.channels) + self.means

    @property
    def sizes(self) -> list[int]:
        """How many numbers of each map the network returns: half of each matrix, then the means."""
        return [*(count * (count + 1) // 2 for count in self.channels), self.means]


class Style:
    """The extractor; ``see`` takes squares and returns the halves of Gram matrices and the means,
    side by side, (n, sum of the row's ``sizes``)."""

    def __init__(self, row: StyleNetwork, see: Forward) -> None:
        self._row, self._see = row, see
        self.name, self.model, self.dim = row.name, row.model, row.dim

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return one RGB picture, (height, width, 3) uint8, as a square of it."""
        # Here, because commands that look at no picture should not wait for OpenCV.
        from image_search.imaging.decoding import resized

        return resized(pixels, self._row.side, self._row.side)

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Return the embeddings of squares, (len(inputs), dim) float32; each row has length 1."""
        sizes = self._row.sizes
        rows = features_of_squares(inputs, self._see, sum(sizes))
        # Each map counts equally, however large its numbers are.
        *grams, means = (unit_rows(part) for part in np.split(rows, np.cumsum(sizes)[:-1], axis=1))
        parts = [gram @ signs for gram, signs in zip(grams, self._projections, strict=True)]
        return unit_rows(np.concatenate([*parts, means], axis=1))

    @cached_property
    def _projections(self) -> list[Floats]:
        row = self._row
        return [
            random_signs(f"{row.model} {number}", size, row.projected)
            for number, size in enumerate(row.sizes[:-1])
        ]


def random_signs(seed: str, rows: int, columns: int) -> Floats:
    """(rows, columns) of 1 and -1 over the square root of ``columns``; the same everywhere and for
    good, which a library's generator does not promise."""
    count = rows * columns
    digest = hashlib.shake_256(seed.encode()).digest(-(-count // 8))
    bits = np.unpackbits(np.frombuffer(digest, np.uint8), count=count)
    return (2 * bits.astype(np.float32) - 1).reshape(rows, columns) / np.float32(np.sqrt(columns))


def load(name: str) -> Extractor:
    """The one called ``name`` from disk, on the graphics card where there is one. Touches no
    network.

    Raises:
        ModelUnavailable: the weights are not on disk, damaged, or not of this model.
    """
    row = ROWS[name]
    return Style(row, open_networks(RECIPES[name])["image"])


def _build(row: StyleNetwork, path: Path) -> dict[str, torch.nn.Module]:
    import torch

    from image_search.extractors.runtime.torch_engine import Normalised

    maps = row.maps(path)

    class Statistics(torch.nn.Module):
        """The statistics of a batch (n, 3, side, side)."""

        def __init__(self) -> None:
            super().__init__()
            self.maps = maps  # its parameters belong to this module
            for number, count in enumerate(row.channels):
                first, second = torch.triu_indices(count, count)
                self.register_buffer(f"upper{number}", first * count + second, persistent=False)

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            *grams, means = self.maps(batch)
            parts = []
            for number, each in enumerate(grams):
                flat = each.flatten(2)
                # First over the places, so that no sum grows out of half precision.
                scaled = flat / flat.shape[2] ** 0.5
                gram = torch.bmm(scaled, scaled.transpose(1, 2)).flatten(1)
                parts.append(gram[:, getattr(self, f"upper{number}")])
            return torch.cat([*parts, means.mean(dim=(2, 3))], dim=1)

    return {"image": Normalised(row.mean, row.std, Statistics())}


def _lite2_maps(path: Path) -> Any:
    import torch

    network = imagenet.network(path)

    class Maps(torch.nn.Module):
        """What the fifth and the sixth stage make of a batch."""

        def __init__(self) -> None:
            super().__init__()
            self.stem = torch.nn.Sequential(network.conv_stem, network.bn1)
            self.stages = torch.nn.Sequential(*network.blocks[:5])
            self.last = network.blocks[5]

        def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            fifth = self.stages(self.stem(batch))
            return fifth, self.last(fifth)

    return Maps()


def _vgg19_maps(path: Path) -> Any:
    import torch
    import torchvision

    with torch.device("meta"):
        network = torchvision.models.vgg19()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(stored, assign=True)
    features = network.features.float()

    class Maps(torch.nn.Module):
        """The maps behind conv3_1, conv4_1 and conv5_1, and the last again."""

        def __init__(self) -> None:
            super().__init__()
            bounds = [0, 12, 21, 30]
            pairs = itertools.pairwise(bounds)
            self.parts = torch.nn.ModuleList(features[start:end] for start, end in pairs)

        def forward(self, batch: torch.Tensor) -> list[torch.Tensor]:
            found = []
            for part in self.parts:
                batch = part(batch)
                found.append(batch)
            return [*found, batch]

    return Maps()


ROWS = {
    row.name: row
    for row in (
        StyleNetwork(
            name="style",
            model="image_search/style-efficientnet-lite2/1",
            weights=EFFICIENTNET_LITE2,
            side=imagenet.SIDE,
            mean=imagenet.MEAN,
            std=imagenet.STD,
            channels=(120,),
            projected=304,
            means=208,
            maps=_lite2_maps,
        ),
        StyleNetwork(
            name="style-vgg19",
            model="image_search/style-vgg19/1",
            weights=VGG19_IMAGENET1K_V1,
            side=224,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            channels=(256, 512, 512),
            projected=128,
            means=512,
            maps=_vgg19_maps,
        ),
    )
}
RECIPES = {
    row.name: Recipe(
        model=row.model,
        weights=row.weights,
        inputs={"image": Input((row.side, row.side, 3), "uint8")},
        build=partial(_build, row),
    )
    for row in ROWS.values()
}
