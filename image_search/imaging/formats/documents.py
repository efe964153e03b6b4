"""Vector and page formats: pages, drawn as pictures. Runs in a process of its own.

SVG is drawn by resvg, PDF (and Illustrator files, which are PDF within) by PDFium. Neither runs
scripts; references out of an SVG are removed before it is drawn.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.etree import ElementTree

from PIL import Image

from image_search.errors import FormatNotRead, UnreadableImage
from image_search.imaging.formats.source import Limit, Part, Source
from image_search.imaging.formats.tiff import open_tiff

GZIP: Final = b"\x1f\x8b\x08"
EPS: Final = b"\xc5\xd0\xd3\xc6"
# Longest side of a page that is drawn, in pixels.
DRAWN_SIDE: Final = 1536
# Bytes in which an SVG begins: comments and definitions may come before.
_HEAD: Final = 1 << 20
_SVG: Final = re.compile(rb"<(\w+:)?svg[\s>]")
# Bytes of an SVG, unpacked, at most.
_MAX_SVG: Final = 50_000_000
_SIDES: Final = ("width", "height")
# What an SVG may refer to: its own parts, and pictures within it.
_WITHIN: Final = re.compile(r"\s*(#|data:image/(png|jpeg|jpg|gif|webp)[;,])", re.IGNORECASE)


def is_document(data: bytes) -> bool:
    """Whether ``data`` is of a kind that ``open_document`` takes."""
    return (
        b"%PDF-" in data[:1024]
        or data.startswith(EPS)
        or _is_svg(data[:_HEAD])
        or (data.startswith(GZIP) and _is_svg(_unzipped(data, _HEAD)))
    )


def open_document(data: bytes, limit: Limit) -> Source:
    """The first page as a picture, and the others as its parts.

    Raises:
        FormatNotRead: an EPS without a preview.
        UnreadableImage: it is damaged, or protected by a password.
    """
    if data.startswith(EPS):
        return _eps(data, limit)
    if b"%PDF-" in data[:1024]:
        return _pdf(data)
    return _svg(_unzipped(data, _MAX_SVG + 1) if data.startswith(GZIP) else data)


def _is_svg(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "replace").encode()
    head = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return head.startswith(b"<") and _SVG.search(head) is not None


def _unzipped(data: bytes, most: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(most)
    except (OSError, EOFError, zlib.error):
        return b""


def _pdf(data: bytes) -> Source:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        count, page = len(document), document[0]
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise UnreadableImage(
            f"The PDF is damaged, empty or protected by a password ({error})."
        ) from error
    image = _rendered(page)
    if count == 1:
        return Source(image.size, lambda _: image, "drawn from a PDF", 1, partial=True)

    def parts(numbers: Sequence[int]) -> Iterator[tuple[Part, Image.Image]]:
        for number in numbers:
            yield Part("page", number, count), _rendered(document[number])

    note, part = f"page 1 of {count}", Part("page", 0, count)
    return Source(image.size, lambda _: image, note, 1, partial=True, part=part, parts=parts)


def _rendered(page: Any) -> Image.Image:
    width, height = page.get_size()
    if not (0 < width < 1e7 and 0 < height < 1e7):
        raise UnreadableImage("The PDF is damaged (a page has no size).")
    image: Image.Image = page.render(scale=DRAWN_SIDE / max(width, height)).to_pil()
    return image.convert("RGB")


def _svg(data: bytes) -> Source:
    if len(data) > _MAX_SVG:
        raise UnreadableImage("The SVG is too large.")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 (expat bounds what entities grow to)
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableImage(f"The SVG is damaged ({error}).") from error
    for element in root.iter():
        for name in [name for name in element.attrib if name.rpartition("}")[2] == "href"]:
            if not _WITHIN.match(element.attrib[name]):
                del element.attrib[name]
    text = ElementTree.tostring(root, encoding="unicode")
    try:
        upright = _is_upright(root)
        image = _drawn(text, upright=upright)
        if max(image.size) > DRAWN_SIDE:
            image = _drawn(text, upright=not upright)
        image.load()
    except Exception as error:  # resvg raises ValueError, and panics as PanicException
        raise UnreadableImage(f"The SVG cannot be drawn ({error}).") from error
    if image.mode == "RGBA" and not image.getchannel("A").getextrema()[1]:
        raise UnreadableImage("The SVG draws nothing.")
    return Source(image.size, lambda _: image, "drawn from an SVG", 1, partial=True)


def _drawn(text: str, *, upright: bool) -> Image.Image:
    """The picture, not loaded yet, with a height or else a width of ``DRAWN_SIDE`` pixels."""
    import resvg_py

    if upright:
        data = resvg_py.svg_to_bytes(svg_string=text, height=DRAWN_SIDE)
    else:
        data = resvg_py.svg_to_bytes(svg_string=text, width=DRAWN_SIDE)
    return Image.open(io.BytesIO(bytes(data)), formats=["PNG"])


def _is_upright(root: ElementTree.Element) -> bool:
    """Whether an SVG is higher than wide, as far as it states that."""
    sides = [re.match(r"\s*([\d.]+)\s*(\w*|%)\s*$", root.get(name, "")) for name in _SIDES]
    view = re.findall(r"[-\d.eE+]+", root.get("viewBox", ""))
    try:
        if sides[0] and sides[1] and sides[0][2] == sides[1][2] != "%":
            return float(sides[1][1]) > float(sides[0][1])
        return len(view) == 4 and float(view[3]) > float(view[2])
    except ValueError:
        return False


def _eps(data: bytes, limit: Limit) -> Source:
    """The preview in an EPS of the binary kind (Adobe Technical Note 5002)."""
    if len(data) >= 28:
        place, length = struct.unpack_from("<II", data, 20)
        if length and place + length <= len(data):
            source = open_tiff(data[place : place + length], limit)
            image = source.load(None)
            note = f"shown by the preview of {image.width} x {image.height} pixels in the EPS"
            return Source(image.size, lambda _: image, note, partial=True)
    raise FormatNotRead(
        "Design files of this kind (EPS without a preview) are not read yet; save a picture beside "
        "it."
    )
