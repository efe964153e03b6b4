from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from image_search.library import Library
from image_search.settings import Settings
from image_search.storage.writer import CacheWriter
from tests.web.clients import Client
from tests.web.conftest import HeldUpdate
from tests.web.pictures import ring

FIELDS = {
    *("id", "state", "phase", "done", "total", "added", "changed", "moved", "removed"),
    *("unreadable", "rate", "seconds_left", "started", "finished", "errors", "message"),
}


def ended(client: Client) -> Any:
    for _ in range(1000):
        job = client.get("/reindex").json
        if job["state"] != "running":
            return job
        time.sleep(0.01)
    raise AssertionError("The job never ended.")


def test_idle(client: Client) -> None:
    job = client.get("/reindex").json
    assert set(job) == FIELDS
    assert job["state"] == "idle"
    answer = client.delete("/reindex")
    assert (answer.status_code, answer.json["state"]) == (200, "idle")  # nothing is being stopped


def test_new_images_are_found(client: Client, settings: Settings) -> None:
    (settings.images / "new.png").write_bytes(ring("white", kind="PNG"))
    answer = client.post("/reindex")
    assert answer.status_code == 202
    assert set(answer.json) == FIELDS
    job = ended(client)
    assert job["state"] == "done"
    assert (job["added"], job["removed"], job["unreadable"]) == (1, 0, 1)
    assert [error["path"] for error in job["errors"]] == ["broken.png"]
    assert job["started"] <= job["finished"]
    data = {"image": (io.BytesIO(ring("white")), "q.jpg"), "k": "1"}
    assert client.post("/search", data=data).json["results"][0]["path"] == "new.png"


def test_never_two_at_once(client: Client, held: HeldUpdate) -> None:
    first = client.post("/reindex")
    second = client.post("/reindex")
    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json["error"]["code"] == "reindex_running"
    assert second.json["job"]["id"] == first.json["id"]
    assert first.json["state"] == "running"
    assert (first.json["done"], first.json["total"], first.json["rate"]) == (1, 4, 2.0)
    held.release.set()
    assert ended(client)["state"] == "done"
    assert client.post("/reindex").status_code == 202


def test_searches_go_on_meanwhile(client: Client, held: HeldUpdate) -> None:
    assert client.post("/reindex").status_code == 202
    data = {"image": (io.BytesIO(ring("teal")), "q.jpg")}
    assert client.post("/search", data=data).status_code == 200
    assert client.get("/reindex").json["state"] == "running"


def test_cancelled(client: Client, held: HeldUpdate, settings: Settings) -> None:
    (settings.images / "new.jpg").write_bytes(ring("white"))
    client.post("/reindex")
    assert client.delete("/reindex").status_code == 202
    job = ended(client)
    assert job["state"] == "cancelled"
    assert job["finished"] is not None


def test_locked_by_another_process(client: Client, settings: Settings) -> None:
    with CacheWriter(settings.cache, settings.images):
        answer = client.post("/reindex")
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "cache_locked"
    assert client.get("/reindex").json["state"] == "failed"
    assert client.post("/reindex").status_code == 202


def test_a_bug_fails_the_job_and_nothing_else(
    client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr(library, "update", broken)
    client.post("/reindex")
    job = ended(client)
    assert job["state"] == "failed"
    assert "of the test" not in job["message"]
    monkeypatch.undo()
    assert client.post("/reindex").status_code == 202


def test_stop_ends_a_running_job(
    app: Flask, client: Client, held: HeldUpdate, settings: Settings
) -> None:
    (settings.images / "new.jpg").write_bytes(ring("white"))
    client.post("/reindex")
    app.extensions["image_search"].reindexer.stop(5.0)
    assert client.get("/reindex").json["state"] == "cancelled"
    # What is still being answered meanwhile starts nothing that the end of the process would cut.
    refused = client.post("/reindex")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "reindex_running")
    assert client.get("/reindex").json["state"] == "cancelled"


def test_what_the_end_of_the_process_breaks_is_no_bug(
    app: Flask,
    client: Client,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reindexer = app.extensions["image_search"].reindexer

    def cut(_: object, cancelled: Callable[[], bool], **options: object) -> None:
        while not cancelled():
            time.sleep(0.01)
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(library, "update", cut)
    client.post("/reindex")

    reindexer.stop(5.0)

    assert client.get("/reindex").json["state"] == "cancelled"
    assert not caplog.records
