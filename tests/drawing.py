"""Pictures drawn for the tests: each seed another design, as the bytes of real image files."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from image_search.library import Library
from image_search.settings import Settings


def design(seed: int, size: tuple[int, int] = (96, 72), shapes: int = 4) -> Image.Image:
    """Some shapes in some colours, never twice the same."""
    rng = np.random.default_rng(seed)

    def colour() -> tuple[int, int, int]:
        red, green, blue = rng.integers(0, 256, 3).tolist()
        return red, green, blue

    image = Image.new("RGB", size, colour())
    draw = ImageDraw.Draw(image)
    for _ in range(shapes):
        left, right = sorted(rng.integers(0, size[0], 2).tolist())
        top, bottom = sorted(rng.integers(0, size[1], 2).tolist())
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((left, top, right, bottom), fill=colour())
    return image


def ornate(seed: int) -> Image.Image:
    """A design with so much in it that it is recognised however it is edited."""
    image = design(seed, (320, 240))
    for number in range(40):
        part = design(1000 * seed + number, (48, 40), shapes=3)
        rng = np.random.default_rng((seed, number))
        image.paste(part, (int(rng.integers(0, 272)), int(rng.integers(0, 200))))
    return image


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """``image`` as the bytes of a file of this kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(seed: int, kind: str = "PNG") -> bytes:
    """The design of this seed as a file."""
    return saved(design(seed), kind)


def draw_into(folder: Path, count: int, first: int = 0) -> list[Path]:
    """Files ``0000.png`` and so on, each with its own design."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.png" for number in range(first, first + count)]
    for number, path in enumerate(paths, start=first):
        path.write_bytes(picture(number))
    return paths


def updated(library: Library) -> Library:
    """``library`` with everything done that follows from what lies in its folder."""
    library.update()
    library.duplicates.update()
    return library


def copy_of(made: Settings, place: Path) -> Library:
    """An indexed library copied to ``place``, to be changed by a test."""
    for source, name in ((made.images, "images"), (made.cache.parent, "state")):
        shutil.copytree(source, place / name, dirs_exist_ok=True)
    cache = place / "state" / made.cache.name
    return Library.open(replace(made, images=place / "images", cache=cache))
