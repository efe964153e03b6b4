"""The network while it learns: it also predicts what lies in each place, which is then dropped."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from image_search.extractors.design_network import MEANING, Design

State = dict[str, Tensor]

# What belongs to the places begins with this.
_PLACES = "places."


class Student(Design):
    """``Design``, and what is seen in each cell of its last stage."""

    def __init__(self) -> None:
        super().__init__()
        read = sum(self.widths[-2:])
        self.places = nn.Sequential(nn.BatchNorm2d(read), nn.Conv2d(read, MEANING, 1))

    def all_of(self, x: Tensor, located: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``halves_of`` the pictures, and of those in the rows ``located`` (m,) what is seen in
        each cell, (m, g, g, MEANING)."""
        seen = self._stages(x)
        last = seen[-1][located]
        before = functional.adaptive_avg_pool2d(seen[-2][located], (last.shape[2], last.shape[3]))
        grids = self.places(torch.cat([last, before], dim=1)).permute(0, 2, 3, 1)
        return *self._halves(seen), grids

    def begin(self, start: Mapping[str, Tensor]) -> None:
        """Go on from weights of ``Design``."""
        self.load_state_dict({**self.state_dict(), **start})


def lasting(state: Mapping[str, Tensor]) -> State:
    """What is kept of a student's weights: those of ``Design``."""
    return {name: value for name, value in state.items() if not name.startswith(_PLACES)}
