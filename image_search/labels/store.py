"""What people said about the labels of images, in one SQLite file.

A row belongs to a content (SHA-256 digest), not to a file, so it survives renaming, moving and a
new index. These rows cannot be computed again: a damaged file is set aside, never overwritten.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from image_search.errors import CacheDamaged, CacheError
from image_search.storage import database

logger = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (
    content BLOB NOT NULL, label TEXT NOT NULL, holds INTEGER NOT NULL, decided REAL NOT NULL,
    PRIMARY KEY (content, label)) WITHOUT ROWID;
"""

Corrections = Mapping[bytes, Mapping[str, bool]]
"""By content, the labels that a person gave it (true) or said that it does not have (false)."""


class LabelStore:
    """Labels given and refused by people. Safe to use from many threads and processes.

    ``warnings`` say that the file was found damaged and where it was put.
    """

    def __init__(self, path: Path) -> None:
        """Keep them in ``path``, which is made by the first of them."""
        self._path = path
        self._lock = threading.Lock()
        self._known: tuple[object, dict[bytes, dict[str, bool]]] = (None, {})
        self.warnings: tuple[str, ...] = ()

    def all(self) -> Corrections:
        """Return every label that people decided on, by content.

        Raises:
            CacheError: they cannot be read.
        """
        now = self._signature()
        with self._lock:
            if self._known[0] == now:
                return self._known[1]
        found: dict[bytes, dict[str, bool]] = {}
        if now is not None:
            try:
                with database.opened(self._path, _SCHEMA, writing=False) as file:
                    database.check(file)
                    for content, label, holds, _ in file.execute("SELECT * FROM labels"):
                        found.setdefault(bytes(content), {})[str(label)] = bool(holds)
            except CacheDamaged as error:
                self._set_aside(error)
                return {}
        with self._lock:
            self._known = now, found
        return found

    def check(self) -> None:
        """See that the file is as it was written.

        Raises:
            CacheDamaged: it is damaged.
        """
        if self._path.exists():
            with database.opened(self._path, _SCHEMA, writing=False) as file:
                database.check(file, thorough=True)

    def decide(self, content: bytes, label: str, holds: bool | None) -> None:
        """Record that the image of this ``content`` has the ``label``, or does not; ``None`` takes
        that back.

        Raises:
            CacheError: it cannot be written.
        """
        try:
            self._write(content, label, holds)
        except CacheDamaged as error:
            self._set_aside(error)
            self._write(content, label, holds)

    def _write(self, content: bytes, label: str, holds: bool | None) -> None:
        with database.opened(self._path, _SCHEMA, writing=True) as file:
            if holds is None:
                file.execute("DELETE FROM labels WHERE content = ? AND label = ?", (content, label))
            else:
                row = (content, label, int(holds), time.time())
                file.execute("REPLACE INTO labels VALUES (?, ?, ?, ?)", row)
        with self._lock:
            self._known = (None, {})

    def _set_aside(self, error: CacheDamaged) -> None:
        with self._lock:
            aside = database.set_aside(self._path)
            warning = (
                f"The labels given by people in {self._path} were damaged ({error}). The file is "
                f"kept as {aside.name}; restore it from a backup."
            )
            logger.warning(warning)
            self.warnings = (*self.warnings, warning)

    def _signature(self) -> object:
        """Changes whenever the file may have been written to; ``None`` where there is none."""
        try:
            found = []
            for path in (self._path, self._path.with_name(self._path.name + "-wal")):
                if path.exists():
                    stat = path.stat()
                    found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError as error:
            raise CacheError(f"{self._path} cannot be read ({error.strerror or error}).") from error
        return tuple(found) or None
