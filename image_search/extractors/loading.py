"""Loaded extractors, one of each, shared by all threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from image_search.errors import ImageSearchError
from image_search.extractors.base import Extractor, TextExtractor
from image_search.extractors.registry import REGISTRY
from image_search.extractors.runtime.sharing import MOST, shared


class ExtractorPool:
    """Loads each extractor once, on first need; different ones side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, Extractor] = {}
        self._shared: dict[str, Extractor] = {}
        self._turns: dict[str, threading.Lock] = {}

    def get(self, name: str) -> Extractor:
        """The extractor ``name``.

        Raises:
            ModelUnavailable: its weights are missing or cannot be loaded.
        """
        with self._lock:
            if name in self._loaded:
                return self._loaded[name]
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            if name not in self._loaded:
                self._loaded[name] = REGISTRY[name].load()
            return self._loaded[name]

    def for_queries(self, name: str) -> Extractor:
        """The extractor ``name``, whose batches many threads share, and which embeds nothing twice.

        Raises:
            ModelUnavailable: as ``get`` does.
        """
        extractor = self.get(name)
        if REGISTRY[name].weights is None:
            return extractor  # its work is done one picture at a time, in ``prepare``
        with self._lock:
            return self._shared.setdefault(name, shared(extractor))

    def warm_up(self, names: Sequence[str], cancelled: Callable[[], bool]) -> None:
        """Load these, and let each see a picture, and words where it reads any; then as many at
        once as queries may bring, for a network prepares itself for each size when it first meets
        it. The rest is left as soon as it is ``cancelled``.

        Raises:
            ModelUnavailable: as ``get`` does.
        """
        grey = np.full((64, 64, 3), 127, dtype=np.uint8)
        for count in range(1, MOST + 1):
            for name in names:
                if cancelled():
                    return
                extractor = self.get(name)
                # Others work one picture at a time.
                if count == 1 or REGISTRY[name].weights is not None:
                    extractor.embed([extractor.prepare(grey)] * count)
                    if isinstance(extractor, TextExtractor):
                        extractor.embed_text(["a picture"] * count)

    def begin(self, names: Sequence[str]) -> None:
        """Begin to load these, if it has not begun yet; whoever asks for one then waits for less.

        What goes wrong is told to those who ask.
        """
        with self._lock:
            wanted = [name for name in names if name not in self._turns]
            for name in wanted:
                self._turns[name] = threading.Lock()
        for name in wanted:
            threading.Thread(target=self._attempt, args=(name,), name=f"load {name}").start()

    def _attempt(self, name: str) -> None:
        with contextlib.suppress(ImageSearchError):
            self.get(name)

    def load(self, names: Sequence[str]) -> list[Extractor]:
        """All of these, loaded side by side.

        Raises:
            ModelUnavailable: as ``get`` does.
        """
        if len(names) < 2:
            return [self.get(name) for name in names]
        with ThreadPoolExecutor(len(names), thread_name_prefix="load") as threads:
            return list(threads.map(self.get, names))


class Lazily:
    """Calls ``load`` once, on first need, whichever thread that is."""

    def __init__(self, load: Callable[[], Sequence[Extractor]]) -> None:
        self._load, self._lock = load, threading.Lock()
        self._loaded: Sequence[Extractor] | None = None

    def __call__(self) -> Sequence[Extractor]:
        """What ``load`` gave.

        Raises:
            ModelUnavailable: as ``load`` does.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
