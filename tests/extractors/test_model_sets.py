"""The named sets of models: what is in them, and how the settings choose one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from image_search.errors import SettingsError
from image_search.extractors import REGISTRY, Extractor, resolve, unit_rows
from image_search.extractors.clip_models import DATACOMP_XL_256
from image_search.extractors.dinov2 import ARCHITECTURE, MEAN, SIDE, STD
from image_search.extractors.model_sets import SETS
from image_search.extractors.resolve import chosen
from image_search.extractors.weights.sources import PackagedWeights
from image_search.library import Library
from image_search.settings import MODEL_SETS, Settings, load_settings
from tests.extractors.test_contract import noise
from tests.hub import Behaviour, Hub


def test_the_setting_offers_every_set() -> None:
    assert tuple(SETS) == MODEL_SETS


@pytest.mark.parametrize("name", list(SETS))
def test_a_set_is_made_of_known_extractors_and_one_that_reads_words_at_most(name: str) -> None:
    specs = chosen(name)

    assert tuple(spec.name for spec in specs) == SETS[name].extractors
    assert len({spec.variant_of or spec.name for spec in specs}) == len(specs)
    assert sum(spec.reads and not spec.classifies for spec in specs) == (name != "light")


def test_auto_is_the_classic_set() -> None:
    assert chosen("auto") == chosen("classic")


def test_the_light_set_downloads_nothing(hub: Hub) -> None:
    assert resolve("light", fetch=True, timeout=1).names == SETS["light"].extractors
    assert hub.requests == []
    assert all(
        spec.weights is None or isinstance(spec.weights, PackagedWeights)
        for spec in chosen("light")
    )


def test_no_licence_forbids_commercial_use() -> None:
    licences = {spec.weights.licence for spec in REGISTRY.values() if spec.weights is not None}

    assert licences <= {"MIT", "Apache-2.0", "BSD-3-Clause"}


def test_a_set_does_without_what_a_hub_lacks_and_notes_it(hub: Hub) -> None:
    hub.behaviour = Behaviour.DOWN

    resolution = resolve("sharp", fetch=True, timeout=1)

    assert resolution.names == SETS["light"].extractors
    assert len(resolution.warnings) == 2
    assert resolution.notes == resolution.warnings


def test_a_damaged_file_is_no_mere_note(hub: Hub) -> None:
    resolve("resnet50", fetch=True, timeout=5)
    path = REGISTRY["resnet50"].weights.path()  # type: ignore[union-attr]
    assert path is not None
    path.write_bytes(path.read_bytes()[:1000])
    hub.behaviour = Behaviour.DOWN

    resolution = resolve("classic", fetch=True, timeout=1)

    assert len(resolution.warnings) == 2
    assert [note.split(".")[0] for note in resolution.notes] == ["Searching without clip"]


@pytest.mark.parametrize(
    ("environment", "overrides", "extractors"),
    [
        ({}, {}, "classic"),
        ({"MODELS": " Sharp "}, {}, "sharp"),
        ({"MODELS": "sharp", "EXTRACTORS": "auto"}, {}, "sharp"),
        ({"MODELS": "sharp", "EXTRACTORS": "dinov2,hsv"}, {}, "dinov2,hsv"),
        ({"EXTRACTORS": "clip-laion2b,hsv"}, {}, "clip-laion2b,hsv"),
        # The command line wins over the environment, whichever of the two settings it uses.
        ({"EXTRACTORS": "clip-laion2b,hsv"}, {"models": "light"}, "light"),
        ({"MODELS": "light"}, {"extractors": "clip,hsv"}, "clip,hsv"),
        ({"MODELS": "light"}, {"extractors": "auto"}, "light"),
    ],
)
def test_which_setting_decides(
    environment: Mapping[str, str], overrides: Mapping[str, str], extractors: str, tmp_path: Path
) -> None:
    named = {f"IMAGE_SEARCH_{name}": value for name, value in environment.items()}

    settings = load_settings(named, overrides)

    assert settings.chosen_models == extractors
    Library.open(dataclasses.replace(settings, cache=tmp_path / "cache.pkl", images=tmp_path))


@pytest.mark.parametrize(
    ("models", "extractors", "says"),
    [
        ("sharp", "clip,hsv", "names clip, which is not in the set of models sharp"),
        ("light", "hsv,resnet50", "names resnet50, which is not in the set of models light"),
        ("classic", "sharp", "set IMAGE_SEARCH_MODELS to it"),
        ("classic", "light,clip", "cannot be combined"),
        ("classic", "auto,clip", "cannot be combined"),
        ("classic", "clipp", "There is no extractor 'clipp'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_at_the_start(
    settings: Settings, models: str, extractors: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        Library.open(dataclasses.replace(settings, models=models, extractors=extractors))


def test_a_set_that_there_is_not_is_refused() -> None:
    with pytest.raises(SettingsError, match="must be classic, sharp, best or light, not 'huge'"):
        load_settings({"IMAGE_SEARCH_MODELS": "huge"})


@pytest.mark.slow
def test_dinov2_sees_as_timm_does(loaded: Mapping[str, Extractor], shared_folder: Path) -> None:
    dinov2, path = loaded["dinov2"], shared_folder / "model.safetensors"
    network = timm.create_model(
        f"{ARCHITECTURE}.lvd142m",
        pretrained=True,
        pretrained_cfg_overlay={"file": str(path)},
        img_size=SIDE,
        num_classes=0,
    ).eval()
    square = dinov2.prepare(noise(300, 400))
    values = (square.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(
        STD, np.float32
    )

    with torch.inference_mode():
        expected = network(torch.from_numpy(values.transpose(2, 0, 1)[None]))

    assert float((dinov2.embed([square]) * unit_rows(expected.numpy())).sum()) > 0.999


@pytest.mark.slow
def test_the_clip_of_the_sharp_set_sees_256_pixels_as_open_clip_does(
    loaded: Mapping[str, Extractor], shared_folder: Path
) -> None:
    import open_clip
    from PIL import Image

    row = DATACOMP_XL_256
    (weights,) = (shared_folder / row.name).iterdir()
    extractor, pixels = loaded[row.name], noise(300, 400)
    network, _, transform = open_clip.create_model_and_transforms(
        row.architecture,
        pretrained=str(weights),
        image_mean=row.sight.mean,
        image_std=row.sight.std,
    )
    network.eval()
    with torch.inference_mode():
        expected = network.encode_image(transform(Image.fromarray(pixels))[None])

    seen = extractor.embed([extractor.prepare(pixels)])

    assert extractor.prepare(pixels).shape == (256, 256, 3)
    assert seen.shape == (1, row.dim)
    assert float((seen * unit_rows(expected.numpy())).sum()) > 0.999
