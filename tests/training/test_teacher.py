"""Teachers: what is asked of networks of others, and files that are none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.models.efficientnet import EfficientNet, tf_efficientnet_lite2

from image_search.extractors.base import unit_rows
from training.teacher import GRID, SIDE, Teacher, features, open_teacher, open_teachers

WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights"
MOBILENET = WEIGHTS / "mobilenet_v2_1.0_224_quant.tflite"


@pytest.fixture(scope="module")
def network() -> EfficientNet:
    torch.manual_seed(1)
    made: EfficientNet = tf_efficientnet_lite2(pretrained=False).eval()
    return made


@pytest.fixture(scope="module")
def lite(network: EfficientNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of EfficientNet-Lite2, at random, under other names, as they are published."""
    path = tmp_path_factory.mktemp("teacher") / "lite2.pth"
    values = network.state_dict().values()
    torch.save({f"_layer{i}": value for i, value in enumerate(values)}, path)
    return path


@pytest.fixture(scope="module")
def teacher(lite: Path) -> Teacher:
    return open_teacher(lite)


def pictures(number: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, (150 + 90 * i, 260, 3), dtype=np.uint8) for i in range(number)]


def test_it_sees_what_the_network_itself_sees(teacher: Teacher, network: EfficientNet) -> None:
    square = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    with torch.inference_mode():
        scaled = (torch.from_numpy(square[None]).permute(0, 3, 1, 2) - 127.0) / 128.0
        grid = network.forward_features(scaled)[0]
    wanted = grid.mean((1, 2)).numpy()
    seen = features(teacher(square))
    assert seen.shape == (1280,)
    assert seen @ wanted / np.linalg.norm(seen) / np.linalg.norm(wanted) > 0.999


def test_it_sees_each_place_where_the_network_sees_it(
    teacher: Teacher, network: EfficientNet
) -> None:
    tiles = pictures()[0][:GRID, :GRID]
    square = tiles.repeat(SIDE // GRID, axis=0).repeat(SIDE // GRID, axis=1)
    with torch.inference_mode():
        scaled = (torch.from_numpy(square[None]).permute(0, 3, 1, 2) - 127.0) / 128.0
        grid = network.forward_features(scaled)[0].permute(1, 2, 0).numpy()
    seen = teacher(square)
    assert seen.shape == grid.shape == (GRID, GRID, 1280)
    one, wanted = (unit_rows((of - features(of)).reshape(GRID * GRID, -1)) for of in (seen, grid))
    assert np.array_equal((one @ wanted.T).argmax(axis=1), np.arange(GRID * GRID))


def test_threads_may_ask_at_the_same_time(teacher: Teacher) -> None:
    alone = [teacher(one) for one in pictures()]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(teacher, pictures() * 3))
    np.testing.assert_allclose(np.stack(together), np.stack(alone * 3), rtol=1e-4, atol=1e-5)


def test_several_stand_side_by_side_with_the_same_say(lite: Path, teacher: Teacher) -> None:
    both = open_teachers([lite, lite])
    for picture in pictures():
        seen, single = features(both(picture)).reshape(2, -1), features(teacher(picture))
        np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(seen[0], single / np.linalg.norm(single), rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(not MOBILENET.exists(), reason="needs the weights of MobileNetV2 in ../shared")
def test_mobilenet_and_the_other_one(lite: Path) -> None:
    assert open_teachers([MOBILENET, lite])(pictures()[0]).shape == (GRID, GRID, 2560)


@pytest.mark.parametrize("name", ["broken.tflite", "broken.pth"])
def test_a_file_that_is_no_network(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"This is no network.")
    with pytest.raises(ValueError, match=name):
        open_teacher(tmp_path / name)


def test_weights_of_another_network(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="EfficientNet-Lite2"):
        open_teacher(tmp_path / "other.pth")
