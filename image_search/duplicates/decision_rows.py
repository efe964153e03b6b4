"""Rows of decisions: in the file, in what is left of a damaged one, and in an export."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from image_search.errors import CacheDamaged, InvalidQuery

SAME, COLOURWAY, VARIANT, CONTAINS, DIFFERENT = (
    "same", "colourway", "variant", "contains", "different",
)  # fmt: skip
DECISIONS = (SAME, COLOURWAY, VARIANT, CONTAINS, DIFFERENT)

FORMAT = "image_search decisions"
VERSION = 1

COLUMNS: Final = "one, other, decision, decided, one_path, other_path"

# A checksum for each decision, so that one that was altered on disk is known. Rows that an earlier
# version wrote have none until this one has looked at the file.
CHECKSUMS = """
CREATE TABLE IF NOT EXISTS checksums (
    one BLOB NOT NULL, other BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (one, other)) WITHOUT ROWID;
"""
_CHECKED: Final = f"{COLUMNS}, before"

Row = tuple[bytes, bytes, "str | None", float, str, str]


def rows_of(file: sqlite3.Connection) -> Iterator[Row]:
    """Every row, the oldest decision first."""
    query = f"SELECT {COLUMNS} FROM decisions ORDER BY decided"  # noqa: S608
    for one, other, decision, decided, one_path, other_path in file.execute(query):
        yield bytes(one), bytes(other), decision, float(decided), str(one_path), str(other_path)


def keep_checksums(file: sqlite3.Connection, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Write the checksums of the decisions on these ``pairs``."""
    query = f"SELECT {_CHECKED} FROM decisions WHERE one = ? AND other = ?"  # noqa: S608
    for pair in pairs:
        row = file.execute(query, pair).fetchone()
        if row is not None:
            file.execute("REPLACE INTO checksums VALUES (?, ?, ?)", (*pair, _checksum(row)))


def check_rows(file: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
    """Compare the decisions with their checksums; the pairs that have none yet.

    Raises:
        CacheDamaged: a decision was altered or lost.
    """
    file.execute("BEGIN")  # both tables as they were at one moment
    try:
        kept = {(one, other): n for one, other, n in file.execute(_ALL_CHECKSUMS)}
        without = []
        for row in file.execute(f"SELECT {_CHECKED} FROM decisions"):  # noqa: S608
            pair = row[0], row[1]
            checksum = kept.pop(pair, None)
            if checksum is None:
                without.append(pair)
            elif checksum != _checksum(row):
                raise CacheDamaged(f"the decision on {_names(row)} was altered")
    finally:
        file.execute("COMMIT")
    if kept:
        raise CacheDamaged(f"of {len(kept)} decisions only the checksum is left")
    return without


_ALL_CHECKSUMS: Final = "SELECT one, other, checksum FROM checksums"


def _checksum(row: Sequence[Any]) -> int:
    return zlib.crc32(repr(tuple(row)).encode("utf-8", "backslashreplace"))


def _names(row: Sequence[Any]) -> str:
    return " and ".join(
        str(path) or bytes(one).hex()[:16] for path, one in zip(row[4:6], row, strict=False)
    )


@dataclass(frozen=True)
class Rescued:
    """What is left of a damaged file: ``rows`` to keep; the pairs of images, by their names, of
    those ``altered`` of which the digests are right; and how many are ``lost`` for certain."""

    rows: list[Row]
    altered: list[str]
    lost: int


def rescued_rows(path: Path) -> Rescued:
    """Read what can be read of a damaged file."""
    kept: dict[Any, int] = {}
    # Anything may be wrong with such a file, and it lies aside already.
    with (
        contextlib.suppress(*_UNREADABLE),
        contextlib.closing(sqlite3.connect(path)) as file,
    ):
        kept = {(bytes(one), bytes(other)): n for one, other, n in file.execute(_ALL_CHECKSUMS)}
    checked, found = bool(kept), Rescued([], [], 0)
    for row, before in _readable_rows(path):
        checksum = kept.pop(row[:2], None)
        if checksum is None and checked:
            continue  # a digest was altered, and so it is about no image
        if checksum is not None and checksum != _checksum((*row, before)):
            found.altered.append(_names(row))
        found.rows.append(row)
    return replace(found, lost=len(kept))


_UNREADABLE = (sqlite3.Error, TypeError, ValueError, OverflowError)


def _readable_rows(path: Path) -> Iterator[tuple[Row, str | None]]:
    """The rows of a damaged file as far as they can be read, each with the decision before it."""
    with contextlib.suppress(*_UNREADABLE), contextlib.closing(sqlite3.connect(path)) as file:
        file.text_factory = lambda text: text.decode("utf-8", "replace")
        query = f"SELECT {_CHECKED} FROM decisions"  # noqa: S608
        for one, other, decision, decided, *paths, before in file.execute(query):
            with contextlib.suppress(*_UNREADABLE):
                sound = len(one) == len(other) == 32 and decision in (None, *DECISIONS)
                if sound:
                    row = bytes(one), bytes(other), decision, float(decided), *map(str, paths)
                    yield row, before


def merge_rows(file: sqlite3.Connection, rows: list[Row]) -> int:
    """Insert ``rows`` where they are newer than what is there; how many were."""
    before = file.total_changes
    file.executemany(
        f"INSERT INTO decisions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
        "ON CONFLICT (one, other) DO UPDATE SET before = decision, "
        "decision = excluded.decision, decided = excluded.decided, "
        "one_path = excluded.one_path, other_path = excluded.other_path "
        "WHERE excluded.decided > decided",
        rows,
    )
    taken = file.total_changes - before
    keep_checksums(file, [row[:2] for row in rows])
    return taken


def parsed_rows(plain: Any) -> list[Row]:
    """The rows of an export.

    Raises:
        InvalidQuery: it is none.
    """
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


def _row(entry: Any, number: int) -> Row:
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
    return one, other, decision, decided, text_of(paths[0]), text_of(paths[1])


def text_of(path: str) -> str:
    """A path as SQLite can hold it; names on disk need not be valid text."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
