"""Connections that are slow, many or not welcome, on real sockets; every count is bounded."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from waitress import wasyncore

from image_search.library import Library
from image_search.settings import Settings
from image_search.web import connections, create_app, incoming
from image_search.web.connections import Limits, Server
from tests.web.clients import PASSWORD, basic, client_of
from tests.web.test_gate import HTML, sign_in, token_in

pytestmark = pytest.mark.service

#: Time that anything may take: a machine that tests is busy.
PATIENCE = 30.0
SOON = Limits(headers=0.5, body=0.5, rate=5000, idle=0.5, stalled=0.5, refused=5)


@dataclass
class Served:
    """A server in this process, and what its upload folder has taken in."""

    server: Server
    address: tuple[str, int]

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE)

    def answer(self, request: bytes) -> tuple[int, bytes]:
        with self.connect() as client:
            client.sendall(request)
            return read(client)


def read(client: socket.socket) -> tuple[int, bytes]:
    """The status and the rest of what comes until the other side ends it; 0 for nothing."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            data += chunk
    return (int(data.split()[1]) if data.startswith(b"HTTP/1.") else 0), data


@pytest.fixture
def serve(app: Flask, settings: Settings) -> Iterator[Callable[..., Served]]:
    """Starts servers with limits of their own, and stops them afterwards."""
    stop = threading.Event()
    threads: list[threading.Thread] = []
    servers: list[Server] = []

    def start(limits: Limits = Limits(), settings: Settings = settings, app: Flask = app) -> Served:  # noqa: B008
        listening = socket.create_server(("127.0.0.1", 0))
        server = Server(app, settings, listening, limits)
        servers.append(server)

        def run() -> None:
            while not stop.is_set():
                wasyncore.loop(0.05, server.adj.asyncore_use_poll, server._map, count=1)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return Served(server, listening.getsockname())

    yield start
    stop.set()
    for thread in threads:
        thread.join()
    for server in servers:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


HEALTH = head("/health", "Connection: close", method="GET")


def closed_after(client: socket.socket) -> float:
    """Seconds until the other side ends the connection."""
    began = time.monotonic()
    read(client)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /health HTT", id="half a line"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b", id="half of the headers"),
        pytest.param(b"\r\n\r\n", id="blank lines"),
        pytest.param(head("/login", "Content-Length: 100") + b"pass", id="half of a body"),
        pytest.param(
            head("/login", "Transfer-Encoding: chunked") + b"4\r\npass\r\n", id="half of the chunks"
        ),
        pytest.param(head("/health", method="GET"), id="no second request"),
    ],
)
def test_whoever_does_not_go_on_is_cut_off(serve: Callable[..., Served], sent: bytes) -> None:
    with serve(SOON).connect() as client:
        client.sendall(sent)
        assert closed_after(client) < PATIENCE


def test_whoever_drips_is_cut_off(serve: Callable[..., Served]) -> None:
    """Each byte comes in time, but the headers as a whole do not; blank lines are no requests."""
    served = serve(SOON)
    for drop in (b"a", b"\r\n"):
        with served.connect() as client:
            client.settimeout(0.05)
            client.sendall(b"GET /health HTTP/1.1\r\nX-Drop: " if drop == b"a" else b"")
            ended = False
            for _ in range(400):
                try:
                    client.sendall(drop)
                    if not client.recv(100):
                        ended = True
                        break
                except TimeoutError:
                    continue
                except OSError:
                    ended = True
                    break
            assert ended


def test_a_body_may_take_as_long_as_it_comes_along(
    serve: Callable[..., Served], settings: Settings
) -> None:
    served = serve(replace(SOON, rate=2_000))
    body = b"x" * 90_000
    login = head("/login", f"Content-Length: {len(body)}", "Connection: close")
    with served.connect() as client:
        client.sendall(login)
        for at in range(0, len(body), 10_000):  # in twice the time of a body that stands still
            client.sendall(body[at : at + 10_000])
            time.sleep(0.12)
        assert read(client)[0] == 403


def test_half_open_connections_do_not_stop_the_service(serve: Callable[..., Served]) -> None:
    served = serve()
    with contextlib.ExitStack() as stack:
        for number in range(105):
            client = stack.enter_context(served.connect())
            client.sendall(b"GET / HTTP/1.1\r\nX-Slow: " if number % 2 else b"")
        assert served.answer(HEALTH)[0] == 200


def test_connections_of_one_address_that_only_wait_make_room(
    serve: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(Limits(from_one=10, total=50))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(30)]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert served.answer(HEALTH)[0] == 200
        # The oldest were closed, and the latest are there.
        assert read(clients[0])[0] == 0
        assert len(served.server.active_channels) <= 11
        clients[-1].sendall(b"no more\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read(clients[-1])[0] == 401
    assert "10 connections of 127.0.0.1 are open" in caplog.text


def test_a_proxy_holds_more_but_not_more_than_all(
    serve: Callable[..., Served], settings: Settings, library: Library
) -> None:
    behind = replace(settings, trusted_proxy="127.0.0.1")
    served = serve(Limits(from_one=10, total=20), behind, create_app(library, behind))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(40)]
        assert served.answer(HEALTH)[0] == 200
        assert 15 <= len(served.server.active_channels) <= 21
        assert read(clients[0])[0] == 0


LARGE = 150_000


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the bodies that were read into the buffers of the server."""
    sizes: list[int] = []
    received = incoming.Request.received

    def counted(self: incoming.Request, data: bytes) -> int:
        consumed = received(self, data)
        sizes.append(self.body_bytes_received)
        return consumed

    monkeypatch.setattr(incoming.Request, "received", counted)
    return sizes


@pytest.mark.parametrize("path", ["/search", "/images", "/no-such-page"])
@pytest.mark.parametrize("length", [f"Content-Length: {LARGE}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    "password", ["", f"Authorization: {basic('wrong')}", "Cookie: image_search_5050=forged.a.b"]
)
def test_a_large_body_waits_for_the_password(
    serve: Callable[..., Served], stored: list[int], path: str, length: str, password: str
) -> None:
    served = serve()
    lines = [line for line in (length, password) if line]
    with served.connect() as client:
        client.sendall(head(path, *lines, "Content-Type: multipart/form-data; boundary=x"))
        # Answered before any of the body has been sent.
        assert client.recv(12) == b"HTTP/1.1 401"
        # What comes all the same is thrown away, and the answer is not lost for it.
        with contextlib.suppress(OSError):
            for _ in range(10):
                client.sendall(b"POST /search HTTP/1.1\r\n\r\n" * 600)
        client.shutdown(socket.SHUT_WR)
        _, rest = read(client)
        assert rest.count(b"HTTP/1.1") == 0
    assert not any(stored)


def test_a_wrong_password_with_a_large_body_counts(serve: Callable[..., Served]) -> None:
    served = serve()
    lines = (f"Content-Length: {LARGE}", f"Authorization: {basic('wrong')}")
    answers = [served.answer(head("/search", *lines))[0] for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_a_large_body_comes_with_the_password_or_a_session(
    serve: Callable[..., Served], app: Flask
) -> None:
    served = serve()
    browser = client_of(app)
    sign_in(browser)
    cookie = browser.get_cookie("image_search_5050")
    assert cookie is not None
    token = token_in(browser.get("/", headers=HTML))
    for proof, csrf, status in (
        (f"Authorization: {basic(PASSWORD).encode().decode('latin-1')}", "", 422),
        (f"Cookie: image_search_5050={cookie.value}", token, 422),
        (f"Cookie: image_search_5050={cookie.value}", "guess", 403),
    ):
        parts = [
            f'Content-Disposition: form-data; name="csrf_token"\r\n\r\n{csrf}'.encode(),
            b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n',
        ]
        parts[1] += bytes(LARGE)
        body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
        request = head(
            "/search", proof, f"Content-Length: {len(body)}", "Connection: close",
            "Content-Type: multipart/form-data; boundary=x", "Expect: 100-continue",
        )  # fmt: skip
        with served.connect() as client:
            client.sendall(request)
            assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(body)
            assert read(client)[0] == status


@pytest.mark.parametrize("expect", [False, True])
def test_more_than_the_limit_is_refused_before_it_comes(
    serve: Callable[..., Served], stored: list[int], expect: bool
) -> None:
    lines = [f"Authorization: {basic(PASSWORD)}", "Content-Type: multipart/form-data; boundary=x"]
    if expect:
        lines.append("Expect: 100-continue")
    for length in (300_000, 64_000_000_000):
        status, body = serve().answer(head("/search", *lines, f"Content-Length: {length}"))
        assert status == 413
        assert b'"too_large"' in body
    assert not any(stored)


def test_chunks_without_end_are_cut_off_at_the_limit_of_their_address(
    serve: Callable[..., Served], stored: list[int]
) -> None:
    for path, limit in (("/login", 100_000), ("/search", 200_000)):
        stored.clear()
        with serve().connect() as client:
            client.sendall(
                head(path, "Transfer-Encoding: chunked", f"Authorization: {basic(PASSWORD)}",
                     "Content-Type: multipart/form-data; boundary=x")
            )  # fmt: skip
            with contextlib.suppress(OSError):
                for _ in range(100):
                    client.sendall(b"2710\r\n" + bytes(10_000) + b"\r\n")
                client.shutdown(socket.SHUT_WR)
            assert read(client)[0] == 413
        assert max(stored) < limit + connections.READ


def test_headers_without_end_are_refused(serve: Callable[..., Served]) -> None:
    with serve().connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 40_000)
        assert read(client)[0] == 431


def test_an_address_of_ipv4_is_the_same_on_a_socket_of_both_kinds(
    serve: Callable[..., Served],
) -> None:
    server = serve().server
    assert server.fix_addr(("::ffff:192.0.2.7", 1, 0, 0))[0] == "192.0.2.7"
    assert server.fix_addr(("2001:db8::1", 1, 0, 0))[0] == "2001:db8::1"


def test_the_limits_leave_files_for_everything_else() -> None:
    limits = Limits.of_system()
    assert 50 <= limits.total <= Limits().total
    assert limits.from_one <= limits.total
