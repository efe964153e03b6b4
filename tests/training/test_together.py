"""Processes that step by the mean of their gradients."""

from __future__ import annotations

import pytest
import torch

from training import together
from training.together import Together


def weights(value: float) -> list[torch.nn.Parameter]:
    """Two parameters whose gradients are all ``value``."""
    made = [torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(4))]
    for parameter in made:
        parameter.grad = torch.full_like(parameter, value)
    return made


def test_all_step_by_the_mean_and_hear_from_the_first() -> None:
    both = Together(2, 10)

    def work(number: int) -> tuple[list[torch.nn.Parameter], list[float]]:
        mine, means = weights(1.0 + 2 * number), []
        for step in range(3):
            means.append(both.mean(number, mine, 0.25 * step + 100 * number))
        return mine, means

    mine, means = both.run(work)

    assert means == [0, 0.25, 0.5]
    assert all(torch.equal(p.grad, torch.full_like(p, 2)) for p in mine if p.grad is not None)


def test_alone_there_is_nobody_to_wait_for() -> None:
    mine = weights(3)

    assert Together(1, 10).run(lambda number: Together(1, 10).mean(number, mine, 0.5)) == 0.5
    assert all(torch.equal(p.grad, torch.full_like(p, 3)) for p in mine if p.grad is not None)


def test_one_that_ends_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_PATIENCE_SECONDS", 0.5)
    both = Together(2, 10)

    def work(number: int) -> float:
        return both.mean(number, weights(1), 0) if number == 0 else 0

    with pytest.raises(RuntimeError, match="has ended"):
        both.run(work)
