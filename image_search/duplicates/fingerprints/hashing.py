"""A perceptual hash of 64 bits, in the 8 orientations that turning and mirroring give."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

# Frequencies kept in each direction: 8 x 8 = 64 bits.
_KEPT = 8
# How a grid is turned into each orientation: quarter turns clockwise, and whether it is mirrored
# left to right before it is turned.
ORIENTATIONS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))


def squeezed(grey: npt.NDArray[np.uint8], side: int) -> Floats:
    """A grey picture as (side, side) float32, whatever its proportions."""
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)


def orientation_hashes(small: Floats) -> npt.NDArray[np.uint64]:
    """(8,) uint64: the hash, in each of ``ORIENTATIONS``, of a picture squeezed to 32 x 32.

    Each is a pHash (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
    2010): the signs, against their median, of the 64 lowest frequencies of a cosine transform. The
    mean (frequency 0, 0) takes no part; its bit is 0.
    """
    low = np.asarray(cv2.dct(small), np.float32)[:_KEPT, :_KEPT]
    return np.array(
        [_hash(_oriented(low, *orientation)) for orientation in ORIENTATIONS], np.uint64
    )


def _oriented(low: Floats, turns: int, mirrored: bool) -> Floats:
    """The transform of the turned picture, from that of the picture.

    Mirroring a picture changes the sign of every odd frequency across, transposing it transposes
    the transform; a quarter turn clockwise is a transposition and then a mirroring.
    """
    odd = np.where(np.arange(_KEPT) % 2, -1.0, 1.0).astype(np.float32)
    if mirrored:
        low = low * odd[None, :]
    for _ in range(turns):
        low = low.T * odd[None, :]
    return low


def _hash(low: Floats) -> int:
    flat = low.reshape(-1)[1:]
    bits = np.concatenate([[False], flat > np.median(flat)])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def inverted(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The hashes of the negative: every frequency changes its sign, the mean takes no part."""
    return ~hashes & np.uint64((1 << 63) - 1)


def hash_distances(
    first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint8]:
    """In how many of 64 bits two arrays of hashes (which broadcast) differ."""
    return np.asarray(np.bitwise_count(first ^ second), np.uint8)
