"""TIFF pictures that Pillow does not read: unusual depths and channels, big-endian BigTIFF.

Packed bytes are unpacked by libtiff, through Pillow, as if they were a grey picture; what the bytes
mean is worked out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from image_search.errors import UnreadableImage
from image_search.imaging.formats import tiff_tags as tags
from image_search.imaging.formats.source import Limit
from image_search.imaging.formats.tiff_tags import Directory
from image_search.imaging.formats.tiff_unpacking import from_bits, mirrored, unpacked

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
_COLOURS: Final = {
    WHITE_IS_ZERO: (1, "L"), BLACK_IS_ZERO: (1, "L"), RGB: (3, "RGB"), PALETTE: (1, "P"),
    CMYK: (4, "CMYK"), YCBCR: (3, "YCbCr"), CIELAB: (3, "LAB"), ICCLAB: (3, "LAB"),
}  # fmt: skip
# Compressions of bytes, which do not change what the bytes mean: none, LZW, Deflate (twice),
# PackBits, LZMA, Zstandard.
_BYTEWISE: Final = frozenset({1, 5, 8, 32946, 32773, 34925, 50000})
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_PREMULTIPLIED, _STRAIGHT = 1, 2
# Bytes that one strip or tile takes at most, unpacked.
MAX_PART_BYTES: Final = 400_000_000
# The same where it is packed: unpacking takes three copies of it.
_MAX_PACKED_BYTES: Final = 250_000_000
# Samples that are worked on together.
_TOGETHER: Final = 4_000_000
# Rows that are worked on together.
_BAND: Final = 64
# Parts of float samples that are cut off at either end where they leave 0 to 1: highlights and
# faults of renderers, which would make all else black.
_CUT: Final = 0.005


@dataclass(frozen=True)
class _Layout:
    """How the samples lie in the file."""

    width: int
    height: int
    photometric: int
    colours: int
    mode: str
    samples: int
    bits: int
    kind: int
    alpha: int
    part: tuple[int, int]
    separate: bool


def read_samples(data: bytes, directory: Directory, limit: Limit) -> Image.Image:
    """The picture of a directory, 8 bits a sample, as stored (not turned upright).

    Raises:
        UnreadableImage: it is of a kind that is not read, or damaged.
        ImageTooLarge: it, or one of its tiles, has more pixels than the limit.
    """
    layout = _layout(directory, limit)
    scale = _scale(data, directory, layout)
    # Channels beyond the colours and their transparency are not kept.
    count = layout.colours + bool(layout.alpha)
    out = np.zeros((layout.height, layout.width, count), np.uint8)
    for top, left, sample, part in _parts(data, directory, layout):
        part = part[..., : max(0, count - sample)]
        rows = max(1, _TOGETHER // max(1, part[0].size))
        for first in range(0, min(len(part), layout.height - top), rows):
            band = _to_8_bits(part[first : first + rows], layout, scale, sample)
            place = out[top + first : top + first + len(band), left : left + part.shape[1]]
            place = place[..., sample : sample + part.shape[2]]
            place[:] = band[: place.shape[0], : place.shape[1]]
    return _image(out, directory, layout)


def _layout(directory: Directory, limit: Limit) -> _Layout:
    width, height = directory.size
    limit.check(width, height)
    photometric = directory.number(tags.PHOTOMETRIC, BLACK_IS_ZERO)
    samples = directory.number(tags.SAMPLES, 1)
    bits = set(directory.numbers(tags.BITS)) or {1}
    kinds = set(directory.numbers(tags.SAMPLE_FORMAT)) or {_UNSIGNED}
    separate = directory.number(tags.PLANAR, 1) == 2
    tiled = tags.TILE_WIDTH in directory.tags
    part = (
        (directory.number(tags.TILE_WIDTH), directory.number(tags.TILE_HEIGHT))
        if tiled
        else (width, min(height, directory.number(tags.ROWS_PER_STRIP, height)))
    )
    if min(width, height, *part) < 1:
        raise UnreadableImage("The image is damaged or incomplete (it has no pixels).")
    if tiled:
        limit.check(*part)
    if photometric not in _COLOURS or len(bits) != 1:
        raise UnreadableImage(_unread(directory))
    colours, mode = _COLOURS[photometric]
    if len(kinds) != 1 and mode != "LAB":
        raise UnreadableImage(_unread(directory))
    (depth,), kind = bits, _UNSIGNED if mode == "LAB" else kinds.pop()
    extra = directory.number(tags.EXTRA_SAMPLES) if samples > colours else 0
    known = depth in (16, 32, 64) if kind == _FLOAT else 1 <= depth <= 32
    subsampled = directory.numbers(tags.YCBCR_SUBSAMPLING) or (2, 2)
    if (
        not colours <= samples <= 16
        or not known
        or kind not in (_UNSIGNED, _SIGNED, _FLOAT)
        or directory.number(tags.COMPRESSION, 1) not in _BYTEWISE
        or (photometric == YCBCR and subsampled != (1, 1))
    ):
        raise UnreadableImage(_unread(directory))
    # Samples of odd numbers of bits take 4 bytes each while they are worked on.
    wide = depth if depth in (8, 16, 32, 64) else depth + 32
    taken = part[0] * part[1] * wide * (1 if separate else samples) // 8
    packed = directory.number(tags.COMPRESSION, 1) != 1
    if taken > (_MAX_PACKED_BYTES if packed else MAX_PART_BYTES):
        raise UnreadableImage("The image unpacks to more bytes at once than are allowed.")
    return _Layout(
        width, height, photometric, colours, mode, samples, depth, kind,
        extra if extra in (_PREMULTIPLIED, _STRAIGHT) else 0, part, separate,
    )  # fmt: skip


def _unread(directory: Directory) -> str:
    bits = "/".join(map(str, directory.numbers(tags.BITS)[:4]))
    return (
        "This kind of TIFF is not read yet (photometric "
        f"{directory.number(tags.PHOTOMETRIC, 1)}, {directory.number(tags.SAMPLES, 1)} samples of "
        f"{bits or 1} bits, compression {directory.number(tags.COMPRESSION, 1)}); save it as "
        "8-bit RGB."
    )


def _parts(
    data: bytes, directory: Directory, layout: _Layout
) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """Each strip or tile: the row and column where it lies, its first sample, and its samples
    (rows, columns, samples) as stored."""
    tiled = tags.TILE_WIDTH in directory.tags
    offsets = directory.numbers(tags.TILE_OFFSETS if tiled else tags.STRIP_OFFSETS)
    counts = directory.numbers(tags.TILE_COUNTS if tiled else tags.STRIP_COUNTS)
    width, height = layout.part
    across, down = -(-layout.width // width), -(-layout.height // height)
    planes = layout.samples if layout.separate else 1
    if len(offsets) < across * down * planes or len(counts) < across * down * planes:
        raise UnreadableImage("The image is damaged or incomplete (parts are missing).")
    number = 0
    for plane in range(planes):
        for y in range(down):
            for x in range(across):
                rows = height if tiled else min(height, layout.height - y * height)
                packed = data[offsets[number] : offsets[number] + counts[number]]
                samples = _samples(packed, directory, layout, rows)
                yield y * height, x * width, plane, samples
                number += 1


def _samples(packed: bytes, directory: Directory, layout: _Layout, rows: int) -> np.ndarray:
    count = 1 if layout.separate else layout.samples
    row = -(-layout.part[0] * layout.bits * count // 8)
    raw = unpacked(packed, directory.number(tags.COMPRESSION, 1), row, rows)
    if directory.number(tags.FILL_ORDER, 1) == 2 and layout.bits < 8:
        raw = raw.translate(mirrored())
    shape = rows, layout.part[0], count
    predictor = directory.number(tags.PREDICTOR, 1)
    if predictor == 3:
        return _float_predicted(raw, layout, shape)
    if layout.bits not in (8, 16, 32, 64):
        return from_bits(raw, layout.bits, shape)
    letter = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}[layout.kind]
    dtype = np.dtype(f"{directory.order}{letter}{layout.bits // 8}")
    samples = np.frombuffer(raw, dtype).reshape(shape)
    if predictor == 2 and layout.kind != _FLOAT:
        native = samples.astype(dtype.newbyteorder("="))
        return np.cumsum(native, axis=1, dtype=native.dtype)
    return samples


def _float_predicted(raw: bytes, layout: _Layout, shape: tuple[int, int, int]) -> np.ndarray:
    """Differences of bytes, the most significant bytes of a row first (Adobe Photoshop TIFF
    Technical Note 3)."""
    rows, columns, count = shape
    size = layout.bits // 8
    planes = np.frombuffer(raw, np.uint8).reshape(rows, size * columns, count)
    summed = np.cumsum(planes, axis=1, dtype=np.uint8).reshape(rows, size, columns * count)
    joined = np.ascontiguousarray(summed.transpose(0, 2, 1))
    return joined.view(f">f{size}").reshape(shape)


def _scale(data: bytes, directory: Directory, layout: _Layout) -> tuple[float, float]:
    """The values that are shown as black and as white."""
    whole = float((1 << layout.bits - (layout.kind == _SIGNED)) - 1)
    if layout.kind != _FLOAT and layout.bits <= 16:
        return 0.0, whole
    found = []
    for _, _, _, part in _parts(data, directory, layout):
        step = max(1, part.shape[0] // 64)
        seen = part[::step].astype(np.float32)
        found.append(seen[np.isfinite(seen)])
    seen = np.concatenate([*found, np.zeros(1, np.float32)])
    if layout.kind != _FLOAT:
        # Few programs use the whole range of so many bits: it is the least common one that holds.
        most = float(seen.max())
        return 0.0, next(
            (end for end in (255.0, 65535.0) if most <= end), whole if most > whole / 4 else most
        )
    if seen.min() >= 0 and seen.max() <= 1:
        return 0.0, 1.0
    low, high = np.quantile(seen, (_CUT, 1 - _CUT))
    return min(0.0, float(low)), max(float(high), 1e-6)


def _to_8_bits(
    part: np.ndarray, layout: _Layout, scale: tuple[float, float], first: int
) -> np.ndarray:
    if layout.photometric == PALETTE:
        return part.astype(np.uint8)
    if layout.photometric in (CIELAB, ICCLAB):
        return _lab(part, layout, first)
    if layout.kind == _UNSIGNED and layout.bits == 8:
        return part
    if layout.kind == _UNSIGNED and layout.bits == 16:
        return (part >> 8).astype(np.uint8)
    low, high = scale
    samples = np.nan_to_num(part.astype(np.float64), nan=low, posinf=high, neginf=low)
    out: np.ndarray = ((samples - low) * (255 / (high - low)) + 0.5).clip(0, 255).astype(np.uint8)
    return out


def _lab(part: np.ndarray, layout: _Layout, first: int) -> np.ndarray:
    """CIELAB samples in Pillow's form: L* from 0 to 255, a* and b* shifted so that 128 is zero."""
    shift = layout.bits - 8
    out = (part.astype(np.int64) >> shift).astype(np.uint8)
    if layout.photometric == CIELAB:  # a* and b* are signed
        numbers = np.arange(first, first + part.shape[2])
        out[..., (numbers == 1) | (numbers == 2)] ^= 0x80
    return out


def _image(out: np.ndarray, directory: Directory, layout: _Layout) -> Image.Image:
    colours, mode = layout.colours, layout.mode
    if layout.photometric == WHITE_IS_ZERO:
        out[..., 0] = 255 - out[..., 0]
    if layout.alpha == _PREMULTIPLIED and mode in ("L", "RGB"):
        for top in range(0, layout.height, _BAND):
            band = out[top : top + _BAND].astype(np.uint16)
            whole = band[..., :colours] * 255 // np.maximum(band[..., colours:], 1)
            out[top : top + _BAND, :, :colours] = np.minimum(255, whole)
    if mode == "RGB":  # as it lies there: copies of large pictures take too much memory
        image = Image.fromarray(out)
    else:
        bands = [Image.fromarray(np.ascontiguousarray(out[..., n])) for n in range(colours)]
        image = bands[0] if colours == 1 else Image.merge(mode, bands)
    if mode == "P":
        table = np.array(directory.numbers(tags.PALETTE), np.uint32)
        if len(table) != 3 << layout.bits or layout.bits > 8:
            raise UnreadableImage(_unread(directory))
        image.putpalette((table >> 8).astype(np.uint8).reshape(3, -1).T.tobytes())
    if layout.alpha and mode == "L":
        image.putalpha(Image.fromarray(np.ascontiguousarray(out[..., colours])))
    if tags.PROFILE in directory.tags:
        image.info["icc_profile"] = directory.tags[tags.PROFILE].tobytes()
    return image
