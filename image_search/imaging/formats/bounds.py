"""What a file would cost, seen before anything is decoded."""

from __future__ import annotations

import re
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.formats.source import Limit

# Pixels times scans of a progressive JPEG: each scan goes over all pixels once. Encoders write a
# dozen scans; this is 0.5 to 1.5 s of work.
MAX_SCANNED: Final = 3_000_000_000
# Bytes of a QOI file: each is a pixel at worst, and is unpacked in Python, 1.5 million a second.
_MAX_QOI: Final = 12_000_000
# Bytes that a JPEG of several scans keeps until the last one.
_MAX_KEPT: Final = 800_000_000
# Where a scan begins, or the picture ends.
_MARKERS: Final = re.compile(rb"\xff[\xda\xd9]")
# Pixels that are decoded at once, by all threads together: 4 to 8 bytes for each of them.
MOST_AT_ONCE: Final = 100_000_000
# Formats whose decoders are slow, written in Python, or seldom looked at, by how they begin: they
# run in a process that can be ended. JPEG 2000 (twice), ICO, ICNS, DDS, QOI, XPM, MSP, SGI of 16
# bits a sample.
_SEPARATE: Final = (
    b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\1\0", b"icns", b"DDS ", b"qoif", b"/* XPM */",
    b"DanM", b"LinS", b"\x01\xda\x00\x02", b"\x01\xda\x01\x02",
)  # fmt: skip
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def wants_own_process(data: bytes) -> bool:
    """Whether the decoder for ``data`` runs where it can be ended."""
    if data.startswith(_SEPARATE):
        return True
    if data[:2] == b"BM":  # run lengths are unpacked in Python
        return data[30:34] in (b"\1\0\0\0", b"\2\0\0\0")
    # Of Netpbm, samples written as text, and kinds that are seldom seen.
    return data[:2] in (b"P1", b"P2", b"P3", b"P7", b"PF", b"Pf", b"Py") and data[2:3].isspace()


def check_slow(data: bytes) -> None:
    """See that a file is not certain to take longer than it may.

    Raises:
        UnreadableImage: it is.
    """
    if data.startswith(b"qoif") and len(data) > _MAX_QOI:
        raise UnreadableImage(
            f"QOI pictures of more than {_MAX_QOI / 1e6:.0f} MB take too long to be read; save it "
            "as PNG."
        )


def check_inner_pictures(data: bytes, limit: Limit) -> None:
    """See that the pictures within an ICO or ICNS file are not larger than it says.

    Raises:
        ImageTooLarge: one of them has more pixels than the limit.
    """
    if not data.startswith((b"\0\0\1\0", b"icns")):
        return
    place = data.find(_PNG)
    for _ in range(64):
        if place < 0:
            break
        if data[place + 12 : place + 16] == b"IHDR" and place + 24 <= len(data):
            limit.check(*struct.unpack_from(">II", data, place + 16))
        place = data.find(_PNG, place + 8)
    place = data.find(b"jP  \r\n\x87\n")
    for _ in range(64):
        header = data.find(b"ihdr", place, place + 256) if place >= 0 else -1
        if header < 0 or header + 12 > len(data):
            break
        height, width = struct.unpack_from(">II", data, header + 4)
        limit.check(width, height)
        place = data.find(b"jP  \r\n\x87\n", header)


def check_scans(data: bytes) -> None:
    """See that a JPEG does not go over its pixels thousands of times, and that what it keeps
    between its scans is not too much.

    Raises:
        UnreadableImage: it goes over them too often.
        ImageTooLarge: it keeps too much.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return
    place, frame = 2, 0
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xFF:
            place += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = place
        if marker == 0xDA and frame:
            # All colours in one scan of a kind that has no more: nothing is kept.
            if data[frame + 1] & 3 == 2 or data[place + 4] < data[frame + 9]:
                _check_frame(data, frame)
            return
        if marker == 0xDA or length < 2:
            return
        place += 2 + length


def _check_frame(data: bytes, frame: int) -> None:
    height, width = struct.unpack_from(">HH", data, frame + 5)
    sampling = data[frame + 11 : frame + 10 + 3 * data[frame + 9] : 3]
    across = max((factors >> 4 for factors in sampling), default=1) or 1
    down = max((factors & 15 for factors in sampling), default=1) or 1
    kept = sum((factors >> 4) * (factors & 15) for factors in sampling) / (across * down)
    if 2 * width * height * kept > _MAX_KEPT:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels and is stored in several scans, which "
            "takes too much memory; save it without (not progressive)."
        )
    if width * height * data.count(b"\xff\xda", frame) <= MAX_SCANNED:
        return
    # So many may be what lies behind the picture, such as a film.
    scans = 0
    for found in _MARKERS.finditer(data, frame):
        if found[0] == b"\xff\xd9":
            break
        scans += found[0] == b"\xff\xda"
    if width * height * scans > MAX_SCANNED:
        raise UnreadableImage(f"The image is damaged or made to block: it has {scans:,} scans.")


def gif_frames(data: bytes, most: int) -> int:
    """How many frames a GIF has, counted up to ``most`` without decoding them; 0 for other files
    (GIF89a, sections 18 to 27)."""
    if not data.startswith((b"GIF87a", b"GIF89a")) or len(data) < 13:
        return 0
    place, frames = 13 + _table(data[10]), 0
    while place < len(data) and frames < most:
        kind = data[place]
        if kind == 0x21:  # an extension
            place += 2
        elif kind == 0x2C and place + 9 < len(data):  # a frame: its place and size, and its colours
            frames += 1
            place += 11 + _table(data[place + 9])
        else:
            break
        while place < len(data) and data[place]:  # blocks, each with its length before it
            place += 1 + data[place]
        place += 1
    return frames


def _table(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


class PixelBudget:
    """Bounds how many pixels are decoded at once, in the order in which they are asked for; one
    picture that is larger than all is decoded alone."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def room(self, pixels: int) -> Iterator[None]:
        """Room for so many pixels, while the block runs."""
        needed, ticket = min(max(0, pixels), self._most), object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or self._held + needed > self._most:
                    self._changed.wait()
                self._held += needed
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._held -= needed
                self._changed.notify_all()
