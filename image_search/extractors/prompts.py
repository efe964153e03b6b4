"""Words to one embedding: the mean of several phrasings, as captions of pictures have them.

What CLIP learnt from were captions, and a bare noun is rarely one. The mean of the embeddings of
several phrasings is a better guess at the picture than any of them (Radford and others, "Learning
Transferable Visual Models From Natural Language Supervision", ICML 2021, section 3.1.4).
"""

from __future__ import annotations

import numpy as np

from image_search.extractors.base import TextExtractor, unit_rows
from image_search.imaging.arrays import Floats

# Theirs are for photos of ImageNet; these are for what a studio keeps. The words as they are come
# first: it may be a whole caption already.
PROMPTS = (
    "{}",
    "a photo of {}",
    "a product photo of {}",
    "a close-up photo of {}",
    "a drawing of {}",
    "a pencil sketch of {}",
    "a design of {}",
)


def described(extractor: TextExtractor, text: str) -> Floats:
    """The embedding (dim,) of ``text``, of length 1: the direction of the mean over ``PROMPTS``."""
    rows = extractor.embed_text([prompt.format(text) for prompt in PROMPTS])
    return np.asarray(unit_rows(rows.mean(axis=0, keepdims=True))[0], dtype=np.float32)
