"""Files that cost, or claim to need, far more than they should, each made from nothing.

Most unpack to just below the limit of 128 megapixels of the settings, or claim so and do not.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from PIL import Image

# Sides of a picture just below the limit.
WIDE, HIGH = 12_800, 9_990


def chunk(name: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def zeros(count: int) -> bytes:
    """So many zeros, packed with Deflate."""
    packer, block = zlib.compressobj(1), bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join(parts) + packer.compress(bytes(count & (1 << 20) - 1)) + packer.flush()


def png(width: int, height: int, colour: int = 0, depth: int = 8, before: bytes = b"") -> bytes:
    count = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    rows = zeros((width * count * depth // 8 + 1) * height)
    parts = b"\x89PNG\r\n\x1a\n", head, before, chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"".join(parts)


def tiff(tags: Mapping[int, int | Sequence[int]], data: bytes, pages: int = 1) -> bytes:
    """A little-endian file; the data come last, and their place is put into tags 273 or 324."""
    rows = sorted(tags.items())
    size, extra = 2 + 12 * len(rows) + 4, b""
    start = 8 + size * pages
    lists = {tag: values for tag, values in rows if not isinstance(values, int)}
    after = start + sum(4 * len(values) for values in lists.values())
    entries = b""
    for tag, values in rows:
        if isinstance(values, int):
            value = after if tag in (273, 324) else values
            entries += struct.pack("<HHII", tag, 4, 1, value)
        else:
            entries += struct.pack("<HHII", tag, 4, len(values), start + len(extra))
            extra += struct.pack(f"<{len(values)}I", *values)
    out = b"II*\0" + struct.pack("<I", 8)
    for number in range(1, pages + 1):
        following = 8 + size * number if number < pages else 0
        out += struct.pack("<H", len(rows)) + entries + struct.pack("<I", following)
    return out + extra + data


def flat_tiff(width: int, height: int, bits: int, samples: int, kind: int = 1) -> bytes:
    row = -(-width * bits * samples // 8)
    data = zeros(row * height)
    return tiff(
        {
            256: width, 257: height, 258: [bits] * max(2, samples), 259: 8,
            262: 2 if samples > 2 else 1, 273: 0, 277: samples, 278: height, 279: len(data),
            339: [kind] * max(2, samples),
        }, data,
    )  # fmt: skip


def tile(side: int) -> bytes:
    data = zeros(1000)
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side}
    return tiff({**tags, 324: 0, 325: len(data)}, data)


def many_pages() -> bytes:
    data = zeros(10_000_000)
    tags = {256: 4000, 257: 2500, 258: 8, 259: 8, 262: 1, 273: 0, 277: 1, 278: 2500}
    return tiff({**tags, 279: len(data)}, data, 3000)


def tags_without_end() -> bytes:
    """Directories of 65,000 tags that lie within each other, 250 of them."""
    count, step = 65_000, 12
    out = bytearray(b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHII", 1, 1, 1, 1) * 70_000)
    for number in range(250):
        place = 8 + number * step
        struct.pack_into("<H", out, place, count)
        struct.pack_into("<I", out, place + 2 + 12 * count, place + step)
    return bytes(out)


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG of one colour whose second scan is there again and again."""

    def segment(marker: int, body: bytes) -> bytes:
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body

    blocks = ((side + 7) // 8) ** 2
    head = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    head += segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    head += segment(0xC4, b"\0" + b"\1" + bytes(16)) + segment(
        0xC4, b"\x10\1" + bytes(15) + b"\xe0"
    )
    head += segment(0xDA, b"\1\1\0\0\0\0") + bytes((blocks + 7) // 8)
    bits = ("0" + "1" * 14) * -(-blocks // 32_767)
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return head + (segment(0xDA, b"\1\1\0\1\1\0") + packed) * count + b"\xff\xd9"


def jpeg_in_tiff(side: int, count: int) -> bytes:
    data = scans(side, count)
    tags = {256: side, 257: side, 258: 8, 259: 7, 262: 1, 277: 1, 278: side}
    return tiff({**tags, 273: 0, 279: len(data)}, data)


def icon(inner: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def apple_icon(inner: bytes) -> bytes:
    block = b"ic07" + struct.pack(">I", len(inner) + 8) + inner
    return b"icns" + struct.pack(">I", len(block) + 8) + block


def qoi(side: int, ops: bytes) -> bytes:
    return b"qoif" + struct.pack(">IIBB", side, side, 3, 0) + ops + bytes(7) + b"\1"


def photoshop(side: int, channels: int) -> bytes:
    head = struct.pack(">H6xHIIHH", 1, channels, side, side, 8, 3) + bytes(12)
    return b"8BPS" + head + b"\0\2" + zeros(side * side * channels)


def animation(side: int, frames: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    shades = [Image.new("L", (side, side), number % 256) for number in range(frames)]
    shades[0].save(buffer, kind, save_all=True, append_images=shades[1:], duration=20)
    return buffer.getvalue()


def of_pillow(kind: str, mode: str = "L", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (WIDE, HIGH)).save(buffer, kind, **options)
    return buffer.getvalue()


def run_lengths() -> bytes:
    """A BMP whose rows are runs of 255 pixels."""
    rows = (b"\xff\1" * (WIDE // 255) + b"\0\0") * HIGH
    head = struct.pack("<IiiHHIIiiII", 40, WIDE, HIGH, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(rows), 0, 0, 1078) + head + bytes(1024) + rows


def archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def drawing_of_uses(depth: int) -> bytes:
    """An SVG that refers to itself ten times a level."""
    parts = ['<g id="a0"><rect width="9" height="9"/></g>']
    for level in range(1, depth):
        uses = f'<use href="#a{level - 1}"/>' * 10
        parts.append(f'<g id="a{level}">{uses}</g>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99">'
        f'<defs>{"".join(parts)}</defs><use href="#a{depth - 1}"/></svg>'
    ).encode()


def drawing_of_filters() -> bytes:
    blur = '<feGaussianBlur stdDeviation="400"/>' * 200
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 999 999"><filter id="f">'
        f'{blur}</filter><rect width="900" height="900" filter="url(#f)"/></svg>'
    ).encode()


def pdf(stream: bytes, box: int = 600) -> bytes:
    """One page that draws ``stream``, packed."""
    packed = zlib.compress(stream)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {box} {box}]/Contents 4 0 R>>".encode(),
        f"<</Length {len(packed)}/Filter/FlateDecode>>stream\n".encode() + packed + b"\nendstream",
    ]  # fmt: skip
    numbered = enumerate(objects, 1)
    body = b"".join(b"%d 0 obj\n" % number + one + b"\nendobj\n" for number, one in numbered)
    return b"%PDF-1.4\n" + body + b"trailer\n<</Size 5/Root 1 0 R>>\n%%EOF"


def numbers_as_text() -> bytes:
    return f"P2\n{WIDE} {HIGH}\n255\n".encode() + b"7 " * (WIDE * HIGH // 4)


def profile_in_parts() -> bytes:
    """A JPEG whose colour profile comes in 255 parts of 64 kB."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "JPEG", icc_profile=bytes(16_000_000))
    return buffer.getvalue()


def film(width: int, height: int, count: int) -> bytes:
    """An AVI of so many equal frames, each a JPEG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 60, 30)).save(buffer, "JPEG", quality=20)
    frame = buffer.getvalue() + bytes(len(buffer.getvalue()) % 2)

    def part(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body

    head = struct.pack("<14I", 40_000, 0, 0, 0, count, 0, 1, 0, width, height, 0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<10I4H", 0, 0, 0, 1, 25, 0, count, 0, 0, 0, 0, 0, 0, 0)
    shape = struct.pack("<3I2H4s5I", 40, width, height, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    streams = part(b"LIST", b"strl" + part(b"strh", stream) + part(b"strf", shape))
    header = part(b"LIST", b"hdrl" + part(b"avih", head) + streams)
    return part(b"RIFF", b"AVI " + header + part(b"LIST", b"movi" + part(b"00dc", frame) * count))


FILES: Final[dict[str, Callable[[], bytes]]] = {
    "TIFF, a tile of 46,000 x 46,000": lambda: tile(46_000),
    "TIFF, 128 megapixels of 64-bit floats": lambda: flat_tiff(WIDE, HIGH, 64, 1, 3),
    "TIFF, 128 megapixels of 16-bit RGBA": lambda: flat_tiff(WIDE, HIGH, 16, 4),
    "TIFF, 128 megapixels of 12-bit RGB": lambda: flat_tiff(WIDE, HIGH, 12, 3),
    "TIFF, 20 megapixels of 16 channels": lambda: flat_tiff(5000, 4000, 8, 16),
    "TIFF, 3,000 pages of 10 megapixels": many_pages,
    "TIFF, a JPEG of 2,000 scans": lambda: jpeg_in_tiff(4800, 2000),
    "TIFF, 16 million tags": tags_without_end,
    "JPEG, 2,000 scans": lambda: scans(4800, 2000),
    "JPEG, 20,000 scans": lambda: scans(1024, 20_000),
    "JPEG, 128 megapixels of CMYK": lambda: of_pillow("JPEG", "CMYK", progressive=True),
    "JPEG, profile of 16 MB": profile_in_parts,
    "PNG, 128 megapixels of 16-bit RGBA": lambda: png(WIDE, HIGH, 6, 16),
    "PNG, 4,000 megapixels": lambda: png(100_000, 40_000, 0, 1),
    "PNG, 1 GB of metadata": lambda: png(
        64, 64, before=chunk(b"zTXt", b"a\0\0" + zeros(1_000_000_000))
    ),
    "PNG, 400 frames of 4 megapixels": lambda: animation(2000, 400, "PNG"),
    "GIF, 60 frames of 4 megapixels": lambda: animation(2000, 60, "GIF"),
    "WebP, 60 frames of 4 megapixels": lambda: animation(2000, 60, "WEBP"),
    "ICO, 400 megapixels inside": lambda: icon(png(20_000, 20_000, 6)),
    "ICO, 127 megapixels inside": lambda: icon(png(WIDE, HIGH, 6)),
    "ICNS, 400 megapixels inside": lambda: apple_icon(png(20_000, 20_000, 6)),
    "QOI, 16 megapixels, a byte each": lambda: qoi(4000, b"\x6a" * 16_000_000),
    "QOI, 121 megapixels in runs": lambda: qoi(11_000, b"\xfd" * (121_000_000 // 62)),
    "PPM, 128 megapixels to 254": lambda: (
        f"P5\n{WIDE} {HIGH}\n254\n".encode() + b"\x10" * (WIDE * HIGH)
    ),
    "PGM as text, 32 million numbers": numbers_as_text,
    "BMP, 128 megapixels in runs": run_lengths,
    "TGA, 128 megapixels in runs": lambda: of_pillow("TGA", "RGBA", compression="tga_rle"),
    "JPEG 2000, 128 megapixels": lambda: of_pillow("JPEG2000"),
    "PSD, 25 megapixels of 56 channels": lambda: photoshop(5000, 56),
    "Krita, an archive of 2 GB": lambda: archive("mergedimage.png", bytes(2_000_000_000)),
    "Krita, QOI inside": lambda: archive("mergedimage.png", qoi(4000, b"\x6a" * 16_000_000)),
    "AVI, 60 frames of 121 megapixels": lambda: film(11_000, 11_000, 60),
    "AVI, 200,000 frames of 64 pixels": lambda: film(8, 8, 200_000),
    "SVG packed, 2 GB": lambda: gzip.compress(b"<svg " + bytes(2_000_000_000), 1),
    "SVG, 10^9 uses": lambda: drawing_of_uses(10),
    "SVG, 200 blurs": drawing_of_filters,
    "PDF, 2 million strokes": lambda: pdf(b"0 0 m 600 600 l S " * 2_000_000),
    "PDF, a page of 200 m": lambda: pdf(b"0 0 m 9 9 l S", 600_000),
}  # fmt: skip
