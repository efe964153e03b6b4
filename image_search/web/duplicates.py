"""The duplicates within the collection, and what people decide about them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.duplicates import ALL, DECIDED, OPEN, keeping, to_plain
from image_search.errors import InvalidQuery
from image_search.exchange.spreadsheets import escaped
from image_search.web.files import addresses
from image_search.web.service import service

blueprint = Blueprint("duplicates", __name__)

#: Images of one question about groups.
MOST_IDS = 500

#: Which groups ``decided`` asks for.
_WHICH = {"": ALL, "0": OPEN, "1": DECIDED}


@blueprint.get("/duplicates")
def show() -> ResponseReturnValue:
    """Some of the groups. Where images were not compared yet, that begins now."""
    decided = request.args.get("decided", "")
    if decided not in _WHICH:
        raise InvalidQuery(
            "decided must be 1 for groups with a decision, or 0 for groups without one."
        )
    duplicates = service().library.duplicates
    page = duplicates.page(_number("offset", 0), _number("limit", 20), _WHICH[decided])
    if page.state != "ready":
        service().schedule_maintenance()
    plain = to_plain(page)
    for group in plain["groups"]:
        for member in group["members"]:
            member |= addresses(member["id"], member["modified"])
    return jsonify(plain)


@blueprint.post("/duplicates/decisions")
def decide() -> ResponseReturnValue:
    """Keeps a decision on two images, or on all pairs of a ``group``; the answer holds what takes
    it back."""
    duplicates = service().library.duplicates
    if "group" in _sent():
        group, decision = _fields("group", "decision")
        return jsonify(decision=decision, undo=duplicates.decide_group(group, decision))
    one, other, decision = _fields("a", "b", "decision")
    undo = duplicates.decide(one, other, decision)
    return jsonify(decision=decision, undo=undo)


@blueprint.delete("/duplicates/decisions")
def undo() -> ResponseReturnValue:
    """Takes the last decision on two images back; the answer is what was decided before it. After
    one on a group, it is how many ``pairs`` it was about."""
    plain = _sent()
    token = plain.get("undo")
    if isinstance(token, str) and token.count("-") == 1:
        one, other = token.split("-")
    elif isinstance(token, str):
        return jsonify(pairs=service().library.duplicates.undo_group(token))
    else:
        one, other = _fields("a", "b")
    return jsonify(decision=service().library.duplicates.undo(one, other))


@blueprint.get("/duplicates/decisions")
def export() -> ResponseReturnValue:
    """Every decision, as a file to keep."""
    response = jsonify(service().library.duplicates.export_decisions())
    response.headers["Content-Disposition"] = 'attachment; filename="decisions.json"'
    return response


@blueprint.post("/duplicates/groups")
def groups() -> ResponseReturnValue:
    """The group of each of the images in ``ids`` that is the same picture as another."""
    ids = _fields("ids")[0].split()
    if len(ids) > MOST_IDS:
        raise InvalidQuery(f"ids names {len(ids):,} images; at most {MOST_IDS} are allowed.")
    return jsonify(groups=service().library.duplicates.groups_of(ids))


@blueprint.get("/duplicates/keep")
def keep() -> ResponseReturnValue:
    """Which of the files that are the same picture to keep by a ``rule``: JSON, or a table where
    ``format`` is csv."""
    rule, shape = request.args.get("rule", "largest"), request.args.get("format", "json")
    if shape not in ("json", "csv"):
        raise InvalidQuery(f"format must be json or csv, not {shape[:40]!r}.")
    found = service().library.duplicates.kept(rule)
    if shape == "json":
        return jsonify(keeping.to_plain(found, rule))
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(keeping.COLUMNS)
    table.writerows(
        [escaped(cell) if isinstance(cell, str) else cell for cell in row]
        for row in keeping.rows(found)
    )
    # The mark at the beginning lets spreadsheets read names beyond ASCII.
    response = Response("\ufeff".encode() + text.getvalue().encode("utf-8", "replace"))
    response.mimetype = "text/csv"
    response.headers["Content-Disposition"] = f'attachment; filename="keep-{rule}.csv"'
    return response


@blueprint.post("/duplicates/decisions/import")
def take() -> ResponseReturnValue:
    """Takes an export over: the JSON itself, or a file of a form, ``decisions``."""
    file = request.files.get("decisions")
    data = request.get_data() if file is None else file.read()
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidQuery(
            "Send an export of decisions: as the body, or as the file decisions of a form."
        ) from None
    done = service().library.duplicates.import_decisions(plain)
    return jsonify(taken=done.taken, kept=done.kept)


def _number(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        raise InvalidQuery(f"{name} must be a whole number.") from None


def _sent() -> dict[str, Any]:
    """The fields of the request, whether a form or JSON."""
    if not request.is_json:
        return request.form.to_dict()
    plain = request.get_json(silent=True)
    if not isinstance(plain, dict):
        raise InvalidQuery("Send a form, or a JSON object.")
    return plain


def _fields(*names: str) -> list[str]:
    plain = _sent()
    values = [plain.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in values):
        raise InvalidQuery(f"The fields {', '.join(names)} are required.")
    return [str(value) for value in values]
