"""The autoencoder of a collection: trained, gone on with, interrupted, searched by and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.autoencoder.sheets import between, losses_plot, reconstructions
from image_search.autoencoder.training import Trainer, moved, noisy, squares_of, train
from image_search.cli import main
from image_search.errors import IndexEmpty, ModelUnavailable
from image_search.extractors import REGISTRY, vae
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.labels.test_collection import HUES, picture

SECONDS = 1 / 60


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the user without an autoencoder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def library(folder: Path, settings: Settings) -> Library:
    """Ten images of each of three colours."""
    for number, (name, hue) in enumerate(HUES.items()):
        (folder / name).mkdir()
        for seed in range(10):
            picture(hue, 100 * number + seed).save(folder / name / f"{seed}.png")
    library = Library.open(replace(settings, extractors="hsv"))
    library.update(fingerprints=False)
    return library


def test_without_a_training_it_says_what_to_do() -> None:
    row = REGISTRY["vae"]
    assert row.weights is not None
    assert row.weights.missing_reason() is not None
    with pytest.raises(ModelUnavailable, match="image-search train vae"):
        row.load()


def test_it_learns_draws_and_is_searched_by(library: Library, home: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = train(library, 6 * SECONDS, on_progress=lambda *step: steps.append(step))

    assert found is not None
    learnt, paths, squares = found
    assert (learnt.images, len(paths), learnt.stopped) == (30, 30, False)
    assert squares.shape == (30, vae.SIDE, vae.SIDE, 3)
    assert learnt.losses[-1][0] < learnt.losses[0][0]
    assert steps == sorted(steps)
    made = vae.trained()
    drawn = vae.decoded(made, vae.encoded(made, squares))
    own = np.abs(drawn.astype(float) - squares).mean()
    others = np.abs(np.roll(drawn, 10, axis=0).astype(float) - squares).mean()
    assert own < others  # what it draws is like the picture, and less like another

    searched = Library.open(replace(library.settings, extractors="hsv,vae"))
    searched.update(fingerprints=False)
    like = searched.search(Query(like=(searched.search(Query(text="ruby")).hits[0].id,), k=5))
    assert "vae" in like.extractors
    assert like.hits[0].scores["vae"] == pytest.approx(1, abs=0.01)

    row = between(made, squares[0], squares[-1], 4)
    assert row.size == (6 * 2 * vae.SIDE, 2 * vae.SIDE)
    assert reconstructions(made, squares, 5).size == (5 * 2 * vae.SIDE, 4 * vae.SIDE)
    assert losses_plot(learnt.losses).size[0] > 100
    assert losses_plot([]).size == losses_plot(learnt.losses).size


def test_a_training_goes_on_where_it_ended(library: Library, tmp_path: Path) -> None:
    _, squares = squares_of(library)
    kept = tmp_path / "kept.pt"
    first = Trainer(kept).learn(squares, SECONDS)
    on = Trainer(kept).learn(squares, SECONDS)

    assert on.losses[: len(first.losses)] == first.losses
    assert len(on.losses) > len(first.losses)
    assert on.seconds > first.seconds
    again = Trainer(kept, again=True).learn(squares, SECONDS)
    assert again.losses[: len(first.losses)] != on.losses[: len(first.losses)] or len(
        again.losses
    ) < len(on.losses)
    kept.write_bytes(b"damaged")
    assert Trainer(kept).learn(squares, SECONDS).losses


def test_an_interrupted_training_keeps_what_was_learnt(library: Library, tmp_path: Path) -> None:
    _, squares = squares_of(library)
    asked = iter([False] * 3)
    learnt = Trainer(tmp_path / "kept.pt").learn(squares, 10, cancelled=lambda: next(asked, True))

    assert learnt.stopped
    assert vae.trained() is not None
    assert train(library, 1, cancelled=lambda: True) is None


def test_too_few_images_are_refused(folder: Path, settings: Settings) -> None:
    picture(0, 1).save(folder / "one.png")
    library = Library.open(replace(settings, extractors="hsv"))
    library.update(fingerprints=False)

    with pytest.raises(IndexEmpty, match="at least 20"):
        train(library, 1)


def test_pictures_are_moved_and_made_noisy_within_their_range() -> None:
    pictures = vae.tensor_of(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8))
    for changed in (moved(pictures), noisy(pictures)):
        assert changed.shape == pictures.shape
        assert not changed.equal(pictures)
        assert float(changed.abs().max()) <= 1 + 1e-6


def test_the_commands_train_and_draw(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = library.settings
    where = ["--images", str(settings.images), "--cache", str(settings.cache)]
    losses, sheet, row = (tmp_path / f"{name}.png" for name in ("losses", "sheet", "row"))
    options = ["--minutes", "0.02", "--losses", str(losses), "--sheet", str(sheet)]

    assert main(["train", "vae", *where, *options, "--json"]) == 0

    about = json.loads(capsys.readouterr().out)
    assert (about["images"], about["stopped"]) == (30, False)
    assert about["epochs"] >= 1
    one, other = (str(settings.images / name / "0.png") for name in ("ruby", "emerald"))
    assert main(["between", *where, one, other, "-o", str(row), "--steps", "3"]) == 0
    for path in (losses, sheet, row):
        with Image.open(path) as image:
            image.load()
    for wrong in (["--minutes", "0"], ["--sheet", "sheet.jpg"]):
        assert main(["train", "vae", *where, *wrong]) == 2
    assert main(["between", *where, one, other, "-o", str(row), "--steps", "1"]) == 2
    assert main(["between", *where, one, "none.png", "-o", str(row)]) == 2
