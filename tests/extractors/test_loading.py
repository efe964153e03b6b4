"""The pool of extractors: what makes the first queries quick sees every size of batches that they
may come in, and stops when it is told to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from image_search.extractors import REGISTRY
from image_search.extractors.base import MOST, ExtractorPool
from image_search.imaging.arrays import Floats


class Noting:
    """Notes how many pictures and words it is given at a time."""

    name, model, dim = "noting", "made/up/1", 3

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def prepare(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
        return np.asarray(pixels[0])

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        self.sizes.append(len(inputs))
        return np.zeros((len(inputs), 3), np.float32)


class NotingReader(Noting):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[int] = []

    def embed_text(self, texts: Sequence[str]) -> Floats:
        self.words.append(len(texts))
        return np.zeros((len(texts), 3), np.float32)


@pytest.fixture
def extractors(monkeypatch: pytest.MonkeyPatch) -> dict[str, Noting]:
    """In the places of these extractors, some that note what they are given."""
    made: dict[str, Noting] = {"clip": NotingReader(), "design": Noting(), "hsv": Noting()}
    for name, one in made.items():
        monkeypatch.setitem(vars(REGISTRY[name]), "load", lambda one=one: one)
    return made


def test_networks_see_every_size_of_batches_that_queries_come_in(
    extractors: dict[str, Noting],
) -> None:
    ExtractorPool(REGISTRY).warm_up(list(extractors), lambda: False)

    every = list(range(1, MOST + 1))
    reader = extractors["clip"]
    assert isinstance(reader, NotingReader)
    assert reader.sizes == reader.words == extractors["design"].sizes == every
    assert extractors["hsv"].sizes == [1], "it works one picture at a time"


def test_each_is_loaded_before_any_sees_a_second_size(extractors: dict[str, Noting]) -> None:
    seen: list[int] = []

    def cancelled() -> bool:
        seen.append(sum(bool(one.sizes) for one in extractors.values()))
        return len(seen) > len(extractors)

    ExtractorPool(REGISTRY).warm_up(list(extractors), cancelled)

    assert seen == [0, 1, 2, 3]
    assert [one.sizes for one in extractors.values()] == [[1], [1], [1]]


def test_what_is_cancelled_loads_nothing(extractors: dict[str, Noting]) -> None:
    ExtractorPool(REGISTRY).warm_up(list(extractors), lambda: True)

    assert not any(one.sizes for one in extractors.values())
