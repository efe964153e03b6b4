"""``style``: Gram matrices, reduced; through the network that comes along, and through VGG19."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torchvision
from torchvision.models import VGG19_Weights

from image_search.extractors import REGISTRY, Extractor, imagenet, resolve, unit_rows
from image_search.extractors.model_sets import SETS
from image_search.extractors.runtime.torch_engine import Normalised
from image_search.extractors.style import ROWS, StyleNetwork, random_signs
from image_search.extractors.weights import sources
from image_search.imaging.arrays import Floats, Pixels
from image_search.search.ranking.fusion import PHOTO, SKETCH, Calibration, Layout, default_weights
from tests.extractors.conftest import direct_to
from tests.extractors.test_contract import noise
from tests.hub import Hub, random_vgg

pytestmark = pytest.mark.slow

ADDRESS = sources.VGG19_IMAGENET1K_V1.address


@pytest.fixture(scope="module")
def style() -> Extractor:
    """With its real weights, which come along."""
    return REGISTRY["style"].load()


def expected(row: StyleNetwork, grams: list[torch.Tensor], means: torch.Tensor) -> Floats:
    """The embeddings (n, dim) of feature maps (n, channels, height, width), step by step."""
    parts = []
    for number, each in enumerate(grams):
        flat = each.flatten(2).double()
        gram = (flat @ flat.transpose(1, 2) / flat.shape[2]).numpy()
        first, second = np.triu_indices(gram.shape[1])
        half = gram[:, first, second]
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        signs = random_signs(f"{row.model} {number}", half.shape[1], row.projected)
        parts.append(half @ signs)
    mean = means.mean(dim=(2, 3)).double().numpy()
    parts.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    return unit_rows(np.concatenate(parts, axis=1))


def test_it_is_the_gram_matrix_of_one_stage_and_the_means_of_the_next(
    style: Extractor,
) -> None:
    ours, row = style, ROWS["style"]
    network = imagenet.network(row.weights.ready()).eval()
    squares = [ours.prepare(noise(300, 400, seed=seed)) for seed in range(2)]
    squares.append(ours.prepare(picture("drawn", "disc")))
    batch = Normalised(row.mean, row.std)(torch.from_numpy(np.stack(squares)))
    with torch.inference_mode():
        stages = [network.bn1(network.conv_stem(batch))]
        for block in network.blocks[:6]:
            stages.append(block(stages[-1]))

    rows = ours.embed(squares)

    assert stages[5].shape[1] == row.channels[0]
    theirs = expected(row, [stages[5]], stages[6])
    assert float((rows * theirs).sum(axis=1).min()) > 0.999


def test_the_projection_never_changes() -> None:
    """Another would make every stored vector useless."""
    signs = random_signs("image_search/style-efficientnet-lite2/1 0", 7260, 304)

    assert signs.shape == (7260, 304)
    assert set(np.unique(np.abs(signs)).tolist()) == {
        float(np.float32(1) / np.sqrt(np.float32(304)))
    }
    assert (signs[:2, :8] > 0).astype(int).tolist() == FIRST
    assert abs(float(signs.sum())) < 4 * np.sqrt(7260)
    # Lengths and angles stay what they were, nearly.
    vectors = unit_rows(np.random.default_rng(0).normal(size=(30, 7260)))
    error = (vectors @ signs) @ (vectors @ signs).T - vectors @ vectors.T
    assert float(np.sqrt(np.square(error).mean())) < 0.08


FIRST = [[0, 0, 0, 1, 0, 1, 1, 0], [1, 1, 0, 1, 0, 1, 0, 0]]


def picture(style: str, subject: str, seed: int = 0) -> Pixels:
    """A subject made in a style: outlines on paper, flat colours, or a photo's noise and light."""
    rng = np.random.default_rng([seed, len(style), len(subject)])
    shape = np.zeros((240, 240), np.uint8)
    if subject == "disc":
        cv2.circle(shape, (120, 120), 80, 255, -1)
    elif subject == "cross":
        cv2.rectangle(shape, (95, 20), (145, 220), 255, -1)
        cv2.rectangle(shape, (20, 95), (220, 145), 255, -1)
    else:
        cv2.fillPoly(shape, [np.array([[120, 20], [220, 210], [20, 210]], np.int32)], 255)
    if style == "drawn":
        outline = cv2.Canny(shape, 50, 150)
        lines = cv2.dilate(outline, np.ones((2, 2), np.uint8))
        return np.repeat(np.uint8(255) - np.asarray(lines, np.uint8)[..., None], 3, axis=2)
    if style == "flat":
        colours = rng.integers(0, 256, (2, 3), dtype=np.uint8)
        return np.asarray(colours[(shape > 0).astype(int)], np.uint8)
    light = np.linspace(0.4, 1.3, 240)[None, :, None]
    grain = cv2.GaussianBlur(rng.normal(0, 60, (240, 240, 3)), (0, 0), 1.5)
    base = np.where(shape[..., None] > 0, (150, 90, 60), (90, 110, 90))
    lit = np.clip(cv2.GaussianBlur(base * light, (0, 0), 2) + grain, 0, 255)
    return np.asarray(lit, np.uint8)


def test_another_subject_in_the_same_style_is_nearer_than_the_same_in_another(
    style: Extractor,
) -> None:
    made = [(s, what) for s in ("drawn", "flat", "grain") for what in ("disc", "cross", "peak")]
    rows = style.embed([style.prepare(picture(*one)) for one in made])
    rows = unit_rows(rows - rows.mean(axis=0))
    cosines = rows @ rows.T

    for number, (manner, subject) in enumerate(made):
        same_style = [n for n, one in enumerate(made) if one[0] == manner and n != number]
        same_subject = [n for n, one in enumerate(made) if one[1] == subject and n != number]
        assert cosines[number, same_style].mean() > cosines[number, same_subject].mean() + 0.1


def test_it_takes_no_part_unless_it_is_asked_for() -> None:
    assert not [row.name for row in SETS.values() if {"style", "style-vgg19"} & {*row.extractors}]
    names = ("imagenet", "edges", "style")
    calibration = Calibration.none(Layout(names, (1280, 1296, 512)))
    for kind in (PHOTO, SKETCH):
        weights = default_weights(kind, names, calibration)
        assert weights.pop("style") == 0
        assert weights == default_weights(kind, names[:2], calibration)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG19's weights, of random numbers, as torchvision's server has them."""
    return random_vgg(tmp_path_factory.mktemp("vgg19"), "vgg19")


@pytest.fixture(scope="module")
def vgg19(
    file: Path, tiny_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extractor]:
    """Fetched and then, when the hub is gone, loaded."""
    with pytest.MonkeyPatch.context() as patch:
        with Hub(*tiny_files, checkpoints=[file]) as hub:
            direct_to(hub, tmp_path_factory.mktemp("cache"), patch)
            address = f"{hub.url}/models/{hub.checkpoints[0]}"
            patch.setitem(vars(sources.VGG19_IMAGENET1K_V1), "address", address)
            assert resolve("style-vgg19", fetch=True, timeout=20).names == ("style-vgg19",)
        yield REGISTRY["style-vgg19"].load()


def test_through_vgg19_it_is_the_gram_matrices_of_three_maps(vgg19: Extractor, file: Path) -> None:
    row = ROWS["style-vgg19"]
    network = torchvision.models.vgg19(init_weights=False).eval()
    network.load_state_dict(torch.load(file))
    squares = [vgg19.prepare(noise(300, 400, seed=seed)) for seed in range(2)]
    batch, maps = Normalised(row.mean, row.std)(torch.from_numpy(np.stack(squares))), []
    with torch.inference_mode():
        for number, layer in enumerate(network.features):
            batch = layer(batch)
            if number in (11, 20, 29):  # behind the rectifiers of conv3_1, conv4_1 and conv5_1
                maps.append(batch.clone())

    rows = vgg19.embed(squares)

    assert (vgg19.name, vgg19.model, vgg19.dim) == (row.name, row.model, 896)
    assert rows.shape == (2, 896)
    assert float((rows * expected(row, maps, maps[-1])).sum(axis=1).min()) > 0.999
    assert vgg19.embed([]).shape == (0, 896)


def test_the_row_of_vgg19_agrees_with_torchvisions_own_table() -> None:
    theirs = VGG19_Weights.IMAGENET1K_V1

    assert theirs.url == ADDRESS
    size = theirs.meta["_file_size"] * 2**20
    assert sources.VGG19_IMAGENET1K_V1.size == pytest.approx(size, rel=0.001)


@pytest.mark.parametrize("name", list(ROWS))
def test_the_rows_agree_with_the_registry(name: str) -> None:
    row, spec = ROWS[name], REGISTRY[name]

    assert (row.name, row.model, row.dim, row.weights) == (
        spec.name, spec.model, spec.dim, spec.weights,
    )  # fmt: skip
