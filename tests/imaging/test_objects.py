"""Objects are found in pictures of many kinds, by what can be seen alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from image_search.imaging.arrays import Pixels
from image_search.imaging.objects.candidates import SIGNS, candidates_in
from image_search.imaging.objects.proposals import MOST, overlaps, proposals_in
from image_search.imaging.objects.segments import Picture, divided, joined, segments_of, tree_of
from tests.drawing import ornate

SIZE = (640, 480)
BOXES = [(60, 70, 160, 120), (400, 60, 150, 170), (220, 290, 190, 140)]
"""Left, top, width and height in pixels."""


def plain() -> Image.Image:
    return Image.new("RGB", SIZE, "#dfe4e0")


def shaded() -> Image.Image:
    ramp = np.linspace(90, 220, SIZE[0])[None, :, None] * np.array([1.0, 0.9, 0.7])
    noise = np.random.default_rng(0).normal(0, 3, (SIZE[1], SIZE[0], 3))
    return Image.fromarray(np.clip(ramp + noise, 0, 255).astype(np.uint8))


def papered() -> Image.Image:
    image = Image.new("RGB", SIZE, "#9a8f80")
    draw = ImageDraw.Draw(image)
    for left in range(0, SIZE[0], 16):
        draw.line((left, 0, left, 300), "#a79c8d", 6)
    draw.rectangle((0, 300, *SIZE), "#5c4a3a")
    return image


def ellipses(ground: Image.Image) -> Pixels:
    """A thing with much in it, cut out as an ellipse, in each box."""
    for number, (left, top, width, height) in enumerate(BOXES):
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).ellipse((0, 0, width - 1, height - 1), fill=255)
        ground.paste(ornate(number).resize((width, height)), (left, top), mask)
    return np.asarray(ground)


def drawings() -> Pixels:
    """A sheet with an outline in each box."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for left, top, width, height in BOXES:
        draw.ellipse((left, top, left + width, top + height), outline="black", width=3)
        draw.line((left, top + height // 2, left + width, top + height // 3), "black", 3)
    return np.asarray(image)


def overlap(pixels: Pixels) -> list[float]:
    """How much the best proposal shares with each of the boxes."""
    found = proposals_in(pixels)
    assert 0 < len(found) <= MOST
    boxes = np.array(BOXES) / np.array(SIZE * 2)
    shared = overlaps(boxes, np.array([one.box for one in found]))
    return [float(best) for best in shared.max(axis=1)]


@pytest.mark.parametrize("ground", [plain, shaded, papered])
def test_things_on_a_ground_are_found(ground: object) -> None:
    assert callable(ground)

    assert min(overlap(ellipses(ground()))) > 0.7


def test_drawings_on_a_sheet_are_found() -> None:
    assert min(overlap(drawings())) > 0.7


def test_the_order_and_size_do_not_change_with_the_resolution() -> None:
    pixels = ellipses(plain())
    large = np.asarray(Image.fromarray(pixels).resize((1920, 1440)))

    assert min(overlap(large)) > 0.7
    scores = [one.score for one in proposals_in(large)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_no_two_proposals_are_the_same() -> None:
    boxes = np.array([one.box for one in proposals_in(ellipses(papered()))])

    shared = overlaps(boxes, boxes) - np.eye(len(boxes))

    assert shared.max() < 0.6


def test_boxes_lie_within_the_picture() -> None:
    for one in proposals_in(ellipses(shaded())):
        x, y, width, height = one.box
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert max(x + width, y + height) <= 1.0001


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((300, 400, 3), 128, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((15, 4000, 3), np.uint8),
        np.full((4000, 17, 3), 255, np.uint8),
    ],
)
def test_there_is_nothing_in_an_even_picture(pixels: Pixels) -> None:
    assert proposals_in(pixels) == ()


def test_work_is_bounded_where_nothing_is_alike() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)

    found = candidates_in(noise)

    assert len(found.boxes) < 3000
    assert found.signs.shape == (len(found.boxes), len(SIGNS))
    assert np.isfinite(found.signs).all()
    assert len(proposals_in(noise)) <= MOST


def test_segments_merge_until_one_is_left() -> None:
    picture = Picture.of(ellipses(plain()))
    labels = joined(divided(picture), picture)
    segments = segments_of(labels, picture)

    tree = tree_of(segments)

    height, width = labels.shape
    assert sum(one.area for one in segments) == height * width
    assert len(tree) == 2 * len(segments) - 1
    assert tree[-1].area == height * width
    assert tree[-1].box == (0, 0, width, height)
    assert not tree[-1].neighbours
