"""GET /browse and GET /folders: the collection without a query."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.indexing.originals import id_of
from image_search.search.browsing import NEWEST
from image_search.search.queries import Filter
from image_search.storage import FileRecord
from image_search.web.files import addresses
from image_search.web.search import FIELDS, FILTERS, REPEATED
from image_search.web.service import service

blueprint = Blueprint("browse", __name__)

#: Images of one answer, unless ``limit`` says otherwise.
LIMIT = 60

_BESIDES = ("order", "offset", "limit")


@blueprint.get("/browse")
def images() -> ResponseReturnValue:
    """Some of the images that fulfil the filters, in an order."""
    given = _arguments((*FILTERS, *_BESIDES))
    limits: dict[str, Any] = {
        name: tuple(values) if name in REPEATED else FIELDS[name](values[0])
        for name, values in given.items()
        if name in FILTERS
    }
    condition = Filter(**limits)
    if condition.label:
        condition = service().library.labels.admitting(condition)
    order = given.get("order", [NEWEST])[0]
    offset, limit = _number(given, "offset", 0), _number(given, "limit", LIMIT)
    catalogue = service().catalogues.current()
    found = catalogue.images(condition, order, offset, limit)
    return jsonify(
        images=[_to_json(record) for record in found.records],
        total=found.total,
        offset=offset,
        order=order,
        orders=list(catalogue.orders),
    )


@blueprint.get("/folders")
def folders() -> ResponseReturnValue:
    """The folders directly below the folder ``below``, or all whose path holds ``like``."""
    given = _arguments(("below", "like"))
    if len(given) == 2:
        raise InvalidQuery("Give below or like, not both.")
    catalogue = service().catalogues.current()
    if "like" in given:
        found = catalogue.folders_like(given["like"][0])
    else:
        found = catalogue.folders(given.get("below", [""])[0])
    return jsonify(
        folders=[vars(folder) for folder in found.folders], total=found.total, images=found.images
    )


def newest(most: int) -> list[dict[str, Any]]:
    """The images altered last, as ``GET /browse`` answers them."""
    found = service().catalogues.current().images(Filter(), NEWEST, 0, most)
    return [_to_json(record) for record in found.records]


def _to_json(record: FileRecord) -> dict[str, Any]:
    known, modified = id_of(record), record.mtime_ns / 1e9
    return {
        "id": known,
        "path": record.path,
        "width": record.width,
        "height": record.height,
        "size": record.size,
        "modified": modified,
        "note": record.note,
        **addresses(known, modified),
    }


def _arguments(known: tuple[str, ...]) -> dict[str, list[str]]:
    """The arguments of the address that are not empty.

    Raises:
        InvalidQuery: one is unknown, or given several times.
    """
    given = {}
    for name, texts in request.args.lists():
        if name not in known:
            raise InvalidQuery(f"There is no argument {name[:40]!r}; there are {', '.join(known)}.")
        values = [text.strip() for text in texts if text.strip()]
        if len(values) > 1 and name not in REPEATED:
            raise InvalidQuery(f"The argument {name!r} is given {len(values)} times; give it once.")
        if values:
            given[name] = values
    return given


def _number(given: dict[str, list[str]], name: str, default: int) -> int:
    try:
        return int(given.get(name, [str(default)])[0])
    except ValueError:
        raise InvalidQuery(f"{name} must be a whole number.") from None
