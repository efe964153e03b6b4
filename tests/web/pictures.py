"""Pictures drawn for the tests: rings on coloured grounds, one per hue, and a broken file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HUES = ("red", "orange", "gold", "green", "teal", "navy", "purple", "hotpink")


def ring(hue: str, size: tuple[int, int] = (160, 120), kind: str = "JPEG") -> bytes:
    """A ring of the given colour as the bytes of an image file."""
    image = Image.new("RGB", size, "ivory")
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), outline=hue, width=14)
    draw.rectangle((0, height - 12, width, height), fill=hue)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def sketch(size: tuple[int, int] = (240, 180)) -> bytes:
    """A ring in thin lines on bare paper."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    width, height = size
    for inset in (0, 14):
        box = (
            width // 4 + inset,
            height // 4 + inset,
            3 * width // 4 - inset,
            3 * height // 4 - inset,
        )
        draw.ellipse(box, outline="black", width=2)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def draw_collection(folder: Path) -> None:
    """Eight rings in two folders, of differing shape, and a file that is no image."""
    for number, hue in enumerate(HUES):
        path = folder / ("warm" if number < 3 else "cold") / f"{hue}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ring(hue, (160 + 20 * number, 120)))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing follows")


def blueprint(size: tuple[int, int] = (240, 180)) -> bytes:
    """The same ring in white lines on blue."""
    white = np.asarray(Image.open(io.BytesIO(sketch(size))).convert("L"), np.float32)[..., None]
    ink = 1 - white / 255
    pixels = np.array([34, 66, 132]) * (1 - ink) + np.array([236, 242, 252]) * ink
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
