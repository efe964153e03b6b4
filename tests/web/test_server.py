"""The contract from outside: a real server, and curl."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_search.errors import SettingsError
from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from image_search.web.server import serve
from tests.web.clients import PASSWORD
from tests.web.pictures import draw_collection, ring
from tests.web.running import Running, running

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]

USER = f"studio:{PASSWORD}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    draw_collection(folder / "images")
    settings = Settings(
        images=folder / "images",
        cache=folder / "image_features.pkl",
        password=PASSWORD,
        extractors="hsv,edges",
        upload_megabytes=0.2,
        trusted_proxy="127.0.0.1",
    )
    Library.open(settings).update()
    with running(settings) as started:
        yield started


def curl(service: Running, path: str, *options: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of an answer."""
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", "10", *options, service.address.rstrip("/") + path],
        capture_output=True,
        check=True,
    )
    head, _, body = done.stdout.rpartition(b"\r\n\r\n")
    lines = head.decode().split("\r\n\r\n")[-1].split("\r\n")  # after any 100 Continue
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, json.loads(body)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "ring.jpg"
    path.write_bytes(ring("teal"))
    return path


def test_the_documented_search(service: Running, picture: Path) -> None:
    status, headers, body = curl(service, "/search", "-u", USER, "-F", f"image=@{picture}")
    assert status == 200
    assert body["results"][0]["path"] == "cold/teal.jpg"
    assert "server" not in headers
    assert headers["cache-control"] == "no-store"


def test_wrong_password_and_none(service: Running, picture: Path) -> None:
    form = ("-F", f"image=@{picture}")
    status, headers, body = curl(service, "/search", "-u", "studio:wrong", *form)
    assert (status, body["error"]["code"]) == (401, "wrong_password")
    assert headers["www-authenticate"].startswith("basic")
    status, _, body = curl(service, "/search", *form)
    assert (status, body["error"]["code"]) == (401, "not_signed_in")


def test_twenty_wrong_ones(service: Running) -> None:
    # Behind the trusted proxy each of its clients is judged by its own address.
    wrong = ("-u", "studio:wrong", "-H", "X-Forwarded-For: 198.51.100.9")
    answers = [curl(service, "/status", *wrong) for _ in range(20)]
    assert [status for status, _, _ in answers] == [401] * 10 + [429] * 10
    assert int(answers[-1][1]["retry-after"]) > 0
    right = ("-u", USER, "-H", "X-Forwarded-For: 198.51.100.9")
    assert curl(service, "/status", *right)[0] == 429
    assert curl(service, "/status", "-u", USER)[0] == 200


@pytest.mark.parametrize("size", [300_000, 5_000_000])
def test_too_large(service: Running, tmp_path: Path, size: int) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(size))
    status, _, body = curl(service, "/search", "-u", USER, "-F", f"image=@{large}")
    assert (status, body["error"]["code"]) == (413, "too_large")


def test_not_an_image(service: Running, tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear Sir or Madam")
    form = ("-F", f"image=@{tmp_path / 'letter.jpg'}")
    status, _, body = curl(service, "/search", "-u", USER, *form)
    assert (status, body["error"]["code"]) == (422, "unreadable_image")


@pytest.mark.parametrize(
    "path", ["/images/../../../etc/passwd", "/images/%2e%2e%2f%2e%2e%2fpasswd"]
)
def test_a_path_outside_the_folder(service: Running, path: str) -> None:
    assert curl(service, path, "-u", USER, "--path-as-is")[0] == 404


def test_what_is_not_http_is_refused_in_the_same_shape(service: Running) -> None:
    status, _, body = curl(service, "/health", "-H", "Transfer-Encoding: gzip")
    assert status == 501
    assert set(body["error"]) == {"code", "message"}


def test_secure_cookie_behind_https(service: Running) -> None:
    done = subprocess.run(
        ["curl", "-sSi", "-H", "X-Forwarded-Proto: https", service.address + "login"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert "; Secure" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop(settings: Settings, number: signal.Signals) -> None:
    with running(settings) as started:
        started.process.send_signal(number)
        assert started.process.wait(10) == 0


def test_a_port_in_use(library: Library, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            serve(create_app(library, settings), replace(settings, port=port))
