"""PNG files whose metadata would cost the picture: without them."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from image_search.imaging.formats.source import MAX_PROFILE_BYTES

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
# What the picture needs (PNG, third edition, chapter 11), and which way up it is.
_NEEDED: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"eXIf"}
)


def without_metadata(data: bytes) -> tuple[bytes, bytes | None]:
    """The file with nothing in it but the picture, and its colour profile where it has a whole
    one."""
    parts, profile, place = [MAGIC], None, len(MAGIC)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        name = data[place + 4 : place + 8]
        end = place + 12 + length
        if name in _NEEDED:
            parts.append(data[place:end])
        elif name == b"iCCP" and profile is None:
            profile = _profile(data[place + 8 : end - 4])
        place = end
    return b"".join(parts), profile


def _profile(chunk: bytes) -> bytes | None:
    _, _, packed = chunk.partition(b"\0")
    try:
        content = zlib.decompressobj().decompress(packed[1:], MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None
    return content if len(content) <= MAX_PROFILE_BYTES else None
