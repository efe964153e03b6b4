"""Sessions that were ended: signed cookies stay valid by themselves until they expire."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

#: Ended sessions that are kept; each took the password to begin, so that only a program of
#: a person who knows it comes near. Those that expire soonest are dropped first.
MOST = 10_000


class EndedSessions:
    """The ids of sessions that were signed out, kept in ``path`` until their cookies expire.

    Another service over the same cache that ends a session is noticed at the next look.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._seen: tuple[int, int] | None = None

    def __contains__(self, session_id: str) -> bool:
        """Whether the session was ended."""
        with self._lock:
            self._refresh()
            return session_id in self._until

    def add(self, session_id: str, seconds: float) -> None:
        """End the session, whose cookie is valid for ``seconds`` at most.

        If that cannot be written, it holds until the service stops, and a warning is logged.
        """
        with self._lock:
            self._refresh()
            now = time.time()
            self._until[session_id] = now + seconds
            kept = sorted(self._until.items(), key=lambda item: item[1])[-MOST:]
            self._until = {name: until for name, until in kept if until > now}
            try:
                self._write()
            except OSError as error:
                _log.warning(
                    "A session was signed out, but %s cannot be written (%s); after a restart of "
                    "the service a copy of its cookie would be valid again.",
                    self._path, error.strerror,
                )  # fmt: skip

    def _refresh(self) -> None:
        try:
            info = self._path.stat()
        except OSError:
            return
        now = info.st_mtime_ns, info.st_ino
        if now != self._seen:
            self._seen = now
            self._until |= self._read()

    def _read(self) -> dict[str, float]:
        try:
            kept: Any = json.loads(self._path.read_text("utf-8"))
            return {str(name): float(until) for name, until in kept.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            _log.warning("%s cannot be read; what it held of ended sessions is lost.", self._path)
            return {}

    def _write(self) -> None:
        aside = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.tmp")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._until, file)
            aside.replace(self._path)
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
