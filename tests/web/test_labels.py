"""Labels over HTTP."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from tests.web.clients import Client
from tests.web.pictures import ring


def trained(client: Client, source: str) -> dict[str, Any]:
    answer = client.post("/labels/train", data={"source": source})
    assert answer.status_code == 202, answer.json
    for _ in range(400):
        state: dict[str, Any] = client.get("/labels/train").json
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the training did not end")


def test_labels_are_trained_listed_and_searched_by(client: Client) -> None:
    assert client.get("/labels").json["classifier"] is None
    state = trained(client, "folder")
    assert state["state"] == "done", state["message"]
    assert {one["name"]: one["images"] for one in state["result"]["labels"]} == {
        "cold": 5, "warm": 3,
    }  # fmt: skip
    shown = client.get("/labels").json
    assert [one["name"] for one in shown["labels"]] == ["cold", "warm"]
    assert shown["classifier"]["source"] == "folder"

    hits = client.post("/search", data={"text": "label:warm"}).json["results"]
    assert hits
    assert all("warm" in hit["labels"] for hit in hits)
    unknown = client.post("/search", data={"text": "ring", "label": "nope"})
    assert (unknown.status_code, unknown.json["error"]["code"]) == (400, "invalid_query")


def test_a_picture_is_classified(client: Client) -> None:
    trained(client, "folder")
    files = [(io.BytesIO(ring("red")), "red.jpg"), (io.BytesIO(ring("navy")), "navy.jpg")]
    images = client.post("/classify", data={"image": files}).json["images"]
    assert [one["path"] for one in images] == ["red.jpg", "navy.jpg"]
    assert all(set(one["labels"]) == {"cold", "warm"} for one in images)
    large = ring("red") + bytes(150_000)  # more than a form without files may hold
    answer = client.post("/classify", data={"image": (io.BytesIO(large), "large.jpg")})
    assert answer.status_code == 200, answer.json
    assert client.post("/classify", data={}).status_code == 400
    broken = client.post("/classify", data={"image": (io.BytesIO(b"x"), "x.jpg")})
    assert broken.status_code == 422


def test_parts_of_a_picture_ask_where_labels_were_learnt(client: Client) -> None:
    trained(client, "folder")

    def labels(**marks: object) -> set[str]:
        answer = client.post("/search", data={"image": (io.BytesIO(ring("red")), "r.jpg"), **marks})
        assert answer.status_code == 200, answer.json
        return {"cold", "warm"} & set(answer.json["labels"])

    assert labels()
    parts = ["0,0,0.5,0.5", "0.5,0.5,0.5,0.5"]
    assert labels(region=parts) == labels(region=parts[0]) == labels(ignore=parts[0]) == set()


def test_an_image_is_corrected(client: Client) -> None:
    trained(client, "folder")
    hit = client.post("/search", data={"text": "red"}).json["results"][0]
    fields = {"id": hit["id"], "label": "signet", "holds": "1"}
    answer = client.post("/labels", data=fields)
    assert answer.json["confirmed"] == ["signet"]
    assert client.get(f"/labels/{hit['id']}").json["labels"]["signet"] == 1
    [found] = client.post("/search", data={"text": "label:signet"}).json["results"]
    assert (found["id"], found["confirmed"]) == (hit["id"], ["signet"])
    client.post("/labels", data=fields | {"holds": ""})
    assert client.get(f"/labels/{hit['id']}").json["confirmed"] == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"id": "0" * 16, "label": "x", "holds": "1"}, 404),
        ({"id": "nonsense", "label": "x", "holds": "1"}, 404),
        ({"label": "x", "holds": "1"}, 400),
        ({"id": "0" * 16, "label": "x", "holds": "yes"}, 400),
        ({"id": "0" * 16, "label": "x", "holds": "1", "more": "1"}, 400),
    ],
)
def test_a_correction_that_cannot_be(client: Client, fields: dict[str, str], status: int) -> None:
    assert client.post("/labels", data=fields).status_code == status


def test_an_empty_label_is_refused(client: Client) -> None:
    hit = client.post("/search", data={"text": "red"}).json["results"][0]
    fields = {"id": hit["id"], "label": " ", "holds": "1"}
    assert client.post("/labels", data=fields).status_code == 400


def test_training_that_cannot_be_is_refused_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post("/labels/train", data={"source": "*.jpg"}).status_code == 400
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    answer = client.post("/labels/train", data={})
    assert (answer.status_code, answer.json["error"]["code"]) == (501, "missing_package")


def test_a_failed_training_says_why(client: Client) -> None:
    state = trained(client, "people")
    assert (state["state"], state["message"][:18]) == ("failed", "No image has a lab")
    assert client.delete("/labels/train").status_code == 200


def test_labels_need_the_password(anyone: Client) -> None:
    for path in ("/labels", "/labels/train", f"/labels/{'0' * 16}"):
        assert anyone.get(path).status_code == 401
    for path in ("/labels", "/labels/train", "/classify"):
        assert anyone.post(path).status_code == 401
