"""POST /images: new images into the collection, indexed at once. Off unless the settings allow."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.errors import CacheLocked, ImageSearchError, InvalidQuery
from image_search.web.errors import Refusal
from image_search.web.reindex import to_json
from image_search.web.service import service

blueprint = Blueprint("uploads", __name__)

#: Where images without a named folder go.
FOLDER = "uploads"

#: Images of the same content that are named; there are rarely more than one.
SAME_SHOWN = 10


@blueprint.post("/images")
def add() -> ResponseReturnValue:
    """201 and the new paths, with what could not be taken and why, and what was there already; the
    index follows by itself."""
    settings = service().settings
    if not settings.uploads:
        raise Refusal(
            403,
            "uploads_off",
            "Images cannot be added from here: set IMAGE_SEARCH_UPLOADS to 1 to allow it.",
        )
    unknown = sorted((set(request.form) | set(request.files)) - {"image", "folder", "csrf_token"})
    if unknown:
        raise InvalidQuery(f"There is no field {unknown[0]!r}; the fields are image and folder.")
    files = request.files.getlist("image")
    if not files:
        raise InvalidQuery("Send the images as files in the field image: -F image=@ring.jpg.")
    folder = request.form.get("folder", "").strip() or FOLDER
    added: list[str] = []
    refused: list[dict[str, str]] = []
    existing: list[dict[str, Any]] = []
    before: dict[bytes, str] = {}  # what came with this request, by content
    for file in files:
        name, data = file.filename or "image", file.read()
        try:
            done = service().library.add(folder, name, data)
        except ImageSearchError as error:
            refused.append({"name": name, "code": error.code, "message": str(error)})
            continue
        added.append(done.path)
        content = hashlib.sha256(data).digest()
        same = [*done.same, *([before[content]] if content in before else [])]
        before.setdefault(content, done.path)
        if same:
            existing.append({"name": name, "path": done.path, "same": same[:SAME_SHOWN]})
    if not added:
        status = 422 if any(row["code"] == "unreadable_image" for row in refused) else 400
        raise Refusal(status, refused[0]["code"], refused[0]["message"], extra={"refused": refused})
    # Where another process writes the cache, the images are saved all the same; its job finds them.
    with contextlib.suppress(CacheLocked):
        service().reindexer.start_soon()
    job = to_json(service().reindexer.job)
    return jsonify(added=added, refused=refused, existing=existing, job=job), 201
