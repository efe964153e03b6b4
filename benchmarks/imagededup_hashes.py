"""The hashes of imagededup, where it is installed, asked the same as the fingerprints."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Pixels

NAMES = ("PHash", "DHash", "AHash", "WHash")
# Its own threshold: hashes that differ in so many of 64 bits are duplicates.
NEAR = 10


@dataclass(frozen=True)
class Found:
    """How many pictures come ``before`` a copy's original (of those at the same distance, half),
    and whether it, and any of the others, is called a duplicate."""

    before: float
    own: bool
    others: bool


class Hashes:
    """One of its hashes over a collection."""

    def __init__(self, name: str, pictures: Sequence[Pixels]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            methods: Any = import_module("imagededup.methods")
            self._method = getattr(methods, name)()
        self.name = name
        self._all = np.array([self._hash(picture) for picture in pictures], np.uint64)

    def _hash(self, picture: Pixels) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(self._method.encode_image(image_array=picture), 16)

    def ask(self, query: Pixels, own: int) -> Found:
        """Where picture number ``own`` comes for ``query``."""
        apart: npt.NDArray[np.uint8] = np.bitwise_count(self._all ^ np.uint64(self._hash(query)))
        same = int((apart == apart[own]).sum()) - 1
        near = apart <= NEAR
        called = bool(near[own])
        return Found(float((apart < apart[own]).sum()) + same / 2, called, int(near.sum()) > called)


def available() -> bool:
    """Whether imagededup is here; if it is not, prints that."""
    if find_spec("imagededup") is None:
        print("imagededup takes no part: it is not installed here")
        return False
    return True
