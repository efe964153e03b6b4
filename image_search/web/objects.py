"""POST /objects: what is in a picture, so that one thing of it can be asked for."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.web.search import parse
from image_search.web.service import service

blueprint = Blueprint("objects", __name__)


@blueprint.post("/objects")
def answer() -> ResponseReturnValue:
    """Answer with the objects in the picture, the surest first."""
    sent = {*request.form, *request.files}
    if not sent & {"image", "like"}:
        raise InvalidQuery("Send a form with the picture to look for objects in, as image or like.")
    others = sorted(sent - {"image", "like", "csrf_token"})
    if others:
        raise InvalidQuery(
            f"Objects are looked for in a whole picture; send image or like alone, "
            f"not {others[0][:40]!r}."
        )
    return jsonify(service().library.objects(parse()).to_json())
