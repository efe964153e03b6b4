"""``imagenet``: what a photo shows, as a classifier of a thousand everyday things sees it.

The features of EfficientNet-Lite2 (Google, 2020; the lite variants of EfficientNet, Tan and Le,
ICML 2019) before its classifier, averaged over the whole picture, which is resized to a square. The
classifier turns names of its classes into directions among these features, and features into
labels. The weights are installed with a dependency, so nothing is downloaded later. Importing this
module imports no PyTorch.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from image_search.extractors.base import (
    BATCH,
    Extractor,
    Forward,
    SquashedNetwork,
    unit_rows,
)
from image_search.extractors.class_names import COUNT, class_names, named
from image_search.extractors.patches import averaged
from image_search.extractors.runtime.engines import open_networks
from image_search.extractors.runtime.recipe import Input, Recipe
from image_search.extractors.weights.sources import EFFICIENTNET_LITE2
from image_search.imaging.arrays import Floats

if TYPE_CHECKING:
    import torch

NAME = "imagenet"
DIM = 1280
MODEL = "google/efficientnet-lite2/squashed"

SIDE = 260
# Of which stage of the network the map is that patches are averaged from.
STAGE = 5
# Samples from 0 to 255 become (sample - 127) / 128, as the network was trained.
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3


# The median length of the features of photos (caltech101, clothing and jewellery; a tenth of them
# are shorter than 10 and longer than 15). With it in place of the real length, the first label of a
# picture stays the same for 99.9 % of them, and only how sure it is differs.
TYPICAL_LENGTH = 12.5
# Labels of less probability are noise.
LEAST_PROBABILITY = 0.1


@dataclass(frozen=True)
class Classifier:
    """The last layer of the network: a row of ``weights`` (COUNT, dim) and a ``bias`` (COUNT,) for
    each class."""

    weights: Floats
    bias: Floats

    @cached_property
    def directions(self) -> Floats:
        """(COUNT, dim): towards each class, away from the mean of all; each row has length 1."""
        return unit_rows(self.weights - self.weights.mean(axis=0))

    def labels(self, rows: Floats, lengths: Floats | None = None) -> list[dict[str, float]]:
        """What pictures show: for each the probability by name of a class, the likeliest first.

        Args:
            rows: (n, dim) embeddings of length 1.
            lengths: (n,) what the length of each embedding was before it was scaled. Where it is
                not known or 0, ``TYPICAL_LENGTH`` takes its place: probabilities are then
                estimates.
        """
        known = np.zeros(len(rows), np.float32) if lengths is None else lengths
        scale = np.where(known > 0, known, np.float32(TYPICAL_LENGTH))[:, None]
        logits = rows @ self.weights.T * scale + self.bias
        probable = np.exp(logits - logits.max(axis=1, keepdims=True))
        probable /= probable.sum(axis=1, keepdims=True)
        names, found = class_names(), []
        for row in probable:
            kept = np.flatnonzero(row >= LEAST_PROBABILITY)
            best = kept[np.argsort(-row[kept], kind="stable")].tolist()
            found.append({names[number]: round(float(row[number]), 3) for number in best})
        return found


@dataclass(frozen=True)
class ImageNet(SquashedNetwork):
    """The extractor; ``read`` takes rows of weights of the classes, (n, COUNT) float32, to what the
    last layer has for them, (n, dim + 1), the bias at the end. ``see_patches`` takes what ``see``
    takes to what squares of the pictures show, see ``patches``."""

    read: Forward
    see_patches: Forward

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """Texts to embeddings, (len(texts), dim) float32; each row has length 1.

        The embedding of a text is the mean direction of the classes that it names; that of a text
        that names none has no meaning (see ``class_names.named``).
        """
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for classes in named(text).classes:
                row += unit_rows(self.classifier.directions[list(classes)].mean(0)[None])[0]
        return unit_rows(rows)

    def labels(self, rows: Floats, lengths: Floats | None = None) -> list[dict[str, float]]:
        """See ``Labeller.labels`` and ``Classifier.labels``."""
        return self.classifier.labels(rows, lengths)

    @cached_property
    def classifier(self) -> Classifier:
        """The last layer, read on first need."""
        each = np.eye(COUNT, dtype=np.float32)
        starts = range(0, COUNT, BATCH)
        found = np.concatenate([self.read(each[i : i + BATCH]) for i in starts])
        return Classifier(np.ascontiguousarray(found[:, :-1]), found[:, -1].copy())


class LastBatch:
    """A network that one thread may ask twice for the same batch, which it computes once."""

    def __init__(self, see: Forward) -> None:
        self._see, self._last = see, threading.local()

    def __call__(self, batch: npt.NDArray[Any]) -> Floats:
        """See ``Forward``."""
        known = getattr(self._last, "both", None)
        if known is not None and np.array_equal(known[0], batch):
            rows: Floats = known[1]
            return rows
        rows = self._see(batch)
        self._last.both = batch, rows
        return rows


def load() -> Extractor:
    """The network from its installed package, on the graphics card where there is one.

    Raises:
        ModelUnavailable: the package is not installed, or its file is damaged.
    """
    networks = open_networks(RECIPE)
    both = LastBatch(networks["image"])
    return ImageNet(
        NAME,
        MODEL,
        DIM,
        SIDE,
        lambda batch: both(batch)[:, :DIM],
        networks["classes"],
        lambda batch: both(batch)[:, DIM:],
    )


def network(path: Path) -> Any:
    """The whole network with the weights in ``path``, as timm has it."""
    import timm
    import torch

    made: Any = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    # The file has other names for its tensors than timm, but the same order.
    stored = torch.load(path, map_location="cpu", weights_only=True)
    names = made.state_dict()
    if len(stored) != len(names):
        raise ValueError(f"it has {len(stored)} tensors, not {len(names)}")
    made.load_state_dict(dict(zip(names, stored.values(), strict=True)))
    return made


def _build(path: Path) -> dict[str, torch.nn.Module]:
    import torch

    from image_search.extractors.runtime.torch_engine import Normalised

    whole = network(path)

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = whole  # its parameters belong to this module

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            # As ``whole.forward_features``, with the map of one stage kept.
            features: torch.Tensor = whole.bn1(whole.conv_stem(batch))
            patches = features
            for stage, block in enumerate(whole.blocks, start=1):
                features = block(features)
                if stage == STAGE:
                    patches = averaged(features)
            features = whole.bn2(whole.conv_head(features))
            return torch.cat([features.mean(dim=(2, 3)), patches], dim=1)

    class LastLayer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            last = whole.classifier
            joined = torch.cat([last.weight, last.bias[:, None]], dim=1)
            self.rows = torch.nn.Parameter(joined.detach(), requires_grad=False)

        def forward(self, classes: torch.Tensor) -> torch.Tensor:
            return classes.to(self.rows.dtype) @ self.rows

    return {"image": Normalised(MEAN, STD, Pooled()), "classes": LastLayer()}


RECIPE = Recipe(
    model=MODEL,
    weights=EFFICIENTNET_LITE2,
    inputs={
        "image": Input((SIDE, SIDE, 3), "uint8"),
        "classes": Input((COUNT,), "float32"),
    },
    build=_build,
)
