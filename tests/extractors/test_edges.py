"""Edge orientations: shape and place count, colour of the lines and their polarity do not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from image_search.extractors import descriptors
from image_search.imaging.arrays import Floats, Pixels


def canvas(shade: int = 255) -> Pixels:
    return np.full((200, 200, 3), shade, dtype=np.uint8)


def ring(x: int = 100, y: int = 100, ink: int = 0, paper: int = 255) -> Pixels:
    return np.asarray(cv2.circle(canvas(paper), (x, y), 55, (ink, ink, ink), 4), dtype=np.uint8)


def embedding(pixels: Pixels) -> Floats:
    extractor = descriptors.load("edges")
    row: Floats = extractor.embed([extractor.prepare(pixels)])[0]
    return row


def test_size_of_the_picture_does_not_matter() -> None:
    larger = np.repeat(np.repeat(ring(), 3, axis=0), 3, axis=1)
    assert embedding(ring()) @ embedding(larger) > 0.98


def test_white_on_black_is_the_same_shape_as_black_on_white() -> None:
    assert embedding(ring()) @ embedding(ring(ink=255, paper=0)) > 0.99


def test_an_outline_is_nearer_to_its_filled_shape_than_to_another_outline() -> None:
    disc = np.asarray(cv2.circle(canvas(), (100, 100), 55, (30, 60, 160), -1), dtype=np.uint8)
    square = np.asarray(cv2.rectangle(canvas(), (50, 50), (150, 150), (0, 0, 0), 4), dtype=np.uint8)
    outline = embedding(ring())
    assert outline @ embedding(disc) > outline @ embedding(square) + 0.1


def test_place_counts() -> None:
    here = embedding(ring(70, 70))
    assert here @ embedding(ring(76, 70)) > here @ embedding(ring(130, 130)) + 0.2


def test_an_edge_between_colours_of_equal_brightness_is_seen() -> None:
    pixels = canvas()
    pixels[:, :100] = (200, 60, 60)
    pixels[:, 100:] = (0, 148, 130)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    assert int(grey.max()) - int(grey.min()) <= 2
    bright = canvas(0)
    bright[:, 100:] = 255
    assert embedding(pixels) @ embedding(bright) > 0.9


def test_a_picture_without_edges_has_no_direction_but_a_length() -> None:
    row = embedding(canvas(90))
    assert np.isfinite(row).all()
    assert np.isclose(np.linalg.norm(row), 1, atol=1e-5)


def test_a_picture_without_edges_is_like_no_drawing() -> None:
    extractor = descriptors.load("edges")
    drawing = np.full((120, 160, 3), 255, np.uint8)
    drawing[30:90, 40:43] = drawing[30:33, 40:120] = 0
    blanks = [np.full((50, 70, 3), level, np.uint8) for level in (0, 127, 255)]

    black, grey, white, drawn = extractor.embed([extractor.prepare(p) for p in (*blanks, drawing)])

    assert black @ white == pytest.approx(1)
    assert black @ grey == pytest.approx(1)
    assert black @ drawn < 0


@pytest.mark.parametrize("half_turn", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_half_turns_and_mirror_images_follow_from_the_embedding(
    half_turn: bool, mirrored: bool
) -> None:
    pixels = ring(70, 120)
    cv2.line(pixels, (20, 30), (150, 60), (90, 20, 20), 5)
    changed = pixels[::-1, ::-1] if half_turn else pixels
    changed = np.ascontiguousarray(changed[:, ::-1] if mirrored else changed)

    found = descriptors.turned_over(embedding(pixels), half_turn=half_turn, mirrored=mirrored)

    assert found @ embedding(changed) > 0.9999
