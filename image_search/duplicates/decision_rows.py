"""Rows of decisions: in the file, in what is left of a damaged one, and in an export."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from image_search.errors import InvalidQuery

SAME, COLOURWAY, DIFFERENT = "same", "colourway", "different"
DECISIONS = (SAME, COLOURWAY, DIFFERENT)

FORMAT = "image_search decisions"
VERSION = 1

COLUMNS: Final = "one, other, decision, decided, one_path, other_path"

Row = tuple[bytes, bytes, "str | None", float, str, str]


def rows_of(file: sqlite3.Connection) -> Iterator[Row]:
    """Every row, the oldest decision first."""
    query = f"SELECT {COLUMNS} FROM decisions ORDER BY decided"  # noqa: S608
    for one, other, decision, decided, one_path, other_path in file.execute(query):
        yield bytes(one), bytes(other), decision, float(decided), str(one_path), str(other_path)


def readable_rows(path: Path) -> Iterator[Row]:
    """The rows of a damaged file, as far as they can be read."""
    # Anything may be wrong with such a file, and it lies aside already.
    with contextlib.suppress(sqlite3.Error, TypeError, ValueError):
        file = sqlite3.connect(path)
        try:
            query = f"SELECT {COLUMNS} FROM decisions"  # noqa: S608
            for one, other, decision, decided, *paths in file.execute(query):
                sound = len(one) == len(other) == 32 and decision in (None, *DECISIONS)
                if sound:
                    yield bytes(one), bytes(other), decision, float(decided), *map(str, paths)
        finally:
            file.close()


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
    return file.total_changes - before


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
