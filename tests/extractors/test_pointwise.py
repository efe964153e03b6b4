"""The quicker form of a transformer gives the same numbers."""

from __future__ import annotations

from typing import Any

import open_clip
import pytest
import torch
from torch import nn

from image_search.extractors.clip_models import OPENAI
from image_search.extractors.runtime.pointwise import Perceptron, SelfAttention, with_convolutions

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6,), (1, 6), (5, 6), (2, 5, 6), (2, 3, 5, 6)])
def test_tokens_of_any_shape_come_out_as_before(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(1)
    whole = nn.Sequential(
        nn.Sequential(nn.Linear(6, 9, bias=bias), nn.GELU(), nn.Linear(9, 4, bias=bias))
    )
    tokens = torch.randn(shape)
    with torch.inference_mode():
        before = whole(tokens)

        after = with_convolutions(whole)(tokens)

    assert isinstance(whole[0], Perceptron)
    torch.testing.assert_close(after, before)


def attention(**other: Any) -> nn.Sequential:
    torch.manual_seed(1)
    whole = nn.Sequential(nn.MultiheadAttention(12, 3, **other))
    return whole.eval()


@pytest.mark.parametrize("bias", [True, False])
def test_attention_sees_the_same(bias: bool) -> None:
    whole = attention(batch_first=True, bias=bias)
    tokens = torch.randn(2, 5, 12)
    with torch.inference_mode():
        before, _ = whole[0](tokens, tokens, tokens, need_weights=False)

        with_convolutions(whole)

        assert isinstance(whole[0], SelfAttention)
        after, _ = whole[0](tokens, tokens, tokens, need_weights=False)
    torch.testing.assert_close(after, before)


def test_what_it_cannot_do_it_does_not_pretend_to_do() -> None:
    whole = with_convolutions(attention(batch_first=True))
    tokens, others = torch.randn(2, 5, 12), torch.randn(2, 5, 12)

    with pytest.raises(ValueError, match="themselves"):
        whole[0](tokens, others, others, need_weights=False)
    with pytest.raises(ValueError, match="themselves"):
        whole[0](tokens, tokens, tokens, need_weights=False, attn_mask=torch.zeros(5, 5))


@pytest.mark.parametrize("other", [{}, {"kdim": 7, "vdim": 7}, {"add_zero_attn": True}], ids=str)
def test_other_attention_stays_as_it_is(other: dict[str, int]) -> None:
    whole = with_convolutions(attention(batch_first=bool(other), **other))

    assert isinstance(whole[0], nn.MultiheadAttention)


def test_all_of_clip_is_found_and_it_sees_the_same() -> None:
    torch.manual_seed(1)
    tower = open_clip.create_model(OPENAI.architecture).visual.eval()
    pictures = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        before = tower(pictures)

        after = with_convolutions(tower)(pictures)

    kinds = [type(part) for part in tower.modules()]
    assert (kinds.count(Perceptron), kinds.count(SelfAttention)) == (12, 12)
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


def test_other_sequences_stay_as_they_are() -> None:
    whole = nn.Sequential(
        nn.Sequential(nn.Linear(6, 9), nn.GELU()),
        nn.Sequential(nn.Linear(9, 9), nn.GELU(), nn.Linear(9, 9), nn.GELU()),
        nn.Sequential(nn.Linear(9, 4), nn.Linear(4, 4), nn.GELU()),
    )

    with_convolutions(whole)

    assert not any(isinstance(part, Perceptron) for part in whole.modules())
