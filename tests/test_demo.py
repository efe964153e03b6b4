"""The demo collection: what is in it, that it is always the same, and that it harms no file."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_search.demo import (
    NEAR_DUPLICATES,
    Design,
    Drawn,
    catalogue,
    draw,
    holds_only_the_demo,
)
from image_search.errors import SettingsError

#: Quick to draw, and between them: stones, cloth, flat marks, near-copies, sketches.
FEW = ("solitaire", "twist-solitaire", "willow", "compass", "lotus")


def few(*names: str) -> list[Design]:
    chosen = [design for design in catalogue() if design.name in (names or FEW)]
    assert len(chosen) == len(names or FEW)
    return chosen


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Drawn]:
    folder = tmp_path_factory.mktemp("demo")
    images, sketches = folder / "images", folder / "sketches"
    return images, sketches, draw(few(), images, sketches)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_collection_is_a_few_hundred_images_and_about_twenty_sketches() -> None:
    images = sum(len(d.colourways) + len(d.near_duplicates) for d in catalogue())
    assert 290 <= images <= 350
    assert 16 <= sum(d.sketched for d in catalogue()) <= 24


def test_names_are_unique_and_every_colourway_has_its_own() -> None:
    names = Counter(d.name for d in catalogue())
    assert max(names.values()) == 1
    for design in catalogue():
        stems = {design.stem(i) for i in range(len(design.colourways))}
        assert len(stems) == len(design.colourways) >= 3


def test_every_edit_is_among_the_near_copies() -> None:
    assert {edit for d in catalogue() for edit in d.near_duplicates} == set(NEAR_DUPLICATES)


def test_files_are_counted_sorted_by_kind_and_decodable(drawn: tuple[Path, Path, Drawn]) -> None:
    images, sketches, count = drawn
    assert count == Drawn(len(files(images)), len(files(sketches)))
    assert {path.parent.name for path in files(images)} == {"rings", "prints", "logos"}
    for path in files(images) + files(sketches):
        with Image.open(path) as picture:
            picture.load()
            assert picture.mode == "RGB"
            if not any(path.stem.endswith(edit) for edit in ("small", "cropped")):
                assert min(picture.size) >= 480


def test_near_copies_lie_beside_their_picture(drawn: tuple[Path, Path, Drawn]) -> None:
    images, _, _ = drawn
    copies = [p for p in files(images) if p.stem.rsplit("-", 1)[1] in NEAR_DUPLICATES]
    assert len(copies) == sum(len(d.near_duplicates) for d in few()) > 0
    for path in copies:
        original = path.stem.rsplit("-", 1)[0]
        assert [p for p in path.parent.glob(f"{original}.*") if p.is_file()]


def test_sketches_are_grey_and_named_after_a_design(drawn: tuple[Path, Path, Drawn]) -> None:
    _, sketches, _ = drawn
    wanted = {f"sketch-of-{d.name}.png" for d in few() if d.sketched}
    assert {path.name for path in files(sketches)} == wanted
    for path in files(sketches):
        pixels = np.asarray(Image.open(path)).astype(int)
        assert np.ptp(pixels, axis=2).max() < 16  # paper is a little warm; nothing is coloured
        assert (pixels.mean(axis=2) < 140).mean() > 0.002  # there are lines
        assert (pixels.mean(axis=2) > 200).mean() > 0.8  # on mostly empty paper


def test_colourways_differ_in_colour(drawn: tuple[Path, Path, Drawn]) -> None:
    images, _, _ = drawn
    pictures = [p for p in files(images / "rings") if p.stem.startswith("solitaire-")]
    means = {tuple(np.asarray(Image.open(p)).mean(axis=(0, 1)).round()) for p in pictures}
    assert len(means) >= 5


def test_drawing_again_gives_the_same_bytes(
    drawn: tuple[Path, Path, Drawn], tmp_path: Path
) -> None:
    images, sketches, _ = drawn
    draw(few("solitaire", "lotus"), tmp_path / "i", tmp_path / "s")
    again = files(tmp_path)
    assert len(again) > 8
    for path in again:
        before = (images if path.is_relative_to(tmp_path / "i") else sketches) / path.relative_to(
            tmp_path / path.relative_to(tmp_path).parts[0]
        )
        assert path.read_bytes() == before.read_bytes(), path.name


def test_existing_files_are_left_alone_and_missing_ones_drawn(tmp_path: Path) -> None:
    images, sketches = tmp_path / "i", tmp_path / "s"
    (lotus,) = few("lotus")
    kept = images / "logos" / f"{lotus.stem(0)}{lotus.ending(0)}"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"somebody's own file")
    (images / "own.txt").write_text("mine", encoding="utf-8")
    steps: list[tuple[int, int]] = []
    first = draw([lotus], images, sketches, lambda done, total: steps.append((done, total)))
    total = len(lotus.colourways) + len(lotus.near_duplicates) + 1
    assert steps == [(i, total) for i in range(1, total + 1)]
    assert first == Drawn(total - 2, 1)
    assert kept.read_bytes() == b"somebody's own file"
    assert (images / "own.txt").read_text(encoding="utf-8") == "mine"
    stamps = {path: path.stat().st_mtime_ns for path in files(tmp_path)}
    assert draw([lotus], images, sketches) == Drawn(0, 0)
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path)} == stamps


def test_nothing_half_written_is_left_behind(drawn: tuple[Path, Path, Drawn]) -> None:
    images, sketches, _ = drawn
    assert {p.suffix for p in files(images) + files(sketches)} <= {".jpg", ".png", ".webp"}


def test_a_folder_that_cannot_be_made_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be written"):
        draw(few("lotus"), tmp_path / "file" / "images", tmp_path / "sketches")


def test_the_command_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "image_search.demo", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "example:" in done.stdout


def test_only_a_folder_without_other_images_counts_as_the_demo(tmp_path: Path) -> None:
    images, sketches = tmp_path / "images", tmp_path / "sketches"
    assert holds_only_the_demo(images)
    draw(catalogue()[:1], images, sketches)
    assert holds_only_the_demo(images)
    (images / "mine.jpg").write_bytes(b"somebody's own")
    assert not holds_only_the_demo(images)
