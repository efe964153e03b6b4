"""Who asks: a test client, and the password it may send."""

from __future__ import annotations

import base64
import functools
from typing import Any, cast

import jsonschema
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from image_search.web.operations import COMPONENTS, OPERATIONS

PASSWORD = "right horse, großes ß"


class Client(FlaskClient):
    """Reads every answer to its end, so that files sent are closed as a real server closes them,
    and holds what is JSON against the schema of GET /openapi.json."""

    def open(self, *args: Any, **options: Any) -> Any:
        answer = super().open(*args, **{"buffered": True, **options})
        if answer.mimetype == "application/json" and answer.request.method != "HEAD":
            validator_of(self._endpoint(answer.request), answer.status_code).validate(answer.json)
        return answer

    def _endpoint(self, request: Any) -> str:
        places = self.application.url_map.bind("localhost")
        try:
            return str(places.match(request.path, request.method)[0])
        except HTTPException:
            return ""

    def get(self, *args: Any, **options: Any) -> Any:
        return super().get(*args, **options)

    def post(self, *args: Any, **options: Any) -> Any:
        return super().post(*args, **options)

    def delete(self, *args: Any, **options: Any) -> Any:
        return super().delete(*args, **options)


@functools.cache
def validator_of(endpoint: str, status: int) -> Any:
    """Whether an answer is what ``GET /openapi.json`` says of this call and status."""
    schema = {"$ref": "#/components/schemas/Error"}
    answers = OPERATIONS[endpoint].answers if endpoint in OPERATIONS else {}
    if status < 400 or status in answers:
        assert status in answers, f"{endpoint} is not said to answer with {status}"
        assert isinstance(answers[status], dict), f"{endpoint} is not said to answer with JSON"
        schema = cast(dict[str, Any], answers[status])
    whole = {**schema, "components": {"schemas": dict(COMPONENTS)}}
    return jsonschema.Draft202012Validator(whole)


def client_of(app: Flask, password: str | None = None) -> Client:
    """A program that sends the password, if given, with every request."""
    app.test_client_class = Client
    client = cast(Client, app.test_client())
    if password is not None:
        client.environ_base["HTTP_AUTHORIZATION"] = basic(password)
    return client


def basic(password: str, user: str = "studio") -> str:
    """The value of ``Authorization`` for HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
