"""Pictures drawn for the tests: each seed another design, as the bytes of real image files."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
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


class MadeOnce:
    """Libraries that many tests begin with: each is made once, and copied from then on."""

    def __init__(self, place: Path) -> None:
        """Keep what is made in the folder ``place``."""
        self._place = place
        self._made: dict[tuple[Callable[[Settings], object], Settings], Settings] = {}

    def __call__(self, settings: Settings, make: Callable[[Settings], object]) -> Library:
        """Return a library like the one that ``make`` makes of ``settings`` in an image folder that
        is empty, with a cache that is not there yet.

        The folder of the images has to be called ``images``, and that of the cache ``state``,
        beside it. What ``make`` does must depend on ``settings`` alone.
        """
        anywhere = Path()
        key = make, replace(settings, images=anywhere, cache=anywhere)
        if key not in self._made:
            folder = self._place / str(len(self._made))
            (folder / "images").mkdir(parents=True)
            cache = folder / "state" / settings.cache.name
            template = replace(settings, images=folder / "images", cache=cache)
            make(template)
            self._made[key] = template
        library = copy_of(self._made[key], settings.images.parent)
        assert library.settings == settings
        # The system has noted when the copies were made, which the index is to know.
        library.update()
        return library
