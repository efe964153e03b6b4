"""Pairs of contents that show the same picture, and which contents were looked at, in SQLite.

All of it can be computed again: a file that is damaged, or was made by another version, is made
again.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from image_search.duplicates.checking.verdict import Evidence
from image_search.duplicates.decisions import Pair, pair_of
from image_search.errors import CacheDamaged
from image_search.storage import database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pairs (
    one BLOB NOT NULL, other BLOB NOT NULL, turned INTEGER NOT NULL, relation TEXT NOT NULL,
    kind TEXT NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY (one, other)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (content BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (way TEXT PRIMARY KEY, floor REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checksums (of TEXT PRIMARY KEY, checksum INTEGER NOT NULL) WITHOUT ROWID;
"""
_COLUMNS: Final = "one, other, turned, relation, kind, evidence"
# What is read of each table for its checksum: the sum of those of its rows, in whatever order.
_CHECKED: Final = {"pairs": _COLUMNS, "seen": "content", "made": "way, floor"}
_MODULUS: Final = 1 << 62


@dataclass(frozen=True)
class SamePicture:
    """Two contents (SHA-256) that show the same picture: ``query`` as against ``other``.

    ``relation`` is exact (the same pixels) or near, ``kind`` photo or sketch, whichever threshold
    the score has to reach.
    """

    query: bytes
    other: bytes
    relation: str
    kind: str
    evidence: Evidence

    @property
    def key(self) -> Pair:
        """The pair, whichever way round."""
        return pair_of(self.query, self.other)


class Pairs:
    """The pairs in one file, made by a certain ``version`` of the comparison. Safe to use from many
    threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever something was written; for those that keep what they have read."""
        with contextlib.suppress(OSError):
            log = self._path.with_name(self._path.name + "-wal")
            states = [path.stat() for path in (self._path, log) if path.exists()]
            return max((s.st_mtime_ns for s in states), default=0), sum(s.st_size for s in states)
        return 0, 0

    def all(self) -> list[SamePicture]:
        """Every pair; none where the file is damaged, which ``begin`` repairs.

        Raises:
            CacheLocked, CacheError: the file cannot be read.
        """
        if not self._path.exists():
            return []
        try:
            with database.opened(self._path, _SCHEMA, writing=False) as file:
                query = f"SELECT {_COLUMNS} FROM pairs"  # noqa: S608
                return [_pair(row) for row in file.execute(query)]
        except (CacheDamaged, TypeError, ValueError, OverflowError):
            return []

    def seen(self) -> set[bytes]:
        """The contents that were looked at; none where the file is damaged.

        Raises:
            CacheLocked, CacheError: the file cannot be read.
        """
        if not self._path.exists():
            return set()
        try:
            with database.opened(self._path, _SCHEMA, writing=False) as file:
                return {bytes(row[0]) for row in file.execute("SELECT content FROM seen")}
        except CacheDamaged:
            return set()

    def check(self) -> bool:
        """Read the whole file and compare it with its checksums, changing nothing; whether it has
        any, which files of 0.1 do not.

        Raises:
            CacheDamaged: something in it was altered.
            CacheLocked, CacheError: it cannot be read.
        """
        with database.opened(self._path, _SCHEMA, writing=False) as file:
            database.check(file, thorough=True)
            file.execute("BEGIN")  # all tables as they were at one moment
            try:
                return _compare_checksums(file)
            finally:
                file.execute("COMMIT")

    def begin(self, version: str, floor: float, live: Collection[bytes]) -> set[bytes]:
        """Prepare to add pairs made by this ``version`` with scores from ``floor``; the contents
        that need not be looked at again. Whatever concerns contents that are not ``live`` is
        dropped.

        Raises:
            CacheLocked, CacheError: the file cannot be written.
        """
        try:
            return self._begin(version, floor, live)
        except CacheDamaged:
            database.set_aside(self._path).unlink()
            return self._begin(version, floor, live)

    def _begin(self, version: str, floor: float, live: Collection[bytes]) -> set[bytes]:
        with database.opened(self._path, _SCHEMA, writing=True) as file:
            database.check(file)
            _compare_checksums(file)
            made = file.execute("SELECT way, floor FROM made").fetchall()
            if len(made) != 1 or made[0][0] != version or made[0][1] > floor:
                for table in ("pairs", "seen", "made"):
                    file.execute(f"DELETE FROM {table}")  # noqa: S608
                file.execute("INSERT INTO made VALUES (?, ?)", (version, floor))
            seen = {bytes(row[0]) for row in file.execute("SELECT content FROM seen")}
            _delete(file, seen - set(live))
            _keep_checksums(file)
            return seen & set(live)

    def forget(self, contents: Iterable[bytes]) -> None:
        """Have these contents looked at again; what is known of their pairs is dropped.

        Raises:
            CacheLocked, CacheError: it cannot be written.
        """
        if self._path.exists():
            with (
                database.opened(self._path, _SCHEMA, writing=True) as file,
                contextlib.suppress(CacheDamaged),  # which ``begin`` repairs
            ):
                _compare_checksums(file)
                _delete(file, contents)
                _keep_checksums(file)

    def add(self, contents: Iterable[bytes], pairs: Iterable[SamePicture]) -> None:
        """Save the ``pairs`` found for ``contents``, which then count as compared.

        Raises:
            CacheLocked, CacheError: it cannot be written; what was saved before is kept.
        """
        with database.opened(self._path, _SCHEMA, writing=True) as file:
            insert = f"INSERT INTO pairs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
            _insert(file, "pairs", insert, map(_row, pairs))
            _insert(file, "seen", "INSERT INTO seen VALUES (?) ", ((one,) for one in contents))


def _delete(file: sqlite3.Connection, contents: Iterable[bytes]) -> None:
    gone = [(content,) for content in contents]
    file.executemany("DELETE FROM seen WHERE content = ?", gone)
    file.executemany("DELETE FROM pairs WHERE one = ?1 OR other = ?1", gone)


def _insert(
    file: sqlite3.Connection, table: str, insert: str, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert ``rows`` that are not there yet, and count them in the checksum of ``table``."""
    added = 0
    for row in rows:
        if file.execute(insert + "ON CONFLICT DO NOTHING", row).rowcount > 0:
            added += _checksum_of(row)
    file.execute(
        "UPDATE checksums SET checksum = (checksum + ?) % ? WHERE of = ?",
        (added % _MODULUS, _MODULUS, table),
    )


def _keep_checksums(file: sqlite3.Connection) -> None:
    """Write the checksums of all tables as they are now."""
    found = [(table, _checksum(file, table)) for table in _CHECKED]
    file.executemany("REPLACE INTO checksums VALUES (?, ?)", found)


def _compare_checksums(file: sqlite3.Connection) -> bool:
    """Whether there are checksums.

    Raises:
        CacheDamaged: the content does not match them.
    """
    kept = dict(file.execute("SELECT of, checksum FROM checksums"))
    if kept and kept != {table: _checksum(file, table) for table in _CHECKED}:
        raise CacheDamaged("its content does not match its checksums")
    return bool(kept)


def _checksum(file: sqlite3.Connection, table: str) -> int:
    rows = file.execute(f"SELECT {_CHECKED[table]} FROM {table}")  # noqa: S608
    return sum(map(_checksum_of, rows)) % _MODULUS


def _checksum_of(row: tuple[Any, ...]) -> int:
    return zlib.crc32(repr(row).encode("utf-8", "backslashreplace"))


def _row(pair: SamePicture) -> tuple[Any, ...]:
    evidence = json.dumps(asdict(pair.evidence))
    return (*pair.key, int(pair.key[0] != pair.query), pair.relation, pair.kind, evidence)


def _pair(row: tuple[Any, ...]) -> SamePicture:
    one, other, turned, relation, kind, text = row
    query, other = (bytes(other), bytes(one)) if turned else (bytes(one), bytes(other))
    return SamePicture(query, other, str(relation), str(kind), _evidence(str(text)))


def _evidence(text: str) -> Evidence:
    try:
        plain = json.loads(text)
        for name in ("outline_query", "outline_hit", "part_query", "part_hit"):
            plain[name] = tuple((float(x), float(y)) for x, y in plain[name])
        return Evidence(**plain)
    except (KeyError, TypeError, ValueError) as error:
        raise CacheDamaged(f"the evidence of a pair is malformed ({error})") from error


def grouped(pairs: Iterable[Pair]) -> Iterator[set[bytes]]:
    """The contents that hang together by ``pairs`` (union-find, Tarjan 1975)."""
    parents: dict[bytes, bytes] = {}

    def root(content: bytes) -> bytes:
        parents.setdefault(content, content)
        while parents[content] != content:
            parents[content] = parents[parents[content]]
            content = parents[content]
        return content

    for one, other in pairs:
        parents[root(one)] = root(other)
    groups: dict[bytes, set[bytes]] = {}
    for content in parents:
        groups.setdefault(root(content), set()).add(content)
    yield from groups.values()
