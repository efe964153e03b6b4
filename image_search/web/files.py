"""Originals and thumbnails, behind the gate."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from flask import Blueprint, Response, request, send_file, url_for

from image_search.errors import InvalidQuery, UnknownImage
from image_search.web.service import service

blueprint = Blueprint("files", __name__)

#: Sides of thumbnails in pixels: grid, dense screens, large view. Few, since each is kept on disk.
SIDES = (320, 640, 1600)

#: Types by suffix; what is not here is handed out as a nameless download. Nothing that a browser
#: would run (SVG, HTML) may ever be listed; ``nosniff`` keeps it to what is.
TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".apng": "image/apng",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".ico": "image/x-icon",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jp2": "image/jp2",
    ".psd": "image/vnd.adobe.photoshop",
    ".tga": "image/x-tga",
    ".ppm": "image/x-portable-pixmap",
    ".pgm": "image/x-portable-graymap",
    ".pbm": "image/x-portable-bitmap",
    ".pdf": "application/pdf",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
}

#: Even a picture opened on its own may load and run nothing.
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

#: What browsers show in a document of their own, which has to load the file: nothing but the file.
#: A sandbox would keep them from it.
SHOWN_POLICIES = {
    "application/pdf": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'none'",
    "video": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'",
}


def opens_at(path: str, page: int, time: float) -> str:
    """The fragment of an address with which browsers open the file at ``path`` at a ``page`` (from
    1) or a ``time`` in seconds; empty where they cannot, or where it begins there."""
    mimetype = TYPES.get(PurePosixPath(path).suffix.lower(), "")
    if mimetype == "application/pdf" and page > 1:
        return f"#page={page}"
    return f"#t={time:g}" if mimetype.startswith("video/") and time > 0 else ""


@blueprint.get("/images/<image_id>")
def original(image_id: str) -> Response:
    """The file as it lies in the image folder."""
    path = service().library.originals.path(image_id)
    return send_private(path, TYPES.get(path.suffix.lower()))


@blueprint.get("/thumbnails/<image_id>")
def thumbnail(image_id: str) -> Response:
    """A WebP of which the longer side has ``side`` pixels at most."""
    side = request.args.get("side", str(SIDES[0]))
    if side not in map(str, SIDES):
        raise InvalidQuery(f"side must be one of {', '.join(map(str, SIDES))}.")
    response = send_private(
        service().library.originals.thumbnail(image_id, int(side)), "image/webp"
    )
    if "v" in request.args:  # the address names a version, so its content stays what it is
        response.headers["Cache-Control"] = "private, max-age=86400"
    return response


def addresses(image_id: str, modified: float) -> dict[str, str]:
    """Where the original and the thumbnail of an image are."""
    return {
        "url": url_for("files.original", image_id=image_id),
        "thumbnail": url_for("files.thumbnail", image_id=image_id, side=320, v=int(modified)),
    }


def send_private(path: Path, mimetype: str | None) -> Response:
    """A file for the signed-in only; of unknown type it is a download, never shown.

    Raises:
        UnknownImage: the file has gone.
    """
    if not path.is_file():
        raise UnknownImage("The file is no longer there; update the index.")
    info = path.stat()
    # Names on disk need be neither UTF-8 nor printable; headers must be both.
    name = path.name.encode("utf-8", "replace").decode("utf-8")
    name = "".join(c if c.isprintable() else "_" for c in name)
    response = send_file(
        path.absolute(),
        mimetype=mimetype or "application/octet-stream",
        as_attachment=mimetype is None,
        download_name=name,
        etag=f"{info.st_mtime_ns:x}-{info.st_size:x}",
        conditional=True,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    kind = "video" if (mimetype or "").startswith("video/") else mimetype or ""
    response.headers["Content-Security-Policy"] = SHOWN_POLICIES.get(kind, FILE_POLICY)
    return response
