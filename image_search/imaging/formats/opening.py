"""Which formats are read, and which of our own readers opens a file, by what it begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from image_search.imaging.formats import camera_raw, containers, photoshop, png, tiff_tags
from image_search.imaging.formats.documents import is_document, open_document
from image_search.imaging.formats.netpbm import open_netpbm
from image_search.imaging.formats.source import (
    Limit,
    Source,
)
from image_search.imaging.formats.tiff import open_tiff
from image_search.imaging.formats.video import is_video, open_video

# The formats that Pillow reads for us. Left out on purpose: EPS (runs Ghostscript), stubs that need
# outside programs (WMF, GRIB, HDF5), and game or science formats with rarely used decoders.
FORMATS: Final = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "HEIF", "JPEG2000",
    "TGA", "ICO", "ICNS", "PPM", "PCX", "SGI", "DDS", "QOI", "SUN", "XBM", "XPM", "MSP",
)  # fmt: skip
# How JPEG and PNG begin, most of all files: nothing else has to be checked for them.
USUAL: Final = (b"\xff\xd8\xff", png.MAGIC)
# Those of them whose files may hold frames that are pictures in their own right. In others, such as
# the parts of a JPEG from a camera with several lenses, the first is the picture.
ANIMATED: Final = frozenset({"PNG", "WEBP", "GIF", "AVIF"})


def open_special(
    data: bytes, limit: Limit, name: str, open_usual: Callable[[bytes, Limit], Source]
) -> Source | None:
    """The picture of a file that a reader of our own opens; ``None`` where Pillow does.

    ``open_usual`` opens what Pillow reads, for files that hold such a one.
    """
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
    if is_video(data):
        return open_video(data, limit)
    if data.startswith((b"P5", b"P6")):
        return open_netpbm(data, limit)
    if data.startswith(containers.MAGIC):
        return containers.open_container(data, limit, name, open_usual)
    return None
