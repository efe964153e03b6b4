"""Loaded extractors, one of each, shared by all threads."""

from __future__ import annotations

import threading

from image_search.extractors.base import Extractor
from image_search.extractors.registry import REGISTRY


class ExtractorPool:
    """Loads each extractor once, on first need."""

    def __init__(self) -> None:
        self._loaded: dict[str, Extractor] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Extractor:
        """The extractor ``name``.

        Raises:
            ModelUnavailable: its weights are missing or cannot be loaded.
        """
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = REGISTRY[name].load()
            return self._loaded[name]
