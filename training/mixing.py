"""Two pictures in one square, and how: the teacher is asked about the very mixture.

That a student should see exactly what its teacher saw, mixtures included, and for long, is due to
Beyer and others (CVPR 2022); blending to Zhang and others' mixup (ICLR 2018), laying one over the
other to Yun and others' CutMix (ICCV 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_search.extractors.base import Pixels
from image_search.extractors.design import squeezed

#: Of a mixture, the least share of either picture.
LEAST = 0.3


@dataclass(frozen=True)
class Mixture:
    """``share`` of picture ``other`` in picture ``one``: blended, or laid over it where ``place``
    says, top, left, bottom and right as shares of the height and width."""

    one: int
    other: int
    share: float
    place: tuple[float, float, float, float] | None

    @staticmethod
    def of(one: int, other: int, dice: np.random.Generator) -> Mixture:
        """Some mixture of the two."""
        share = float(dice.uniform(LEAST, 1 - LEAST))
        if dice.random() < 0.5:
            return Mixture(one, other, share, None)
        height = float(np.clip(np.sqrt(share) * np.exp(dice.uniform(-0.3, 0.3)), share, 1))
        width = share / height
        top, left = dice.uniform(0, 1 - height), dice.uniform(0, 1 - width)
        return Mixture(one, other, share, (top, left, top + height, left + width))

    def square(self, one: Pixels, other: Pixels, side: int) -> Pixels:
        """The mixture of the two pictures, (side, side, 3) uint8."""
        below = squeezed(one, side)
        if self.place is None:
            both = (1 - self.share) * below + self.share * squeezed(other, side)
            return np.rint(both).astype(np.uint8)
        top, left, bottom, right = (round(side * part) for part in self.place)
        bottom, right = max(bottom, top + 1), max(right, left + 1)
        mixture = below.copy()
        mixture[top:bottom, left:right] = squeezed(other, side)[top:bottom, left:right]
        return mixture
