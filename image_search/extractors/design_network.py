"""The small network behind ``design``, in PyTorch; imported only where it is loaded or trained.

A residual network (He and others, CVPR 2016) of 18 layers and half the usual width, read at every
stage: what is shown, from all of the picture, and what lies where, from a grid over it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 160
#: Numbers for what is shown, and numbers for what is where.
MEANING, LAYOUT = 256, 256
DIM = MEANING + LAYOUT
#: The share that the layout has in the cosine of two pictures. With half, jewellery and clothing
#: are found a little better, and other photos and classes of drawings worse.
LAYOUT_SHARE = 0.35

_WIDTH = 32
# Cells across and down of the grid for the layout.
_CELLS = 5
# The stage that is read in cells: deep enough to know a part when drawn, and fine enough for where.
_LAYOUT_STAGE = 2


class Block(nn.Module):
    """Two convolutions and a shortcut around them."""

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(given, made, 3, stride, 1, bias=False)
        self.norm_one = nn.BatchNorm2d(made)
        self.two = nn.Conv2d(made, made, 3, 1, 1, bias=False)
        self.norm_two = nn.BatchNorm2d(made)
        self.around: nn.Module = nn.Identity()
        if given != made or stride != 1:
            self.around = nn.Sequential(
                nn.Conv2d(given, made, 1, stride, bias=False), nn.BatchNorm2d(made)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(n, given, h, w) to (n, made, h / stride, w / stride)."""
        y = functional.relu(self.norm_one(self.one(x)))
        return functional.relu(self.norm_two(self.two(y)) + self.around(x))


class Design(nn.Module):
    """What is drawn or photographed: (n, 3, side, side) in [0, 1] to unit rows (n, DIM).

    ``side`` may be anything from 96; the figures are measured at SIDE.
    """

    def __init__(self, width: int = _WIDTH) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.widths = widths = (width, 2 * width, 4 * width, 8 * width)
        stages: list[nn.Module] = []
        given = width
        for number, made in enumerate(widths):
            first = Block(given, made, 2 if number else 1)
            stages.append(nn.Sequential(first, Block(made, made, 1)))
            given = made
        self.stages = nn.ModuleList(stages)
        read = 2 * sum(widths)
        self.meaning = nn.Sequential(nn.BatchNorm1d(read), nn.Linear(read, MEANING))
        self.layout = nn.Linear(widths[_LAYOUT_STAGE] * _CELLS**2, LAYOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures to unit rows: their meaning and their layout, side by side."""
        seen = self._stages(x)
        layout = functional.normalize(self.layout(_cells(seen)), dim=1)
        meaning = self._meaning(seen)
        return torch.cat([meaning * (1 - LAYOUT_SHARE) ** 0.5, layout * LAYOUT_SHARE**0.5], dim=1)

    def halves_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to their meaning, unit rows (n, MEANING), and their layout, (n, LAYOUT), which
        is not of length 1 yet."""
        return self._halves(self._stages(x))

    def read_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The features of pictures that meaning and layout are computed from, (n, ...) each."""
        seen = self._stages(x)
        return _pooled(seen), _cells(seen)

    def _halves(self, seen: list[Tensor]) -> tuple[Tensor, Tensor]:
        return self._meaning(seen), self.layout(_cells(seen))

    def _stages(self, x: Tensor) -> list[Tensor]:
        y = functional.max_pool2d(self.stem(x * 4 - 2), 3, 2, 1)
        seen: list[Tensor] = []
        for stage in self.stages:
            y = stage(y)
            seen.append(y)
        return seen

    def _meaning(self, seen: list[Tensor]) -> Tensor:
        return functional.normalize(self.meaning(_pooled(seen)), dim=1)


def _pooled(seen: list[Tensor]) -> Tensor:
    return torch.cat([pooled for y in seen for pooled in (y.mean(dim=(2, 3)), _strongest(y))], 1)


def _cells(seen: list[Tensor]) -> Tensor:
    return functional.adaptive_avg_pool2d(seen[_LAYOUT_STAGE], _CELLS).flatten(1)


def _strongest(y: Tensor) -> Tensor:
    """Generalised mean of power 3 (Radenovic and others, PAMI 2019), (n, c, h, w) to (n, c)."""
    return (y * y * y).mean(dim=(2, 3)).clamp_min(1e-6) ** (1 / 3)
