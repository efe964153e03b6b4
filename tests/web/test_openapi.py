"""The description of the HTTP interface: whole, true, and not taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from image_search.library import Library
from image_search.search.queries import Hit
from image_search.settings import Settings
from image_search.web import create_app
from image_search.web.gate import LARGE
from image_search.web.operations import FILE, OPERATIONS, PAGES
from image_search.web.schemas import schema_of
from image_search.web.search import FIELDS
from tests.web.clients import PASSWORD, Client, client_of, validator_of

ROOT = Path(__file__).resolve().parents[2]
#: What programs may rely on: ``python -m tests.web.test_openapi`` records it after an addition.
RECORDED = ROOT / "tests" / "web" / "http_interface.txt"


@pytest.fixture
def document(library: Library, settings: Settings) -> dict[str, Any]:
    app = create_app(library, replace(settings, metrics=1))
    found: dict[str, Any] = client_of(app, PASSWORD).get("/openapi.json").json
    return found


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema below the keys ``schema`` and ``schemas``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "schema":
                yield inner
            elif key == "schemas":
                yield from inner.values()
            else:
                yield from schemas_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas_in(inner)


def promises(document: dict[str, Any]) -> set[str]:
    """What a program may rely on: calls, what they take, and what is in their answers."""
    found = set()

    def gather(place: str, schema: Any) -> None:
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for name, inner in schema.get("properties", {}).items():
            found.add(f"{place}.{name}")
            gather(f"{place}.{name}", inner)
        for inner in (schema.get("items"), *schema.get("anyOf", ())):
            if inner:
                gather(place, inner)

    for path, calls in document["paths"].items():
        for method, call in calls.items():
            name = f"{method.upper()} {path}"
            found.add(name)
            found |= {f"{name}?{one['name']}" for one in call.get("parameters", ())}
            for body in call.get("requestBody", {}).get("content", {}).values():
                gather(f"{name} takes", body["schema"])
            for status, answer in call["responses"].items():
                for kind, content in answer["content"].items():
                    found.add(f"{name} {status} {kind}")
                    gather(f"{name} {status}", content["schema"])
    return found


def test_every_call_is_described_and_nothing_else(library: Library, settings: Settings) -> None:
    app = create_app(library, replace(settings, metrics=1))
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints == OPERATIONS.keys() | PAGES
    assert not OPERATIONS.keys() & PAGES


def test_all_schemas_are_schemas(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    found = list(schemas_in(document))
    assert len(found) > 50
    for schema in found:
        jsonschema.Draft202012Validator.check_schema(schema)
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(document)):
        assert name in document["components"]["schemas"]


def test_names_of_operations_are_unique(document: dict[str, Any]) -> None:
    calls = [call for methods in document["paths"].values() for call in methods.values()]
    names = [call["operationId"] for call in calls]
    assert len(names) == len(set(names))
    assert all(call["summary"] for call in calls)


def test_what_takes_files_may_be_as_large_as_files_are() -> None:
    takes = {
        endpoint
        for endpoint, about in OPERATIONS.items()
        if any(FILE in (schema, schema.get("items")) for schema in about.fields.values())
    }
    assert takes == LARGE


def test_only_health_needs_no_password(document: dict[str, Any]) -> None:
    open_ones = [
        path
        for path, methods in document["paths"].items()
        for call in methods.values()
        if call.get("security") == []
    ]
    assert open_ones == ["/health", "/ready"]


def test_the_fields_are_those_that_a_search_takes(document: dict[str, Any], client: Client) -> None:
    body = document["paths"]["/search"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert list(body["schema"]["properties"]) == ["image", *FIELDS]
    refused = client.post("/search", data={"colour": "red"}).json["error"]["message"]
    assert ", ".join(body["schema"]["properties"]) in refused


def test_the_documentation_names_every_call(document: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    for path, methods in document["paths"].items():
        for method in methods:
            assert re.search(f"`{method.upper()} {re.sub('{.*}', 'ID', path)}", text), path


def test_nothing_that_programs_rely_on_was_taken_back(document: dict[str, Any]) -> None:
    recorded = set(RECORDED.read_text("utf-8").splitlines())
    assert len(recorded) > 300
    assert recorded - promises(document) == set()


def test_what_was_added_is_recorded(document: dict[str, Any]) -> None:
    recorded = set(RECORDED.read_text("utf-8").splitlines())
    assert promises(document) - recorded == set(), "run python -m tests.web.test_openapi"


def test_a_wrong_answer_would_be_noticed() -> None:
    right = {"taken": 1, "kept": 0}
    validator = validator_of("duplicates.take", 200)
    assert validator.is_valid(right)
    for wrong in ({}, {**right, "taken": "1"}, {**right, "more": 1}):
        assert not validator.is_valid(wrong)
    with pytest.raises(AssertionError, match="not said to answer with 201"):
        validator_of("search.answer", 201)


def test_schemas_of_dataclasses() -> None:
    properties = schema_of(Hit)["properties"]
    assert properties["scores"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert properties["closer_than"] == {"type": ["number", "null"]}
    assert properties["confirmed"] == {"type": "array", "items": {"type": "string"}}
    assert properties["views"]["items"]["properties"]["path"] == {"type": "string"}
    with pytest.raises(TypeError, match="no schema"):
        schema_of(Path)


def test_people_can_read_it(client: Client, anyone: Client) -> None:
    page = client.get("/api")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    for call in ("POST /search", "POST /check", "DELETE /reindex", "GET /images/{image_id}"):
        assert f"<code>{call}</code>" in page.text
    assert "<code>weights</code>" in page.text
    assert "The files of the images in <code>ids</code> as a ZIP" in page.text
    assert "`" not in page.text
    assert anyone.get("/openapi.json").status_code == 401
    assert anyone.get("/api", headers={"Accept": "text/html"}).status_code == 302


def record() -> None:
    """Write ``RECORDED`` as the service describes itself now."""
    import tempfile

    from image_search.web.openapi import described

    with tempfile.TemporaryDirectory() as place:
        settings = Settings(
            images=Path(place),
            cache=Path(place) / "c.pkl",
            password="recording",
            extractors="hsv",
            metrics=1,
        )
        app = create_app(Library.open(settings), settings)
        with app.app_context():
            lines = sorted(promises(described()))
    RECORDED.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    record()
