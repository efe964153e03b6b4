"""The map over HTTP."""

from __future__ import annotations

import io
import time
from typing import Any

from tests.web.clients import Client
from tests.web.pictures import ring


def made(client: Client, extractor: str = "hsv") -> dict[str, Any]:
    answer = client.post("/map", data={"extractor": extractor})
    assert answer.status_code == 202, answer.json
    for _ in range(600):
        state: dict[str, Any] = client.get("/map/work").json
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the map was not made")


def test_a_map_is_made_and_has_a_place_for_each_image(client: Client) -> None:
    before = client.get("/map/places?extractor=hsv").json
    assert (before["made"], before["images"]["id"]) == (None, [])
    state = made(client)
    assert state["state"] == "done", state["message"]
    assert (state["result"]["images"], state["installed"]) == (8, True)

    places = client.get("/map/places?extractor=hsv&colour=folder").json

    columns = places["images"]
    assert {len(columns[name]) for name in ("id", "path", "x", "y", "group")} == {8}
    assert all(0 <= value <= 65535 for name in "xy" for value in columns[name])
    assert sum(group["images"] for group in places["groups"]) == 8
    assert all(group["colour"].startswith("#") for group in places["groups"])
    assert places["new"] == 0
    assert client.get(f"/thumbnails/{columns['id'][0]}").status_code == 200


def test_a_picture_falls_near_the_images_it_is_like(client: Client) -> None:
    asked = {"extractor": "hsv", "image": (io.BytesIO(ring("red")), "red.jpg")}
    missing = client.post("/map/place", data=asked)
    assert (missing.status_code, "make it first" in missing.json["error"]["message"]) == (400, True)
    made(client)
    columns = client.get("/map/places?extractor=hsv").json["images"]

    asked = {"extractor": "hsv", "image": (io.BytesIO(ring("red")), "red.jpg")}
    found = client.post("/map/place", data=asked).json

    at = columns["id"].index(found["nearest"][0])
    near = [columns["id"].index(one) for one in found["nearest"]]
    assert min(columns["x"][i] for i in near) <= found["x"] <= max(columns["x"][i] for i in near)
    assert at in near
    assert client.post("/map/place", data={"extractor": "hsv"}).status_code == 400


def test_what_cannot_be_is_refused(client: Client, anyone: Client) -> None:
    for address in ("/map/places?extractor=nope", "/map/places?way=x"):
        assert client.get(address).status_code == 400
    assert client.post("/map", data={"extractor": "nope"}).status_code == 400
    assert client.post("/map", data={"by": "hsv"}).status_code == 400
    assert client.delete("/map/work").status_code == 200
    assert anyone.get("/map/places").status_code == 401
    made(client)
    answer = client.get("/map/places?extractor=hsv&colour=taste")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")


def test_the_page_names_the_extractors(client: Client) -> None:
    page = client.get("/map").text
    assert "<option>hsv</option>" in page
    assert "<option>label</option>" in page
