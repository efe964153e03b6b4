"""Pictures embedded by extractors of a pool, outside of a search and of indexing."""

from __future__ import annotations

from collections.abc import Sequence

from image_search.extractors.base import ExtractorPool, with_norms
from image_search.imaging.arrays import Floats, Pixels


def embed(
    pool: ExtractorPool, pictures: Sequence[Pixels], names: Sequence[str]
) -> dict[str, Floats]:
    """Return unit embeddings (pictures, dim) of RGB pixels, by extractor in ``names``.

    Raises:
        ModelUnavailable: one of the extractors cannot be loaded.
    """
    return {
        name: extractor.embed([extractor.prepare(pixels) for pixels in pictures])
        for name, extractor in zip(names, pool.load(names), strict=True)
    }


def features(pool: ExtractorPool, pictures: Sequence[Pixels], name: str) -> Floats:
    """Return raw features (pictures, dim) of RGB pixels by the extractor ``name``.

    Raises:
        ModelUnavailable: the extractor cannot be loaded.
    """
    extractor = pool.get(name)
    units, norms = with_norms(extractor, [extractor.prepare(pixels) for pixels in pictures])
    return units * norms[:, None]
