"""One file from a server to the disk: continued where the last attempt stopped, stopped on request.

The libraries that weights belong to begin again from the first byte, and cannot be stopped.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from image_search.extractors.weights.integrity import sha256

SENT_DAMAGED = "what it sent is damaged or was cut short"
PARTIAL = ".part"
"""What the name of a file ends in that is not whole yet."""
_CHUNK = 64 * 1024
# Times that a connection may break off in one download.
_ATTEMPTS = 4


class Transfer:
    """What a download reports its progress to, and what tells it to stop."""

    def __init__(self, on_bytes: Callable[[int], None] = lambda _: None) -> None:
        """``on_bytes`` is called with the number of bytes of the file that are here."""
        self._on_bytes = on_bytes
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the download with the next bytes that come."""
        self._stopped.set()

    def reached(self, size: int) -> None:
        """Report that so many bytes of the file are here.

        Raises:
            InterruptedError: the download is to stop.
        """
        if self._stopped.is_set():
            raise InterruptedError("it was stopped")
        self._on_bytes(size)


def bring(
    url: str,
    target: Path,
    checksum: str,
    transfer: Transfer,
    *,
    timeout: float,
    size: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Download ``url`` to ``target`` unless that exists; where another process does, wait for it.

    ``checksum`` are the first digits of the SHA-256 of the file, or empty. The other arguments, and
    what is raised, are those of ``download``.

    Raises:
        OSError: what came is damaged, and was deleted.
    """
    from filelock import FileLock

    partial = target.with_name(target.name + PARTIAL)
    partial.parent.mkdir(parents=True, exist_ok=True)
    lock = target.with_name(target.name + ".lock")
    with FileLock(lock):
        if not target.exists():
            download(url, partial, size, transfer, timeout=timeout, headers=headers)
            if not sha256(partial).startswith(checksum):
                partial.unlink()
                raise OSError(SENT_DAMAGED)
            partial.replace(target)
    lock.unlink(missing_ok=True)


def download(
    url: str,
    partial: Path,
    size: int | None,
    transfer: Transfer,
    *,
    timeout: float,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Write the file at ``url`` to ``partial``, after what is there from an earlier attempt.

    Args:
        url: of the file.
        partial: is kept where the download fails or is stopped.
        size: of the file in bytes, if known.
        transfer: see there.
        timeout: seconds that a read may take.
        headers: of the request.

    Raises:
        OSError: the server cannot be reached or breaks off again and again; or the disk is full.
        InterruptedError: the transfer was stopped.
    """
    for attempt in range(_ATTEMPTS):
        try:
            missing = _continue(url, partial, size, transfer, timeout, headers or {})
        except (ConnectionError, TimeoutError):
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        if not missing:
            return
    raise ConnectionError(f"the server broke off {_ATTEMPTS} times, {missing} bytes before the end")


def _continue(
    url: str,
    partial: Path,
    size: int | None,
    transfer: Transfer,
    timeout: float,
    headers: Mapping[str, str],
) -> int:
    """Ask for the rest of the file and append it; how many bytes are missing still."""
    here = partial.stat().st_size if partial.exists() else 0
    if size is not None and here > size:
        partial.unlink()
        here = 0
    transfer.reached(here)
    if here and here == size:
        return 0
    # The address is a row of ours, or where the hub that the user has chosen points to.
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310
    if here:
        request.add_header("Range", f"bytes={here}-")
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not here:
            raise
        error.close()
        partial.unlink()  # it is not a beginning of what the server has now
        return size or 1
    with answer:
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            here = 0  # the server sends all of it again
        expected = int(answer.headers.get("Content-Length") or 0)
        whole = here + expected if expected else size
        with partial.open("ab" if here else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                here += len(chunk)
                transfer.reached(here)
    return 0 if whole is None else whole - here
