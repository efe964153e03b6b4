"""Detectors of everyday objects: torchvision's own networks, one row each.

They know the 80 kinds of things of COCO (Lin et al., "Microsoft COCO", ECCV 2014), and add boxes
and names to what ``imaging.objects`` finds without any network. Importing this imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from image_search.errors import ModelUnavailable
from image_search.extractors.runtime.recipe import IMPORTING
from image_search.extractors.weights.files import Weights
from image_search.extractors.weights.sources import (
    FASTERRCNN_MOBILENET_V3_LARGE_FPN,
    SSDLITE320_MOBILENET_V3_LARGE,
)
from image_search.imaging.arrays import Pixels

if TYPE_CHECKING:
    import torch

# Longest side that a detector is given, in pixels: the largest that any of them looks at.
_LONGEST = 1333
# Scores from which a detection is shown.
LEAST: Final = 0.5


@dataclass(frozen=True)
class DetectorSpec:
    """What is known about a detector without loading it; its ``name`` is that of torchvision's
    loader."""

    name: str
    summary: str
    weights: Weights


@dataclass(frozen=True)
class Detection:
    """A thing: its ``box``, left, top, width and height as fractions, its ``name``, and a ``score``
    from 0 to 1."""

    box: tuple[float, float, float, float]
    name: str
    score: float


DETECTORS: Mapping[str, DetectorSpec] = MappingProxyType(
    {
        row.name: row
        for row in (
            DetectorSpec(
                "ssdlite320_mobilenet_v3_large",
                "quick; looks at 320 x 320 pixels, and misses what is small in them",
                SSDLITE320_MOBILENET_V3_LARGE,
            ),
            DetectorSpec(
                "fasterrcnn_mobilenet_v3_large_fpn",
                "finds more; looks at up to 1,333 pixels, and takes several times as long",
                FASTERRCNN_MOBILENET_V3_LARGE_FPN,
            ),
        )
    }
)
"""The rows by name."""


class Detector:
    """A network and the ``names`` of what it knows, by number."""

    def __init__(self, network: torch.nn.Module, names: Sequence[str]) -> None:
        self._network, self._names = network, names

    def detect(self, pixels: Pixels) -> list[Detection]:
        """What is in RGB pixels (h, w, 3), the surest first."""
        import torch

        from image_search.imaging.decoding import within

        small = within(pixels, _LONGEST)
        height, width = small.shape[:2]
        picture = torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))
        with torch.inference_mode():
            found: dict[str, Any] = self._network([picture.float().div(255)])[0]
        size = np.array([width, height, width, height])
        corners = np.clip(found["boxes"].numpy() / size, 0, 1)
        detections = []
        for (left, top, right, bottom), label, score in zip(
            corners.tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True
        ):
            if score >= LEAST and right > left and bottom > top:
                box = (left, top, right - left, bottom - top)
                detections.append(Detection(box, self._names[label], round(score, 3)))
        return sorted(detections, key=lambda one: -one.score)


def load(name: str) -> Detector:
    """The detector of this name from disk. Touches no network.

    Raises:
        ModelUnavailable: its weights are not on disk, damaged, or not of this model.
    """
    weights = DETECTORS[name].weights
    path = weights.ready()
    try:
        with IMPORTING:
            import torch
            from torchvision.models import get_model, get_model_weights

            network = get_model(name, weights=None, weights_backbone=None)
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
            names = get_model_weights(name).DEFAULT.meta["categories"]
    except Exception as error:
        raise ModelUnavailable(
            f"{weights.title}: the weights in {path} cannot be loaded ({error}). Delete that file. "
            f"{weights.hint()}"
        ) from error
    return Detector(network.eval(), names)
