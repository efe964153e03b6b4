"""Which pictures teach, and which are kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from training import sources
from training.sources import SKETCH


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "white").save(path)
    return path


def test_what_is_held_out_never_teaches(tmp_path: Path) -> None:
    put(tmp_path / "caltech101" / "watch" / "a.png")
    put(tmp_path / "pacs" / "sketch" / "elephant" / "a.png")
    put(tmp_path / "sketchy" / "photo" / "teapot" / "a.png")
    kept = put(tmp_path / "caltech101" / "anchor" / "a.png")
    for unseen in ("corel1k", "jewellery"):
        put(tmp_path / unseen / "anything" / "a.png")

    assert [item.photo for item in sources.items(tmp_path)] == [kept]


@pytest.mark.parametrize("label", ["Watch", "grand piano", "GRAND_PIANO", "owl"])
def test_labels_are_held_out_however_they_are_written(label: str) -> None:
    assert sources.held_out(label)


def test_sketches_go_with_the_photo_they_were_drawn_from(tmp_path: Path) -> None:
    photo = put(tmp_path / "sketchy" / "photo" / "cup" / "n1-x.png")
    put(tmp_path / "sketchy" / "photo" / "cup" / "n2.png")
    own = [put(tmp_path / "sketchy" / "sketch" / "cup" / f"n1-x-{n}.png") for n in (1, 2)]

    found = {item.photo: item for item in sources.items(tmp_path)}

    assert found[photo].drawings == tuple(own)
    assert [len(item.drawings) for item in found.values()] == [2, 0]


def test_styles_are_distinguished(tmp_path: Path) -> None:
    for style in ("photo", "sketch", "cartoon"):
        put(tmp_path / "pacs" / style / "dog" / "a.png")

    found = {item.style: item for item in sources.items(tmp_path)}

    assert not found["photo"].painted
    assert not found[SKETCH].painted
    assert found["cartoon"].painted


def test_a_concept_is_one_thing_in_several_styles(tmp_path: Path) -> None:
    for name in ("one.png", "two.png", "line_one.png"):
        put(tmp_path / "1f511" / name)
    put(tmp_path / "1f512" / "alone.png")
    for name in ("one.png", "two.png"):  # an owl, which is held out
        put(tmp_path / "1f989" / name)

    found = sources.concepts(tmp_path)

    assert [(len(c.pictures), len(c.drawings)) for c in found] == [(2, 1)]


def test_sets_that_are_not_there_teach_nothing(tmp_path: Path) -> None:
    assert sources.items(tmp_path / "nothing") == []


def test_photos_without_a_label_are_held_out_by_their_names(tmp_path: Path) -> None:
    for name in ("kitchenChair2.png", "red_Teapot.png", "notes.txt"):
        put(tmp_path / "x.png").rename(tmp_path / name)
    kept = put(tmp_path / "table.png")

    found = sources.unlabelled(tmp_path)

    assert [item.photo for item in found] == [kept]
    assert not found[0].label
