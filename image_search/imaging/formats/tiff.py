"""TIFF files: bounds before anything is decoded, pages, and the kinds that Pillow does not read."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator, Sequence
from typing import Final

from PIL import Image, UnidentifiedImageError

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.formats import tiff_tags as tags
from image_search.imaging.formats.camera_raw import is_camera_raw, open_camera_raw
from image_search.imaging.formats.pages import fullest
from image_search.imaging.formats.source import MAX_SCANNED, Limit, Part, Source
from image_search.imaging.formats.tiff_samples import MAX_PART_BYTES, read_samples
from image_search.imaging.formats.tiff_tags import Directory, read_directories

# JPEG within TIFF of the first kind (TIFF 6.0, section 22), whose data may be anywhere.
_OLD_JPEG: Final = 6
_JPEGS: Final = frozenset({_OLD_JPEG, 7})
# Bits of a sample that are unpacked all at once.
_QUICK: Final = frozenset({1, 2, 4, 8, 16, 32, 64})


def open_tiff(data: bytes, limit: Limit) -> Source:
    """The picture in a TIFF file; of several pages the one that shows most, of a camera raw file
    the largest preview.

    Raises:
        ImageTooLarge: a page, or a tile of it, has more pixels than the limit.
        UnreadableImage: it is damaged or of a kind that is not read.
    """
    directories = read_directories(data)
    if is_camera_raw(data, directories):
        preview = open_camera_raw(data, directories, limit)
        if preview is not None:
            return preview
    sizes = [one.number(tags.WIDTH) * one.number(tags.HEIGHT) for one in directories]
    numbers = [number for number, one in enumerate(directories) if one.is_page]
    if not numbers and any(sizes):
        numbers = [sizes.index(max(sizes))]
    if not numbers or data[:4] not in tags.MAGICS:
        raise UnreadableImage("The image is damaged or incomplete (it has no page).")
    for number in numbers:
        check(data, directories[number], limit)
    chosen, note = numbers[0], ""
    if len(numbers) > 1:
        chosen = numbers[fullest(_pages(data, directories, numbers, limit))]
        note = f"page {numbers.index(chosen) + 1} of {len(numbers)}"
    directory = directories[chosen]
    load = functools.partial(_load, data, directories, chosen, limit)
    size = upright_size(directory)
    if not note:
        return Source(size, lambda _: load(), note, 1)

    def parts(wanted: Sequence[int]) -> Iterator[tuple[Part, Image.Image]]:
        for number in wanted:
            image = _load(data, directories, numbers[number], limit)
            yield Part("page", number, len(numbers)), image

    pages = functools.partial(_pages, data, directories, numbers, limit)
    part = Part("page", numbers.index(chosen), len(numbers))
    return Source(size, lambda _: load(), note, 1, pages=pages, part=part, parts=parts)


def is_slow(data: bytes) -> bool:
    """Whether a file has samples that are unpacked bit by bit: it is read where that can be
    ended."""
    if data[:4] not in tags.MAGICS:
        return False
    bits = {one.number(tags.BITS, 1) for one in read_directories(data) if one.is_page}
    return not bits <= _QUICK


def check(data: bytes, directory: Directory, limit: Limit) -> None:
    """See that a picture may be decoded, before anything makes room for it.

    Raises:
        ImageTooLarge: it has, or unpacks to, more pixels than the limit.
        UnreadableImage: its strips or tiles cannot be.
    """
    width, height = directory.size
    limit.check(width, height)
    samples = max(1, directory.number(tags.SAMPLES, 1))
    if samples > 64:
        raise UnreadableImage("The image is damaged or incomplete (too many samples a pixel).")
    if tags.TILE_WIDTH in directory.tags:
        part = directory.number(tags.TILE_WIDTH), max(1, directory.number(tags.TILE_HEIGHT, 1))
        limit.check(*part)
    else:
        part = width, min(height, directory.number(tags.ROWS_PER_STRIP, height))
    planes = samples if directory.number(tags.PLANAR, 1) == 2 else 1
    bits = max(directory.numbers(tags.BITS) or (1,))
    packed = directory.number(tags.COMPRESSION, 1) != 1
    if packed and part[0] * part[1] * bits * samples // planes // 8 > MAX_PART_BYTES:
        raise ImageTooLarge("The image unpacks to more bytes at once than are allowed.")
    if directory.number(tags.COMPRESSION, 1) in _JPEGS:
        offsets = directory.numbers(tags.STRIP_OFFSETS) or directory.numbers(tags.TILE_OFFSETS)
        counts = directory.numbers(tags.STRIP_COUNTS) or directory.numbers(tags.TILE_COUNTS)
        parts = zip(offsets, counts, strict=False)
        scans = sum(data.count(b"\xff\xda", start, start + count) for start, count in parts)
        if part[0] * part[1] * scans > MAX_SCANNED:
            raise UnreadableImage(f"The image is damaged or made to block: it has {scans:,} scans.")


def upright_size(directory: Directory) -> tuple[int, int]:
    """Width and height in pixels once the picture is upright."""
    width, height = directory.size
    return (
        (height, width)
        if directory.number(tags.ORIENTATION, 1) in (5, 6, 7, 8)
        else (width, height)
    )


def _pages(
    data: bytes, directories: list[Directory], numbers: list[int], limit: Limit
) -> Iterator[Image.Image]:
    for number in numbers:
        yield _load(data, directories, number, limit)


def _load(data: bytes, directories: list[Directory], number: int, limit: Limit) -> Image.Image:
    """A page, upright."""
    directory = directories[number]
    if not _is_usual(directory):
        with contextlib.suppress(UnreadableImage):
            return _upright(read_samples(data, directory, limit), directory)
    try:
        image = Image.open(io.BytesIO(data), formats=["TIFF"])
        if number:
            image.seek(number)
        if image.size not in (directory.size, directory.size[::-1]):
            raise UnidentifiedImageError
    except (UnidentifiedImageError, SyntaxError, KeyError, EOFError):
        return _upright(read_samples(data, directory, limit), directory)
    image.load()
    return image


def _is_usual(directory: Directory) -> bool:
    """Whether Pillow reads such samples, and as they are meant."""
    count, bits = directory.number(tags.SAMPLES, 1), directory.number(tags.BITS, 1)
    alpha = directory.number(tags.PHOTOMETRIC) < 2 and count > 1
    if bits == 8 and directory.number(tags.SAMPLE_FORMAT, 1) != 1:
        return False
    return (bits in (1, 2, 4, 8) and not alpha) or (bits == 16 and count in (1, 3, 4))


_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def _upright(image: Image.Image, directory: Directory) -> Image.Image:
    turn = _TURNS.get(directory.number(tags.ORIENTATION, 1))
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.info = image.info
    return turned
