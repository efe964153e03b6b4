"""The pictures on a page are found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from image_search.imaging.arrays import Pixels
from image_search.imaging.page_pictures import MOST, Shares, pictures_on
from tests.drawing import ornate
from tests.fingerprints.pictures import busy

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


def page(boxes: list[Box], paper: str = "white", *, text: bool = True) -> Pixels:
    """A page (800, 1200, 3) with a bar, perhaps text, and a picture in each box."""
    image = Image.new("RGB", (1200, 800), paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1200, 40), fill="silver")
    for row in range(9 if text else 0):
        draw.text((760, 480 + row * 26), "handmade in silver and gold " * 2, "black")
    for number, (left, top, width, height) in enumerate(boxes):
        image.paste(ornate(number).resize((width, height)), (left, top))
    return np.asarray(image)


def overlap(part: Shares, box: Box, size: tuple[int, int] = (1200, 800)) -> float:
    """The area that both share, as a share of what they cover together."""
    left, top, width, height = (side * length for side, length in zip(part, size * 2, strict=True))
    wide = min(left + width, box[0] + box[2]) - max(left, box[0])
    high = min(top + height, box[1] + box[3]) - max(top, box[1])
    both = max(wide, 0) * max(high, 0)
    return both / (width * height + box[2] * box[3] - both)


@pytest.mark.parametrize("paper", ["white", "#202428", "#e8e0f0"])
def test_pictures_on_a_page_are_found(paper: str) -> None:
    boxes = [(60, 100, 400, 300), (500, 100, 240, 180), (60, 430, 320, 240)]

    parts = pictures_on(page(boxes, paper))

    assert len(parts) <= MOST
    for box in boxes:
        assert max(overlap(part, box) for part in parts) > 0.9


def test_a_board_with_narrow_gaps_is_taken_apart() -> None:
    boxes = [(10 + x * 397, 50 + y * 250, 390, 244) for x in range(3) for y in range(3)]

    parts = pictures_on(page(boxes, text=False))

    for box in boxes:
        assert max(overlap(part, box) for part in parts) > 0.85


def test_text_alone_has_no_pictures() -> None:
    image = Image.new("RGB", (900, 700), "white")
    draw = ImageDraw.Draw(image)
    for row in range(24):
        draw.text((40, 30 + row * 26), "Terms of delivery and of returns " * 3, "black")

    assert pictures_on(np.asarray(image)) == ()


@pytest.mark.parametrize(
    "pixels", [busy(3), np.full((40, 60, 3), 200, np.uint8), np.zeros((1, 1, 3), np.uint8)]
)
def test_one_picture_is_no_page(pixels: Pixels) -> None:
    assert pictures_on(pixels) == ()


def test_a_picture_with_a_margin_is_no_page() -> None:
    sheet = Image.new("RGB", (400, 300), "white")
    sheet.paste(ornate(1).resize((360, 270)), (20, 15))

    assert pictures_on(np.asarray(sheet)) == ()
