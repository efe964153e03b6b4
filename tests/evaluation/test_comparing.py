"""``image-search models compare``: which of two sets of models, or of two lists, is better."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from image_search.cli import main
from image_search.errors import ModelUnavailable
from image_search.evaluation import TRUTHS, Collection, evaluate
from image_search.evaluation.comparing import compare, stratified
from image_search.settings import Settings
from tests.evaluation.folders import draw_photos, draw_sketches
from tests.extractors.conftest import direct_to
from tests.hub import Behaviour, Hub, tiny_safetensors, tiny_torch

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """Three classes of 16 noisy pictures each, of which only the colours differ."""
    chance = np.random.default_rng(0)
    for name, colour in {
        "blue": (40, 60, 190),
        "green": (30, 150, 60),
        "red": (190, 40, 30),
    }.items():
        folder = tmp_path / "coloured" / name
        folder.mkdir(parents=True)
        for number in range(16):
            noise = chance.integers(-30, 31, (48, 48, 1))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "coloured"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["models", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def plain(run: Run, *arguments: object) -> dict[str, Any]:
    code, out, _ = run("compare", *arguments, "--json")
    assert code == 0
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_the_better_one_is_named_with_an_interval(run: Run, coloured: Path) -> None:
    found = plain(run, "hsv", "edges", "--gallery", coloured)

    assert found["better"] == "hsv"
    assert found["verdict"].startswith("hsv is better by ")
    difference, (colour, shape) = found["differences"]["P@10"], found["contenders"]
    assert 0 < difference["low"] <= difference["mean"] <= difference["high"]
    means = [one["measures"]["P@10"]["mean"] for one in (colour, shape)]
    assert difference["mean"] == pytest.approx(means[0] - means[1])
    assert found["verdict"].split(" by ")[1].startswith(f"{100 * difference['mean']:.1f} points")
    assert (colour["name"], shape["extractors"]) == ("hsv", ["edges"])
    assert shape["bytes_per_image"] > colour["bytes_per_image"] > 512
    assert (found["images"], found["of_images"], found["classes"], found["asked"]) == (
        48,
        48,
        3,
        48,
    )

    turned = plain(run, "edges", "hsv", "--gallery", coloured)
    assert turned["better"] == "hsv"
    assert turned["differences"]["P@10"]["mean"] == pytest.approx(-difference["mean"])
    assert turned["verdict"] == found["verdict"]


def test_the_figures_are_those_of_an_evaluation(coloured: Path, tmp_path: Path) -> None:
    settings = Settings(threads=1)
    found = compare(settings, ("hsv", "edges,hsv"), coloured)

    for name, contender in zip(("hsv", "edges,hsv"), found.contenders, strict=True):
        cache = tmp_path / f"{name}.pkl"
        own = dataclasses.replace(settings, images=coloured, cache=cache, extractors=name)
        evaluation = evaluate(Collection.of(own), None, TRUTHS["class"])
        for measure in ("mAP", "P@10"):
            assert contender.measures[measure] == evaluation.main.measures[measure]


def test_the_same_twice_makes_no_difference(run: Run, coloured: Path) -> None:
    code, out, _ = run("compare", "hsv,edges", "edges,hsv", "--gallery", coloured)

    assert code == 0
    assert "48 queries; 48 of 48 images, of 3 classes." in out
    assert "ms/image" in out
    assert "No difference beyond chance: hsv,edges less edges,hsv is +0.0 points of P@10" in out


def test_sketches_ask_for_photos(run: Run, tmp_path: Path) -> None:
    draw_photos(tmp_path / "photo")
    draw_sketches(tmp_path / "sketch")

    found = plain(
        run, "light", "hsv", "--gallery", tmp_path / "photo", "--queries", tmp_path / "sketch"
    )

    assert (found["asked"], found["images"]) == (24, 12)
    assert found["contenders"][0]["extractors"] == ["imagenet", "design", "hsv", "edges", "texture"]


def test_a_sample_is_embedded_and_nothing_stays(run: Run, coloured: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    found = plain(run, "hsv", "edges", "--gallery", coloured, "--sample", 24, "--seed", 5)

    assert (found["images"], found["of_images"], found["classes"]) == (24, 48, 3)
    assert found["seed"] == 5
    again = plain(run, "hsv", "edges", "--gallery", coloured, "--sample", 24, "--seed", 5)
    assert again["differences"] == found["differences"]
    assert sorted(tmp_path.rglob("*")) == before


def test_each_class_has_its_share_of_a_sample_and_two_at_least() -> None:
    sizes = {"large": 800, "middle": 180, "small": 3, "one": 1}
    paths = [f"{name}/{number}.png" for name, size in sizes.items() for number in range(size)]

    chosen = stratified(paths, 100, seed=0)

    assert len(set(chosen)) == 100
    counts = Counter(path.split("/")[0] for path in chosen)
    assert (counts["small"], counts["one"]) == (2, 1)
    # What the two small ones leave is divided by size.
    assert counts["large"] == pytest.approx(97 * 800 / 980, abs=1)
    assert counts["middle"] == pytest.approx(97 * 180 / 980, abs=1)
    assert stratified(list(reversed(paths)), 100, seed=0) == chosen
    assert stratified(paths, 100, seed=1) != chosen
    assert stratified(paths, 10_000, seed=1) == sorted(paths)


def test_a_set_that_lacks_a_model_is_not_compared_without_it(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hub(tiny_safetensors(tmp_path), tiny_torch(tmp_path)) as hub:
        hub.behaviour = Behaviour.DOWN
        direct_to(hub, tmp_path / "weights", monkeypatch)

        with pytest.raises(ModelUnavailable, match=r"DINOv2 .* models fetch dinov2"):
            compare(Settings(hub_timeout=1), ("light", "dinov2,hsv"), coloured)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["compare", "hsv"], "bad_setting", "Name the two to compare"),
        (["compare", "hsv", "huge"], "bad_setting", "no extractor 'huge'"),
        (["compare", "hsv", "edges", "--gallery", "/nothing/here"], "bad_setting", "/nothing/here"),
        (["compare", "hsv", "edges", "--sample", "1"], "invalid_query", "at least 2"),
        (["list", "--gallery", "."], "bad_setting", "--gallery is only for"),
        (["fetch", "light", "--sample", "5"], "bad_setting", "--sample is only for"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, arguments: list[str], code: str, says: str
) -> None:
    exit_code, out, _ = run(*arguments, "--json")

    assert exit_code == 2
    error = json.loads(out)["error"]
    assert error["code"] == code
    assert says in error["message"]
