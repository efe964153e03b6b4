"""A picture of any size to the small square that a network takes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from image_search.imaging.arrays import Pixels

# Beyond this aspect ratio only the square itself is computed. A picture of 1 x 5000 pixels would
# otherwise become one of 224 x 1,120,000 first. A few pixels then differ a little from those of
# resizing the whole, because Pillow may take the two directions in the other order.
_LONGEST_ASPECT = 8.0


def centre_square(
    pixels: Pixels, *, shortest: int, side: int, resample: Image.Resampling
) -> Pixels:
    """Resize so that the shorter side is ``shortest``, then cut the middle ``side`` x ``side``.

    Rounds sizes and offsets as torchvision does, to which open_clip leaves this step as well, so
    that the network sees the same numbers to the last bit; strips excepted, see above.

    Args:
        pixels: (height, width, 3) uint8, RGB.
        shortest: length of the shorter side after resizing, at least ``side``.
        side: of the square.
        resample: Pillow's filter; it always smooths when it shrinks.

    Returns:
        (side, side, 3) uint8.
    """
    height, width = pixels.shape[:2]
    short, long = sorted((height, width))
    scaled = int(shortest * long / short)
    size = (shortest, scaled) if width <= height else (scaled, shortest)
    left, top = (round((length - side) / 2.0) for length in size)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if long > _LONGEST_ASPECT * short:
        across, down = width / size[0], height / size[1]
        box = (left * across, top * down, (left + side) * across, (top + side) * down)
        return np.asarray(image.resize((side, side), resample, box=box))
    resized = image.resize(size, resample)
    return np.asarray(resized.crop((left, top, left + side, top + side)))


def squashed(pixels: Pixels, *, side: int, resample: Image.Resampling) -> Pixels:
    """The whole of a picture in a square, whatever its proportions, as torchvision resizes it.

    Args:
        pixels: (height, width, 3) uint8, RGB.
        side: of the square.
        resample: Pillow's filter; it always smooths when it shrinks.

    Returns:
        (side, side, 3) uint8.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((side, side), resample))
