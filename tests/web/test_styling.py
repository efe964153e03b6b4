"""A picture in the style of another, over HTTP."""

from __future__ import annotations

import io
import time
from typing import Any

from PIL import Image

from tests.web.clients import Client
from tests.web.pictures import ring


def ended(client: Client) -> dict[str, Any]:
    for _ in range(600):
        state: dict[str, Any] = client.get("/stylize/work").json
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the drawing did not end")


def asked(client: Client, **fields: object) -> dict[str, Any]:
    like = client.post("/search", data={"text": "jpg"}).json["results"][0]["id"]
    image = (io.BytesIO(ring("red")), "red.jpg")
    return {"image": image, "style": like, "side": "96", **fields}


def test_a_picture_is_drawn_in_the_style_of_an_image(client: Client) -> None:
    assert client.get("/stylize/picture").status_code == 404
    answer = client.post("/stylize", data=asked(client))
    assert answer.status_code == 202, answer.json

    state = ended(client)

    assert state["state"] == "done", state["message"]
    assert state["result"]["method"] == "patches"
    drawn = client.get("/stylize/picture")
    assert drawn.mimetype == "image/png"
    with Image.open(io.BytesIO(drawn.data)) as picture:
        assert max(picture.size) == 96
        assert picture.size == (state["result"]["width"], state["result"]["height"])
    assert "no-store" in drawn.headers["Cache-Control"]


def test_a_drawing_can_be_stopped_and_only_one_runs(client: Client) -> None:
    large = asked(client, side="1200", like="", image=(io.BytesIO(ring("navy")), "navy.jpg"))
    assert client.post("/stylize", data=large).status_code == 202
    second = client.post("/stylize", data=asked(client))
    if second.status_code != 409:  # the first was quicker
        assert second.status_code == 202
    else:
        assert second.json["error"]["code"] == "work_running"
    assert client.delete("/stylize/work").status_code in (200, 202)
    assert ended(client)["state"] in ("cancelled", "done")
    assert client.delete("/stylize/work").status_code == 200


def test_what_cannot_be_drawn_is_refused(client: Client, anyone: Client) -> None:
    for wrong in (
        {"strength": "2"},
        {"strength": "x"},
        {"side": "5"},
        {"side": "nan"},
        {"side": "inf"},
        {"method": "magic"},
    ):
        assert client.post("/stylize", data=asked(client, **wrong)).status_code == 400
    assert client.post("/stylize", data=asked(client, colour="red")).status_code == 400
    assert client.post("/stylize", data={"style": "0" * 16}).status_code == 400
    missing = asked(client, style="0" * 16)
    assert client.post("/stylize", data=missing).status_code == 404
    broken = asked(client, image=(io.BytesIO(b"x"), "x.jpg"))
    assert client.post("/stylize", data=broken).status_code == 422
    assert anyone.post("/stylize", data={}).status_code in (401, 403)


def test_the_page_is_there(client: Client) -> None:
    page = client.get("/stylize").text
    assert "in the style of another" in page
    assert 'id="styling-draw"' in page
