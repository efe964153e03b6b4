"""POST /images: new images into the collection, indexed at once. Off unless the settings allow."""

from __future__ import annotations

import contextlib

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.errors import CacheLocked, ImageSearchError, InvalidQuery
from image_search.images import decode
from image_search.intake import take_in
from image_search.web.errors import Refusal
from image_search.web.reindex import told
from image_search.web.service import service

blueprint = Blueprint("uploads", __name__)

#: Where images go that nobody names a folder for.
FOLDER = "uploads"


@blueprint.post("/images")
def add() -> ResponseReturnValue:
    """201 and the new paths, with what could not be taken and why; the index follows by itself."""
    settings = service().settings
    if not settings.uploads:
        raise Refusal(
            403,
            "uploads_off",
            "Images cannot be added from here: set IMAGE_SEARCH_UPLOADS to 1 to allow it.",
        )
    unknown = sorted((set(request.form) | set(request.files)) - {"image", "folder", "csrf_token"})
    if unknown:
        raise InvalidQuery(f"There is no field {unknown[0]!r}; there are image and folder.")
    files = request.files.getlist("image")
    if not files:
        raise InvalidQuery("Send the images as files in the field image: -F image=@ring.jpg.")
    folder = request.form.get("folder", "").strip() or FOLDER
    added: list[str] = []
    refused: list[dict[str, str]] = []
    for file in files:
        name, data = file.filename or "image", file.read()
        try:
            # What cannot be read would lie in the collection without ever being found.
            decode(data, max_megapixels=settings.image_megapixels)
            added.append(take_in(settings.images, folder, name, data))
        except ImageSearchError as error:
            refused.append({"name": name, "code": error.code, "message": str(error)})
    if not added:
        status = 422 if any(row["code"] == "unreadable_image" for row in refused) else 400
        raise Refusal(status, refused[0]["code"], refused[0]["message"], extra={"refused": refused})
    # Where another process writes the cache, the images are here all the same; its job says so.
    with contextlib.suppress(CacheLocked):
        service().reindexer.start_soon()
    return jsonify(added=added, refused=refused, job=told(service().reindexer.job)), 201
