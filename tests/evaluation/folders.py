"""A labelled folder drawn for the tests: discs of three colours, and line drawings of them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = {"blue": (30, 60, 200), "green": (20, 150, 60), "red": (200, 40, 30)}
EACH = 4


def draw_photos(folder: Path) -> None:
    """Four discs a class, each darker and further to the right than the one before."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(EACH):
            image = Image.new("RGB", (96, 72), (235, 230, 220))
            shade = tuple(int(part * (1 - 0.12 * number)) for part in colour)
            left = 10 + 9 * number
            ImageDraw.Draw(image).ellipse((left, 14, left + 44, 58), fill=shade)
            image.save(folder / name / f"disc{number}.png")


def draw_sketches(folder: Path) -> None:
    """For every disc two outlines."""
    for name in COLOURS:
        (folder / name).mkdir(parents=True)
        for number in range(EACH):
            for turn in (1, 2):
                image = Image.new("RGB", (96, 72), "white")
                left = 10 + 9 * number + turn
                ImageDraw.Draw(image).ellipse((left, 14, left + 44, 58), outline="black", width=2)
                image.save(folder / name / f"disc{number}-{turn}.png")
