"""Extractors whose work is counted, put in the place of real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from image_search.extractors import REGISTRY, Extractor, unit_rows
from image_search.imaging.arrays import Floats, Pixels


class Counting:
    """Passes everything on to a real extractor and counts the pictures it embeds."""

    def __init__(self, name: str) -> None:
        self.embedded = 0
        self.loaded = 0
        self._real = REGISTRY[name].load()
        self.name, self.model, self.dim = self._real.name, self._real.model, self._real.dim
        #: Called before every batch with the number of pictures embedded so far.
        self.before_batch: Callable[[int], None] = lambda _: None

    def prepare(self, pixels: Pixels) -> Any:
        return self._real.prepare(pixels)

    def embed(self, inputs: Sequence[Any]) -> Floats:
        self.before_batch(self.embedded)
        self.embedded += len(inputs)
        return self._real.embed(inputs)

    def taken(self) -> int:
        """How many pictures were embedded since this was last asked."""
        count, self.embedded = self.embedded, 0
        return count


def count(monkeypatch: pytest.MonkeyPatch, name: str) -> Counting:
    """Count what the extractor of this name does from now on."""
    counting = Counting(name)

    def load() -> Extractor:
        counting.loaded += 1
        return counting

    # A frozen row cannot be patched in the ordinary way; going through its dictionary can.
    monkeypatch.setitem(vars(REGISTRY[name]), "load", load)
    return counting


class Wordy:
    """Stands in for CLIP without weights: the mean colour, which words name too."""

    name, model, dim = "clip", REGISTRY["clip"].model, 4
    _COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}  # noqa: RUF012

    def prepare(self, pixels: Pixels) -> Any:
        return pixels.mean(axis=(0, 1))

    def embed(self, inputs: Sequence[Any]) -> Floats:
        rows = np.array(inputs, dtype=np.float32).reshape(len(inputs), 3)
        return unit_rows(np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1))

    def embed_text(self, texts: Sequence[str]) -> Floats:
        named = [next(word for word in self._COLOURS if word in text) for text in texts]
        return self.embed([np.array(self._COLOURS[word], np.float32) for word in named])


class Raw:
    """Stands in for ``hsv`` with features whose length means something: the brightness of three
    stripes of a picture, and a number that is the same for all."""

    name, model, dim = "hsv", REGISTRY["hsv"].model, 10

    def prepare(self, pixels: Pixels) -> Any:
        stripes = np.array_split(pixels.astype(np.float32), 3, axis=1)
        return np.concatenate([stripe.mean(axis=(0, 1)) for stripe in stripes]) / 16

    def features(self, inputs: Sequence[Any]) -> Floats:
        rows = np.array(inputs, np.float32).reshape(len(inputs), 9)
        return np.concatenate([rows, np.full((len(rows), 1), 2, np.float32)], axis=1)

    def embed(self, inputs: Sequence[Any]) -> Floats:
        return unit_rows(self.features(inputs))


def stand_in_with_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on ``hsv`` has features of any length."""
    row = vars(REGISTRY["hsv"])
    monkeypatch.setitem(row, "dim", Raw.dim)
    monkeypatch.setitem(row, "load", Raw)


def stand_in_for_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on there is a CLIP that needs no weights and knows three words."""
    row = vars(REGISTRY["clip"])
    monkeypatch.setitem(row, "weights", None)
    monkeypatch.setitem(row, "dim", Wordy.dim)
    monkeypatch.setitem(row, "load", Wordy)


class Gate:
    """Holds a thread at a point until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.reached.set()
        assert self.go_on.wait(20), "nobody opened the gate"
