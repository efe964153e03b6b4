"""Style sheets, scripts and icons: the only static files that are served.

The habitual image folder lies in ``static/images``, so the static folder as a whole must not be.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
from typing import Any

from flask import Blueprint, Response, g, request, send_from_directory

from image_search import assets

blueprint = Blueprint("static_files", __name__)

# Named here: what the operating system's table makes of .js differs from machine to machine.
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@blueprint.get("/static/<any(css, js, icons):kind>/<name>")
@blueprint.get("/static/<version>/<any(css, js, icons):kind>/<name>")
def show(kind: str, name: str, version: str = "") -> Response:
    """One file. Under the version of today the browser keeps it and asks no more; under any other
    it asks again each time and gets 304 while the file is unchanged."""
    suffix = name[name.rfind(".") :]
    response = send_from_directory(
        assets.folder("static") / kind, name, mimetype=TYPES.get(suffix), conditional=True
    )
    kept = "public, max-age=31536000, immutable"  # seconds: a year, the longest there is
    response.headers["Cache-Control"] = kept if version == _version() else "no-cache"
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings["gzip"]:
        response.direct_passthrough = False
        response.set_data(_packed(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
    return response


@blueprint.app_url_defaults
def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static_files.show":
        values.setdefault("version", _version())


def _version() -> str:
    """Differs where any of the files differs; looked up once for each request."""
    if "static_version" not in g:
        static = assets.folder("static")
        paths = sorted(
            path for kind in ("css", "js", "icons") for path in (static / kind).glob("*")
        )
        versions = [(path.name, (info := path.stat()).st_size, info.st_mtime_ns) for path in paths]
        g.static_version = hashlib.sha256(repr(versions).encode()).hexdigest()[:12]
    version: str = g.static_version
    return version


@functools.lru_cache(maxsize=128)
def _packed(content: bytes) -> bytes:
    """Packed once; scripts and styles shrink to a third."""
    return gzip.compress(content, mtime=0)
