"""A picture in the style of another: by patches, and by VGG19 with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.cli import main
from image_search.errors import InvalidQuery, ModelUnavailable
from image_search.extractors.weights.sources import VGG19_IMAGENET1K_V1
from image_search.imaging.arrays import Pixels
from image_search.styling import gatys
from image_search.styling.patches import as_floats, patched, recoloured
from image_search.styling.transfer import PATCHES, VGG19, stylized
from tests.hub import random_vgg


def striped(side: int = 96) -> Pixels:
    """Red and dark stripes, upright."""
    made = np.full((side, side, 3), (200, 40, 30), np.uint8)
    made[:, ::8] = made[:, 1::8] = (30, 10, 10)
    return made


def disc(width: int = 120, height: int = 90) -> Pixels:
    """A white disc on blue."""
    y, x = np.mgrid[:height, :width]
    inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
    made = np.full((height, width, 3), (40, 60, 160), np.uint8)
    made[inside] = 245
    return made


def slopes(picture: Pixels) -> tuple[float, float]:
    """How much neighbours differ, across and down."""
    grey = picture.astype(float).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=1)).mean()), float(np.abs(np.diff(grey, axis=0)).mean())


def test_patches_bring_the_texture_and_the_colours_of_the_style() -> None:
    steps: list[tuple[int, int]] = []
    made = patched(disc(), striped(), 0.9, lambda *step: steps.append(step))

    assert made.shape == (90, 120, 3)
    assert made.dtype == np.uint8
    assert np.abs(made.mean((0, 1)) - striped().mean((0, 1))).max() < 25
    across, down = slopes(made)
    assert across > 2 * slopes(disc())[0]
    assert across > 1.5 * down  # the stripes are upright
    assert steps == [(number, len(steps)) for number in range(len(steps))]


def test_with_less_strength_more_of_the_picture_stays() -> None:
    aim = recoloured(as_floats(disc()), as_floats(striped()))
    away = [np.abs(patched(disc(), striped(), s) / 255 - aim).mean() for s in (0.0, 1.0)]

    assert away[0] < 0.7 * away[1]


def test_colours_have_the_mean_and_the_spread_of_the_other() -> None:
    rng = np.random.default_rng(0)
    one, other = (
        (rng.random((40, 50, 3)) * spread + low).astype(np.float32)
        for spread, low in ((0.2, 0.1), (0.3, 0.5))
    )
    made = recoloured(one, other).reshape(-1, 3)

    assert made.mean(0) == pytest.approx(other.reshape(-1, 3).mean(0), abs=0.01)
    assert np.cov(made.T) == pytest.approx(np.cov(other.reshape(-1, 3).T), abs=0.003)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (10, 10), (64, 5)])
def test_pictures_of_any_size_are_drawn(size: tuple[int, int]) -> None:
    plain = np.full((*size, 3), 128, np.uint8)

    assert patched(plain, striped(), 0.5).shape == plain.shape
    assert patched(disc(), plain, 0.5).shape == disc().shape


def test_what_cannot_be_asked_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for wrong in ({"method": "x"}, {"strength": 1.5}, {"side": 10}, {"side": 5000}):
        with pytest.raises(InvalidQuery):
            stylized(disc(), striped(), **wrong)
    with pytest.raises(ModelUnavailable, match="VGG19"):
        stylized(disc(), striped(), method=VGG19)
    assert stylized(disc(), striped(), cancelled=lambda: True) is None


def test_vgg19_changes_pixels_until_the_grams_are_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = random_vgg(tmp_path, "vgg19")
    place = VGG19_IMAGENET1K_V1.place
    place.parent.mkdir(parents=True)
    file.rename(place)
    monkeypatch.setattr(type(VGG19_IMAGENET1K_V1), "ready", lambda _: place)
    network = gatys._network()

    def apart(picture: Pixels) -> float:
        found = (gatys._maps(network, gatys._tensor(one)) for one in (picture, striped(64)))
        one, other = ([gatys._gram(maps[layer]) for layer in (1, 6, 11)] for maps in found)
        return sum(
            float((a - b).pow(2).sum() / b.pow(2).sum()) for a, b in zip(one, other, strict=True)
        )

    content = disc(64, 64)
    made = gatys.optimised(content, striped(64), 1.0, steps=12)

    assert made.shape == content.shape
    assert apart(made) < apart(content)


def test_the_command_writes_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    content, style, out = (tmp_path / f"{name}.png" for name in ("content", "style", "out"))
    Image.fromarray(disc()).save(content)
    Image.fromarray(striped()).save(style)
    asked = ["stylize", str(content), "--style", str(style), "-o", str(out), "--side", "100"]

    assert main([*asked, "--json"]) == 0

    about = json.loads(capsys.readouterr().out)
    assert (about["method"], about["width"], about["height"]) == (PATCHES, 100, 75)
    with Image.open(out) as picture:
        assert picture.size == (100, 75)
    assert main(asked) == 0
    assert "by patches" in capsys.readouterr().out
    for wrong in (["--strength", "2"], ["--method", "vgg19"], ["-o", "out.jpg"]):
        assert main([*asked, *wrong]) == 2
