"""The network, with bounds: is a hub there, and does a download still move?

Neither question may hang. The libraries that download have time-outs for a single read at best,
and name look-up has none at all, so the work runs in a daemon thread which is left behind when its
time is up; it cannot keep the process alive.
"""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from image_search.extractors.weights.download import Transfer

STALL_BYTES = 64 * 1024
"""Less than this while a download may stand still counts as standing still: at the 3 kB/s that
this comes to by default, CLIP would take two days."""

# Seconds between two looks at a download: a person who stops one need not wait for longer.
_POLL = 0.5


def probe(urls: Sequence[str], timeout: float) -> dict[str, str | None]:
    """Ask all of them at once whether they answer, within ``timeout`` seconds in all.

    Returns:
        For every URL None where the hub is there, else why not, in plain words.
    """
    answers: dict[str, str | None] = {
        url: f"{_host(url)} did not answer within {timeout:g} s" for url in urls
    }

    def ask(url: str) -> None:
        finding = _blocked_reason(url, timeout)
        if time.monotonic() < deadline:
            answers[url] = finding

    deadline = time.monotonic() + timeout
    threads = [Thread(target=ask, args=(url,), daemon=True) for url in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def watch(
    work: Callable[[], object],
    folder: Path,
    stall: float,
    transfer: Transfer,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Run a download and see that the folder it writes to keeps growing.

    When it is given up or ``cancelled``, ``transfer`` tells it to stop.

    A new high-water mark counts, not mere writing: a server that breaks off and starts from the
    beginning again and again would otherwise keep us for ever.

    Raises:
        TimeoutError: the folder grew by less than STALL_BYTES in ``stall`` seconds.
        InterruptedError: it was cancelled.
        Exception: whatever ``work`` raised.
    """
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    thread = Thread(target=run, daemon=True)
    mark, since = _bytes_in(folder), time.monotonic()
    thread.start()
    try:
        while True:
            thread.join(min(_POLL, stall / 4))
            if not thread.is_alive():
                break
            if cancelled():
                raise InterruptedError("it was stopped")
            size = _bytes_in(folder)
            if size >= mark + STALL_BYTES:
                mark, since = size, time.monotonic()
            elif time.monotonic() - since > stall:
                raise TimeoutError(f"the download stood still for {stall:g} s")
    finally:
        transfer.stop()
    if failures:
        if isinstance(failures[0], urllib.error.HTTPError):
            failures[0].close()  # It holds the connection.
        raise failures[0]


def plain(error: BaseException) -> str:
    """The first cause of a network error, in words for the person at the screen."""
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.rstrip(".")


class _HeadersOnly(urllib.request.HTTPRedirectHandler):
    """Follows to where the file really lies, which may be another host; never asks for the file."""

    def redirect_request(self, *args: Any) -> urllib.request.Request | None:
        """The same question at the new address; older Pythons would turn it into a GET."""
        request = super().redirect_request(*args)
        if request is not None:
            request.method = "HEAD"
        return request


def _blocked_reason(url: str, timeout: float) -> str | None:
    """Why this URL cannot be had, or None."""
    host = _host(url)
    try:
        # The address is a row of ours, or the mirror that the user's own HF_ENDPOINT names.
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310
        with urllib.request.build_opener(_HeadersOnly).open(request, timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        # The server answers. A refusal of HEAD or of a visitor without a token says nothing about
        # the download itself, which goes with the library's own headers and will show.
        if error.code < 500 or error.code == HTTPStatus.NOT_IMPLEMENTED:
            return None
        return f"{host} is out of order (HTTP {error.code})"
    except Exception as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, socket.gaierror):
            return f"the address of {host} cannot be found (no network, or no name service)"
        if isinstance(reason, ConnectionRefusedError):
            return f"{host} refused the connection"
        if isinstance(reason, TimeoutError):
            return f"{host} did not answer within {timeout:g} s"
        if isinstance(reason, ssl.SSLError):
            return f"no secure connection to {host} ({plain(reason)})"
        return f"{host} cannot be reached ({plain(error)})"


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _bytes_in(folder: Path) -> int:
    """Bytes of the files right inside a folder; files may come and go meanwhile."""
    total = 0
    try:
        for entry in folder.iterdir():
            try:
                total += entry.lstat().st_size
            except FileNotFoundError:
                continue
    except FileNotFoundError:
        return 0
    return total
