"""``image-search serve`` as a person starts it: what it tells, and that it says when it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from image_search.settings import Settings
from image_search.web.exposure import check_password, is_local, warnings_about
from image_search.web.ports import REFUSED_BY_BROWSERS
from tests.conftest import Run
from tests.web.clients import PASSWORD
from tests.web.pictures import draw_collection

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parents[1]


def free(ports: list[int]) -> int:
    """The first of these that nobody uses."""
    for port in ports:
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.skip("all these ports are in use here")


def served(folder: Path, port: int, extractors: str = "hsv", *options: str) -> tuple[str, str, int]:
    """A service on ``port`` of the images in ``folder``, asked once and stopped: its first line,
    what it told beside that, and how it ended."""
    where = ["--images", folder / "images", "--cache", folder / "c.pkl", "--extractors", extractors]
    process = subprocess.Popen(
        [sys.executable, "-m", "image_search", "serve", "--json", "--port", str(port)]
        + [str(word) for word in where]
        + list(options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"IMAGE_SEARCH_PASSWORD": PASSWORD},
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        with urllib.request.urlopen(json.loads(first)["address"] + "health", timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        _, result = process.communicate(timeout=20)
    return first, result, process.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask with")
@pytest.mark.parametrize("refused", [True, False], ids=["a refused port", "any other port"])
def test_it_tells_what_a_person_needs(tmp_path: Path, refused: bool) -> None:
    draw_collection(tmp_path / "images")
    ports = [6566, 4190, 6697, 10080, 2049] if refused else list(range(18080, 18180))
    port = free(ports)

    first, result, code = served(tmp_path, port)

    assert code == 0
    assert str(port) in json.loads(first)["address"]
    assert result.splitlines()[-1] == "Stopped."
    assert (f"Browsers block port {port}" in result) == refused
    assert PASSWORD not in result


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask with")
def test_it_may_be_stopped_while_its_networks_warm_up(tmp_path: Path) -> None:
    draw_collection(tmp_path / "images")

    for _ in range(3):
        _, result, code = served(tmp_path, free(list(range(18180, 18280))), "design,hsv")
        assert (result.splitlines()[-1], code) == ("Stopped.", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask with")
def test_it_warns_where_others_can_reach_it_without_tls(tmp_path: Path) -> None:
    draw_collection(tmp_path / "images")

    _, errors, code = served(tmp_path, free(list(range(18280, 18380))), "hsv", "--host", "0.0.0.0")

    assert code == 0
    assert "Other machines can reach the service without TLS" in errors


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "studio.example"])
def test_a_short_password_is_refused_where_others_can_reach_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, settings: Settings, host: str
) -> None:
    monkeypatch.setenv("IMAGE_SEARCH_PASSWORD", "seven77")

    code, _, errors = run("serve", "--host", host)

    assert code == 2
    assert "has 7 characters, which is too few" in errors
    assert host in errors
    assert "seven77" not in errors
    assert not settings.state_dir.exists()


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("fe80::1%eth0", False),
        ("studio.example", False),
    ],
)
def test_what_is_local(settings: Settings, host: str, local: bool) -> None:
    assert is_local(host) == local
    here = replace(settings, host=host, password="short")
    assert bool(warnings_about(here)) != local
    assert not warnings_about(replace(here, trusted_proxy="10.0.0.1"))
    check_password(replace(here, password="long enough"))
    check_password(replace(here, password=None))
    if local:
        check_password(here)


def test_the_usual_port_is_not_refused() -> None:
    assert not REFUSED_BY_BROWSERS & {80, 443, 5050, 8000, 8080}


def test_a_taken_port_is_known_before_the_work(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "image_search", "serve", "--check-port", "--port"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            [*command, port],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    allowed = subprocess.run(
        [*command, port],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert refused.returncode == 2
    assert f"port {port}" in refused.stderr
    assert "Stop what uses it" in refused.stderr
    assert (allowed.returncode, allowed.stdout, allowed.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_make_run_sees_the_port_first_and_leaves_the_duplicates_to_the_service() -> None:
    for name, line in (("Makefile", "run: $(READY)"), ("run.bat", ":ready")):
        steps = (ROOT / name).read_text().partition(line)[2]
        places = [
            steps.index(part)
            for part in ("serve --check-port", ".demo ", "index --only-search", "serve\n")
        ]
        assert places == sorted(places), name
