"""POST /images and GET /models: new images come in, and what compares them is told."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import Any

import pytest

from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.conftest import HeldUpdate
from tests.web.pictures import HUES, ring


@pytest.fixture
def adder(library: Library, settings: Settings) -> Client:
    """A program, where the settings allow images to be added."""
    return client_of(create_app(library, replace(settings, uploads=1)), PASSWORD)


def add(client: Client, *files: tuple[bytes, str], **fields: str) -> Any:
    images = [(io.BytesIO(content), name) for content, name in files]
    return client.post("/images", data={"image": images, **fields})


def settled(client: Client, images: int) -> None:
    for _ in range(1000):
        idle = client.get("/reindex").json["state"] != "running"
        if idle and client.get("/health").json["images"] == images:
            return
        time.sleep(0.01)
    raise AssertionError("They were never indexed.")


def test_off_unless_allowed(client: Client, settings: Settings) -> None:
    before = sorted(settings.images.rglob("*"))
    answer = add(client, (ring("white"), "new.jpg"))
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "uploads_off")
    assert "IMAGE_SEARCH_UPLOADS" in answer.json["error"]["message"]
    assert sorted(settings.images.rglob("*")) == before


def test_new_images_are_indexed_at_once(adder: Client, settings: Settings) -> None:
    answer = add(adder, (ring("white"), "../new.jpg"), (b"Dear Sir", "letter.jpg"), folder="a/b")
    assert answer.status_code == 201
    assert answer.json["added"] == ["a/b/new.jpg"]
    assert [row["name"] for row in answer.json["refused"]] == ["letter.jpg"]
    assert (settings.images / "a" / "b" / "new.jpg").read_bytes() == ring("white")
    settled(adder, len(HUES) + 1)
    again = add(adder, (ring("black"), "new.jpg"))
    assert again.json["added"] == ["uploads/new.jpg"]
    settled(adder, len(HUES) + 2)


def test_what_is_there_already_is_reported(adder: Client, settings: Settings) -> None:
    teal = (settings.images / "cold" / "teal.jpg").read_bytes()
    answer = add(adder, (teal, "mine.jpg"), (ring("white"), "a.jpg"), (ring("white"), "b.jpg"))
    assert answer.status_code == 201
    assert answer.json["existing"] == [
        {"name": "mine.jpg", "path": "uploads/mine.jpg", "same": ["cold/teal.jpg"]},
        {"name": "b.jpg", "path": "uploads/b.jpg", "same": ["uploads/a.jpg"]},
    ]
    settled(adder, len(HUES) + 3)
    again = add(adder, (teal, "mine.png"))
    assert again.json["existing"] == [
        {
            "name": "mine.png",
            "path": "uploads/mine (2).jpg",
            "same": ["cold/teal.jpg", "uploads/mine.jpg"],
        }
    ]
    settled(adder, len(HUES) + 4)


def test_images_that_come_during_an_update_are_seen_by_the_next(
    adder: Client, held: HeldUpdate
) -> None:
    first = adder.post("/reindex").json["id"]
    answer = add(adder, (ring("white"), "new.jpg"))
    assert answer.status_code == 201
    assert answer.json["job"]["id"] == first
    held.release.set()
    settled(adder, len(HUES) + 1)
    for _ in range(500):
        if adder.get("/reindex").json["id"] != first:
            break
        time.sleep(0.01)
    assert adder.get("/reindex").json["id"] != first


@pytest.mark.parametrize(
    ("data", "status", "expected"),
    [
        ({}, 400, "field image"),
        ({"image": (io.BytesIO(b"x"), "x.jpg"), "path": "x"}, 400, "no field 'path'"),
        ({"image": (io.BytesIO(b"x"), "x.jpg")}, 422, "x.jpg"),
        ({"image": (io.BytesIO(ring("white")), "x.jpg"), "folder": "../out"}, 400, "inside"),
    ],
    ids=["none", "unknown field", "no image", "outside"],
)
def test_what_cannot_be_taken(
    adder: Client, settings: Settings, data: dict[str, Any], status: int, expected: str
) -> None:
    before = sorted(settings.images.parent.rglob("*.jpg"))
    answer = adder.post("/images", data=data, content_type="multipart/form-data")
    assert answer.status_code == status
    result = answer.json["error"]["message"] + str(answer.json.get("refused", ""))
    assert expected in result
    assert sorted(settings.images.parent.rglob("*.jpg")) == before


def test_only_who_is_signed_in_adds_images(anyone: Client) -> None:
    assert add(anyone, (ring("white"), "new.jpg")).status_code == 401
    assert anyone.get("/models").status_code == 401


def test_models(client: Client) -> None:
    rows = {row["name"]: row for row in client.get("/models").json["models"]}
    assert rows["hsv"]["in_use"]
    assert rows["texture"]["present"]
    assert not rows["texture"]["in_use"]  # not in this index
    assert rows["clip"]["bytes"] > 1e8
    assert rows["clip"]["place"]
    assert bool(rows["clip"]["lack"]) is not rows["clip"]["present"]
    assert all(row["summary"] and row["model"] for row in rows.values())


def test_no_folder_is_made_that_no_walk_would_reach(adder: Client, settings: Settings) -> None:
    answer = add(adder, (ring("white"), "a.png"), folder="d/" * 1100)

    assert answer.status_code == 400
    assert "levels deep" in answer.json["refused"][0]["message"]
    assert not (settings.images / "d").exists()
