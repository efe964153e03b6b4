"""Who asks: a test client, and the password it may send."""

from __future__ import annotations

import base64
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient

PASSWORD = "right horse, großes ß"


class Client(FlaskClient):
    """Reads every answer to its end, so that files sent are closed as a real server closes them."""

    def open(self, *args: Any, **options: Any) -> Any:
        return super().open(*args, **{"buffered": True, **options})

    def get(self, *args: Any, **options: Any) -> Any:
        return super().get(*args, **options)

    def post(self, *args: Any, **options: Any) -> Any:
        return super().post(*args, **options)

    def delete(self, *args: Any, **options: Any) -> Any:
        return super().delete(*args, **options)


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
