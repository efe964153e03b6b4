"""The directories of a TIFF file, classic or BigTIFF, in either byte order, read within bounds.

After "TIFF Revision 6.0" (Adobe 1992) and the BigTIFF proposal (2007). Camera raw files are TIFF
files with directories of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

MAGICS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# The same with marks of their own: Olympus, Panasonic.
RAW_MAGICS: Final = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0")

SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
MAKE, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS = (
    271,
    273,
    274,
    277,
    278,
    279,
)
PLANAR, PREDICTOR, PALETTE, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = (
    284, 317, 320, 322, 323, 324, 325,
)  # fmt: skip
SUB_DIRECTORIES, EXTRA_SAMPLES, SAMPLE_FORMAT = 330, 338, 339
JPEG_TABLES, JPEG_OFFSET, JPEG_LENGTH, YCBCR_SUBSAMPLING, PROFILE, DNG_VERSION = (
    347, 513, 514, 530, 34675, 50706,
)  # fmt: skip

# Directories that are read of one file at most, and values of one tag.
MAX_DIRECTORIES: Final = 4096
MAX_VALUES: Final = 4_000_000
# Tags of one directory, and of all directories together: real files have some dozens each.
_MAX_TAGS_OF_ONE: Final = 4096
MAX_TAGS: Final = 100_000
_KINDS: Final = {
    1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8",
    13: "u4", 16: "u8", 17: "i8", 18: "u8",
}  # fmt: skip


@dataclass(frozen=True)
class Directory:
    """The tags of one picture in the file; ``order`` is < or >, as for ``struct``."""

    order: str
    tags: Mapping[int, np.ndarray]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The values of a tag; none where it is missing."""
        return tuple(int(value) for value in self.tags.get(tag, ()))

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        values = self.tags.get(tag)
        return default if values is None or not len(values) else int(values[0])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as stored."""
        return self.number(WIDTH), self.number(HEIGHT)

    @property
    def is_page(self) -> bool:
        """Whether it is a picture by itself: no smaller version of another one, and no mask."""
        kind = self.number(SUBFILE_TYPE)
        return not kind & 5 and self.number(OLD_SUBFILE_TYPE) != 2 and min(self.size) > 0


def read_directories(data: bytes) -> list[Directory]:
    """The directories of a file in their order; those that are damaged end the list."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    found: list[Directory] = []
    try:
        (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        seen: set[int] = set()
        tags = 0
        while place and place not in seen and len(found) < MAX_DIRECTORIES and tags < MAX_TAGS:
            seen.add(place)
            tags += struct.unpack_from(order + ("Q" if big else "H"), data, place)[0]
            directory, place = _directory(data, place, order, big=big)
            found.append(directory)
    except (struct.error, ValueError, OverflowError):
        pass  # what was read so far may do
    return found


def read_sub_directories(data: bytes, parent: Directory) -> list[Directory]:
    """The directories that ``parent`` names as parts of it."""
    big = data[2:4] in (b"+\0", b"\0+")
    found = []
    for place in parent.numbers(SUB_DIRECTORIES)[:64]:
        try:
            found.append(_directory(data, place, parent.order, big=big)[0])
        except (struct.error, ValueError, OverflowError):
            continue
    return found


def _directory(data: bytes, place: int, order: str, *, big: bool) -> tuple[Directory, int]:
    count_kind, entry_kind, inline = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    (count,) = struct.unpack_from(order + count_kind, data, place)
    place += struct.calcsize(order + count_kind)
    if count > _MAX_TAGS_OF_ONE:
        raise ValueError("too many tags")
    entry = struct.calcsize(order + entry_kind)
    tags: dict[int, np.ndarray] = {}
    for _ in range(count):
        tag, kind, values = struct.unpack_from(order + entry_kind, data, place)
        start = place + entry
        place = start + inline
        if kind not in _KINDS or values > MAX_VALUES:
            continue
        dtype = np.dtype(order + _KINDS[kind])
        if values * dtype.itemsize > inline:
            (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, start)
        if start + values * dtype.itemsize <= len(data):
            tags.setdefault(tag, np.frombuffer(data, dtype, values, start))
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
    return Directory(order, tags), following
