"""The small network behind ``design``, in PyTorch; imported only where it is loaded or trained.

A residual network (He and others, CVPR 2016) of 18 layers and half the usual width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

SIDE = 160
DIM = 256

_WIDTH = 32


class Block(nn.Module):
    """Two convolutions and a way around them."""

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
        widths = [width, 2 * width, 4 * width, 8 * width]
        blocks: list[nn.Module] = []
        given = width
        for number, made in enumerate(widths):
            blocks += [Block(given, made, 2 if number else 1), Block(made, made, 1)]
            given = made
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(given, DIM)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures to unit rows."""
        y = functional.max_pool2d(self.stem(x * 4 - 2), 3, 2, 1)
        y = self.blocks(y).mean(dim=(2, 3))
        return functional.normalize(self.head(y), dim=1)
