"""POST /models/fetch: models are downloaded in the background, watched, stopped, refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from image_search.extractors.model_sets import SETS
from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from tests.extractors.conftest import direct_to
from tests.hub import Behaviour, Hub, tiny_safetensors, tiny_torch
from tests.web.clients import PASSWORD, Client, client_of


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with tiny files, and empty caches to fetch them into."""
    with Hub(tiny_safetensors(tmp_path), tiny_torch(tmp_path)) as hub:
        direct_to(hub, tmp_path / "weights", monkeypatch)
        yield hub


@pytest.fixture
def classic(hub: Hub, settings: Settings) -> Client:
    """A program that asks a service with the default settings, over an index without CLIP."""
    settings = replace(settings, extractors="auto", hub_timeout=1)
    library = Library.open(settings)
    hub.behaviour = Behaviour.DOWN
    library.update(fingerprints=False)
    hub.behaviour = Behaviour.WELL
    return client_of(create_app(library, settings), PASSWORD)


def ended(client: Client) -> Any:
    return reached(client, lambda job: job["state"] != "running")


def reached(client: Client, condition: Callable[[Any], bool]) -> Any:
    for _ in range(3000):
        job = client.get("/models/fetch").json
        if condition(job):
            return job
        time.sleep(0.01)
    raise AssertionError(f"The download has not come so far: {job}")


def test_nothing_is_downloaded_before_it_is_asked_for(client: Client) -> None:
    assert client.get("/models/fetch").json["state"] == "idle"
    answer = client.delete("/models/fetch")
    assert (answer.status_code, answer.json["state"]) == (200, "idle")


def test_the_set_in_use_is_downloaded_and_then_ready(classic: Client) -> None:
    before = classic.get("/status").json
    assert [note.split(".")[0] for note in before["notes"]] == [
        "Searching without clip",
        "Searching without resnet50",
    ]
    assert set(before["notes"]) <= set(before["warnings"])
    health = classic.get("/health").json
    assert (health["status"], len(health["warnings"])) == ("ok", len(before["notes"]))
    found = classic.post("/search", data={"text": "a"}).json
    assert not set(before["notes"]) & set(found["warnings"]), (
        "a search repeats what the status says"
    )

    answer = classic.post("/models/fetch")

    assert answer.status_code == 202
    assert (answer.json["name"], answer.json["state"]) == ("classic", "running")
    job = ended(classic)
    assert (job["state"], job["fetched"]) == ("done", ["clip", "resnet50"])
    assert job["done"] == job["total"] > 7e8
    assert job["message"] == "Downloaded. Update the index to use it."
    sets = {row["name"]: row for row in classic.get("/models").json["sets"]}
    assert sets["classic"]["chosen"]
    assert sets["classic"]["missing"] == []
    assert sets["sharp"]["missing"] == ["clip-datacomp-256", "dinov2"]
    assert sets["light"]["bytes"] == 0
    after = classic.get("/status").json
    assert after["notes"] == []
    assert any("clip is available" in warning for warning in after["warnings"])
    assert ended(classic) == job
    assert classic.post("/models/fetch").status_code == 202
    assert "nothing was downloaded" in ended(classic)["message"]


def test_one_extractor_is_downloaded_by_its_name(classic: Client) -> None:
    assert classic.post("/models/fetch", data={"name": "clip-laion2b"}).status_code == 202

    job = ended(classic)

    assert (job["state"], job["fetched"]) == ("done", ["clip-laion2b"])
    assert "name clip-laion2b in IMAGE_SEARCH_EXTRACTORS" in job["message"]


def test_never_two_at_once_and_stopped_on_request(classic: Client, hub: Hub) -> None:
    hub.behaviour = Behaviour.STEADY
    first = classic.post("/models/fetch", data={"name": "clip"})
    second = classic.post("/models/fetch", data={"name": "resnet50"})
    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json["error"]["code"] == "fetch_running"
    assert second.json["job"]["id"] == first.json["id"]
    running = reached(classic, lambda job: job["done"] > 0)
    assert (running["state"], running["current"]) == ("running", "clip")

    assert classic.delete("/models/fetch").status_code == 202

    job = ended(classic)
    assert (job["state"], job["fetched"]) == ("cancelled", [])
    hub.behaviour = Behaviour.WELL
    classic.post("/models/fetch", data={"name": "clip"})
    assert ended(classic)["state"] == "done"
    assert hub.continued, "it went on where it was stopped"


@pytest.mark.parametrize("behaviour", [Behaviour.DOWN, Behaviour.SILENT])
def test_without_a_hub_the_error_says_what_works(
    classic: Client, hub: Hub, behaviour: Behaviour
) -> None:
    hub.behaviour = behaviour
    classic.post("/models/fetch", data={"name": "sharp"})

    job = ended(classic)

    assert job["state"] == "failed"
    assert "No model hub can be reached from this server; searching works with" in job["message"]
    assert ", ".join(SETS["light"].extractors) in job["message"]


def test_a_hub_that_sends_damaged_files_is_named(classic: Client, hub: Hub) -> None:
    hub.behaviour = Behaviour.CORRUPT
    classic.post("/models/fetch", data={"name": "resnet50"})

    job = ended(classic)

    assert job["state"] == "failed"
    assert "damaged" in job["message"]


@pytest.mark.parametrize("name", ["huge", "clip;rm", "auto,clip"])
def test_a_name_that_there_is_not_is_refused(client: Client, name: str) -> None:
    answer = client.post("/models/fetch", data={"name": name})

    assert answer.status_code == 400
    assert "the sets are: classic, sharp, best, light" in answer.json["error"]["message"]


def test_only_who_is_signed_in_downloads(anyone: Client, app: Flask) -> None:
    assert anyone.post("/models/fetch").status_code == 401
    signed_in = client_of(app)
    token = signed_in.get("/login").get_data(as_text=True).split('name="csrf_token" value="')[1]
    signed_in.post("/login", data={"password": PASSWORD, "csrf_token": token.split('"')[0]})
    assert signed_in.get("/models").status_code == 200
    assert signed_in.post("/models/fetch").status_code == 403
