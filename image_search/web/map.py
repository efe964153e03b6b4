"""The map of the collection: its page, the places on it, making it, and where a query falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from image_search.errors import IndexEmpty, InvalidQuery
from image_search.mapping.colouring import FOLDER, GROUPINGS, grouped
from image_search.mapping.layout import NEAREST, installed
from image_search.mapping.maps import PlacedImages
from image_search.web import gate
from image_search.web.errors import Refusal
from image_search.web.pages import modules_of
from image_search.web.search import parse
from image_search.web.service import service
from image_search.web.work import WorkRunning

blueprint = Blueprint("map", __name__)

# Places are sent as whole numbers up to this, which is finer than any screen.
_UNITS = 65535


@blueprint.get("/map")
def show() -> ResponseReturnValue:
    """The page of the map."""
    try:
        extractors = service().maps.extractors()
    except IndexEmpty:
        extractors = ()
    return render_template(
        "map.html",
        csrf_token=gate.csrf_token(),
        modules=modules_of("map.js"),
        extractors=extractors,
        groupings=GROUPINGS,
        upload_megabytes=service().settings.upload_megabytes,
    )


@blueprint.get("/map/places")
def places() -> ResponseReturnValue:
    """Where each image lies on the map by ``extractor``, with its group by ``colour``. Before a map
    was made, ``made`` is null, and there are no places."""
    known = {"extractor", "colour"}
    if unknown := sorted(set(request.args) - known):
        raise InvalidQuery(
            f"There is no parameter {unknown[0][:40]!r}; there are extractor and colour."
        )
    maps, library = service().maps, service().library
    extractor = maps.chosen(request.args.get("extractor", ""))
    placed = maps.placed(extractor)
    if placed is None:
        about: dict[str, Any] = {"extractor": extractor, "made": None, "method": None, "new": 0}
        return jsonify(**about, groups=[], images=_columns(None, None))
    by = request.args.get("colour", FOLDER) or FOLDER
    grouping = grouped(placed, by, library.snapshot(), library.labels)
    groups = [
        {"name": name, "colour": colour, "images": int((grouping.of == number).sum())}
        for number, (name, colour) in enumerate(
            zip(grouping.names, grouping.colours(), strict=False)
        )
    ]
    made = placed.map
    return jsonify(
        extractor=extractor,
        made=made.made,
        method=made.method,
        new=placed.new,
        groups=groups,
        images=_columns(placed, grouping.of),
    )


def _columns(placed: PlacedImages | None, group: np.ndarray | None) -> dict[str, Any]:
    """A list for each property of the images: of tens of thousands, that is half as long as a list
    of objects."""
    if placed is None or group is None:
        return {name: [] for name in ("id", "path", "x", "y", "group", "alone")}
    x, y = np.rint(placed.places.T * _UNITS).astype(int).tolist()
    return {
        "id": [f"{number:016x}" for number in placed.ids.tolist()],
        "path": list(placed.paths),
        "x": x,
        "y": y,
        "group": group.tolist(),
        "alone": np.flatnonzero(placed.alone).tolist(),
    }


@blueprint.post("/map")
def make() -> ResponseReturnValue:
    """202 and the work that makes the map by the field ``extractor``; 409 and the running work
    where there is some."""
    fields = {name: value for name, value in request.form.items() if name != "csrf_token"}
    if unknown := sorted(set(fields) - {"extractor"}):
        raise InvalidQuery(f"There is no field {unknown[0][:40]!r}; the field is extractor.")
    maps, mapping = service().maps, service().mapping
    extractor = maps.chosen(fields.get("extractor", ""))

    def work(
        note: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> Mapping[str, Any] | None:
        placed = maps.make(extractor, note, cancelled)
        if placed is None:
            return None
        return {"extractor": extractor, "images": len(placed.ids), "method": placed.map.method}

    try:
        return jsonify(mapping.start(work).to_json()), 202
    except WorkRunning as error:
        extra = {"job": mapping.state.to_json()}
        raise Refusal(409, error.code, str(error), extra=extra) from None


@blueprint.get("/map/work")
def watch() -> ResponseReturnValue:
    """The running work on a map, or the last one; ``installed`` says whether t-SNE is there."""
    return jsonify(**service().mapping.state.to_json(), installed=installed())


@blueprint.delete("/map/work")
def cancel() -> ResponseReturnValue:
    """Asks the running work to stop (202); 200 where none runs."""
    state = service().mapping.cancel()
    return jsonify(state.to_json()), 202 if state.state == "running" else 200


@blueprint.post("/map/place")
def place() -> ResponseReturnValue:
    """Where a query falls: between the images on the map by ``extractor`` that are closest to it by
    the same extractor. Takes the fields of a search besides."""
    maps, library = service().maps, service().library
    extractor = maps.chosen(request.form.get("extractor", ""))
    query = parse(besides=("extractor",))
    placed = maps.placed(extractor)
    if placed is None:
        raise InvalidQuery(f"There is no map by {extractor} yet; make it first (POST /map).")
    result = library.search(replace(query, k=NEAREST, weights={extractor: 1.0}, preset="auto"))
    found = placed.among(result.hits)
    if found is None:
        raise InvalidQuery("Nothing on the map is like that.")
    x, y = (round(value * _UNITS) for value in found)
    return jsonify(x=x, y=y, nearest=[hit.id for hit in result.hits], warnings=result.warnings)
