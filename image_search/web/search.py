"""POST /search: form fields in, hits out."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.searching import Query
from image_search.web.service import service

if TYPE_CHECKING:
    from image_search.search_index import Hit

blueprint = Blueprint("search", __name__)

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
FIELDS = frozenset({"text", "k", "weights"})


@blueprint.post("/search")
def answer() -> ResponseReturnValue:
    """The hits, best first."""
    result = service().library.search(parse())
    return jsonify(
        results=[_told(hit) for hit in result.hits],
        compared=result.compared,
        unreadable=result.unreadable,
        took_ms=result.took_ms,
        extractors=list(result.extractors),
        warnings=list(result.warnings),
    )


def parse() -> Query:
    """The query in the request's form.

    Raises:
        InvalidQuery: a field is unknown, given twice or has no sense.
    """
    if request.args:
        raise InvalidQuery("Send the query as form fields, not in the address.")
    if request.mimetype not in FORM_TYPES:
        raise InvalidQuery("Send the query as a form: image, text, k and weights.")
    fields = {name: values for name, values in request.form.lists() if name != "csrf_token"}
    for name in (*fields, *request.files):
        if name not in FIELDS and not (name == "image" and name in request.files):
            raise InvalidQuery(f"There is no field {name!r}; there are image, text, k, weights.")
    for name, values in fields.items():
        if len(values) > 1:
            raise InvalidQuery(f"The field {name!r} is given {len(values)} times.")
    for name in FIELDS & set(request.files):
        raise InvalidQuery(f"The field {name!r} must not be a file.")
    given = {name: values[0].strip() for name, values in fields.items() if values[0].strip()}
    uploads = request.files.getlist("image")
    # A form whose file field is left empty still sends a part, without name and content.
    images = tuple(content for file in uploads if (content := file.read()) or file.filename)
    query = Query(images=images, text=given.get("text"), weights=_weights(given.get("weights")))
    return query if "k" not in given else Query(**{**vars(query), "k": _k(given["k"])})


def _k(text: str) -> int:
    try:
        k = int(text)
    except ValueError:
        k = 0
    if k < 1:
        raise InvalidQuery(f"k must be a whole number from 1, not {text[:40]!r}.")
    return k


def _weights(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        weights: Any = json.loads(text)
    except (ValueError, RecursionError):
        weights = None
    if not isinstance(weights, dict) or not all(_is_weight(value) for value in weights.values()):
        raise InvalidQuery('weights must be a JSON object of numbers, as in {"clip": 1}.')
    return {name: float(value) for name, value in weights.items()}


def _is_weight(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def _told(hit: Hit) -> dict[str, Any]:
    return {
        **asdict(hit),
        "url": url_for("files.original", image_id=hit.id),
        "thumbnail": url_for("files.thumbnail", image_id=hit.id, side=320, v=int(hit.modified)),
    }
