"""Two forms of one network, each read when it is first needed: one that takes full batches alone
and is quicker at that, and one that takes batches of any size."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.extractors.runtime.batches import BATCH, Forward
from image_search.imaging.arrays import Floats

#: So often a batch is filled up before the other form is read: reading one takes as long as a dozen
#: full batches, and what comes once, the rest of an update, should not wait for it.
FILLED = 8


class LazyModel:
    """A network that ``load`` gives, once, to whichever thread needs it first."""

    def __init__(self, load: Callable[[], Forward]) -> None:
        self._load, self._turn = load, threading.Lock()
        self._network: Forward | None = None

    @property
    def ready(self) -> bool:
        """Whether it has been read."""
        return self._network is not None

    def __call__(self, batch: npt.NDArray[Any]) -> Floats:
        """See ``Forward``. Raises what ``load`` raises."""
        with self._turn:
            if self._network is None:
                self._network = self._load()
        return self._network(batch)


class FullBatchModel:
    """``full`` for batches of BATCH, and ``any_size`` for all others."""

    def __init__(self, full: LazyModel, any_size: LazyModel) -> None:
        self._full, self._any_size = full, any_size
        self._filled = 0

    def __call__(self, batch: npt.NDArray[Any]) -> Floats:
        """See ``Forward``. Raises what reading a network raises."""
        if len(batch) == BATCH:
            return self._full(batch)
        if self._full.ready and not self._any_size.ready and self._filled < FILLED:
            self._filled += 1
            rest = np.broadcast_to(batch[-1], (BATCH - len(batch), *batch.shape[1:]))
            return self._full(np.concatenate([batch, rest]))[: len(batch)]
        return self._any_size(batch)
