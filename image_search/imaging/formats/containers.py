"""Design files that are ZIP archives with a picture inside: Krita, OpenRaster, Sketch, others."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

from PIL import Image

from image_search.errors import FormatNotRead, ImageTooLarge, NotAnImage, UnreadableImage
from image_search.imaging.formats.kinds import ending, unidentified
from image_search.imaging.formats.sandbox import wants_own_process
from image_search.imaging.formats.source import Limit, Source

MAGIC: Final = b"PK\x03\x04"
# The whole picture (OpenRaster specification; Krita writes the same).
_WHOLE: Final = "mergedimage"
# Pictures that stand for the whole, the best first: Sketch, Adobe XD and others, then Procreate,
# Figma, OpenDocument, iWork, CorelDRAW.
_PREVIEWS: Final = ("preview", "thumbnail")
_ENDINGS: Final = frozenset({"png", "jpg", "jpeg", "webp", "bmp"})
# Archives whose preview shows no design: their first page of text, or one file of many.
_NO_DESIGNS: Final = frozenset({"zip", "docx", "xlsx", "pptx", "epub", "jar", "apk", "cbz", "odt"})
# Bytes of a picture inside, and files in an archive, at most.
_MAX_BYTES: Final = 500_000_000
_MAX_FILES: Final = 100_000
# Pictures inside that are tried at most.
_MAX_TRIED: Final = 4

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
            return _shown(archive, limit, name, inner)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableImage(f"The file is damaged or incomplete ({error}).") from error


def _shown(archive: zipfile.ZipFile, limit: Limit, name: str, inner: Open) -> Source:
    pictures = _pictures(archive, with_previews=ending(name) not in _NO_DESIGNS)
    for number, (whole, inside) in enumerate(pictures):
        try:
            picture = _read(archive, inside)
            if wants_own_process(picture):
                raise UnreadableImage("The picture in the file is of an unusual format.")
            source = inner(picture, limit)
            return source if whole else _preview(source)
        except ImageTooLarge:
            raise
        except Exception:  # foreign decoders raise anything; another one may do
            if number == len(pictures) - 1:
                raise
    reason = unidentified(b"", name)
    if isinstance(reason, FormatNotRead):
        raise reason
    raise NotAnImage("This is an archive, not an image; unpack it.")


def _pictures(archive: zipfile.ZipFile, *, with_previews: bool) -> list[tuple[bool, str]]:
    """The pictures to be tried, the best first: whether it is the whole, and its name."""
    found: list[tuple[int, int, str]] = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename.lower())
        if path.suffix[1:] not in _ENDINGS or not info.file_size:
            continue
        if path.stem == _WHOLE:
            found.append((0, -info.file_size, info.filename))
        elif with_previews and path.stem in _PREVIEWS:
            found.append((1 + _PREVIEWS.index(path.stem), -info.file_size, info.filename))
    return [(rank == 0, name) for rank, _, name in sorted(found)[:_MAX_TRIED]]


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _MAX_BYTES:
        raise ImageTooLarge(f"The picture in the file has {info.file_size:,} bytes.")
    with archive.open(info) as file:
        # What it unpacks to may be more than its header states.
        return file.read(info.file_size)


def _preview(source: Source) -> Source:
    width, height = source.size
    note = f"shown by the preview of {width} x {height} pixels that the program saved in it"
    return Source(source.size, functools.partial(_load, source), note, partial=True)


def _load(source: Source, side: int | None) -> Image.Image:
    return source.load(side)
