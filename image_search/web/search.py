"""POST /search: form fields in, hits out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.search.palettes import parse_colour
from image_search.search.parsing import parse_region, parse_time
from image_search.search.queries import MAX_PICTURES, Filter, Query
from image_search.web.files import addresses, opens_at
from image_search.web.service import service

if TYPE_CHECKING:
    from image_search.search.queries import DesignView, Hit

blueprint = Blueprint("search", __name__)

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")


@blueprint.post("/search")
def answer() -> ResponseReturnValue:
    """Answer a search with its hits, best first."""
    result = service().library.search(parse())
    return jsonify(
        results=_to_json(result.hits),
        compared=result.compared,
        unreadable=result.unreadable,
        took_ms=result.took_ms,
        kind=result.kind,
        extractors=list(result.extractors),
        warnings=list(result.warnings),
        matched_by=result.matched_by,
        named=list(result.named),
        labels=result.labels,
        metric=result.metric,
        **({} if result.drawing is None else {"drawing": result.drawing.to_json()}),
    )


def parse(besides: Collection[str] = ()) -> Query:
    """The query in the request's form; fields named in ``besides`` are left to the caller.

    Raises:
        InvalidQuery: a field is unknown, given twice or has no sense.
    """
    if request.args:
        raise InvalidQuery("Send the query as form fields, not in the address.")
    if request.mimetype not in FORM_TYPES:
        raise InvalidQuery("Send the query as a form: image, text, k and so on.")
    ours = {"csrf_token", *besides}
    fields = {name: values for name, values in request.form.lists() if name not in ours}
    _check_names(fields)
    given = {
        name: [value.strip() for value in values if value.strip()]
        for name, values in fields.items()
    }
    asked = {name: _value(name, values) for name, values in given.items() if values}
    uploads = request.files.getlist("image")
    if len(uploads) > MAX_PICTURES:  # before any of them is read
        raise InvalidQuery(
            f"The query holds {len(uploads):,} images; at most {MAX_PICTURES} are allowed."
        )
    # A form whose file field is left empty still sends a part, without name and content.
    images = tuple(content for file in uploads if (content := file.read()) or file.filename)
    marked = asked.pop("region", ())
    regions = {"region": marked[0]} if len(marked) == 1 else {"regions": marked}
    condition = Filter(**{name: asked.pop(name) for name in FILTERS if name in asked})
    return Query(images=images, filter=condition, **regions, **asked)


def _check_names(fields: Mapping[str, list[str]]) -> None:
    for name in (*fields, *request.files):
        if name not in FIELDS and not (name == "image" and name in request.files):
            if name == "image":
                raise InvalidQuery("image must be a file; with curl, -F image=@ring.jpg.")
            known = ", ".join(["image", *FIELDS])
            raise InvalidQuery(f"There is no field {name[:40]!r}; the fields are {known}.")
    for name, values in fields.items():
        if len(values) > 1 and name not in REPEATED:
            raise InvalidQuery(f"The field {name!r} is given {len(values)} times; give it once.")
    for name in FIELDS.keys() & set(request.files):
        raise InvalidQuery(f"The field {name!r} must not be a file.")


def _value(name: str, values: list[str]) -> Any:
    parsed = [FIELDS[name](value) for value in values]
    return tuple(parsed) if name in REPEATED else parsed[0]


def _whole(name: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = 0
        if number < 1:
            raise InvalidQuery(f"{name} must be a whole number from 1, not {text[:40]!r}.")
        return number

    return parse


def _flag(name: str) -> Callable[[str], bool]:
    def parse(text: str) -> bool:
        if text not in ("0", "1"):
            raise InvalidQuery(f"{name} must be 1 or 0, not {text[:40]!r}.")
        return text == "1"

    return parse


def _weights(text: str) -> dict[str, float]:
    try:
        weights: Any = json.loads(text)
    except (ValueError, RecursionError):
        weights = None
    if not isinstance(weights, dict) or not all(_is_weight(value) for value in weights.values()):
        raise InvalidQuery('weights must be a JSON object of numbers, as in {"clip": 1}.')
    return {name: float(value) for name, value in weights.items()}


def _is_weight(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= sys.float_info.max


#: Every field beside ``image``, and what makes sense of its text.
FIELDS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "not_text": str,
    "k": _whole("k"),
    "like": str,
    "kind": str,
    "color": parse_colour,
    "region": parse_region,
    "ignore": parse_region,
    "original": _flag("original"),
    "part": str,
    "weights": _weights,
    "preset": str,
    "metric": str,
    "folder": str,
    "name": str,
    "after": parse_time,
    "before": parse_time,
    "min_side": _whole("min_side"),
    "orientation": str,
    "label": str,
}
#: Fields that may be given several times.
REPEATED = frozenset({"like", "color", "region", "ignore", "label"})
#: Fields that restrict the hits instead of asking.
FILTERS = ("folder", "name", "after", "before", "min_side", "orientation", "label")


def views_to_json(views: Iterable[DesignView]) -> list[dict[str, Any]]:
    """The views of a design as JSON, with their addresses."""
    return [{**vars(view), **addresses(view.id, view.modified)} for view in views]


def _to_json(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    # Addresses are made once and filled in: Flask takes long over two for each of 30 hits.
    any_id = "0" * 16
    original = url_for("files.original", image_id=any_id)
    thumbnail = url_for("files.thumbnail", image_id=any_id, side=320, v="")
    return [
        {
            # Not asdict, which copies every score by itself: 30 hits would take milliseconds.
            **vars(hit),
            "scores": hit.public_scores,
            "views": views_to_json(hit.views),
            "url": original.replace(any_id, hit.id) + opens_at(hit.path, hit.page, hit.time),
            "thumbnail": f"{thumbnail.replace(any_id, hit.region_id)}{int(hit.modified)}",
        }
        for hit in hits
    ]
