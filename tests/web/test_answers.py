"""What all answers share: headers, the shape of errors; and the state as told to each audience."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from image_search import __version__, errors
from image_search.library import Library
from image_search.settings import Settings
from image_search.web.errors import STATUS, status_of
from image_search.web.health import without_paths
from tests.web.clients import Client, client_of
from tests.web.pictures import HUES


@pytest.mark.parametrize("path", ["/", "/login", "/health", "/status", "/nowhere"])
def test_security_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    for name in ("object-src", "base-uri", "frame-ancestors"):
        assert policy[name] == "'none'"
    assert policy["form-action"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


def test_pages_have_nothing_inline(client: Client) -> None:
    for path in ("/", "/login"):
        page = client.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page
        assert "//" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/search", 405, "method_not_allowed"),
        ("PUT", "/reindex", 405, "method_not_allowed"),
        ("POST", "/health", 401, "not_signed_in"),
    ],
)
def test_errors_have_one_shape(
    app: Flask, client: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = (client_of(app) if status == 401 else client).open(path, method=method)
    assert answer.status_code == status
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message"}
    assert answer.json["error"]["code"] == code
    assert ("Allow" in answer.headers) is (status == 405)


def test_a_bug_is_reported_without_its_insides(
    app: Flask,
    client: Client,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret insides")

    monkeypatch.setattr(library, "status", broken)
    answer = client.get("/status")
    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "internal_error"
    assert "secret" not in answer.text
    assert "secret insides" in caplog.text
    health = client.get("/health")
    assert (health.status_code, health.json["status"]) == (200, "degraded")
    assert "secret" not in health.text


def test_a_person_gets_a_page(client: Client) -> None:
    answer = client.get("/nowhere", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "There is nothing at this address." in answer.text


def test_a_person_signing_out_too_late_gets_a_page(app: Flask) -> None:
    answer = client_of(app).post("/logout", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (401, "text/html")


def test_every_error_of_the_core_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, errors.ImageSearchError):
            assert 400 <= status_of(kind("x")) < 600
    assert all(issubclass(kind, errors.ImageSearchError) for kind in STATUS)


def test_the_page_shows_the_version(client: Client) -> None:
    assert f"Image search {__version__}" in client.get("/").text


def test_health_is_open_and_tells_no_names(anyone: Client, settings: Settings) -> None:
    answer = anyone.get("/health")
    assert answer.status_code == 200
    assert set(answer.json) == {
        *("status", "alive", "ready", "images", "extractors", "warnings", "version"),
    }
    assert (answer.json["status"], answer.json["alive"], answer.json["ready"]) == ("ok", True, True)
    assert answer.json["images"] == len(HUES)
    assert answer.json["extractors"] == ["hsv", "edges"]
    assert answer.json["version"] == __version__
    for private in ("broken", str(settings.images), str(settings.cache)):
        assert private not in answer.text


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        ("The cache /srv/new designs/x.pkl is damaged.", None),
        ("Carry it over to ~/.cache/clip/ViT-B-32.pt.", None),
        (r"See C:\Users\anna\cache.pkl, please.", "See …, please."),
        ("Run `image-search models fetch`.", "Run `image-search models fetch`."),
        ("clip (open_clip/ViT-B-32) is away", "clip (open_clip/ViT-B-32) is away"),
    ],
)
def test_paths_in_warnings(result: str, kept: str | None) -> None:
    settings = Settings(images=Path("/srv/new designs"), cache=Path("/srv/new designs/x.pkl"))
    clean = without_paths(result, settings)
    assert "designs" not in clean
    assert ".cache" not in clean
    if kept is not None:
        assert clean == kept


def test_status_tells_the_signed_in_everything(client: Client, settings: Settings) -> None:
    status = client.get("/status").json
    assert status["images"] == len(HUES)
    assert [failure["path"] for failure in status["failures"]] == ["broken.png"]
    assert status["failures"][0]["reason"]
    assert set(status["models"]) == {"hsv", "edges"}
    assert status["images_folder"] == str(settings.images)


def test_documents_are_distinguished_from_pictures_that_cannot_be_read(
    client: Client, library: Library, settings: Settings
) -> None:
    (settings.images / "order.PDF").write_bytes(b"%PDF-1.7")
    (settings.images / "notes.txt").write_text("to do")
    library.update()
    status = client.get("/status").json
    # A PDF may hold a picture, so one that cannot be read is listed; notes are counted.
    assert status["unreadable"] == 2
    assert [failure["path"] for failure in status["failures"]] == ["broken.png", "order.PDF"]
    assert status["not_images"] == {".txt": 1}
    assert status["others"] == {"count": 1, "endings": ["txt"]}
