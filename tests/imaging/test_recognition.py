"""Drawings against photos, on pictures made here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from image_search.imaging.arrays import Pixels
from image_search.imaging.sheets.drawing import is_line_art


def drawing(shade: int = 0) -> Pixels:
    pixels = np.full((240, 300, 3), 255, dtype=np.uint8)
    cv2.circle(pixels, (150, 120), 70, (shade, shade, shade), 3, cv2.LINE_AA)
    cv2.line(pixels, (60, 200), (240, 210), (shade, shade, shade), 3, cv2.LINE_AA)
    return pixels


def shaded_ball_on_white() -> Pixels:
    pixels = np.full((240, 300, 3), 255, dtype=np.uint8)
    for radius in range(70, 0, -1):
        shade = 90 + (70 - radius) * 2
        cv2.circle(pixels, (150, 120), radius, (shade, shade, shade - 20), -1)
    return pixels


def test_strokes_on_paper_are_a_drawing() -> None:
    assert is_line_art(drawing()) > 0.5


def test_a_scan_of_a_pencil_drawing_is_a_drawing() -> None:
    page = drawing(80) * np.array([0.95, 0.92, 0.84]) * np.linspace(0.75, 1, 300)[None, :, None]
    page += np.random.default_rng(0).normal(0, 4, page.shape)
    assert is_line_art(np.clip(page, 0, 255).astype(np.uint8)) > 0.5


def test_a_shaded_object_on_white_is_not_a_drawing() -> None:
    assert is_line_art(shaded_ball_on_white()) < 0.5


def test_a_busy_picture_is_not_a_drawing() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    assert is_line_art(cv2.resize(noise, (320, 240)).astype(np.uint8)) < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (40, 40)])
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_plain_picture_holds_no_drawing(shape: tuple[int, int], shade: int) -> None:
    assert is_line_art(np.full((*shape, 3), shade, dtype=np.uint8)) == 0
