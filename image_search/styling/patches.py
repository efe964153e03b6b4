"""A picture in the style of another without a network: made of patches of the other.

After Elad and Milanfar, "Style Transfer via Texture Synthesis" (IEEE Transactions on Image
Processing 2017): from coarse to fine, every patch of the picture is replaced by the nearest one of
the style, overlaps are averaged so that the best matches count most, and what the picture shows is
mixed in again where it has lines. Colours are brought to the mean and the covariance of the style's
(Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping", CVMP 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels

# Each scale is half the next. On each, patches of these sides are matched, so many pixels apart.
_SCALES = 3
_SIDES = ((17, 6), (11, 4), (7, 3), (5, 2))
_ROUNDS = 2
# Patches of the style that are searched, of so many numbers each.
_MOST_PATCHES = 12_000
_NUMBERS = 32
# The power of the distance by which a match counts: below 0, so that bad ones count little.
_ROBUST = -0.6
_NOISE = 0.1
# How much of the picture is mixed in with the least strength, beside 1 of the patches; and the
# share of that where the picture is plain, beside 1 on its lines.
_HELD = 6.0
_PLAIN = 0.15
_SEED = 0

Progress = Callable[[int, int], None]
"""Is given how many steps of how many are done."""


Preview = Callable[[Pixels], None]
"""Is given the picture as it is by then, now and then, at any size."""


class Cancelled(Exception):
    """The work was cancelled."""


def patched(
    content: Pixels,
    style: Pixels,
    strength: float,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
    on_preview: Preview = lambda _: None,
) -> Pixels:
    """``content`` (h, w, 3) in the style of ``style`` (h', w', 3), of the size of ``content``.

    Args:
        content: what to show.
        style: how to show it.
        strength: from 0, close to the picture, to 1, close to the style.
        on_progress: is given how many steps of how many are done.
        cancelled: is asked between the steps.
        on_preview: is given the picture as it is by then, now and then.

    Raises:
        Cancelled: it was cancelled.
    """
    whole, pattern = as_floats(content), as_floats(style)
    aim = recoloured(whole, pattern)
    held = (_HELD * (1 - strength) ** 2 + 0.1) * _lines(whole)
    rng = np.random.default_rng(_SEED)
    made = aim
    steps = _SCALES * len(_SIDES) * _ROUNDS
    for number in range(steps):
        if cancelled():
            raise Cancelled
        on_progress(number, steps)
        scale, rest = divmod(number, len(_SIDES) * _ROUNDS)
        size, (side, apart) = 0.5 ** (_SCALES - 1 - scale), _SIDES[rest // _ROUNDS]
        if rest == 0:
            wanted, texture = _scaled(aim, size), _scaled(pattern, size)
            hold = _scaled(held, size)[..., None]
            made = _resized(made, wanted.shape[1], wanted.shape[0])
            if number == 0:
                made = made + rng.normal(0, _NOISE, made.shape).astype(np.float32)
        if min(*wanted.shape[:2], *texture.shape[:2]) < side + apart:
            continue
        if rest % _ROUNDS == 0:
            matcher = _Matcher(texture, side, rng)
        matched = matcher.matched(made, apart, rng)
        mixed = np.asarray((matched + hold * wanted) / (1 + hold), np.float32)
        made = recoloured(mixed, texture)
        if rest % _ROUNDS:
            on_preview(_as_pixels(made))
    return _as_pixels(made)


def as_floats(pixels: Pixels) -> Floats:
    """``pixels`` as numbers from 0 to 1."""
    return np.asarray(pixels.astype(np.float32) / 255, np.float32)


def _as_pixels(picture: Floats) -> Pixels:
    return np.asarray(np.rint(picture.clip(0, 1) * 255), np.uint8)


def recoloured(picture: Floats, like: Floats) -> Floats:
    """``picture`` (h, w, 3) with the mean and covariance of the colours of ``like``."""
    one, other = picture.reshape(-1, 3), like.reshape(-1, 3)
    own, theirs = (_covariance(rows) + 1e-5 * np.eye(3) for rows in (one, other))
    root = _root(own)
    back = np.linalg.inv(root)
    change = back @ _root(root @ theirs @ root) @ back
    found = (one - one.mean(axis=0)) @ change.astype(np.float32) + other.mean(axis=0)
    return np.asarray(found.reshape(picture.shape).clip(0, 1), np.float32)


def _covariance(rows: Floats) -> npt.NDArray[np.float64]:
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    return np.asarray(centred.T @ centred / len(rows))


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _lines(picture: Floats) -> Floats:
    """(h, w) from ``_PLAIN`` to 1: where the picture has lines."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    slope = cv2.GaussianBlur(slope, (0, 0), max(1.0, min(grey.shape) / 80))
    most = max(float(np.quantile(slope, 0.97)), 1e-6)
    return np.asarray(np.maximum(_PLAIN, np.minimum(1, slope / most)), np.float32)


def _scaled(picture: Floats, size: float) -> Floats:
    height, width = (max(1, round(side * size)) for side in picture.shape[:2])
    return _resized(picture, width, height)


def _resized(picture: Floats, width: int, height: int) -> Floats:
    if picture.shape[:2] == (height, width):
        return picture
    smaller = width < picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.float32)


def _patches(picture: Floats, side: int, apart: int) -> tuple[Floats, int, int]:
    """Patches (n, side * side * 3) of a picture, ``apart`` pixels from each other, and in how many
    rows and columns they lie."""
    views = np.lib.stride_tricks.sliding_window_view(picture, (side, side), axis=(0, 1))
    views = views[::apart, ::apart]
    rows, columns = views.shape[:2]
    return np.ascontiguousarray(views).reshape(rows * columns, -1), rows, columns


class _Matcher:
    """Finds the nearest patches of a texture."""

    def __init__(self, texture: Floats, side: int, rng: np.random.Generator) -> None:
        self._side = side
        patches, _, _ = _patches(texture, side, max(1, side // 6))
        if len(patches) > _MOST_PATCHES:
            patches = patches[rng.permutation(len(patches))[:_MOST_PATCHES]]
        self._patches = patches
        self._mean = patches.mean(axis=0)
        some = patches[rng.permutation(len(patches))[:1500]] - self._mean
        _, axes = np.linalg.eigh(some.T @ some)
        self._axes = np.ascontiguousarray(axes[:, ::-1][:, :_NUMBERS], np.float32)
        self._index = faiss.IndexFlatL2(self._axes.shape[1])
        self._index.add((patches - self._mean) @ self._axes)

    def matched(self, picture: Floats, apart: int, rng: np.random.Generator) -> Floats:
        """``picture`` made of the texture's patches, at a grid that begins anywhere."""
        side, (height, width) = self._side, picture.shape[:2]
        # The grid covers everything: the picture goes on, mirrored, beyond its sides.
        top, left = (int(start) for start in rng.integers(apart, size=2))
        below, right = (apart + side - size % apart for size in (height, width))
        how = cv2.BORDER_REFLECT_101 if min(height, width) > side + apart else cv2.BORDER_REPLICATE
        padded = np.asarray(cv2.copyMakeBorder(picture, top, below, left, right, how), np.float32)
        patches, rows, columns = _patches(padded, side, apart)
        _, nearest = self._index.search((patches - self._mean) @ self._axes, 1)
        found = self._patches[nearest[:, 0]]
        weights = (((patches - found) ** 2).mean(axis=1) + 1e-4) ** _ROBUST
        weighed = (found * weights[:, None]).reshape(rows, columns, 3, side, side)
        weights = weights.reshape(rows, columns, 1)
        total, count = np.zeros_like(padded), np.zeros((*padded.shape[:2], 1), np.float32)
        for y, x, part in _places(side, apart, rows, columns):
            total[part] += weighed[..., y, x]
            count[part] += weights
        mixed = np.where(count > 0, total / np.maximum(count, 1e-9), padded)
        return np.asarray(mixed[top : top + height, left : left + width], np.float32)


def _places(
    side: int, apart: int, rows: int, columns: int
) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
    """Each pixel of a patch, and where those of all patches lie in the picture."""
    for y in range(side):
        for x in range(side):
            down = slice(y, y + apart * (rows - 1) + 1, apart)
            yield y, x, (down, slice(x, x + apart * (columns - 1) + 1, apart))
