"""Design files that are ZIP archives with a picture inside: Krita, OpenRaster, Sketch, others."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from typing import Final

from PIL import Image

from image_search.errors import FormatNotRead, ImageTooLarge, NotAnImage, UnreadableImage
from image_search.imaging.kinds import unidentified
from image_search.imaging.source import Limit, Source

MAGIC: Final = b"PK\x03\x04"
# The whole picture (OpenRaster specification; Krita writes the same).
_WHOLE: Final = "mergedimage.png"
# Pictures that stand for the whole, the best first: Sketch, Procreate, Adobe XD, Figma, iWork.
_PREVIEWS: Final = (
    "previews/preview.png", "QuickLook/Thumbnail.png", "preview.png", "thumbnail.png",
    "preview.jpg", "Thumbnails/thumbnail.png",
)  # fmt: skip
# Bytes of a picture inside, and files in an archive, at most.
_MAX_BYTES: Final = 500_000_000
_MAX_FILES: Final = 100_000

Open = Callable[[bytes, Limit], Source]


def open_container(data: bytes, limit: Limit, name: str, inner: Open) -> Source:
    """The picture in an archive, opened by ``inner``.

    Raises:
        NotAnImage, FormatNotRead: it holds none.
        UnreadableImage: it is damaged.
        ImageTooLarge: the picture is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.filelist) > _MAX_FILES:
                raise UnreadableImage("The archive holds too many files.")
            names = set(archive.namelist())
            if _WHOLE in names:
                return inner(_read(archive, _WHOLE), limit)
            for preview in _PREVIEWS:
                if preview in names:
                    return _preview(inner(_read(archive, preview), limit))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableImage(f"The file is damaged or incomplete ({error}).") from error
    reason = unidentified(b"", name)
    if isinstance(reason, FormatNotRead):
        raise reason
    raise NotAnImage("This is an archive, not an image; unpack it.")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _MAX_BYTES:
        raise ImageTooLarge(f"The picture in the file has {info.file_size:,} bytes.")
    with archive.open(info) as file:
        # What it unpacks to may be more than it says.
        return file.read(info.file_size)


def _preview(source: Source) -> Source:
    width, height = source.size
    note = f"shown by the preview of {width} x {height} pixels that the program saved in it"
    return Source(source.size, functools.partial(_load, source), note, partial=True)


def _load(source: Source, side: int | None) -> Image.Image:
    return source.load(side)
