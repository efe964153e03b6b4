"""Which extractors are used, by choice, disk and network."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from image_search.errors import ModelUnavailable, SettingsError
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.weights import sources
from image_search.extractors.weights.sources import PackagedWeights
from tests.extractors.conftest import AUTOMATIC
from tests.hub import Behaviour, Hub

# What is used by itself and is there without any hub: no weights, or weights that come with the
# package.
WEIGHTLESS = tuple(
    name
    for name in AUTOMATIC
    if REGISTRY[name].weights is None or isinstance(REGISTRY[name].weights, PackagedWeights)
)


@pytest.mark.usefixtures("hub")
def test_auto_takes_everything_when_the_hub_is_there() -> None:
    resolution = resolve("auto", fetch=True, timeout=5)

    assert resolution.names == AUTOMATIC
    assert resolution.warnings == ()


def test_auto_without_leave_to_fetch_asks_nobody(hub: Hub) -> None:
    resolution = resolve("auto", fetch=False, timeout=5)

    assert resolution.names == WEIGHTLESS
    assert hub.requests == []
    assert [w.split(".")[0] for w in resolution.warnings] == [
        "Searching without clip",
        "Searching without resnet50",
    ]
    assert all("image-search models fetch" in warning for warning in resolution.warnings)


@pytest.mark.parametrize("behaviour", [Behaviour.DOWN, Behaviour.SILENT, Behaviour.CORRUPT])
def test_auto_does_without_what_is_not_to_be_had(hub: Hub, behaviour: Behaviour) -> None:
    hub.behaviour = behaviour

    resolution = resolve("auto", fetch=True, timeout=1)

    assert resolution.names == WEIGHTLESS
    assert len(resolution.warnings) == 2


def test_all_hubs_are_waited_for_at_once(hub: Hub) -> None:
    hub.behaviour = Behaviour.SILENT
    start = time.monotonic()

    resolve("auto", fetch=True, timeout=1)

    assert time.monotonic() - start < 1.8


def test_auto_takes_what_is_on_disk(hub: Hub) -> None:
    sources.RESNET50_IMAGENET1K_V2.fetch()
    hub.behaviour = Behaviour.DOWN

    resolution = resolve("auto", fetch=True, timeout=1)

    assert resolution.names == ("resnet50", *WEIGHTLESS)
    assert len(resolution.warnings) == 1


@pytest.mark.usefixtures("hub")
def test_auto_tells_of_a_damaged_file() -> None:
    path = sources.CLIP_VIT_B_32_OPENAI.fetch()
    path.write_bytes(path.read_bytes()[:500])

    resolution = resolve("auto", fetch=False, timeout=1)

    assert "clip" not in resolution.names
    assert f"{path} is damaged" in resolution.warnings[0]
    assert "image-search models fetch" in resolution.warnings[0]
    assert "clip" in resolve("auto", fetch=True, timeout=5).names


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("hsv", ("hsv",)),
        ("edges, HSV", ("edges", "hsv")),
        (" hsv,,hsv ", ("hsv",)),
        ("resnet50,hsv", ("resnet50", "hsv")),
        ("clip-laion2b, hsv, CLIP-datacomp", ("clip-laion2b", "hsv", "clip-datacomp")),
    ],
)
@pytest.mark.usefixtures("hub")
def test_a_choice_is_taken_as_given(choice: str, names: tuple[str, ...]) -> None:
    assert resolve(choice, fetch=True, timeout=5).names == names


def test_what_is_used_only_where_it_is_named_says_how_to_fetch_it(hub: Hub) -> None:
    hub.behaviour = Behaviour.DOWN

    with pytest.raises(ModelUnavailable, match=r"LAION-2B: .* `image-search models fetch clip-l"):
        resolve("clip-laion2b", fetch=True, timeout=1)


def test_a_chosen_model_that_is_missing_is_an_error(hub: Hub) -> None:
    hub.behaviour = Behaviour.DOWN

    with pytest.raises(ModelUnavailable, match=r"ResNet50: .* out of order .* models fetch"):
        resolve("hsv,resnet50", fetch=True, timeout=1)


@pytest.mark.parametrize("choice", ["", " , ", "auto,hsv", "clipp", "hsv,../x"])
def test_a_choice_without_sense_is_an_error(choice: str) -> None:
    with pytest.raises(SettingsError):
        resolve(choice, fetch=False, timeout=1)


def test_another_process_reads_the_libraries_own_variables(hub: Hub, tmp_path: Path) -> None:
    """Looking and fetching load neither PyTorch for CLIP nor open_clip for anything."""
    script = """
import json, sys
from image_search.extractors import REGISTRY, resolve
heavy = {"torch", "torchvision", "open_clip", "cv2"}
before = resolve("auto", fetch=False, timeout=1).names
idle = sorted(heavy & set(sys.modules)) + sorted({"huggingface_hub.file_download"} & set(sys.modules))
REGISTRY["clip"].weights.fetch()
after = sorted(heavy & set(sys.modules))
resolution = resolve("auto", fetch=True, timeout=20)
paths = [str(REGISTRY[name].weights.path()) for name in ("clip", "resnet50")]
print(json.dumps([before, idle, after, resolution.names, paths]))
"""  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=hub.environment(tmp_path / "other"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    before, idle, after, names, paths = json.loads(done.stdout)

    assert tuple(before) == WEIGHTLESS
    assert idle == []
    assert after == []
    assert tuple(names) == AUTOMATIC
    assert all(path.startswith(str(tmp_path / "other")) for path in paths)
