"""Hubs, caches and loaded extractors for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from filelock import FileLock
from huggingface_hub import constants

from image_search.extractors import REGISTRY, Extractor, resolve
from image_search.extractors.clip_models import DATACOMP_XL_256
from image_search.extractors.model_sets import SETS
from image_search.extractors.weights import sources
from image_search.extractors.weights.sources import DINOV2_VIT_S_14
from tests.hub import Hub, random_clip, random_dinov2, tiny_safetensors, tiny_torch

Use = Callable[[Hub, Path], None]
AUTOMATIC = SETS["classic"].extractors
MORE = "clip-laion2b", DATACOMP_XL_256.name, "dinov2", "style"


def direct_to(hub: Hub, cache: Path, patch: pytest.MonkeyPatch) -> None:
    """Point this process to a hub and to empty caches, as ``Hub.environment`` does for another."""
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    patch.setattr(constants, "HF_HUB_CACHE", str(cache / "huggingface"))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    # The fetch sets these two for the whole process; let them be as before afterwards.
    patch.setattr(constants, "HF_HUB_DISABLE_XET", constants.HF_HUB_DISABLE_XET)
    patch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", constants.DOWNLOAD_CHUNK_SIZE)
    patch.setenv("TORCH_HOME", str(cache / "torch"))
    patch.setenv("NO_PROXY", "127.0.0.1,localhost")
    # A frozen row cannot be patched in the ordinary way; going through its dictionary can.
    patch.setitem(vars(sources.RESNET50_IMAGENET1K_V2), "address", hub.resnet50_url)


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files that download like the real ones and are not worth loading."""
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_safetensors(folder), tiny_torch(folder)


@pytest.fixture
def hub(
    tiny_files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    """A hub with tiny files and empty caches to fetch them into."""
    with Hub(*tiny_files) as hub:
        direct_to(hub, tmp_path, monkeypatch)
        yield hub


def load_all(random_files: tuple[Path, Path], shared_folder: Path) -> dict[str, Extractor]:
    """Return the extractors of AUTOMATIC and MORE, loaded, with random weights where they need any.

    The whole way: resolve, probe, download, cache; then, when the hub is gone, load from disk. The
    caches, ``cache`` in the shared folder, are filled once for all processes.
    """
    clip, dinov2 = shared_folder / DATACOMP_XL_256.name, shared_folder / "model.safetensors"
    # Networks are converted once for all processes.
    with pytest.MonkeyPatch.context() as patch, FileLock(shared_folder / "cache.lock"):
        if not clip.exists():
            clip.mkdir()
            random_clip(clip, DATACOMP_XL_256.architecture)
            random_dinov2(shared_folder)
        more = {
            DINOV2_VIT_S_14.repo: [dinov2],
            DATACOMP_XL_256.weights.repo: list(clip.iterdir()),
        }
        with Hub(*random_files, more=more) as hub:
            direct_to(hub, shared_folder / "cache", patch)
            resolution = resolve("auto", fetch=True, timeout=20)
            assert resolve(",".join(MORE), fetch=True, timeout=20).names == MORE
        assert resolution.names == AUTOMATIC
        assert resolution.warnings == ()
        assert resolve("auto", fetch=True, timeout=1) == resolution
        return {name: REGISTRY[name].load() for name in (*AUTOMATIC, *MORE)}


@pytest.fixture(scope="session")
def loaded(random_files: tuple[Path, Path], shared_folder: Path) -> Mapping[str, Extractor]:
    """Every extractor but those that have tests of their own, loaded."""
    return load_all(random_files, shared_folder)
