"""POST /check: is this picture in the collection already, and how is that known?"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.duplicates.checking import Checked, CheckResult, to_plain
from image_search.errors import InvalidQuery, NotReady
from image_search.imaging.reading import read_image_file
from image_search.search.queries import Query
from image_search.web.files import addresses, opens_at
from image_search.web.search import parse
from image_search.web.service import service

blueprint = Blueprint("check", __name__)

#: How many unreadable files an answer lists; the count beside them is complete.
MAX_UNREADABLE_LISTED = 200

#: Fitting the thresholds takes some ten seconds; a check waits for them at most so long.
WAIT_SECONDS = 20.0

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@blueprint.post("/check")
def answer() -> ResponseReturnValue:
    """The verdict as JSON, or as a printable page where ``format`` is html."""
    shape = request.form.get("format", "json").strip() or "json"
    if shape not in ("json", "html"):
        raise InvalidQuery(f"format must be json or html, not {shape[:40]!r}.")
    query = parse(besides=("format",))
    result = _checked(query)
    if result.without_fingerprint:
        service().schedule_maintenance()
    if shape == "html":
        return _report(query, result)
    return jsonify(to_json(result))


def _checked(query: Query) -> CheckResult:
    """The verdict, for which the thresholds are waited for where they are not fitted yet."""
    parts = service()
    try:
        return parts.library.check(query)
    except NotReady:
        parts.schedule_maintenance(hurry=True)
        # Whoever waits holds a thread; searches are to have some left.
        if not parts.waiting.acquire(blocking=False):
            raise
    try:
        parts.library.wait_for_thresholds(WAIT_SECONDS)
    finally:
        parts.waiting.release()
    return parts.library.check(query)


def to_json(result: CheckResult) -> dict[str, Any]:
    """The verdict as JSON."""
    plain = to_plain(result)
    plain["unreadable_files"] = plain["unreadable_files"][:MAX_UNREADABLE_LISTED]
    for hit in (*plain["hits"], *plain["nearest"]):
        place = opens_at(hit["path"], hit["page"], hit["time"])
        hit["url"] = addresses(hit["id"], hit["modified"])["url"] + place
        hit["thumbnail"] = addresses(hit["region_id"], hit["modified"])["thumbnail"]
        for view in hit["views"]:
            view |= addresses(view["id"], view["modified"])
    return plain


def _report(query: Query, result: CheckResult) -> Response:
    library = service().library
    if query.images:
        data = query.images[0]
        name = request.files["image"].filename or "The picture"
    else:
        path = library.originals.path(query.like[0])
        data, name = read_image_file(path), path.name
    shown = replace(result, unreadable_files=result.unreadable_files[:MAX_UNREADABLE_LISTED])
    page = library.report([Checked(name, data, shown)])
    response = Response(page.encode("utf-8", "replace"), mimetype="text/html")
    # The page brings its style and its pictures along, and nothing else may be in it.
    style = _STYLE.search(page)
    digest = hashlib.sha256((style[1] if style else "").encode()).digest()
    allowed = base64.b64encode(digest).decode("ascii")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return response
