"""Any number of vectors with the spread of real ones: blocks of the shapes of three extractors.

No trained weights are needed. The colour histograms of real images are taken as they are; the
blocks in the shapes of CLIP and ResNet50 are fixed random projections of their edges and textures.
More vectors than there are images are made by mixing each image with one that looks like it, and by
adding the difference of two other images and a little noise to every block, so that they form
clusters of unlike size and density, as collections do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS
from image_search.errors import ImageSearchError
from image_search.extractors import REGISTRY
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.imaging.decoding import decode
from image_search.search.ranking.fusion import (
    Layout,
    stored_vectors,
)

LAYOUT = Layout(("clip", "resnet50", "hsv"), (512, 4096, 512))
FOLDERS = ("jewellery", "clothing", "corel1k", "caltech101", "dtd10", "pacs")
_MEGAPIXELS = 64.0
_NEAR = 12
_NOISES = 2048


def real_features(kept: Path, most: int = 3000) -> dict[str, Floats]:
    """Unit blocks, (images, dim), of real images by layout name; kept in the file ``kept``."""
    if not kept.exists():
        files = sorted(
            path
            for folder in FOLDERS
            for path in (DATASETS / folder).rglob("*")
            if path.suffix.lower() in {".jpg", ".png"}
        )
        rng = np.random.default_rng(0)
        chosen = [files[i] for i in sorted(rng.permutation(len(files))[:most])]
        np.savez(kept, allow_pickle=False, **_shaped(_embedded(chosen)))
    with np.load(kept) as found:
        return {name: found[name] for name in LAYOUT.names}


def _embedded(files: list[Path]) -> dict[str, Floats]:
    names = ("hsv", "edges", "texture")
    extractors = [REGISTRY[name].load() for name in names]
    rows: dict[str, list[Floats]] = {name: [] for name in names}
    for path in files:
        try:
            pixels = decode(path.read_bytes(), max_megapixels=_MEGAPIXELS).pixels
        except ImageSearchError:
            continue
        for extractor in extractors:
            rows[extractor.name].append(extractor.embed([extractor.prepare(pixels)])[0])
    return {name: np.stack(found) for name, found in rows.items()}


def _shaped(features: dict[str, Floats]) -> dict[str, Floats]:
    rng = np.random.default_rng(1)
    shape = [features[name] - features[name].mean(axis=0) for name in ("edges", "texture")]
    both = np.concatenate([unit_rows(rows) for rows in shape], axis=1)
    into_clip = rng.normal(size=(both.shape[1], 512)).astype(np.float32)
    into_resnet = rng.normal(size=(both.shape[1], 4096)).astype(np.float32)
    # What all images share is large in CLIP's vectors; ResNet50's are never below zero.
    clip = unit_rows(both @ into_clip) + np.float32(0.8) * unit_rows(rng.normal(size=(1, 512)))
    resnet = np.maximum(unit_rows(both @ into_resnet), 0)
    return {
        "clip": unit_rows(clip.astype(np.float32)),
        "resnet50": unit_rows(resnet),
        "hsv": features["hsv"],
    }


class Spread:
    """Makes vectors out of ``features``, the blocks of real images."""

    def __init__(self, features: dict[str, Floats]) -> None:
        self._features = features
        every = stored_vectors(LAYOUT, features)
        every -= every.mean(axis=0)
        likeness = every @ every.T
        np.fill_diagonal(likeness, -np.inf)
        self._near = np.argpartition(-likeness, _NEAR, axis=1)[:, :_NEAR]
        rng = np.random.default_rng(2)
        self._noise = {
            name: rng.standard_normal((_NOISES, dim), dtype=np.float32) / np.float32(dim**0.5)
            for name, dim in zip(LAYOUT.names, LAYOUT.dims, strict=True)
        }

    def batches(self, count: int, seed: int, size: int = 2048) -> Iterator[Floats]:
        """``count`` stored vectors in batches, each (at most ``size``, LAYOUT.dim)."""
        rng = np.random.default_rng(seed)
        for start in range(0, count, size):
            yield self._made(min(size, count - start), rng)

    def _made(self, count: int, rng: np.random.Generator) -> Floats:
        images = len(self._near)
        # Some kinds of picture are drawn far more often than others.
        ones = (images * rng.beta(1, 2, count)).astype(np.int64)
        others = self._near[ones, rng.integers(0, _NEAR, count)]
        mixed = rng.uniform(0, 0.5, (count, 1)).astype(np.float32)
        spread = rng.uniform(0.05, 0.35, (count, 1)).astype(np.float32)
        blocks = {}
        for name, rows in self._features.items():
            third, fourth = rng.integers(0, images, (2, count))
            made = rows[ones] * (1 - mixed) + rows[others] * mixed
            made += spread * (rows[third] - rows[fourth])
            noise = self._noise[name][rng.integers(0, _NOISES, count)]
            made += spread * np.float32(0.5) * noise
            blocks[name] = unit_rows(made if name == "clip" else np.maximum(made, 0))
        return stored_vectors(LAYOUT, blocks)
