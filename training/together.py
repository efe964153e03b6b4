"""Several processes that learn one network: each from lessons of its own, all by the mean of their
gradients. On a processor that is faster than one process with as many threads."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

# A process that has waited so long for another one waits for one that has ended.
_PATIENCE_SECONDS = 300.0

Result = TypeVar("Result")


class Together:
    """``workers`` processes that learn networks with ``numbers`` weights; with one there is none
    to wait for."""

    def __init__(self, workers: int, numbers: int) -> None:
        self._context = multiprocessing.get_context("fork")
        # The last number of a row is how far all is done, by the first process.
        self._rows = torch.zeros((workers, numbers + 1)).share_memory_()  # type: ignore[no-untyped-call]
        self._barrier = self._context.Barrier(workers, timeout=_PATIENCE_SECONDS)

    def run(self, work: Callable[[int], Result]) -> Result:
        """What ``work`` of number 0 returns, done here; the other numbers are done beside it."""
        others = [
            self._context.Process(target=work, args=(number,), daemon=True)
            for number in range(1, len(self._rows))
        ]
        for other in others:
            other.start()
        try:
            return work(0)
        finally:
            for other in others:
                other.terminate()
                other.join()

    def mean(self, number: int, parameters: Iterable[torch.nn.Parameter], done: float) -> float:
        """Replace the gradients of process ``number`` by the mean of all processes; returns how far
        all is done by process 0, from ``done`` of each.

        Raises:
            RuntimeError: another process has ended.
        """
        if len(self._rows) == 1:
            return done
        gradients = [p.grad for p in parameters if p.grad is not None]
        self._rows[number, :-1] = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self._rows[number, -1] = done
        self._wait()
        mean, size = self._rows[:, :-1].mean(dim=0), float(self._rows[0, -1])
        self._wait()
        for gradient, part in zip(
            gradients, mean.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))
        return size

    def _wait(self) -> None:
        try:
            self._barrier.wait()
        except threading.BrokenBarrierError as problem:
            raise RuntimeError("A process that learns along has ended.") from problem
