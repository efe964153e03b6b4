"""Camera raw files: the largest picture that the camera stored inside, ready to be shown.

The raw samples themselves are not developed. Previews lie where the directories of NEF, CR2, ARW,
DNG, PEF, SRW, ORF and RW2 (all TIFF within), the boxes of CR3 and the head of RAF say.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Iterator
from typing import Final

from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.formats import tiff_tags as tags
from image_search.imaging.formats.source import Limit, Source, check_scans
from image_search.imaging.formats.tiff_tags import Directory, read_directories, read_sub_directories

FUJI: Final = b"FUJIFILMCCD-RAW"
# Photometric interpretations of samples as they come from a sensor (DNG specification 1.7).
_COLOUR_FILTER, _LINEAR_RAW = 32803, 34892
_JPEGS: Final = frozenset({6, 7, 99})
# Panasonic keeps a whole JPEG in a tag of its own.
_PANASONIC_JPEG: Final = 0x2E
# Frames of JPEG that are shown: baseline, extended and progressive; others hold raw samples.
_SHOWN: Final = frozenset({0xC0, 0xC1, 0xC2})


def is_camera_raw(data: bytes, directories: list[Directory]) -> bool:
    """Whether a TIFF file comes from a camera, with more in it than the first picture."""
    if data[:4] in tags.RAW_MAGICS or data[8:10] == b"CR":
        return True
    if not directories:
        return False
    first = directories[0]
    parts = [*directories, *read_sub_directories(data, first)]
    sensor = any(one.number(tags.PHOTOMETRIC) in (_COLOUR_FILTER, _LINEAR_RAW) for one in parts)
    small = bool(first.number(tags.SUBFILE_TYPE) & 1) and tags.MAKE in first.tags
    return sensor or small or tags.DNG_VERSION in first.tags


def open_camera_raw(data: bytes, directories: list[Directory], limit: Limit) -> Source | None:
    """The largest preview in a raw file with TIFF directories; ``None`` where there is none.

    Raises:
        ImageTooLarge: it has more pixels than the limit.
    """
    parts = list(directories)
    for one in directories:
        parts += read_sub_directories(data, one)
    orientation = directories[0].number(tags.ORIENTATION, 1) if directories else 1
    return _largest(
        data, (place for one in parts for place in _jpegs_of(one, data)), limit, orientation
    )


def open_fuji(data: bytes, limit: Limit) -> Source:
    """The preview in a RAF file.

    Raises:
        UnreadableImage: there is none.
    """
    places = [struct.unpack_from(">II", data, 84)] if len(data) > 92 else []
    return _some(_largest(data, places, limit, None))


def open_canon(data: bytes, limit: Limit) -> Source:
    """The largest preview in a CR3 file.

    Raises:
        UnreadableImage: there is none.
    """
    orientation = None
    place = data.find(b"CMT1", 0, 1 << 16)
    if place >= 0 and (inner := read_directories(data[place + 4 : place + 4 + 65_536])):
        orientation = inner[0].number(tags.ORIENTATION, 1)
    return _some(_largest(data, _jpegs_in(data), limit, orientation))


def _some(source: Source | None) -> Source:
    if source is None:
        raise UnreadableImage("This camera raw file holds no preview that could be shown.")
    return source


def _jpegs_of(directory: Directory, data: bytes) -> Iterator[tuple[int, int]]:
    """Place and length of what may be JPEG files."""
    if tags.JPEG_OFFSET in directory.tags:
        yield directory.number(tags.JPEG_OFFSET), directory.number(tags.JPEG_LENGTH)
    offsets, counts = directory.numbers(tags.STRIP_OFFSETS), directory.numbers(tags.STRIP_COUNTS)
    if directory.number(tags.COMPRESSION) in _JPEGS and len(offsets) == len(counts) == 1:
        yield offsets[0], counts[0]
    if _PANASONIC_JPEG in directory.tags:
        content = directory.tags[_PANASONIC_JPEG].tobytes()
        yield data.find(content), len(content)


def _jpegs_in(data: bytes) -> Iterator[tuple[int, int]]:
    """JPEG files anywhere in ``data``, by how they begin, with lengths that are not too short."""
    place = data.find(b"\xff\xd8\xff")
    for _ in range(64):
        if place < 0:
            return
        following = data.find(b"\xff\xd8\xff", place + 3)
        yield place, len(data) - place
        place = following


def _largest(
    data: bytes, places: Iterator[tuple[int, int]] | list[tuple[int, int]], limit: Limit,
    orientation: int | None,
) -> Source | None:  # fmt: skip
    best: tuple[int, int, int, tuple[int, int]] | None = None
    for place, length in places:
        size = jpeg_size(data, place)
        if size is not None and (best is None or size[0] * size[1] > best[0]):
            best = size[0] * size[1], place, length, size
    if best is None:
        return None
    _, place, length, size = best
    limit.check(*size)
    note = f"the preview of {size[0]} x {size[1]} pixels in a camera raw file"
    load = functools.partial(_load, data[place : place + length])
    own = _own_orientation(data[place : place + length])
    return Source(size, load, note, own or orientation, partial=True)


def _load(jpeg: bytes, side: int | None) -> Image.Image:
    check_scans(jpeg)
    image = Image.open(io.BytesIO(jpeg), formats=["JPEG"])
    if side is not None and min(image.size) > side:
        scale = side / min(image.size)
        image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
    image.load()
    return image


def _own_orientation(jpeg: bytes) -> int | None:
    try:
        image = Image.open(io.BytesIO(jpeg), formats=["JPEG"])
        value = image.getexif().get(tags.ORIENTATION)
    except Exception:  # a damaged Exif block must not cost the picture
        return None
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def jpeg_size(data: bytes, place: int) -> tuple[int, int] | None:
    """Width and height of the JPEG that begins at ``place``; ``None`` where there is none that can
    be shown."""
    if place < 0 or data[place : place + 2] != b"\xff\xd8":
        return None
    place += 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return (width, height) if marker in _SHOWN and width and height else None
        if marker == 0xDA or length < 2:
            return None
        place += 2 + length
    return None
