"""PSD and PSB files: the merged picture that Photoshop stores for other programs, at every depth.

After Adobe's "Photoshop File Formats Specification" (November 2019). Layers are not composed: where
there is no merged picture, the thumbnail stands for it.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.formats.source import Limit, Source

MAGIC: Final = b"8BPS"
BITMAP, GREY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9
# Colour channels of each colour mode, and Pillow's mode for them.
_MODES: Final = {
    BITMAP: (1, "1"), GREY: (1, "L"), INDEXED: (1, "P"), RGB: (3, "RGB"), CMYK: (4, "CMYK"),
    MULTICHANNEL: (1, "L"), DUOTONE: (1, "L"), LAB: (3, "LAB"),
}  # fmt: skip
_RAW, _RLE, _ZIP, _ZIP_PREDICTED = 0, 1, 2, 3
# Image resources (chapter "Image Resource IDs").
_OLD_THUMBNAIL, _THUMBNAIL, _PROFILE, _VERSION_INFO = 1033, 1036, 1039, 1057
# Rows whose white matte is removed together.
_BAND: Final = 256

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _File:
    """The sections of a file that matter here."""

    data: bytes
    large: bool
    channels: int
    width: int
    height: int
    depth: int
    mode: int
    palette: bytes
    resources: dict[int, bytes]
    has_alpha: bool
    merged_at: int


def open_photoshop(data: bytes, limit: Limit) -> Source:
    """The picture in a PSD or PSB file.

    Raises:
        UnreadableImage: it is damaged, or holds neither a merged picture nor a thumbnail.
        ImageTooLarge: it has more pixels than the limit.
    """
    file = _sections(data)
    limit.check(file.width, file.height)
    info = file.resources.get(_VERSION_INFO, b"")
    # hasRealMergedData: what is stored else is a white sheet.
    if len(info) >= 5 and not info[4]:
        return _thumbnail(file, limit)
    return Source((file.width, file.height), lambda _: _merged(file))


def _sections(data: bytes) -> _File:
    try:
        version, channels, height, width, depth, mode = struct.unpack_from(">H6xHIIHH", data, 4)
        if version not in (1, 2) or mode not in _MODES or depth not in (1, 8, 16, 32):
            raise UnreadableImage("This kind of Photoshop file cannot be read; save it as PSD.")
        if not (width and height and channels >= _MODES[mode][0]):
            raise UnreadableImage("The image is damaged or incomplete (it has no pixels).")
        place = 26
        palette, place = _block(data, place, ">I")
        resources, place = _block(data, place, ">I")
        layers, place = _block(data, place, ">Q" if version == 2 else ">I")
    except struct.error:
        raise UnreadableImage("The image is damaged or incomplete (it ends too early).") from None
    return _File(
        data, version == 2, channels, width, height, depth, mode, palette, _resources(resources),
        channels > _MODES[mode][0] and _is_transparent(layers, large=version == 2), place,
    )  # fmt: skip


def _block(data: bytes, place: int, kind: str) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(kind, data, place)
    place += struct.calcsize(kind)
    if place + length > len(data):
        raise struct.error
    return data[place : place + length], place + length


def _resources(section: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + 12 <= len(section) and section[place : place + 4] == b"8BIM":
        (number,) = struct.unpack_from(">H", section, place + 4)
        name = section[place + 6] + 1
        place += 6 + name + name % 2
        if place + 4 > len(section):
            break
        (length,) = struct.unpack_from(">I", section, place)
        found.setdefault(number, section[place + 4 : place + 4 + length])
        place += 4 + length + length % 2
    return found


def _is_transparent(section: bytes, *, large: bool) -> bool:
    """Whether the first channel beyond the colours is the transparency of the merged picture. Other
    channels are saved selections."""
    wide = 8 if large else 4
    if len(section) >= wide + 2:
        length = int.from_bytes(section[:wide], "big")
        if length:
            # A negative count of layers marks that ("Layer info").
            return section[wide] >= 0x80
    for key in (b"8BIMLr16", b"8BIMLr32"):
        place = section.find(key)
        if place >= 0:
            count = section[place + 8 + wide : place + 8 + wide + 1]
            return bool(count) and count[0] >= 0x80
    return any(key in section for key in (b"8BIMMtrn", b"8BIMMt16", b"8BIMMt32"))


def _thumbnail(file: _File, limit: Limit) -> Source:
    for number in (_THUMBNAIL, _OLD_THUMBNAIL):
        resource = file.resources.get(number, b"")
        if len(resource) > 28 and resource[:4] == b"\0\0\0\1":
            image = Image.open(io.BytesIO(resource[28:]), formats=["JPEG"])
            limit.check(*image.size)
            note = (
                f"shown by its thumbnail of {image.width} x {image.height} pixels, as it was saved "
                "without a merged picture (in Photoshop: Maximize Compatibility)"
            )
            load = functools.partial(_loaded, image, number == _OLD_THUMBNAIL)
            return Source((file.width, file.height), load, note, partial=True)
    raise UnreadableImage(
        "This Photoshop file holds no merged picture and no thumbnail; save it with Maximize "
        "Compatibility."
    )


def _loaded(image: Image.Image, swapped: bool, side: int | None) -> Image.Image:  # noqa: ARG001
    image.load()
    if swapped and image.mode == "RGB":
        return Image.merge("RGB", image.split()[::-1])
    return image


def _merged(file: _File) -> Image.Image:
    colours, mode = _MODES[file.mode]
    planes = _planes(file, colours + file.has_alpha)
    if file.depth == 1:
        bits = np.unpackbits(planes[0], axis=1, count=file.width)
        image = Image.fromarray((1 - bits) * np.uint8(255))
    else:
        if file.mode == CMYK:
            planes[:4] = [255 - plane for plane in planes[:4]]
        bands = [Image.fromarray(plane) for plane in planes[:colours]]
        image = bands[0] if colours == 1 else Image.merge(mode, bands)
    if file.mode == INDEXED and len(file.palette) >= 768:
        image = Image.fromarray(planes[0])
        # Stored as all reds, all greens, all blues.
        table = np.frombuffer(file.palette[:768], np.uint8).reshape(3, 256).T
        image.putpalette(table.tobytes())
    if file.has_alpha and mode in ("L", "RGB"):
        image = _without_matte(image, planes[colours])
    if _PROFILE in file.resources and file.depth != 32:
        image.info["icc_profile"] = file.resources[_PROFILE]
    return image


def _without_matte(image: Image.Image, alpha: Plane) -> Image.Image:
    """With alpha; the merged picture was blended with white, which is taken off again."""
    pixels = np.asarray(image).copy()
    for top in range(0, len(pixels), _BAND):
        band, share = pixels[top : top + _BAND], alpha[top : top + _BAND].astype(np.float32) / 255
        if (share == 1).all():
            continue
        share = share if band.ndim == 2 else share[..., None]
        colour = 255 - (255 - band.astype(np.float32)) / np.maximum(share, 1 / 255)
        band[:] = np.clip(colour + 0.5, 0, 255).astype(np.uint8)
    plain = Image.fromarray(pixels)
    plain.putalpha(Image.fromarray(alpha))
    return plain


def _planes(file: _File, count: int) -> list[Plane]:
    """The first ``count`` channels as 8 bits, (height, width); of a bitmap, rows of packed bits."""
    width = -(-file.width // 8) if file.depth == 1 else file.width
    row = width * max(1, file.depth // 8)
    size = row * file.height
    data, place = file.data, file.merged_at + 2
    compression = int.from_bytes(data[place - 2 : place], "big")
    if compression == _RAW:
        raw = [data[place + n * size : place + (n + 1) * size] for n in range(count)]
    elif compression == _RLE:
        raw = _unpacked(file, row, place, count)
    elif compression in (_ZIP, _ZIP_PREDICTED):
        plain = zlib.decompressobj().decompress(data[place:], size * count)
        raw = [plain[n * size : (n + 1) * size] for n in range(count)]
    else:
        raise UnreadableImage(f"The image is damaged or incomplete (compression {compression}).")
    if any(len(channel) != size for channel in raw):
        raise UnreadableImage("The image is damaged or incomplete (it ends too early).")
    shape = file.height, width
    return [_to_8_bits(channel, file.depth, shape, compression) for channel in raw]


def _unpacked(file: _File, row: int, place: int, count: int) -> list[bytes]:
    """Channels packed row by row (PackBits), the lengths of all rows first."""
    kind = ">u4" if file.large else ">u2"
    rows = file.channels * file.height
    lengths = np.frombuffer(file.data, kind, rows, place).astype(np.int64)
    start = place + rows * np.dtype(kind).itemsize
    ends = start + np.cumsum(lengths)
    found = []
    for number in range(count):
        first = start if number == 0 else int(ends[number * file.height - 1])
        packed = file.data[first : int(ends[(number + 1) * file.height - 1])]
        plane = Image.frombytes("L", (row, file.height), packed, "packbits", "L")
        found.append(plane.tobytes())
    return found


def _to_8_bits(raw: bytes, depth: int, shape: tuple[int, int], compression: int) -> Plane:
    if depth == 16:
        deep = np.frombuffer(raw, ">u2").reshape(shape)
        if compression == _ZIP_PREDICTED:
            deep = np.cumsum(deep, axis=1, dtype=np.uint16)
        return (deep >> 8).astype(np.uint8)
    if depth == 32:
        if compression == _ZIP_PREDICTED:
            raw = _float_differences(raw, shape)
        # Linear light, shown with the curve of sRGB (IEC 61966-2-1).
        light = np.nan_to_num(np.frombuffer(raw, ">f4").astype(np.float32)).clip(0, 1)
        curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        return (curve * 255 + 0.5).astype(np.uint8).reshape(shape)
    plain = np.frombuffer(raw, np.uint8).reshape(shape)
    if compression == _ZIP_PREDICTED:
        return np.cumsum(plain, axis=1, dtype=np.uint8)
    return plain


def _float_differences(raw: bytes, shape: tuple[int, int]) -> bytes:
    """Floating samples from the differences of their bytes; a row holds its most significant bytes
    first (Adobe Photoshop TIFF Technical Note 3)."""
    height, width = shape
    rows = np.frombuffer(raw, np.uint8).reshape(height, 4 * width)
    planes = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(height, 4, width)
    return planes.transpose(0, 2, 1).tobytes()
