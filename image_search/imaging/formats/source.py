"""What opening a file gives: how large its picture is, and how to load it when it is its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from image_search.errors import ImageTooLarge

# Loads a picture; where a shortest side in pixels is given, it may come reduced down to that.
Load = Callable[[int | None], Image.Image]


@dataclass(frozen=True)
class Source:
    """A picture that can be loaded.

    ``size`` is (width, height) in pixels, as stored; ``orientation`` is that of the container where
    it has one (EXIF values), else the image's own metadata say. ``note`` says in words what a
    person should know about what is shown, such as "page 2 of 12". ``partial`` marks a preview: it
    proves nothing about the pixels of the whole. ``pages`` gives every page or frame of the file,
    loaded, where there are several; ``load`` loads the one that counts.
    """

    size: tuple[int, int]
    load: Load
    note: str = ""
    orientation: int | None = None
    partial: bool = False
    pages: Callable[[], Iterator[Image.Image]] | None = None


@dataclass(frozen=True)
class Limit:
    """How many million pixels a picture may have."""

    megapixels: float

    def check(self, width: int, height: int) -> None:
        """See that a picture of this size may be decoded.

        Raises:
            ImageTooLarge: it may not.
        """
        if width * height > self.megapixels * 1e6:
            raise ImageTooLarge(
                f"The picture has {width} x {height} pixels ({width * height / 1e6:,.0f} "
                f"megapixels); the limit is {self.megapixels:g} megapixels."
            )
