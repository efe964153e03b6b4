"""The whole path with the user's three models: resolve, download, cache, load, embed, search.

The real command line in processes of its own, against a hub on this machine that serves random
weights of the right shapes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_search.extractors import REGISTRY
from image_search.extractors.clip_models import DATACOMP_XL_256, LAION2B, OPENAI
from image_search.extractors.model_sets import SETS
from image_search.extractors.weights.sources import DINOV2_VIT_S_14, PackagedWeights
from tests.drawing import draw_into
from tests.extractors.conftest import load_all
from tests.hub import Behaviour, Hub

pytestmark = pytest.mark.slow

AUTOMATIC = list(SETS["classic"].extractors)
CARRIED = [
    name
    for name in AUTOMATIC
    if REGISTRY[name].weights is None or isinstance(REGISTRY[name].weights, PackagedWeights)
]


class Machine:
    """A machine with an image folder, empty model caches, and a way to the hub."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.folder, self.images = folder, folder / "images"
        self.images.mkdir(parents=True)
        draw_into(self.images, 6)
        self.environment: Mapping[str, str] = hub.environment(folder / "models")

    def run(self, *arguments: object, code: int = 0) -> Any:
        """What a command prints as JSON."""
        where = ("--images", self.images, "--cache", self.folder / "cache.pkl", "--json")
        done = subprocess.run(
            [sys.executable, "-m", "image_search", *map(str, (*arguments, *where))],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def place_compiled(self, caches: Path, *repositories: str) -> None:
        """Put the networks that were compiled of these weights in ``caches`` beside the weights."""
        for repository in repositories:
            name = "models--" + repository.replace("/", "--")
            there = self.folder / "models" / "huggingface" / "hub" / name
            assert there.is_dir(), "the weights are fetched first"
            place = caches / "huggingface" / name / "openvino"
            shutil.copytree(place, there / "openvino", copy_function=os.link)


@pytest.fixture(scope="module")
def caches(random_files: tuple[Path, Path], shared_folder: Path) -> Path:
    """Caches of weights whose networks are compiled already. The first of these tests has them
    compiled by the commands themselves."""
    load_all(random_files, shared_folder)
    return shared_folder / "cache"


def test_from_an_empty_machine_to_an_answer_and_on_without_the_hub(
    tmp_path: Path, random_files: tuple[Path, Path]
) -> None:
    with Hub(*random_files) as hub:
        machine = Machine(tmp_path, hub)
        report = machine.run("index")
        assert (report["added"], report["warnings"]) == (6, [])

    # The hub is gone; what was fetched serves.
    status = machine.run("status")
    assert status["extractors"] == AUTOMATIC
    assert status["warnings"] == []
    answer = machine.run("search", machine.images / "0003.png", "-k", "2")
    assert answer["results"][0]["path"] == "0003.png"
    assert answer["results"][0]["scores"].keys() == set(AUTOMATIC)
    assert answer["results"][0]["score"] == pytest.approx(1, abs=0.01)
    words = machine.run("search", "--text", "a gold ring")
    assert words["extractors"] == ["clip"]
    assert len(words["results"]) == 6
    asked = ("search", machine.images / "0003.png", "--text")
    changed = machine.run(*asked, "this, but a brooch with leaves, without stones")
    assert set(changed["extractors"]) == set(AUTOMATIC)
    assert changed["warnings"] == []
    plain = machine.run("search", machine.images / "0003.png")
    moved, before = (one["results"][0]["scores"]["clip"] for one in (changed, plain))
    assert moved < before  # CLIP's embedding of the picture was moved by the words
    assert machine.run("index")["unchanged"] == 6


def test_another_clip_takes_the_place_of_the_first_where_it_is_named(
    tmp_path: Path, random_files: tuple[Path, Path], caches: Path
) -> None:
    chosen = ("--extractors", "clip-laion2b,hsv")
    with Hub(*random_files) as hub:
        machine = Machine(tmp_path, hub)
        fetched = machine.run("models", "fetch", "clip-laion2b")
        present = {row["name"] for row in fetched["models"] if row["present"]}
        assert present == {"clip-laion2b", "style", *CARRIED}
        machine.place_compiled(caches, LAION2B.weights.repo)
        assert machine.run("index", *chosen)["added"] == 6

    status = machine.run("status", *chosen)
    assert status["models"]["clip-laion2b"] == "open_clip/ViT-B-32/laion2b_s34b_b79k"
    assert status["warnings"] == []
    words = machine.run("search", "--text", "a gold ring", *chosen)
    assert words["extractors"] == ["clip-laion2b"]
    assert (len(words["results"]), words["warnings"]) == (6, [])
    alike = machine.run("search", machine.images / "0003.png", *chosen)
    assert alike["results"][0]["scores"]["clip-laion2b"] == pytest.approx(1, abs=0.01)

    # What was computed with it is given up only where that is said.
    other = machine.run("index", "--hub-timeout", "1")
    assert "Its vectors are kept: name it in IMAGE_SEARCH_EXTRACTORS" in " ".join(other["warnings"])
    assert machine.run("status")["extractors"] == CARRIED
    assert machine.run("index", *chosen)["embedded"] == 0
    assert machine.run("status", *chosen)["extractors"] == ["clip-laion2b", "hsv"]
    machine.run("index", "--extractors", "hsv")
    assert machine.run("index", *chosen)["embedded"] == 6


def test_a_named_set_of_models_serves_from_the_download_to_the_answer(
    tmp_path: Path, random_files: tuple[Path, Path], shared_folder: Path, caches: Path
) -> None:
    chosen = ("--models", "sharp")
    more = {
        DATACOMP_XL_256.weights.repo: list((shared_folder / DATACOMP_XL_256.name).iterdir()),
        DINOV2_VIT_S_14.repo: [shared_folder / "model.safetensors"],
    }
    with Hub(*random_files, more=more) as hub:
        machine = Machine(tmp_path, hub)
        assert machine.run("models", "fetch", "sharp")["failed"] == {}
        machine.place_compiled(caches, *more)
        assert machine.run("index", *chosen)["warnings"] == []

    status = machine.run("status", *chosen)
    assert status["extractors"] == list(SETS["sharp"].extractors)
    assert (status["warnings"], status["notes"]) == ([], [])
    alike = machine.run("search", machine.images / "0003.png", *chosen)
    assert alike["results"][0]["scores"]["dinov2"] == pytest.approx(1, abs=0.01)
    words = machine.run("search", "--text", "a gold ring", *chosen)
    assert words["extractors"] == [DATACOMP_XL_256.name]

    light = machine.run("index", "--models", "light")
    assert light["embedded"] == 0
    assert "set IMAGE_SEARCH_MODELS to sharp to use it again" in " ".join(light["warnings"])
    assert machine.run("status", "--models", "light")["extractors"] == CARRIED
    assert machine.run("index", *chosen)["embedded"] == 0
    assert machine.run("status", *chosen)["extractors"] == list(SETS["sharp"].extractors)


def test_damaged_weights_on_disk_do_not_stop_the_first_index(
    tmp_path: Path, random_files: tuple[Path, Path], caches: Path
) -> None:
    with Hub(*random_files) as hub:
        machine = Machine(tmp_path, hub)
        machine.run("models", "fetch")
    machine.place_compiled(caches, OPENAI.weights.repo)
    checkpoint = next((tmp_path / "models").rglob("resnet50-*.pth"))
    with checkpoint.open("r+b") as file:  # a byte that no quick look sees
        file.seek(checkpoint.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0xFF]))

    report = machine.run("index")

    assert report["added"] == 6
    assert any("damaged" in warning for warning in report["warnings"])
    assert machine.run("status")["extractors"] == ["clip", *CARRIED]


@pytest.mark.parametrize("behaviour", [Behaviour.DOWN, Behaviour.SILENT])
def test_without_a_hub_it_works_with_what_it_carries_and_says_so(
    tmp_path: Path, random_files: tuple[Path, Path], behaviour: Behaviour
) -> None:
    with Hub(*random_files) as hub:
        hub.behaviour = behaviour
        machine = Machine(tmp_path, hub)
        report = machine.run("index", "--hub-timeout", "1")
        assert report["added"] == 6
        assert report["seconds"] < 60
        assert all(
            any(f"without {name}" in warning for warning in report["warnings"])
            for name in ("clip", "resnet50")
        )
        assert machine.run("status")["extractors"] == CARRIED
        refused = machine.run("index", "--extractors", "clip", "--hub-timeout", "1", code=2)
        assert refused["error"]["code"] == "model_unavailable"
        assert "models fetch" in refused["error"]["message"]
