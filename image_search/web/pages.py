"""The page, and the state it shows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from image_search.errors import UnknownImage
from image_search.web import gate
from image_search.web.files import send_private
from image_search.web.service import service

blueprint = Blueprint("pages", __name__)

#: Sketches offered as first queries; a row of them, not a gallery.
EXAMPLES_SHOWN = 12
EXAMPLE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}

#: Unreadable files told with the state; the count beside them is complete.
FAILURES_TOLD = 500


@blueprint.get("/")
def show() -> ResponseReturnValue:
    """The page itself; everything that changes it asks for."""
    settings = service().settings
    return render_template(
        "page.html",
        csrf_token=gate.csrf_token(),
        examples=[path.name for path in _examples()],
        upload_megabytes=settings.upload_megabytes,
    )


@blueprint.get("/status")
def status() -> ResponseReturnValue:
    """The state of the index, unreadable files included."""
    answer = asdict(service().library.status())
    answer["failures"] = answer["failures"][:FAILURES_TOLD]
    return jsonify(answer)


@blueprint.get("/examples/<name>")
def example(name: str) -> ResponseReturnValue:
    """One of the sketches that the page offers, and nothing else from that folder."""
    for path in _examples():
        if path.name == name:
            return send_private(path, EXAMPLE_TYPES[path.suffix])
    raise UnknownImage("There is no such example.")


def _examples() -> list[Path]:
    folder = service().examples
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix in EXAMPLE_TYPES and path.is_file())
    return sorted(found)[:EXAMPLES_SHOWN]
