"""What people decided about pairs of images: the same design, a colourway of it, or different.

A decision belongs to two contents (SHA-256 digests), not to files, so it survives renaming, moving
and indexing anew. Decisions are the only thing kept here that cannot be computed again: they are
written durably, a damaged file is set aside and what can be read of it is taken over, and they can
be exported, imported and undone.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from image_search import database
from image_search.errors import CacheDamaged, InvalidQuery

SAME, COLOURWAY, DIFFERENT = "same", "colourway", "different"
DECISIONS = (SAME, COLOURWAY, DIFFERENT)

FORMAT = "image_search decisions"
VERSION = 1

Pair = tuple[bytes, bytes]
"""Two content digests, the smaller one first; equal where two files hold the same bytes."""

# An undone decision stays as a row without one, so that an old export does not bring it back.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    one BLOB NOT NULL, other BLOB NOT NULL, decision TEXT, decided REAL NOT NULL, before TEXT,
    one_path TEXT NOT NULL, other_path TEXT NOT NULL, PRIMARY KEY (one, other));
"""
_COLUMNS: Final = "one, other, decision, decided, one_path, other_path"


def pair_of(one: bytes, other: bytes) -> Pair:
    """The pair under which a decision on two contents is kept."""
    return (one, other) if one <= other else (other, one)


@dataclass(frozen=True)
class Side:
    """One image of a pair: its content's SHA-256, and the path it had, for people."""

    digest: bytes
    path: str = ""


@dataclass(frozen=True)
class Imported:
    """What an import did: decisions ``taken``, and those ``kept`` because they are newer here."""

    taken: int
    kept: int


class Decisions:
    """The decisions in one SQLite file. Safe to use from many threads and processes.

    ``warnings`` tell, in words, that the file was found damaged and what was done about it.
    """

    def __init__(self, path: Path) -> None:
        """Keep decisions in ``path``, which is made by the first of them."""
        self._path = path
        self._checked = False
        self._lock = threading.Lock()
        self.warnings: tuple[str, ...] = ()

    def all(self) -> dict[Pair, str]:
        """Every decision that counts.

        Raises:
            CacheError: they cannot be read.
        """
        with self._open(writing=False) as file:
            if file is None:
                return {}
            found = file.execute(
                "SELECT one, other, decision FROM decisions WHERE decision IS NOT NULL"
            )
            return {(bytes(one), bytes(other)): str(word) for one, other, word in found}

    def decide(self, one: Side, other: Side, decision: str) -> None:
        """Keep ``decision`` on a pair, in the place of any before.

        Raises:
            InvalidQuery: there is no such decision.
            CacheLocked, CacheError: it cannot be written.
        """
        if decision not in DECISIONS:
            raise InvalidQuery(
                f"decision must be {SAME}, {COLOURWAY} or {DIFFERENT}, not {decision[:40]!r}."
            )
        first, second = (one, other) if one.digest <= other.digest else (other, one)
        with self._open(writing=True) as file:
            assert file is not None
            row = (
                first.digest, second.digest, decision, time.time(), _text(first.path),
                _text(second.path),
            )  # fmt: skip
            file.execute(
                f"INSERT INTO decisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
                "ON CONFLICT (one, other) DO UPDATE SET before = decision, "
                "decision = excluded.decision, decided = excluded.decided, "
                "one_path = excluded.one_path, other_path = excluded.other_path",
                row,
            )

    def undo(self, one: bytes, other: bytes) -> str | None:
        """Take the last decision on a pair back; what was decided before it counts again.

        Returns that, ``None`` where nothing was. Undoing again takes that back too.

        Raises:
            CacheLocked, CacheError: it cannot be written.
        """
        pair = pair_of(one, other)
        with self._open(writing=True) as file:
            assert file is not None
            row = file.execute(
                "SELECT before FROM decisions WHERE one = ? AND other = ?", pair
            ).fetchone()
            if row is None:
                return None
            file.execute(
                "UPDATE decisions SET decision = before, before = NULL, decided = ? "
                "WHERE one = ? AND other = ?",
                (time.time(), *pair),
            )
            return None if row[0] is None else str(row[0])

    def latest(self) -> tuple[Side, Side, str] | None:
        """The decision made last that still counts.

        Raises:
            CacheError: they cannot be read.
        """
        with self._open(writing=False) as file:
            if file is None:
                return None
            row = file.execute(
                f"SELECT {_COLUMNS} FROM decisions WHERE decision IS NOT NULL "  # noqa: S608
                "ORDER BY decided DESC LIMIT 1"
            ).fetchone()
        if row is None:
            return None
        one, other, decision, _, one_path, other_path = row
        return Side(bytes(one), one_path), Side(bytes(other), other_path), str(decision)

    def exported(self) -> dict[str, Any]:
        """Every decision as plain values for JSON, those undone too (``decision`` is null).

        Raises:
            CacheError: they cannot be read.
        """
        with self._open(writing=False) as file:
            rows = [] if file is None else list(_rows(file))
        return {
            "format": FORMAT,
            "version": VERSION,
            "decisions": [
                {
                    "a": row[0].hex(), "b": row[1].hex(), "decision": row[2], "decided": row[3],
                    "paths": [row[4], row[5]],
                }
                for row in rows
            ],
        }  # fmt: skip

    def merge(self, plain: Any) -> Imported:
        """Take over what ``exported`` gave, here or elsewhere; on one pair the newest counts.

        Raises:
            InvalidQuery: it is no export of decisions; nothing of it was taken.
            CacheLocked, CacheError: it cannot be written; nothing of it was taken.
        """
        rows = _parsed(plain)
        with self._open(writing=True) as file:
            assert file is not None
            taken = _merge(file, rows)
        return Imported(taken, len(rows) - taken)

    @contextlib.contextmanager
    def _open(self, *, writing: bool) -> Iterator[sqlite3.Connection | None]:
        """The file; ``None`` where there is none and looking must not make one."""
        self._mend()
        if not writing and not self._path.exists():
            yield None
            return
        with database.opened(self._path, _SCHEMA, writing=writing) as file:
            yield file

    def _mend(self) -> None:
        """Before the first use: see that the file is whole; else set it aside and begin anew with
        what can still be read of it."""
        with self._lock:
            if self._checked or not self._path.exists():
                return
            try:
                with database.opened(self._path, _SCHEMA, writing=False) as file:
                    database.check(file)
                    for _ in _rows(file):
                        pass
            except CacheDamaged as error:
                aside = database.set_aside(self._path)
                rows = list(_readable(aside))
                with database.opened(self._path, _SCHEMA, writing=True) as file:
                    saved = _merge(file, rows)
                told = (
                    f"The file of decisions {self._path.name} was damaged ({error}). It was set "
                    f"aside as {aside.name}, and the {saved:,} decisions that could still be read "
                    "from it were kept; import an export to bring back others."
                )
                self.warnings = (told,)
            self._checked = True


_Row = tuple[bytes, bytes, "str | None", float, str, str]


def _rows(file: sqlite3.Connection) -> Iterator[_Row]:
    query = f"SELECT {_COLUMNS} FROM decisions ORDER BY decided"  # noqa: S608
    for one, other, decision, decided, one_path, other_path in file.execute(query):
        yield bytes(one), bytes(other), decision, float(decided), str(one_path), str(other_path)


def _readable(path: Path) -> Iterator[_Row]:
    """The rows of a damaged file, as far as they can be read."""
    # Anything may be wrong with such a file, and it lies aside already.
    with contextlib.suppress(sqlite3.Error, TypeError, ValueError):
        file = sqlite3.connect(path)
        try:
            query = f"SELECT {_COLUMNS} FROM decisions"  # noqa: S608
            for one, other, decision, decided, *paths in file.execute(query):
                sound = len(one) == len(other) == 32 and decision in (None, *DECISIONS)
                if sound:
                    yield bytes(one), bytes(other), decision, float(decided), *map(str, paths)
        finally:
            file.close()


def _merge(file: sqlite3.Connection, rows: list[_Row]) -> int:
    """Insert ``rows`` where they are newer than what is there; how many were."""
    before = file.total_changes
    file.executemany(
        f"INSERT INTO decisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
        "ON CONFLICT (one, other) DO UPDATE SET before = decision, "
        "decision = excluded.decision, decided = excluded.decided, "
        "one_path = excluded.one_path, other_path = excluded.other_path "
        "WHERE excluded.decided > decided",
        rows,
    )
    return file.total_changes - before


def _parsed(plain: Any) -> list[_Row]:
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise InvalidQuery(
            "This is not an export of decisions; export them with "
            "`image-search duplicates --export-decisions FILE`."
        )
    if plain.get("version") != VERSION:
        raise InvalidQuery(
            f"The export has version {plain.get('version')!r}; this program reads {VERSION}."
        )
    entries = plain.get("decisions")
    if not isinstance(entries, list):
        raise InvalidQuery("The export of decisions holds no list of decisions.")
    return [_row(entry, number) for number, entry in enumerate(entries, start=1)]


def _row(entry: Any, number: int) -> _Row:
    try:
        one, other = (bytes.fromhex(entry[side]) for side in ("a", "b"))
        decision, decided = entry["decision"], float(entry["decided"])
        paths = [str(path) for path in entry.get("paths", ("", ""))]
        sound = len(one) == len(other) == 32 and decision in (None, *DECISIONS)
        if not sound or not math.isfinite(decided) or len(paths) != 2:
            raise ValueError("out of range")
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise InvalidQuery(
            f"Decision {number} of the export is malformed; nothing was imported."
        ) from None
    if one > other:
        one, other, paths = other, one, paths[::-1]
    # A clock that went ahead elsewhere must not have the last word here for ever.
    decided = min(decided, time.time())
    return one, other, decision, decided, _text(paths[0]), _text(paths[1])


def _text(path: str) -> str:
    """A path as SQLite can hold it; names on disk need not be valid text."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
