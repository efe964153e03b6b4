"""GET /openapi.json and GET /api: every call of the service, for programs and for people."""

from __future__ import annotations

import inspect
import re
from typing import Any

from flask import Blueprint, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from image_search import __version__
from image_search.web.gate import OPEN
from image_search.web.operations import COMPONENTS, FILE, ID, OPERATIONS, PAGES, ref
from image_search.web.schemas import Schema

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
def document() -> ResponseReturnValue:
    """The calls of the service as an OpenAPI 3.1 document."""
    return jsonify(described())


@blueprint.get("/api")
def page() -> ResponseReturnValue:
    """The same to read."""
    spec = described()
    calls = [
        {"method": method.upper(), "path": path, **one}
        for path, methods in spec["paths"].items()
        for method, one in methods.items()
    ]
    return render_template(
        "api.html", calls=calls, version=__version__, pieces=lambda text: text.split("`")
    )


def described() -> dict[str, Any]:
    """The OpenAPI document of the application that handles the current request."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint in PAGES:
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(rule)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "image_search",
            "version": __version__,
            "description": "Has this been drawn before? Search and checks of a collection of "
            "images. Errors have one shape: an error code and a message.",
        },
        "security": [{"basic": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(COMPONENTS),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(rule: Rule) -> dict[str, Any]:
    view = current_app.view_functions[rule.endpoint]
    # Names stand between two backticks in docstrings, and between one in OpenAPI (CommonMark).
    text = (inspect.getdoc(view) or "").replace("``", "`")
    summary, _, more = text.partition("\n\n")
    about = OPERATIONS[rule.endpoint]
    found: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": " ".join(summary.split()),
        "responses": {str(status): _response(what) for status, what in about.answers.items()},
    }
    found["responses"]["default"] = _response(ref("Error"), "What went wrong.")
    if more:
        found["description"] = " ".join(more.split())
    if rule.endpoint in OPEN:
        found["security"] = []
    arguments = [
        {"name": name, "in": "path", "required": True, "schema": ID}
        for name in sorted(rule.arguments)
    ]
    arguments += [
        {"name": name, "in": "query", "schema": schema} for name, schema in about.arguments.items()
    ]
    if arguments:
        found["parameters"] = arguments
    if about.fields:
        form = {"schema": {"type": "object", "properties": dict(about.fields)}}
        files = any(FILE in (one, one.get("items")) for one in about.fields.values())
        kind = "multipart/form-data" if files else "application/x-www-form-urlencoded"
        found["requestBody"] = {"content": {kind: form}}
    return found


def _response(what: Schema | str, words: str = "The answer.") -> dict[str, Any]:
    kind, schema = (what, FILE) if isinstance(what, str) else ("application/json", what)
    return {"description": words, "content": {kind: {"schema": schema}}}
