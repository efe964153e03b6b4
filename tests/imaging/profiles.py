"""ICC profiles written by the tests, after the ICC specification (ICC.1:2001-04)."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageCms

_D50 = (0.9642, 1.0, 0.8249)
# Bradford's matrix, as in the specification's annex E.
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
Point = tuple[float, float]


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(space: bytes, pcs: bytes, kind: bytes, tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    described = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"made\0" + b"\0" * 78
    tags = [(b"desc", described), (b"cprt", b"text\0\0\0\0none\0"), *tags]
    place = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags:
        padded = content + b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += padded
    head = struct.pack(">I4xI4s4s4s", 128 + len(table) + len(body), 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _fixed(*_D50)
    return head.ljust(128, b"\0") + table + body


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(red: Point, green: Point, blue: Point, white: Point, gamma: float) -> bytes:
    """A profile of these primaries and this white (CIE x, y)."""

    def xyz(point: Point) -> np.ndarray:
        x, y = point
        return np.array([x / y, 1, (1 - x - y) / y])

    primaries = np.stack([xyz(red), xyz(green), xyz(blue)], axis=1)
    light = xyz(white)
    matrix = primaries * np.linalg.solve(primaries, light)
    adapted = np.diag((_CONES @ np.array(_D50)) / (_CONES @ light))
    matrix = np.linalg.inv(_CONES) @ adapted @ _CONES @ matrix
    tags = [(b"wtpt", b"XYZ \0\0\0\0" + _fixed(*_D50))]
    for number, name in enumerate((b"r", b"g", b"b")):
        tags += [(name + b"XYZ", b"XYZ \0\0\0\0" + _fixed(*matrix[:, number]))]
        tags += [(name + b"TRC", _curve(gamma))]
    return _profile(b"RGB ", b"XYZ ", b"mntr", tags)


def grey_profile(gamma: float) -> bytes:
    """A profile of grey samples."""
    tags = [(b"wtpt", b"XYZ \0\0\0\0" + _fixed(*_D50)), (b"kTRC", _curve(gamma))]
    return _profile(b"GRAY", b"XYZ ", b"mntr", tags)


def cmyk_profile() -> bytes:
    """A press whose cyan ink is green: unlike any that is assumed where there is no profile."""
    corners = []
    for number in range(16):
        cyan, magenta, yellow, black = (number >> bit & 1 for bit in (3, 2, 1, 0))
        lightness = 255 * (1 - 0.3 * cyan) * (1 - 0.4 * magenta) * (1 - 0.1 * yellow) * (1 - black)
        shown = 0 if black else 1
        corners += [
            round(lightness),
            128 + shown * (60 * magenta - 70 * cyan),
            128 + shown * (70 * yellow + 50 * cyan),
        ]
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += bytes(range(256)) * 4 + bytes(corners) + bytes(range(256)) * 3
    tags = [(b"wtpt", b"XYZ \0\0\0\0" + _fixed(*_D50)), (b"A2B0", table)]
    return _profile(b"CMYK", b"Lab ", b"prtr", tags)


_D65 = (0.3127, 0.3290)
ADOBE_RGB = rgb_profile((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), _D65, 2.19921875)
DISPLAY_P3 = rgb_profile((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), _D65, 2.2)
PROPHOTO = rgb_profile((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585), 1.8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def stored_in(image: Image.Image, profile: bytes) -> Image.Image:
    """``image``, which is sRGB, with the samples that look the same in ``profile``."""
    into = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    out = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), into, outputMode="RGB")
    assert out is not None
    return out
