"""POST /spread: of many hits, those that differ most from each other."""

from __future__ import annotations

import numpy as np
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.labels.labels import embeddings_of, shares_of
from image_search.search.spreading import spread
from image_search.storage import Snapshot
from image_search.storage.records import parse_id
from image_search.web.service import service

blueprint = Blueprint("spread", __name__)

#: Candidates of one request, and how many of them are wanted unless ``count`` says so.
MOST_IDS, COUNT = 500, 60


@blueprint.post("/spread")
def show() -> ResponseReturnValue:
    """Of the images in ``ids``, the best first, ``count`` that differ from each other."""
    for name, values in request.form.lists():
        if name not in ("ids", "count", "csrf_token") or len(values) > 1:
            raise InvalidQuery("The fields are ids and count, each once.")
    ids = list(dict.fromkeys(request.form.get("ids", "").split()))
    if not 1 <= len(ids) <= MOST_IDS:
        raise InvalidQuery(f"ids must name 1 to {MOST_IDS} images, separated by spaces.")
    count = request.form.get("count", str(COUNT))
    if not (count.isdecimal() and 1 <= int(count) <= MOST_IDS):
        raise InvalidQuery(f"count must be a whole number from 1 to {MOST_IDS}.")
    snapshot = service().library.snapshot()
    known, vectors = _vectors(snapshot, ids)
    return jsonify(ids=[known[at] for at in spread(vectors, int(count))])


def _vectors(snapshot: Snapshot, ids: list[str]) -> tuple[list[str], Floats]:
    """The ids of those images that are indexed, in order, and a unit vector (n, dim) of each: all
    extractors count as in a search for photos."""
    numbers = {parsed[0]: one for one in ids if (parsed := parse_id(one))}
    places: dict[str, tuple[int, int]] = {}
    wanted = np.array(list(numbers), np.uint64)
    pairs = zip(snapshot.segments, snapshot.live, strict=True)
    for number, (segment, live) in enumerate(pairs):
        for row in segment.of_ids(wanted):
            if live[row] and segment.vector_of[row] >= 0:
                places[numbers[int(segment.records.ids[row])]] = number, row
    known = [one for one in ids if one in places]
    if not known:
        return [], np.zeros((0, 1), np.float32)
    shares = {name: share for name, share in shares_of(snapshot).items() if share > 0}
    blocks = embeddings_of(snapshot, [places[one] for one in known], tuple(shares))
    # What all have in common tells none of them apart.
    centred = {name: block - block.mean(axis=0) for name, block in blocks.items()}
    joined = [np.sqrt(np.float32(shares[name])) * centred[name] for name in shares]
    return known, unit_rows(np.concatenate(joined, axis=1))
