"""Style sheets, scripts and icons: the only static files that are served.

The habitual image folder lies in ``static/images``, so the static folder as a whole must not be.
"""

from __future__ import annotations

import functools
import gzip

from flask import Blueprint, Response, request, send_from_directory

from image_search import assets

blueprint = Blueprint("static_files", __name__)

# Named here: what the operating system's table makes of .js differs from machine to machine.
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@blueprint.get("/static/<any(css, js, icons):kind>/<name>")
def show(kind: str, name: str) -> Response:
    """One file; the browser asks again each time and is told 304 while it is unchanged."""
    suffix = name[name.rfind(".") :]
    response = send_from_directory(
        assets.folder("static") / kind, name, mimetype=TYPES.get(suffix), conditional=True
    )
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings["gzip"]:
        response.direct_passthrough = False
        response.set_data(_packed(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
    return response


@functools.lru_cache(maxsize=128)
def _packed(content: bytes) -> bytes:
    """Packed once; scripts and styles shrink to a third."""
    return gzip.compress(content, mtime=0)
