"""The application on waitress, until it is stopped."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from image_search.errors import SettingsError
from image_search.settings import Settings
from image_search.web.connections import Limits, Server
from image_search.web.exposure import check_password

#: Seconds after which a thread lets others at the interpreter. Requests compute for milliseconds at
#: a time outside of it, and need it for moments in between.
SWITCH = 0.001

#: Seconds that a running reindex and the comparing of images together get to put their work away
#: when the service stops: what stops services often kills them after ten.
GRACE = 5.0


def serve(app: Flask, settings: Settings, on_ready: Callable[[str], None] | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then puts a running reindex away and returns.

    ``on_ready`` is called with the address once connections are accepted. Nothing is printed here.

    Raises:
        SettingsError: the address or port cannot be used, or the password is too short for it.
    """
    check_password(settings)
    listening = _listening(settings.host, settings.port)
    server = Server(app, settings, listening, Limits.of_system())
    # A page's burst of thumbnails queues for moments; that is no news for the terminal.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sys.setswitchinterval(SWITCH)
    before = _stop_on_sigterm()
    try:
        if on_ready is not None:
            on_ready(_address(settings.host, server.effective_port))
        app.extensions["image_search"].watcher.start()
        server.run()  # returns on KeyboardInterrupt and SystemExit
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
        until = time.monotonic() + GRACE
        # Ended before the reindex that it may wait for.
        app.extensions["image_search"].watcher.stop(0)
        app.extensions["image_search"].reindexer.stop(GRACE)
        app.extensions["image_search"].fetcher.stop(max(0.0, until - time.monotonic()))
        app.extensions["image_search"].training.stop(max(0.0, until - time.monotonic()))
        app.extensions["image_search"].watcher.stop(max(0.0, until - time.monotonic()))
        app.extensions["image_search"].mapping.stop(max(0.0, until - time.monotonic()))
        app.extensions["image_search"].styling.stop(max(0.0, until - time.monotonic()))
        left = max(0.0, until - time.monotonic())
        app.extensions["image_search"].library.duplicates.stop(left)
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def check_port(settings: Settings) -> None:
    """See that the service could listen now, as before long work that would be in vain.

    Raises:
        SettingsError: the address or port cannot be used.
    """
    _listening(settings.host, settings.port).close()


def _listening(host: str, port: int) -> socket.socket:
    everywhere = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=everywhere)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"Cannot serve on {host} port {port}: {getattr(error, 'strerror', None) or error}. "
            "Stop what uses it, or set another host or port."
        ) from error


def _stop_on_sigterm() -> Any:
    """Lets SIGTERM end the server like Ctrl-C; only the main thread may do so."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit

    return signal.signal(signal.SIGTERM, stop)


def _address(host: str, port: int | str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
