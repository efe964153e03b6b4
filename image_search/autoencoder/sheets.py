"""What an autoencoder draws, as pictures: losses, reconstructions, rows between two designs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from image_search.extractors import vae
from image_search.imaging.arrays import Floats, Pixels

_GROUND, _INK, _ERROR, _DIVERGENCE = "#ffffff", "#1e1f1d", "#0072b2", "#d55e00"
_WIDTH, _HEIGHT, _MARGIN = 960, 480, 56
# Pictures are shown at so many times their size; they are small, and blurred ones look better so.
_LARGER = 2
STEPS = (2, 32)
"""How many pictures between two are allowed."""


def losses_plot(losses: Sequence[tuple[float, float]]) -> Image.Image:
    """Both losses by epoch, each on its own scale from 0 to its highest."""
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT), _GROUND)
    drawing = ImageDraw.Draw(sheet)
    left, top, right, bottom = _MARGIN, _MARGIN, _WIDTH - _MARGIN, _HEIGHT - _MARGIN
    drawing.line([(left, top), (left, bottom), (right, bottom)], fill=_INK)
    drawing.text((right, bottom + 8), f"{len(losses):,} epochs", fill=_INK, anchor="ra")
    values = np.array(losses or [(0.0, 0.0)])
    for column, (name, colour) in enumerate(
        (("error of pictures", _ERROR), ("divergence of places", _DIVERGENCE))
    ):
        ys = values[:, column]
        most = max(float(ys.max()), 1e-9)
        xs = np.linspace(left, right, len(ys)) if len(ys) > 1 else np.array([left])
        points = list(zip(xs.tolist(), (bottom - ys / most * (bottom - top)).tolist(), strict=True))
        drawing.line(points, fill=colour, width=2)
        text = f"{name}: {ys[-1]:.3g} (at most {most:.3g})"
        drawing.text((left + 12 + 420 * column, 20), text, fill=colour, font_size=16)
    return sheet


def reconstructions(made: Any, squares: Pixels, count: int = 12) -> Image.Image:
    """Some of ``squares`` (n, SIDE, SIDE, 3) above what the autoencoder ``made`` draws of them."""
    taken = np.linspace(0, len(squares) - 1, min(count, len(squares))).astype(int)
    some = squares[taken]
    drawn = vae.decoded(made, vae.encoded(made, some))
    return _enlarged(np.concatenate([_row(some), _row(drawn)]))


def between(made: Any, one: Pixels, other: Pixels, steps: int) -> Image.Image:
    """A row from one square (SIDE, SIDE, 3) to another: both at its ends, and between them what
    the autoencoder draws at ``steps`` places from the place of the one to that of the other."""
    first, last = vae.encoded(made, np.stack([one, other]))
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    places: Floats = (1 - shares) * first + shares * last
    drawn = vae.decoded(made, places)
    return _enlarged(_row(np.concatenate([one[None], drawn, other[None]])))


def _row(squares: Pixels) -> Pixels:
    return np.concatenate(list(squares), axis=1)


def _enlarged(pixels: Pixels) -> Image.Image:
    image = Image.fromarray(pixels)
    return image.resize((image.width * _LARGER, image.height * _LARGER), Image.Resampling.BICUBIC)
