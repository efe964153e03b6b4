"""The ending of a file's name that matches what the file holds, by how it begins."""

from __future__ import annotations

from image_search.imaging.formats.video import is_video

# What a file begins with, at which byte, and the endings that it may have, the usual one first.
# Camera raw files are TIFF files with endings of their own, which are kept.
_RAW = (
    *("dng", "nef", "nrw", "arw", "sr2", "srf", "srw", "cr2", "pef", "erf", "kdc", "dcr", "mef"),
    *("mos", "iiq", "3fr", "fff", "rwl", "gpr", "raw", "orf", "rw2"),
)
_TIFF = ("tif", "tiff", *_RAW)
_HEIF = ("heic", "heif", "hif", "heics", "avif", "avifs")
_NETPBM = ("ppm", "pgm", "pbm", "pnm", "pam")
_BEGINNINGS: tuple[tuple[int, bytes, tuple[str, ...]], ...] = (
    (0, b"\xff\xd8\xff", ("jpg", "jpeg", "jpe", "jfif", "mpo")),
    (0, b"\x89PNG\r\n\x1a\n", ("png", "apng")),
    (0, b"GIF8", ("gif",)),
    (8, b"WEBP", ("webp",)),
    (0, b"II*\x00", _TIFF),
    (0, b"MM\x00*", _TIFF),
    (0, b"II+\x00", _TIFF),
    (0, b"MM\x00+", _TIFF),
    (0, b"IIRO", ("orf",)),
    (0, b"IIRS", ("orf",)),
    (0, b"IIU\x00", ("rw2", "raw", "rwl")),
    (0, b"FUJIFILM", ("raf",)),
    (4, b"ftypcrx", ("cr3",)),
    (4, b"ftypavi", ("avif", "avifs")),
    (4, b"ftyp", _HEIF),
    (4, b"jP  \r\n", ("jp2", "jpx", "jpf", "j2k")),
    (0, b"\xff\x4f\xff\x51", ("j2k", "j2c", "jpc", "jp2")),
    (0, b"8BPS\x00\x01", ("psd",)),
    (0, b"8BPS\x00\x02", ("psb",)),
    (0, b"BM", ("bmp", "dib")),
    (0, b"\x00\x00\x01\x00", ("ico",)),
    (0, b"icns", ("icns",)),
    (0, b"DDS ", ("dds",)),
    (0, b"qoif", ("qoi",)),
    (0, b"\x01\xda", ("sgi", "rgb", "rgba", "bw")),
    (0, b"\x59\xa6\x6a\x95", ("ras", "sun")),
    (0, b"/* XPM", ("xpm",)),
    *((0, b"P%d" % kind, _NETPBM) for kind in range(1, 8)),
)
_TGA = ("tga", "icb", "vda", "vst")
_VIDEO = {b"\x1aE\xdf\xa3": ("mkv", "webm"), b"RIFF": ("avi",)}
_ISO_VIDEO = ("mp4", "m4v", "mov", "3gp", "3g2", "f4v")
_KNOWN = frozenset(ending for _, _, endings in _BEGINNINGS for ending in endings) | {*_TGA, "pcx"}


def with_matching_ending(name: str, data: bytes) -> str:
    """``name`` with an ending that the format of ``data`` may have.

    A matching ending is kept as it is written. An image ending that does not match is replaced, and
    the right one is added after any other. Content in no known format keeps its name.
    """
    matching = _endings_of(data)
    stem, dot, ending = name.rpartition(".")
    if not matching or (dot and ending.lower() in matching):
        return name
    return f"{stem if dot and ending.lower() in _KNOWN else name}.{matching[0]}"


def _endings_of(data: bytes) -> tuple[str, ...]:
    if data[-18:].startswith(b"TRUEVISION-XFILE"):
        return _TGA
    if is_video(data):
        return _VIDEO.get(data[:4], _ISO_VIDEO)
    return next((endings for at, begins, endings in _BEGINNINGS if data.startswith(begins, at)), ())
