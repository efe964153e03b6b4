"""A transformer's linear layers as convolutions of one pixel: the same numbers, sooner.

Where a processor multiplies matrices tile by tile, oneDNN keeps its tiles busier in convolutions
than in linear layers, if it knows beforehand how many tokens there will be (the rates are in
docs/performance.md). Imported only where a network is converted.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


class Perceptron(nn.Module):
    """Two linear layers and what is between them, for tokens (..., given) to (..., made)."""

    def __init__(self, first: nn.Linear, between: nn.Module, second: nn.Linear) -> None:
        super().__init__()
        self.layers = nn.Sequential(_convolution(first), between, _convolution(second))

    def forward(self, tokens: Tensor) -> Tensor:
        """Every token by itself."""
        return _pixel_by_pixel(self.layers, tokens)


class SelfAttention(nn.Module):
    """``nn.MultiheadAttention`` of tokens with themselves (Vaswani and others, NeurIPS 2017)."""

    def __init__(self, given: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads, width = given.num_heads, given.embed_dim
        projections = nn.Linear(width, 3 * width, bias=given.in_proj_bias is not None)
        projections.weight, projections.bias = given.in_proj_weight, given.in_proj_bias
        self.projections, self.out = _convolution(projections), _convolution(given.out_proj)

    def forward(
        self,
        tokens: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        need_weights: bool,
        attn_mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """(n, tokens, width) to the same shape.

        Raises:
            ValueError: asked for anything else.
        """
        if key is not tokens or value is not tokens or need_weights or attn_mask is not None:
            raise ValueError("Tokens attend to themselves here, to all of them, and silently.")
        n, length, width = tokens.shape
        each = width // self.heads
        projected = _pixel_by_pixel(self.projections, tokens).reshape(
            n, length, 3, self.heads, each
        )
        queries, keys, values = projected.permute(2, 0, 3, 1, 4).unbind(0)
        near = torch.softmax(queries @ keys.transpose(-1, -2) * each**-0.5, dim=-1)
        seen = (near @ values).transpose(1, 2).reshape(n, length, width)
        return _pixel_by_pixel(self.out, seen), None


def with_convolutions(module: Module) -> Module:
    """``module`` itself, with every self-attention replaced, and every sequence of two linear
    layers with one thing between them, which must treat each number by itself, as activations
    do."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            match child, list(child.children()):
                case nn.Sequential(), [nn.Linear() as first, between, nn.Linear() as second]:
                    if not isinstance(between, nn.Linear):
                        setattr(parent, name, Perceptron(first, between, second))
                case nn.MultiheadAttention(), _ if _is_plain(child):
                    setattr(parent, name, SelfAttention(child))
    return module


def _is_plain(attention: nn.MultiheadAttention) -> bool:
    """Whether there is nothing to it but projections of tokens of one width."""
    same = attention.kdim == attention.vdim == attention.embed_dim and attention.batch_first
    return bool(same and attention.bias_k is None and not attention.add_zero_attn)


def _pixel_by_pixel(layers: nn.Module, tokens: Tensor) -> Tensor:
    """All tokens side by side are a picture one pixel high, with as many channels as a token has
    numbers: (..., given) to (..., made)."""
    row = tokens.reshape(1, 1, -1, tokens.shape[-1]).permute(0, 3, 1, 2)
    made: Tensor = layers(row)
    return made.permute(0, 2, 3, 1).reshape(*tokens.shape[:-1], -1)


def _convolution(layer: nn.Linear) -> nn.Conv2d:
    made = nn.Conv2d(layer.in_features, layer.out_features, 1, bias=layer.bias is not None)
    made.weight = nn.Parameter(layer.weight.detach()[:, :, None, None])
    made.bias = layer.bias
    return made.train(layer.training)
