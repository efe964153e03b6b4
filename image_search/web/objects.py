"""POST /objects: what is in a picture, so that one thing of it can be asked for."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.search.queries import Query
from image_search.web.search import parse
from image_search.web.service import service

blueprint = Blueprint("objects", __name__)


@blueprint.post("/objects")
def answer() -> ResponseReturnValue:
    """Answer with the objects in the picture, the surest first."""
    query = parse()
    if query != Query(images=query.images, like=query.like):
        raise InvalidQuery("Objects are looked for in a whole picture; send image or like alone.")
    return jsonify(service().library.objects(query).to_json())
