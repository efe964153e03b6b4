"""The prior of each extractor: how much it counts before a collection is known.

The default weight of an extractor is its prior times a power of its contrast, which is fitted to
the collection without labels; see ``fusion.default_weights``. This table is data: a new extractor
needs no row, and gets the one of ``OTHER``. Figures are in docs/quality.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Prior:
    """An extractor's prior by the kind of query, and what it rests on.

    An extractor that cannot compare a kind of query takes no part there, whatever its prior.
    """

    photo: float
    sketch: float
    text: float
    evidence: str


#: Any extractor without a row, which is probably a network trained on photos.
OTHER = Prior(
    0.75, 0.25, 1.0,
    "Photos: with 1, SqueezeNet pulls the fusion below `design` on clothing. Sketches: "
    "EfficientNet-Lite2 without constants for drawings gained up to .25 and lost at .5.",
)  # fmt: skip

PRIORS: Mapping[str, Prior] = MappingProxyType(
    {
        "clip": Prior(
            1.0, 1.0, 1.0,
            "Not measured here. A network, which was trained on drawings and words as well.",
        ),
        "resnet50": Prior(
            1.0, 0.25, 1.0,
            "Not measured here. Photos: as `imagenet`, which learnt from the same pictures.",
        ),
        "imagenet": Prior(
            1.0, 0.4, 1.0,
            "Sketches: with more, classes are found better, and above .4 the very photo worse.",
        ),
        "design": Prior(
            1.0, 1.0, 0.0,
            "Photos: .5 to 1 are equally good. Sketches: what the others are measured against.",
        ),
        "edges": Prior(
            0.5, 0.5, 0.0,
            "Photos: the mean is the same from .3 to .7, but with these some sets of extractors "
            "fall far behind. Sketches: with more, classes are lost, with less the very photo.",
        ),
        "texture": Prior(0.15, 0.0, 0.0, "Photos: as good as .25, and better for clothing."),
        "style": Prior(
            0.0, 0.0, 0.0,
            "Finds pictures that are made alike, whatever they show, so it counts only where it is "
            "asked for.",
        ),
        "hsv": Prior(
            0.15, 0.0, 0.0,
            "Photos: with .1 scenes are lost where no network helps, with .25 clothing.",
        ),
    }
)  # fmt: skip

#: The power of the contrast, which is measured among photos. With 2, photos lose beside a network
#: that distinguishes little, with 4 where there is no network; with 3, sketches follow extractors
#: that are only good at photos.
POWER: Mapping[str, float] = MappingProxyType({"photo": 3.0, "sketch": 1.0, "text": 1.0})
