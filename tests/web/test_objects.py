"""POST /objects, and the regions of POST /search."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.drawing import ornate, saved
from tests.web.clients import Client
from tests.web.pictures import ring


def room() -> bytes:
    image = Image.new("RGB", (640, 480), "#c9c2b4")
    image.paste(ornate(1).resize((192, 192)), (64, 96))
    image.paste(Image.open(io.BytesIO(ring("teal", (192, 192)))), (384, 144))
    return saved(image, "JPEG", quality=90)


def ask(client: Client, address: str, content: bytes | None = None, **fields: Any) -> Any:
    image = {} if content is None else {"image": (io.BytesIO(content), "room.jpg")}
    return client.post(address, data={**fields, **image})


def test_the_objects_of_a_picture(client: Client) -> None:
    response = ask(client, "/objects", room())

    assert response.status_code == 200, response.json
    assert response.json.keys() == {"objects", "took_ms", "warnings"}
    best = response.json["objects"][0]
    assert best.keys() == {"region", "name", "score"}
    assert 0 < best["score"] <= 1
    for one in response.json["objects"]:
        assert ask(client, "/search", room(), region=one["region"]).status_code == 200


def test_the_objects_of_an_indexed_image(client: Client) -> None:
    known = ask(client, "/search", ring("teal")).json["results"][0]["id"]

    response = ask(client, "/objects", like=known)

    assert response.status_code == 200, response.json
    assert ask(client, "/search", like=known, region="0.2,0.2,0.6,0.6").status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({}, 400, "invalid_query", "as image or like"),
        ({"like": ["0" * 16, "1" * 16]}, 400, "invalid_query", "one"),
        ({"like": "0" * 16}, 404, "unknown_image", "the id"),
        ({"like": "0" * 16, "k": "3"}, 400, "invalid_query", "image or like alone, not 'k'"),
        ({"like": "0" * 16, "region": "0,0,1,1"}, 400, "invalid_query", "alone, not 'region'"),
        ({"colour": "red"}, 400, "invalid_query", "as image or like"),
    ],
)
def test_what_has_no_objects_is_refused(
    client: Client, fields: dict[str, Any], status: int, code: str, message: str
) -> None:
    response = ask(client, "/objects", **fields)

    assert (response.status_code, response.json["error"]["code"]) == (status, code)
    assert message in response.json["error"]["message"]


def test_what_is_no_picture_is_refused(client: Client) -> None:
    response = ask(client, "/objects", b"no image")

    assert response.status_code == 422
    assert ask(client, "/objects", bytes(300_000)).status_code == 413


def test_objects_need_the_password(anyone: Client) -> None:
    assert ask(anyone, "/objects", room()).status_code == 401


def test_regions_and_what_to_ignore(client: Client) -> None:
    right = "0.6,0.3,0.3,0.4"
    found = ask(client, "/search", room(), region=["0.1,0.2,0.3,0.4", right], k="3")
    assert found.status_code == 200, found.json
    assert (
        ask(client, "/search", room(), region=right, k="1").json["results"]
        == (ask(client, "/search", room(), region=[right, ""], k="1").json["results"])
    )
    assert ask(client, "/search", room(), ignore=[right, "0,0,0.1,0.1"]).status_code == 200

    for fields, message in (
        ({"ignore": "0,0,1,1"}, "ignore less"),
        ({"ignore": "0,0,2,1"}, "between 0 and 1"),
        ({"region": ["0,0,1,1"] * 17}, "at most 16"),
    ):
        refused = ask(client, "/search", room(), **fields)
        assert (refused.status_code, message in refused.json["error"]["message"]) == (400, True)


def test_a_check_takes_one_region(client: Client) -> None:
    refused = ask(client, "/check", room(), region=["0,0,0.5,1", "0.5,0,0.5,1"])

    assert refused.status_code == 400
    assert "a single area or object" in refused.json["error"]["message"]
