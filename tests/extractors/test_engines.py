"""Converted models: kept beside the weights, checked, and made again where they do not fit."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from image_search.errors import ModelUnavailable
from image_search.extractors import Extractor, resnet50
from image_search.extractors.runtime import engines, openvino_engine, torch_engine
from image_search.imaging.arrays import Floats
from tests.extractors.test_contract import noise

pytestmark = pytest.mark.slow

WEIGHTS = resnet50.WEIGHTS


@pytest.fixture(scope="module")
def cache(random_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of weights with those of ResNet50, converted."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(folder))
        WEIGHTS.folder.mkdir(parents=True)
        shutil.copy(random_files[1], WEIGHTS.place)
        resnet50.load()
    return folder


@pytest.fixture
def converted(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that cache in use; the file that holds the network."""
    monkeypatch.setenv("TORCH_HOME", str(shutil.copytree(cache, tmp_path / "cache")))
    (file,) = WEIGHTS.converted.rglob("image.blob")
    return file


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Grows whenever a network is built from its weights."""
    built: list[Path] = []
    real = resnet50.RECIPE.build

    def build(path: Path) -> object:
        built.append(path)
        return real(path)

    # A frozen row cannot be patched in the ordinary way; going through its dictionary can.
    monkeypatch.setitem(vars(resnet50.RECIPE), "build", build)
    return built


def vector(extractor: Extractor) -> Floats:
    return extractor.embed([extractor.prepare(noise(230, 260))])


def test_the_next_start_builds_nothing_and_answers_the_same(
    converted: Path, building: list[Path]
) -> None:
    first = vector(resnet50.load())
    second = vector(resnet50.load())

    assert building == []
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_the_next_start_imports_no_pytorch(converted: Path) -> None:
    probe = (
        "import sys; from image_search.extractors import resnet50; resnet50.load(); "
        "sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[2]

    subprocess.run([sys.executable, "-c", probe], check=True, cwd=root, env=dict(os.environ))


@pytest.mark.parametrize("damage", ["altered", "cut short", "gone", "note"])
def test_a_damaged_conversion_is_made_again(
    converted: Path, building: list[Path], damage: str
) -> None:
    before = vector(resnet50.load())
    if damage == "altered":
        content = bytearray(converted.read_bytes())
        content[len(content) // 2] ^= 0xFF
        converted.write_bytes(content)
    elif damage == "cut short":
        converted.write_bytes(converted.read_bytes()[:1000])
    elif damage == "gone":
        converted.unlink()
    else:
        converted.with_name("made_from.json").write_text("{")

    after = vector(resnet50.load())

    assert len(building) == 1
    np.testing.assert_allclose(before, after, atol=1e-6)
    resnet50.load()
    assert len(building) == 1


def test_weights_with_another_date_are_compared_by_content(
    converted: Path, building: list[Path]
) -> None:
    os.utime(WEIGHTS.place, (1, 1))

    resnet50.load()

    assert building == []


def test_damaged_weights_come_to_light_although_a_conversion_is_there(converted: Path) -> None:
    WEIGHTS.place.write_bytes(WEIGHTS.place.read_bytes()[:-100])

    with pytest.raises(ModelUnavailable, match="damaged"):
        resnet50.load()


def test_another_version_of_the_engine_converts_again_and_tidies_up(
    converted: Path, building: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "_VERSION", 999)

    resnet50.load()

    assert len(building) == 1
    (file,) = WEIGHTS.converted.rglob("image.blob")
    assert file != converted


def test_a_full_disk_costs_only_the_keeping(
    converted: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = vector(resnet50.load())
    shutil.rmtree(WEIGHTS.converted)

    def full(_: object, place: Path) -> None:
        (place / "image.blob").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(openvino_engine, "_save", full)
    with caplog.at_level(logging.WARNING):
        after = vector(resnet50.load())

    assert float((before * after).sum()) > 0.999
    assert "No space left" in caplog.text
    assert list(WEIGHTS.converted.iterdir()) == []


@pytest.mark.parametrize("missing", ["OpenVINO", "a processor that it knows"])
def test_pytorch_does_the_work_where_openvino_cannot(
    converted: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    expected = vector(resnet50.load())

    def fail(*_: object) -> None:
        raise RuntimeError("no such device")

    if missing == "OpenVINO":
        monkeypatch.setattr(engines, "find_spec", lambda _: None)
    shutil.rmtree(WEIGHTS.converted)
    monkeypatch.setattr(openvino_engine, "_compile", fail)

    assert float((vector(resnet50.load()) * expected).sum()) > 0.999


def test_half_precision_is_close_to_the_reference(
    converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = vector(resnet50.load())
    halved = torch_engine.halved(resnet50.RECIPE.modules()["image"])

    half = resnet50.ResNet50(torch_engine.forward_of(halved))

    assert float((vector(half) * expected).sum()) > 0.999


def test_what_was_compiled_for_another_processor_is_compiled_again(
    converted: Path,
    building: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = vector(resnet50.load())
    real = openvino_engine._read

    def refuse(*_: object) -> None:
        raise RuntimeError("of another processor")

    monkeypatch.setattr(openvino_engine, "_read", refuse)
    with caplog.at_level(logging.WARNING):
        after = vector(resnet50.load())

    assert len(building) == 1
    assert "of no use here" in caplog.text
    np.testing.assert_allclose(before, after, atol=1e-6)
    monkeypatch.setattr(openvino_engine, "_read", real)
    vector(resnet50.load())
    assert len(building) == 1


REPORTS = """
import sys
from image_search.extractors import REGISTRY
REGISTRY["design"].load()
assert "openvino" in sys.modules
sys.exit(any(name.startswith("openvino_telemetry.") for name in sys.modules))
"""


def test_nothing_is_reported_to_the_maker_of_the_engine() -> None:
    subprocess.run([sys.executable, "-c", REPORTS], check=True, timeout=60)


FIRST_TOGETHER = """
import sys, threading
import numpy as np
from image_search.extractors import REGISTRY
sys.setswitchinterval(1e-6)
extractor = REGISTRY["design"].load()
picture = extractor.prepare(np.full((64, 64, 3), 127, np.uint8))
together = threading.Barrier(4)
def embed():
    together.wait()
    extractor.embed([picture])
threads = [threading.Thread(target=embed, daemon=True) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_that_embed_first_at_the_same_time_do_not_wait_for_each_other() -> None:
    """As when a search comes in while the service still gets ready. It took the interpreter along,
    in most of the processes."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", FIRST_TOGETHER], check=True, timeout=60)
