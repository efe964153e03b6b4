"""Which reader opens a file, by what it begins with."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from PIL import Image, ImageSequence, UnidentifiedImageError

from image_search.imaging.formats import avif, camera_raw, containers, photoshop, png, tiff_tags
from image_search.imaging.formats.bounds import check_inner_pictures, check_scans, gif_frames
from image_search.imaging.formats.documents import is_document, open_document
from image_search.imaging.formats.kinds import unidentified
from image_search.imaging.formats.netpbm import open_netpbm
from image_search.imaging.formats.pages import fullest
from image_search.imaging.formats.source import Limit, Source
from image_search.imaging.formats.tiff import open_tiff

# The formats that Pillow reads for us. Left out on purpose: EPS (runs Ghostscript), stubs that need
# outside programs (WMF, GRIB, HDF5), and game or science formats with rarely used decoders.
FORMATS: Final = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "HEIF", "JPEG2000",
    "TGA", "ICO", "ICNS", "PPM", "PCX", "SGI", "DDS", "QOI", "SUN", "XBM", "XPM", "MSP",
)  # fmt: skip


# How JPEG and PNG begin, most of all files: nothing else has to be asked about them.
USUAL: Final = (b"\xff\xd8\xff", png.MAGIC)
# Those of them whose files may hold frames that are pictures in their own right. In others, such as
# the parts of a JPEG from a camera with several lenses, the first is the picture.
ANIMATED: Final = frozenset({"PNG", "WEBP", "GIF", "AVIF"})


# Frames of a GIF can only be told by going through them, and so many would take seconds.
_MAX_FRAMES: Final = 5_000


def open_source(data: bytes, limit: Limit, name: str = "") -> Source:
    """The picture in ``data``, not loaded yet. The ``name`` of the file helps to say what is wrong
    with one that cannot be read.

    Raises:
        ImageTooLarge: it has more pixels than the limit.
        NotAnImage, FormatNotRead: it is no image, or in a format that is not read.
        UnreadableImage: it is damaged.
        Exception: foreign decoders raise anything on damaged input.
    """
    if not data.startswith(USUAL):
        special = _special(data, limit, name)
        if special is not None:
            return special
    try:
        return _with_pillow(data, limit)
    except UnidentifiedImageError:
        if data[4:8] == b"ftyp" and data[8:12] in avif.BRANDS:
            return avif.open_lenient(data, limit)
        raise unidentified(data, name) from None


def _special(data: bytes, limit: Limit, name: str) -> Source | None:
    """The picture of a file that a reader of our own opens; ``None`` where Pillow does."""
    if data.startswith(photoshop.MAGIC):
        return photoshop.open_photoshop(data, limit)
    if data[:4] in tiff_tags.MAGICS or data[:4] in tiff_tags.RAW_MAGICS:
        return open_tiff(data, limit)
    if data.startswith(camera_raw.FUJI):
        return camera_raw.open_fuji(data, limit)
    if data[4:12] == b"ftypcrx ":
        return camera_raw.open_canon(data, limit)
    if is_document(data):
        return open_document(data, limit)
    if data.startswith((b"P5", b"P6")):
        return open_netpbm(data, limit)
    if data.startswith(containers.MAGIC):
        return containers.open_container(data, limit, name, _with_pillow)
    return None


def _with_pillow(data: bytes, limit: Limit) -> Source:
    if not data.startswith(png.MAGIC):
        return _as_it_is(data, limit)
    try:
        source = _as_it_is(data, limit)
    except (ValueError, SyntaxError, OSError) as error:
        if isinstance(error, UnidentifiedImageError) and b"IHDR" not in data[:64]:
            raise
        return _bare_png(data, limit)

    def load(side: int | None) -> Image.Image:
        try:
            return source.load(side)
        except (ValueError, SyntaxError, OSError):
            # Metadata may come after the pixels too.
            return _bare_png(data, limit).load(side)

    return replace(source, load=load)


def _bare_png(data: bytes, limit: Limit) -> Source:
    """Without metadata, which may be damaged or larger than Pillow allows."""
    bare, profile = png.without_metadata(data)
    source = _as_it_is(bare, limit)

    def load(side: int | None) -> Image.Image:
        image = source.load(side)
        if profile:
            image.info["icc_profile"] = profile
        return image

    return replace(source, load=load)


def _as_it_is(data: bytes, limit: Limit) -> Source:
    check_inner_pictures(data, limit)
    check_scans(data)
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    limit.check(*image.size)
    if image.format in ANIMATED and getattr(image, "is_animated", False):
        if gif_frames(data, _MAX_FRAMES) == _MAX_FRAMES:
            note = "the first frame of a very long animation"
            return Source(image.size, lambda _: _loaded(image), note, partial=True)
        return _animation(data, image, limit)

    def load(side: int | None) -> Image.Image:
        # JPEG: let the decoder's inverse DCT do the reduction; a no-op for other formats.
        if side is not None and min(image.size) > side:
            scale = side / min(image.size)
            image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        image.load()
        return image

    return Source(image.size, load)


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _animation(data: bytes, image: Image.Image, limit: Limit) -> Source:
    """The frame that shows most; all frames have one size, which was checked."""
    count: int = getattr(image, "n_frames", 1)

    def frames() -> Iterator[Image.Image]:
        for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data), formats=FORMATS)):
            limit.check(*frame.size)
            yield frame.copy()

    chosen = fullest(frames())

    def load(_: int | None) -> Image.Image:
        image.seek(chosen)
        image.load()
        return image

    return Source(image.size, load, f"frame {chosen + 1} of {count}", pages=frames)
