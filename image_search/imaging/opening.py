"""Which reader opens a file, by what it begins with."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from image_search.imaging import photoshop
from image_search.imaging.source import Limit, Source

# The formats that Pillow reads for us. Left out on purpose: EPS (runs Ghostscript), stubs that need
# outside programs (WMF, GRIB, HDF5), and game or science formats with rarely used decoders.
FORMATS: Final = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "HEIF", "JPEG2000",
    "TGA", "ICO", "ICNS", "PPM", "PCX", "SGI", "DDS", "QOI", "SUN", "XBM", "XPM", "MSP",
)  # fmt: skip


def open_source(data: bytes, limit: Limit) -> Source:
    """The picture in ``data``, not loaded yet.

    Raises:
        ImageTooLarge: it has more pixels than the limit.
        UnreadableImage: it is of no known format, or damaged.
        Exception: foreign decoders raise anything on damaged input.
    """
    if data.startswith(photoshop.MAGIC):
        return photoshop.open_photoshop(data, limit)
    return _with_pillow(data, limit)


def _with_pillow(data: bytes, limit: Limit) -> Source:
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    limit.check(*image.size)

    def load(side: int | None) -> Image.Image:
        # JPEG: let the decoder's inverse DCT do the reduction; a no-op for other formats.
        if side is not None and min(image.size) > side:
            scale = side / min(image.size)
            image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        image.load()
        return image

    return Source(image.size, load)
