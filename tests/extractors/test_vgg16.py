"""VGG16: fetched once for both extractors, and answers as torchvision does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.models import VGG16_Weights

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, Extractor, resolve, unit_rows, vgg16
from image_search.extractors.base import FeatureExtractor, with_norms
from image_search.extractors.model_sets import SETS
from image_search.extractors.weights import sources
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fusion import PHOTO, Calibration, Layout, default_weights
from tests.extractors.conftest import direct_to
from tests.extractors.test_contract import noise
from tests.hub import Hub, random_vgg

pytestmark = pytest.mark.slow

NAMES = ("vgg16", "vgg16-pool")
# While the files of this module are loaded, the row has another.
ADDRESS = sources.VGG16_IMAGENET1K_V1.address


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights, of random numbers, as torchvision's server has them."""
    return random_vgg(tmp_path_factory.mktemp("vgg16"))


@pytest.fixture(scope="module")
def fetched(
    file: Path, tiny_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Extractor]]:
    """Both, fetched and then, when the hub is gone, loaded."""
    with pytest.MonkeyPatch.context() as patch:
        with Hub(*tiny_files, checkpoints=[file]) as hub:
            direct_to(hub, tmp_path_factory.mktemp("cache"), patch)
            address = f"{hub.url}/models/{hub.checkpoints[0]}"
            patch.setitem(vars(sources.VGG16_IMAGENET1K_V1), "address", address)
            assert resolve(",".join(NAMES), fetch=True, timeout=20).names == NAMES
            assert hub.requests.count(f"GET /models/{hub.checkpoints[0]}") == 1
        yield {name: REGISTRY[name].load() for name in NAMES}


@pytest.fixture(scope="module")
def network(file: Path) -> torch.nn.Module:
    """The same weights in torchvision's own network."""
    network: torch.nn.Module = torchvision.models.vgg16(init_weights=False).eval()
    network.load_state_dict(torch.load(file))
    return network


def seen(network: torch.nn.Module, pixels: np.ndarray) -> dict[str, Floats]:
    """What torchvision makes of a picture, by extractor, (1, dim)."""
    picture = VGG16_Weights.IMAGENET1K_V1.transforms()(Image.fromarray(pixels))[None]
    with torch.inference_mode():
        last = network.features(picture)  # type: ignore[operator]
        flat = network.avgpool(last).flatten(1)  # type: ignore[operator]
        layer = network.classifier[:-1](flat)  # type: ignore[index,operator]
    return {"vgg16": layer.numpy(), "vgg16-pool": last.mean(dim=(2, 3)).numpy()}


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_torchvision_does(
    name: str, fetched: Mapping[str, Extractor], network: torch.nn.Module
) -> None:
    ours, pixels = fetched[name], noise(300, 400)
    theirs = seen(network, pixels)[name]

    rows, norms = with_norms(ours, [ours.prepare(pixels)])

    assert rows.shape == theirs.shape == (1, REGISTRY[name].dim)
    assert float((rows * unit_rows(theirs)).sum()) > 0.999
    assert norms[0] == pytest.approx(float(np.linalg.norm(theirs)), rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_its_row_says(name: str, fetched: Mapping[str, Extractor]) -> None:
    ours, row = fetched[name], REGISTRY[name]

    assert (ours.name, ours.model, ours.dim) == (row.name, row.model, row.dim)
    assert isinstance(ours, FeatureExtractor)
    assert ours.embed([]).shape == (0, row.dim)


@pytest.mark.parametrize("name", NAMES)
def test_several_pictures_give_a_row_each(name: str, fetched: Mapping[str, Extractor]) -> None:
    ours = fetched[name]
    squares = [ours.prepare(noise(60, 80, seed=seed)) for seed in range(3)]
    squares.append(ours.prepare(np.full((40, 40, 3), 200, np.uint8)))

    rows = ours.embed(squares)

    single = np.concatenate([ours.embed([square]) for square in squares])
    np.testing.assert_allclose(rows, single, atol=1e-4)
    assert float(rows[0] @ rows[3]) < 0.9999


@pytest.mark.parametrize("size", [(1, 1), (256, 256), (500, 333), (97, 601), (1080, 1921)])
def test_pictures_are_prepared_as_torchvision_does(size: tuple[int, int]) -> None:
    theirs = VGG16_Weights.IMAGENET1K_V1.transforms()(Image.fromarray(noise(*size)))
    ours = vgg16.VGG16("vgg16", "", 4096, lambda _: np.zeros((0, 0), np.float32))

    square = torch.tensor(ours.prepare(noise(*size))).permute(2, 0, 1) / 255

    mean, std = (torch.tensor(value)[:, None, None] for value in (vgg16.MEAN, vgg16.STD))
    assert torch.allclose((square - mean) / std, theirs, atol=1e-6)


def test_what_was_compiled_of_one_layer_stays_beside_the_other(
    fetched: Mapping[str, Extractor],
) -> None:
    notes = [*sources.VGG16_IMAGENET1K_V1.converted.glob("*/made_from.json")]

    models = {json.loads(note.read_text("utf-8"))["model"] for note in notes}

    assert models == {extractor.model for extractor in fetched.values()}


def test_the_row_agrees_with_torchvisions_own_table() -> None:
    theirs, ours = VGG16_Weights.IMAGENET1K_V1, sources.VGG16_IMAGENET1K_V1

    assert theirs.url == ADDRESS
    assert theirs.transforms().resize_size[0] == vgg16.SHORTEST
    # Its table has it in MiB.
    assert ours.size == pytest.approx(theirs.meta["_file_size"] * 2**20, rel=0.001)


def test_it_is_never_used_unless_it_is_named() -> None:
    assert not [row.name for row in SETS.values() if {*NAMES} & {*row.extractors}]


def test_where_it_is_missing_the_message_says_how_to_fetch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    with pytest.raises(ModelUnavailable, match="models fetch vgg16"):
        resolve("vgg16-pool", fetch=False, timeout=1)


def test_its_two_layers_together_weigh_as_one_network() -> None:
    calibration = Calibration.none(Layout((*NAMES, "design"), (4096, 512, 512)))

    alone = default_weights(PHOTO, ("vgg16", "design"), calibration)
    both = default_weights(PHOTO, (*NAMES, "design"), calibration)

    assert both["vgg16"] + both["vgg16-pool"] == alone["vgg16"]
