"""What a monitor sees: counts, a line for each request, and whether searches are answered."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from tests.web.clients import PASSWORD, Client, client_of
from tests.web.pictures import HUES


@pytest.fixture
def monitored(library: Library, settings: Settings) -> Client:
    return client_of(create_app(library, replace(settings, metrics=1)), PASSWORD)


def samples(client: Client) -> dict[tuple[str, str], float]:
    """The values by name, and by call where there is one."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        (one.name, one.labels.get("call", "")): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
        if "le" not in one.labels
    }


def logged(
    library: Library, settings: Settings, shape: str, capsys: pytest.CaptureFixture[str]
) -> tuple[Any, str]:
    """The answer to a search for secret words, and the line about it."""
    client = client_of(create_app(library, replace(settings, access_log=shape)), PASSWORD)
    capsys.readouterr()
    answer = client.post("/search", data={"text": "secret project", "folder": "warm"})
    return answer, capsys.readouterr().err


def test_requests_and_the_index_are_counted(monitored: Client) -> None:
    before = samples(monitored)
    for _ in range(3):
        monitored.post("/search", data={"text": "a"})
    monitored.get("/nowhere")
    after = samples(monitored)

    search = ("image_search_requests_total", "search.answer")
    assert after[search] - before.get(search, 0) == 3
    assert after["image_search_request_seconds_count", "search.answer"] == after[search]
    assert after["image_search_requests_total", "unknown"] == 1
    assert after["image_search_images", ""] == len(HUES)
    assert after["image_search_unreadable", ""] == 1
    assert after["image_search_ready", ""] == 1
    assert after["image_search_reindex_running", ""] == 0


def test_addresses_that_were_sent_are_no_labels(monitored: Client) -> None:
    for number in range(5):
        monitored.get(f"/images/{number:016x}")
        monitored.open(f"/secret-{number}", method=f"X{number}")
    text = monitored.get("/metrics").text
    assert "secret" not in text
    assert "0000000000000003" not in text
    assert "X3" not in text


def test_a_failed_update_is_seen(
    monitored: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(library, "update", broken)
    monitored.post("/reindex")
    assert samples(monitored)["image_search_reindex_failed", ""] == 1


def test_metrics_are_gated_and_off_by_default(client: Client, monitored: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client_of(monitored.application).get("/metrics").status_code == 401


@pytest.mark.parametrize("shape", ["text", "json"])
def test_a_line_for_each_request(
    library: Library, settings: Settings, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, line = logged(library, settings, shape, capsys)

    assert line.count("\n") == 1
    number = answer.headers["X-Request-ID"]
    for part in ("POST", "search.answer", "200", number, "127.0.0.1"):
        assert part in line
    for private in ("secret", "project", "warm", PASSWORD, ".jpg"):
        assert private not in line
    if shape == "json":
        found = json.loads(line)
        assert (found["status"], found["request"]) == (200, number)
        assert found["ms"] > 0
        assert found["bytes"] == len(answer.data)


def test_the_number_of_a_proxy_is_kept(library: Library, settings: Settings) -> None:
    client = client_of(create_app(library, replace(settings, access_log="text")), PASSWORD)
    kept = client.get("/status", headers={"X-Request-ID": "abc-123"})
    assert kept.headers["X-Request-ID"] == "abc-123"
    made = client.get("/status", headers={"X-Request-ID": "a b\x01"})
    assert re.fullmatch("[0-9a-f]{16}", made.headers["X-Request-ID"])


def test_what_the_gate_refuses_is_logged_too(
    library: Library, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(create_app(library, replace(settings, access_log="json")))
    client.get("/status")
    assert json.loads(capsys.readouterr().err)["status"] == 401


def test_nothing_is_logged_by_default(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    answer = client.get("/status")
    assert "X-Request-ID" not in answer.headers
    assert capsys.readouterr().err == ""


def test_ready_only_with_images(anyone: Client, settings: Settings, tmp_path: Path) -> None:
    assert (anyone.get("/ready").status_code, anyone.get("/ready").json) == (200, {"ready": True})
    (tmp_path / "none").mkdir()
    empty = replace(settings, images=tmp_path / "none", cache=tmp_path / "none.pkl")
    answer = client_of(create_app(Library.open(empty), empty)).get("/ready")
    assert (answer.status_code, answer.json) == (503, {"ready": False})
