"""Parts of two pictures in one square, and how: the teacher is asked about the very mixture.

That a student should see exactly what its teacher saw, mixtures included, and for long, is due to
Beyer and others (CVPR 2022); blending to Zhang and others' mixup (ICLR 2018), laying one over the
other to Yun and others' CutMix (ICCV 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_search.extractors.design import squeezed
from image_search.imaging.arrays import Pixels
from training.views import rectangle

#: Of a mixture, the least share of either picture.
LEAST = 0.1
#: How often all of a picture is mixed, and of a part, the least share of the picture's area.
WHOLE, LEAST_PART = 0.4, 0.3
# What the height and width of a picture are counted in.
_FINE = 1000

#: Top, left, bottom and right, as shares of the height and width.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mixture:
    """``share`` of picture ``other`` in picture ``one``: blended, or laid over it where ``place``
    says. Of both pictures, ``parts`` are what is mixed."""

    one: int
    other: int
    share: float
    place: Box | None
    parts: tuple[Box, Box]

    @staticmethod
    def of(one: int, other: int, rng: np.random.Generator) -> Mixture:
        """Some mixture of the two."""
        parts = _part(rng), _part(rng)
        share = float(rng.uniform(LEAST, 1 - LEAST))
        if rng.random() < 0.5:
            return Mixture(one, other, share, None, parts)
        height = float(np.clip(np.sqrt(share) * np.exp(rng.uniform(-0.3, 0.3)), share, 1))
        width = share / height
        top, left = rng.uniform(0, 1 - height), rng.uniform(0, 1 - width)
        return Mixture(one, other, share, (top, left, top + height, left + width), parts)

    def square(self, one: Pixels, other: Pixels, side: int) -> Pixels:
        """The mixture of the two pictures, (side, side, 3) uint8."""
        below, above = (
            squeezed(_cut(picture, part), side)
            for picture, part in zip((one, other), self.parts, strict=True)
        )
        if self.place is None:
            return np.rint((1 - self.share) * below + self.share * above).astype(np.uint8)
        top, left, bottom, right = (round(side * part) for part in self.place)
        bottom, right = max(bottom, top + 1), max(right, left + 1)
        mixture = below.copy()
        mixture[top:bottom, left:right] = above[top:bottom, left:right]
        return mixture


def _part(rng: np.random.Generator) -> Box:
    if rng.random() < WHOLE:
        return 0.0, 0.0, 1.0, 1.0
    top, left, height, width = (
        place / _FINE for place in rectangle((_FINE, _FINE), rng, LEAST_PART)
    )
    return top, left, top + height, left + width


def _cut(picture: Pixels, part: Box) -> Pixels:
    height, width = picture.shape[:2]
    top, left, bottom, right = part
    rows = slice(int(top * height), max(int(bottom * height), int(top * height) + 1))
    columns = slice(int(left * width), max(int(right * width), int(left * width) + 1))
    return np.ascontiguousarray(picture[rows, columns])
