"""Where a picture, or a phrase, becomes a vector: one registry, and one module per
extractor; those that need no weights share one.

To add an extractor: write a module with ``load() -> Extractor`` and add a row to ``registry.py``.
Importing this package loads no model and no model library.
"""

from image_search.extractors.base import Extractor, TextExtractor, unit_rows
from image_search.extractors.registry import REGISTRY, ExtractorSpec
from image_search.extractors.resolve import Resolution, resolve
from image_search.extractors.weights.files import Weights

__all__ = [
    "REGISTRY",
    "Extractor",
    "ExtractorSpec",
    "Resolution",
    "TextExtractor",
    "Weights",
    "resolve",
    "unit_rows",
]
