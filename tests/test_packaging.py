"""The wheel and the sdist hold what the package needs and nothing else, and work elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from image_search import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "examples", "images", "pictures",
    "test-output", "image_features.*",
)  # fmt: skip
INFO = f"image_search-{__version__}.dist-info"


def output(*command: str | Path, folder: Path, **variables: str) -> str:
    """What a command prints that runs in ``folder`` and is to succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(checkout: Path, made: Path, *kinds: str) -> None:
    # With the setuptools that is installed here, so that nothing is fetched.
    output(
        sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", made, folder=checkout
    )


def contents(wheel: Path) -> dict[str, int]:
    """The checksum of every file in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, with what people have in theirs beside it."""
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    for name in (
        "static/images/ring.png",
        "static/examples/sketch.png",
        "image_features.pkl",
        "image_features.segments/1.npy",
        "image_search/__pycache__/library.cpython-311.pyc",
        "test-output/page.png",
    ):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(b"no part of a release")
    return copy


@pytest.fixture(scope="module")
def made(checkout: Path) -> Path:
    """The folder that holds the sdist, and the wheel that was built from it."""
    folder = checkout.parent / "made"
    build(checkout, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(made: Path) -> Path:
    return made / f"image_search-{__version__}-py3-none-any.whl"


def shipped(checkout: Path) -> dict[str, str]:
    """Where each file of the package lies in the checkout, by its place in a wheel."""
    inside = [
        path.relative_to(checkout).as_posix()
        for path in (checkout / "image_search").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    beside = [
        path.relative_to(checkout).as_posix()
        for name in ("templates", "static/css", "static/icons", "static/js")
        for path in (checkout / name).iterdir()
    ]
    return {name: name for name in inside} | {f"image_search/{name}": name for name in beside}


def test_the_wheel_holds_the_package_and_nothing_else(checkout: Path, wheel: Path) -> None:
    found = set(contents(wheel))
    kinds = {Path(name).suffix for name in found}
    assert {".py", ".html", ".css", ".js", ".svg", ".safetensors", ".json"} <= kinds
    assert {name for name in found if not name.startswith(INFO)} == set(shipped(checkout))
    assert f"{INFO}/licenses/LICENSE" in found


def test_the_sdist_holds_what_the_wheel_is_built_from(checkout: Path, made: Path) -> None:
    top = f"image_search-{__version__}/"
    with tarfile.open(made / f"{top[:-1]}.tar.gz") as archive:
        found = {entry.name.removeprefix(top) for entry in archive if entry.isfile()}
    metadata = {name for name in found if name.startswith("image_search.egg-info/")}
    assert found - metadata == {
        *shipped(checkout).values(),
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "Readme.md", "pyproject.toml"),
        *("requirments.lock", "requirments.txt", "setup.cfg"),
    }


def test_the_sdist_builds_the_wheel_that_the_checkout_builds(
    checkout: Path, wheel: Path, tmp_path: Path
) -> None:
    build(checkout, tmp_path, "--wheel")
    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_the_installed_wheel_indexes_and_searches(wheel: Path, tmp_path: Path) -> None:
    site, images = tmp_path / "site", tmp_path / "images"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    output(*pip, "--target", site, wheel, folder=tmp_path)
    images.mkdir()
    disc = Image.radial_gradient("L").resize((96, 96))
    for name in ("red", "green", "blue"):
        Image.composite(
            Image.new("RGB", disc.size, "white"), Image.new("RGB", disc.size, name), disc
        ).save(images / f"{name}.png")

    def run(*arguments: str | Path) -> str:
        return output(
            sys.executable, *arguments, folder=tmp_path, PYTHONPATH=str(site), OMP_NUM_THREADS="1",
            IMAGE_SEARCH_IMAGES=str(images), IMAGE_SEARCH_CACHE=str(tmp_path / "cache.pkl"),
            IMAGE_SEARCH_EXTRACTORS="design,hsv",
        )  # fmt: skip

    places = run("-c", "from image_search.assets import folder as f; print(f('templates'))")
    assert places == f"{site / 'image_search' / 'templates'}\n"
    assert run(site / "bin" / "image-search", "--version") == f"image-search {__version__}\n"
    run("-m", "image_search", "index", "--only-search")
    found = run("-m", "image_search", "search", images / "blue.png", "--json")
    assert json.loads(found)["results"][0]["path"] == "blue.png"
