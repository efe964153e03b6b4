"""Connections on waitress, each with a time to be done in and none without end.

Waitress reads a request whole before the application sees it, and waits for whoever is slow. Here
the application is asked by the headers alone whether a large body may come, a request that does not
come along is ended, and of those that only wait the oldest make room for new ones.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import time
from dataclasses import dataclass
from typing import Any

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from image_search.settings import Settings
from image_search.web.gate import BODY_LIMIT, BODY_WAITS
from image_search.web.incoming import Answer, ErrorAnswer, Request
from image_search.web.throttle import network

_log = logging.getLogger(__name__)

#: A page asks for dozens of thumbnails at once, and searches wait here for their turn, while
#: progress must not wait.
THREADS = 32

#: Bytes of a request that are read at a time. All are read by one thread, which waits for the
#: interpreter each time.
READ = 1 << 17

#: Bytes of a request's headers: many times what browsers send.
HEADERS = 1 << 15

#: Seconds between two looks at what waits for too long.
LOOK = 1


@dataclass(frozen=True)
class Limits:
    """How long a connection may take, in seconds, and how many there may be.

    ``headers``: from the first byte of a request, or from the connection, to the end of its
    headers. ``body``: to the end of its body, and a second more for every ``rate`` bytes that have
    come. ``idle``: between two requests. ``stalled``: an answer of which nothing is taken.
    ``refused``: in which the rest of a request that was refused is thrown away, so that the client
    comes to read why. ``from_one``: connections of one address that wait at the same time, where
    ``total`` is of all addresses.
    """

    headers: float = 20.0
    body: float = 30.0
    rate: float = 5000.0
    idle: float = 60.0
    stalled: float = 60.0
    refused: float = 30.0
    from_one: int = 200
    total: int = 600

    @staticmethod
    def of_system() -> Limits:
        """The usual limits, and no more connections than half of the files that may be open."""
        usual = Limits()
        files = 2 * usual.total if hasattr(select, "poll") else 500  # all that select can watch
        with contextlib.suppress(ImportError, ValueError, OSError):
            import resource

            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            files = files if soft == resource.RLIM_INFINITY else min(files, soft)
        total = max(50, min(usual.total, files // 2))
        return Limits(total=total, from_one=min(usual.from_one, total // 2))


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    error_task_class = ErrorAnswer
    close_when_flushed: bool = False

    def __init__(self, server: Server, *arguments: Any, **options: Any) -> None:
        super().__init__(server, *arguments, **options)
        self.network = network(self.addr[0])
        self._idle_since, self._served, self._refused_at = self.creation_time, False, 0.0
        #: When the first byte came that is not answered yet. Blank lines between requests count
        #: too, or they would keep a connection open for good.
        self._began = 0.0

    def parser_class(self, adj: Any) -> Request:
        """What reads the next request."""
        return Request(adj, self._ask)

    def received(self, data: bytes) -> bool:
        """Take what has come; after a refusal it is thrown away."""
        if self._refused_at:
            return False
        self._began = self._began or time.time()
        more = bool(super().received(data))
        if self.requests and self.requests[-1].error:
            self._refused_at = time.time()
        return more

    def service(self) -> None:
        """Answer one request."""
        super().service()
        self._served, self._idle_since, self._began = True, time.time(), 0.0

    def handle_write(self) -> None:
        """Send what can be sent. After a refusal the connection is not closed at once: what the
        client still sends would meet a closed door, and the answer would be lost on its way."""
        if not (self._refused_at and self.close_when_flushed) or self.will_close:
            super().handle_write()
            return
        if self.total_outbufs_len:
            self._flush_exception(self._flush_some)
        if not self.total_outbufs_len and self.connected:
            self.close_when_flushed = False
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    @property
    def waits(self) -> bool:
        """Whether nothing of the connection is being worked on: it may be closed to make room."""
        if self.requests or (self.total_outbufs_len and not self._refused_at):
            return False
        request = self.request
        return request is None or not request.headers_finished or not request.is_large

    @property
    def waits_since(self) -> float:
        """Since when, as ``time.time``."""
        return float(self._idle_since)

    def overdue(self, now: float, limits: Limits) -> bool:
        """Whether the client has had its time."""
        if self.requests:
            return False
        if self._refused_at:
            return now > self._refused_at + limits.refused
        if self.total_outbufs_len:
            return bool(now > self.last_activity + limits.stalled)
        request = self.request
        if request is None or not request.headers_finished:
            if self._began:
                return now > self._began + limits.headers
            return bool(now > self._idle_since + (limits.idle if self._served else limits.headers))
        allowed = limits.body + request.body_bytes_received / limits.rate
        return bool(now > request.headed + allowed)

    def _ask(self, request: Any) -> Answer | int:
        """What the application answers to the headers alone; where the body may come, how many
        bytes of it."""
        environ = self.task_class(self, request).get_environment()
        environ[BODY_WAITS] = True
        found: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            found.append((status, headers))

        answer = self.server.application(environ, start)
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        status, headers = found[-1]
        limit = dict(headers).get(BODY_LIMIT)
        return Answer(status, headers, body) if limit is None else int(limit)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Waitress over one socket, with limits of time and number."""

    channel_class = _Channel

    def __init__(
        self, app: Flask, settings: Settings, listening: socket.socket, limits: Limits
    ) -> None:
        """``listening`` is bound and accepts connections for ``app``."""
        proxy: dict[str, Any] = {}
        if settings.trusted_proxy is not None:
            proxy = {
                "trusted_proxy": settings.trusted_proxy,
                "trusted_proxy_headers": {
                    *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
                },
                "trusted_proxy_count": 1,
            }
        adjustments = Adjustments(
            sockets=[listening],
            threads=THREADS,
            ident=None,
            recv_bytes=READ,
            max_request_header_size=HEADERS,
            # Where the length is known, the application refuses what is too large. Else an upload
            # a little over the limit is read, so that the client comes to know why it is refused.
            max_request_body_size=2 * int(settings.upload_megabytes * 1e6) + 1_000_000,
            clear_untrusted_proxy_headers=True,
            # Here new connections wait with the system; what only waits has made room before.
            connection_limit=limits.total + 50,
            cleanup_interval=LOOK,
            asyncore_loop_timeout=LOOK,
            asyncore_use_poll=hasattr(select, "poll"),
            **proxy,
        )
        self._limits, self._warned = limits, 0.0
        self._proxy = None if settings.trusted_proxy is None else network(settings.trusted_proxy)
        where = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            app, {}, _sock=listening, adj=adjustments, sockinfo=where, bind_socket=False
        )

    def fix_addr(self, addr: tuple[Any, ...]) -> tuple[Any, ...]:
        """The address of a client; one of IPv4 is that on a socket of both kinds too, so that a
        trusted proxy is known by it."""
        return (str(addr[0]).removeprefix("::ffff:"), *addr[1:])

    def handle_accept(self) -> None:
        """Accept a connection, and close the one that has waited the longest where there are more
        than there may be."""
        before = set(self.active_channels.values())
        super().handle_accept()
        for newest in set(self.active_channels.values()) - before:
            self._make_room(newest)

    def _make_room(self, newest: _Channel) -> None:
        open_ones = [channel for channel in self.active_channels.values() if not channel.will_close]
        same = [channel for channel in open_ones if channel.network == newest.network]
        # All clients of a proxy come from its address; it limits them by theirs.
        behind_proxy = self._proxy in ("*", newest.network)
        if len(same) > self._limits.from_one and not behind_proxy:
            self._close_oldest(same, newest, f"{len(same) - 1} connections of {newest.network}")
        elif len(open_ones) > self._limits.total:
            self._close_oldest(open_ones, newest, f"{len(open_ones) - 1} connections")

    def _close_oldest(self, channels: list[_Channel], newest: _Channel, what: str) -> None:
        waiting = [channel for channel in channels if channel.waits and channel is not newest]
        if not waiting:
            return
        min(waiting, key=lambda channel: channel.waits_since).will_close = True
        now = time.monotonic()
        if now > self._warned:
            self._warned = now + 60
            _log.warning("%s are open; those that have waited the longest are closed.", what)

    def maintenance(self, now: float) -> None:
        """Close what has had its time; called about once a second."""
        for channel in list(self.active_channels.values()):
            if channel.overdue(now, self._limits):
                channel.will_close = True
