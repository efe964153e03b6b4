"""What is stored of a picture to recognise it after it was edited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints import descriptors, hashing, points
from image_search.duplicates.fingerprints.hashing import orientation_hashes, squeezed
from image_search.imaging.arrays import Floats, Pixels

# Longest side at which points are looked for, in pixels; smaller pictures are enlarged to it, so
# that a crop shows the same points as the picture it was cut from.
SIDE = 320
# Points described, before second directions; the rest are the weakest of their surroundings.
POINTS = 160
# Side of the stored grey preview, in pixels.
PREVIEW_SIDE = 32


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Local features and perceptual hashes of one picture.

    ``hashes`` is (8,) uint64, the picture's perceptual hash in its 8 orientations (as
    ``hashing.ORIENTATIONS`` names them, as-is first). ``points`` is (n, 4) float32: x and y in
    fractions of width and height, the radius in fractions of the longest side, the direction in
    radians (x to the right, y downwards). ``descriptors`` is (n, 16) uint8, 128 bits for each
    point. ``aspect`` is width / height. ``preview`` is (32, 32) uint8, the whole picture in grey,
    squeezed into a square.
    """

    hashes: npt.NDArray[np.uint64]
    points: Floats
    descriptors: npt.NDArray[np.uint8]
    aspect: float
    preview: npt.NDArray[np.uint8]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in units of the longest side."""
        return min(1.0, self.aspect), min(1.0, 1.0 / self.aspect)

    @cached_property
    def placed(self) -> Floats:
        """``points`` with x and y in units of the longest side."""
        return self.points * np.array([*self.size, 1, 1], np.float32)

    @cached_property
    def bits(self) -> npt.NDArray[np.uint64]:
        """``descriptors`` as (n, 2) uint64."""
        return np.ascontiguousarray(self.descriptors).view(np.uint64).reshape(-1, 2)

    @cached_property
    def mirrored(self) -> Fingerprint:
        """The fingerprint of the picture mirrored left to right, made without its pixels."""
        turned = self.points.copy()
        turned[:, 0] = 1 - turned[:, 0]
        turned[:, 3] = np.pi - turned[:, 3]
        return Fingerprint(
            np.roll(self.hashes, 4),
            turned,
            descriptors.mirrored(self.descriptors),
            self.aspect,
            np.ascontiguousarray(self.preview[:, ::-1]),
        )

    @cached_property
    def inverted(self) -> Fingerprint:
        """The fingerprint of the negative, made without its pixels."""
        turned = self.points.copy()
        turned[:, 3] += np.pi
        return Fingerprint(
            hashing.inverted(self.hashes),
            turned,
            descriptors.inverted(self.descriptors),
            self.aspect,
            255 - self.preview,
        )


def fingerprint(pixels: Pixels) -> Fingerprint:
    """The fingerprint of an upright RGB picture, (height, width, 3) uint8."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    height, width = grey.shape
    small = squeezed(grey, PREVIEW_SIDE)
    found, bits = _features(grey)
    return Fingerprint(
        orientation_hashes(small),
        found,
        bits,
        width / height,
        np.clip(np.round(small), 0, 255).astype(np.uint8),
    )


def _features(grey: npt.NDArray[np.uint8]) -> tuple[Floats, npt.NDArray[np.uint8]]:
    height, width = grey.shape
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(grey, size, interpolation=interpolation).astype(np.float32)
    copies = points.pyramid(picture)
    found = points.spread(points.find(copies), picture.shape, POINTS)
    rows, angles = descriptors.directions(copies, found)
    found = found.rows(rows)
    bits = descriptors.binarised(descriptors.describe(copies, found, angles))
    factor = np.exp2(found.octave.astype(np.float32))
    # An octave has every second pixel of the one before; a pixel's place is its middle.
    x, y = (found.x * factor + 0.5) / size[0], (found.y * factor + 0.5) / size[1]
    return np.stack([x, y, found.sigma * factor / SIDE, angles], axis=1).astype(np.float32), bits
