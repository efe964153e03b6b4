"""What a file is that no reader takes: no image at all, a format that is not read, or damaged."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from image_search.errors import FormatNotRead, NotAnImage, UnreadableImage

_DESIGN: Final = "design file"
# How formats that hold a picture, but are not read, begin; and what people call them.
_BEGINNINGS: Final = (
    (b"%PDF", "PDF", _DESIGN), (b"%!PS", "EPS or PostScript", _DESIGN),
    (b"\xc5\xd0\xd3\xc6", "EPS", _DESIGN), (b"gimp xcf", "GIMP", _DESIGN),
    (b"\0\xffKA", "Affinity", _DESIGN), (b"\x06\x06\xed\xf5", "InDesign", _DESIGN),
    (b"BLENDER", "Blender", _DESIGN), (b"AC10", "AutoCAD", _DESIGN),
    (b"CSFCHUNK", "Clip Studio", _DESIGN),
    (b"3D Geometry File", "Rhino", _DESIGN), (b"fig-kiwi", "Figma", _DESIGN),
    (b"\xff\x0a", "JPEG XL", ""), (b"\0\0\0\x0cJXL ", "JPEG XL", ""),
    (b"\x76\x2f\x31\x01", "OpenEXR", ""),
    (b"#?RADIANCE", "Radiance HDR", ""), (b"AT&TFORM", "DjVu", ""), (b"SIMPLE  =", "FITS", ""),
    (b"\xd7\xcd\xc6\x9a", "Windows Metafile", ""), (b"FOVb", "camera raw of Sigma", ""),
    (b"BLP", "Blizzard texture", ""), (b"\xabKTX", "KTX", ""),
)  # fmt: skip


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DESIGN_ENDINGS: Final = _listed(
    """
    ai eps ps indd idml cdr afdesign afphoto afpub sketch fig xd xcf clip
    procreate psp pspimage blend 3dm dwg dxf skp max c4d fh11 pages key zprj dst emb fla penpot
    krz odg stl obj step stp iges igs fbx glb gltf usdz 3mf f3d
    """
)
_PICTURE_ENDINGS: Final = _listed(
    """
    jpg jpeg jpe jfif png apng gif bmp dib webp tif tiff heic heif hif avif jp2 j2k jpx jpc
    psd psb tga ico icns ppm pgm pbm pnm pcx sgi dds qoi ras xbm xpm msp nef cr2 cr3 arw dng
    raf orf rw2 pef srw svg svgz pdf kra ora
    """
)
_VIDEO_ENDINGS: Final = _listed("mp4 mov m4v webm mkv avi")
_OTHER_PICTURE_ENDINGS: Final = _listed(
    """
    jxl exr hdr djvu wmf emf fits fit dcm x3f mrw iiq 3fr fff erf kdc dcr mos blp ktx fli
    flc wal pxr gbr fpx
    """
)
# What lies beside pictures and is none: sidecars, text, sound, other videos, files of programs.
_NO_IMAGES: Final = _listed(
    """
    xmp aae pp3 dop cos cosessiondb on1 txt md csv tsv json xml yml yaml ini cfg log
    html htm css js py sh bat exe dll db sqlite lnk url webloc nfo doc docx xls xlsx ppt
    pptx odt ods rtf mp3 wav aac m4a flac ogg mpg mpeg wmv mts m2ts
    lrv ttf otf woff woff2 icc icm abr atn ase aco lut cube gpx kml srt vtt eml msg bak part
    crdownload sha256 md5 par2
    """
)


def ending(name: str) -> str:
    """The ending of a file's name, in small letters, without the dot."""
    return PurePosixPath(name).suffix[1:].lower()


def is_no_image(head: bytes, name: str) -> bool:
    """Whether a file is no image, by its name and its first bytes: then the rest need not be
    read."""
    return ending(name) in _NO_IMAGES and not _begins_like_an_image(head)


def _begins_like_an_image(head: bytes) -> bool:
    starts = (
        b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"8BPS", b"BM", b"qoif",
        b"DDS ", b"icns", b"\0\0\0\x0cjP  ",
    )  # fmt: skip
    pictures = (b"ftypheic", b"ftypavif", b"ftypmif1", b"ftypheix", b"ftypcrx ")
    moving = head[:4] == b"RIFF" and head[8:12] != b"WEBP"
    return (head.startswith(starts) and not moving) or head[4:12] in pictures


def unidentified(data: bytes, name: str) -> UnreadableImage:
    """Why no reader takes the bytes of a file of this name (which may be unknown, "")."""
    kind = ending(name)
    for start, called, family in _BEGINNINGS:
        if data.startswith(start):
            return _not_read(called, family)
    if b"<svg" in data[:4096]:
        return _not_read("SVG", _DESIGN)
    if kind in _DESIGN_ENDINGS:
        return _not_read(kind.upper(), _DESIGN)
    if kind in _OTHER_PICTURE_ENDINGS:
        return _not_read(kind.upper(), "")
    if kind in _VIDEO_ENDINGS:
        return UnreadableImage(
            f"This is not a video, although it is named like one (.{kind}): it is damaged, or "
            "something else."
        )
    if kind in _PICTURE_ENDINGS:
        return UnreadableImage(
            f"This is not an image, although it is named like one (.{kind}): it is damaged, or "
            "something else."
        )
    if _begins_like_an_image(data):
        return UnreadableImage("The image is damaged or incomplete (its header is invalid).")
    return NotAnImage(
        "This is not an image in a format that can be read; use JPEG, PNG, WebP, TIFF, HEIC, AVIF "
        "or another common format."
    )


def _not_read(called: str, family: str) -> FormatNotRead:
    if family == _DESIGN:
        return FormatNotRead(
            f"Design files of this kind ({called}) are not read yet; save a picture beside it."
        )
    return FormatNotRead(
        f"Pictures of this kind ({called}) are not read yet; save it as PNG, JPEG or TIFF."
    )
