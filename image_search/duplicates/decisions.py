"""What people decided about pairs of images: the same design, a colourway or another variant of it,
one that contains the other, or different.

A decision belongs to two contents (SHA-256 digests), not to files, so it survives renaming, moving
and a new index. Decisions are the only thing kept here that cannot be computed again: they are
written durably, a damaged file is set aside and what can be read of it is taken over, and they can
be exported, imported and undone.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import filelock

from image_search.duplicates.decision_rows import (
    CHECKSUMS,
    COLOURWAY,
    COLUMNS,
    DECISIONS,
    DIFFERENT,
    FORMAT,
    SAME,
    VERSION,
    Rescued,
    check_rows,
    keep_checksums,
    merge_rows,
    parsed_rows,
    rescued_rows,
    rows_of,
    text_of,
)
from image_search.errors import CacheDamaged, CacheError, InvalidQuery
from image_search.storage import database

__all__ = [
    "COLOURWAY", "DECISIONS", "DIFFERENT", "FORMAT", "SAME", "VERSION", "Decisions", "Imported",
    "Pair", "Side", "pair_of",
]  # fmt: skip

logger = logging.getLogger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")

Pair = tuple[bytes, bytes]
"""Two content digests, the smaller one first; equal where two files hold the same bytes."""

# An undone decision stays as a row without one, so that an old export does not bring it back.
_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS decisions (
    one BLOB NOT NULL, other BLOB NOT NULL, decision TEXT, decided REAL NOT NULL, before TEXT,
    one_path TEXT NOT NULL, other_path TEXT NOT NULL, PRIMARY KEY (one, other));
"""
    + CHECKSUMS
)


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


def _mending(
    work: Callable[Concatenate[Decisions, Given], Result],
) -> Callable[Concatenate[Decisions, Given], Result]:
    """``work``; where the file was damaged since it was checked, once more after it was set
    aside."""

    @functools.wraps(work)
    def mended(self: Decisions, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return work(self, *args, **kwargs)
        except CacheDamaged:
            self._checked = False
            return work(self, *args, **kwargs)

    return mended


class Decisions:
    """The decisions in one SQLite file. Safe to use from many threads and processes.

    ``warnings`` explain that the file was found damaged and what was done about it. They are
    part of the next answer and are logged, once.
    """

    def __init__(self, path: Path) -> None:
        """Keep decisions in ``path``, which is made by the first of them."""
        self._path = path
        self._checked = self._unusable = False
        self._reported: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self.warnings: tuple[str, ...] = ()

    def new_warnings(self) -> tuple[str, ...]:
        """Those of ``warnings`` that were not part of an answer yet."""
        with self._lock:
            new_warnings = tuple(
                warning for warning in self.warnings if warning not in self._reported
            )
            self._reported = self.warnings
        return new_warnings

    @_mending
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

    @_mending
    def decide(self, one: Side, other: Side, decision: str) -> None:
        """Keep ``decision`` on a pair, in the place of any before.

        Raises:
            InvalidQuery: there is no such decision.
            CacheLocked, CacheError: it cannot be written.
        """
        self.decide_all([(one, other)], decision)

    @_mending
    def decide_all(self, pairs: Iterable[tuple[Side, Side]], decision: str) -> float:
        """Keep ``decision`` on several pairs at once; when, which is what ``undo_all`` takes.

        Raises:
            InvalidQuery: there is no such decision.
            CacheLocked, CacheError: it cannot be written; then none of them is.
        """
        if decision not in DECISIONS:
            known = f"{', '.join(DECISIONS[:-1])} or {DECISIONS[-1]}"
            raise InvalidQuery(f"decision must be {known}, not {decision[:40]!r}.")
        now, rows = time.time(), []
        for one, other in pairs:
            first, second = (one, other) if one.digest <= other.digest else (other, one)
            rows.append(
                (first.digest, second.digest, decision, now, text_of(first.path),
                 text_of(second.path))
            )  # fmt: skip
        with self._open(writing=True) as file:
            assert file is not None
            file.executemany(
                f"INSERT INTO decisions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
                "ON CONFLICT (one, other) DO UPDATE SET before = decision, "
                "decision = excluded.decision, decided = excluded.decided, "
                "one_path = excluded.one_path, other_path = excluded.other_path",
                rows,
            )
            keep_checksums(file, [row[:2] for row in rows])
        return now

    @_mending
    def undo_all(self, when: float) -> int:
        """Take back what was decided at once at this moment, except where something else was
        decided since; how many pairs that were.

        Raises:
            CacheLocked, CacheError: it cannot be written.
        """
        with self._open(writing=True) as file:
            assert file is not None
            query = "SELECT one, other FROM decisions WHERE decided = ?"
            pairs = [(bytes(one), bytes(other)) for one, other in file.execute(query, (when,))]
            file.execute(
                "UPDATE decisions SET decision = before, before = NULL, decided = ? "
                "WHERE decided = ?",
                (time.time(), when),
            )
            keep_checksums(file, pairs)
        return len(pairs)

    @_mending
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
            keep_checksums(file, [pair])
            return None if row[0] is None else str(row[0])

    @_mending
    def latest(self) -> tuple[Side, Side, str] | None:
        """The decision made last that still counts.

        Raises:
            CacheError: they cannot be read.
        """
        with self._open(writing=False) as file:
            if file is None:
                return None
            row = file.execute(
                f"SELECT {COLUMNS} FROM decisions WHERE decision IS NOT NULL "  # noqa: S608
                "ORDER BY decided DESC LIMIT 1"
            ).fetchone()
        if row is None:
            return None
        one, other, decision, _, one_path, other_path = row
        return Side(bytes(one), one_path), Side(bytes(other), other_path), str(decision)

    @_mending
    def exported(self) -> dict[str, Any]:
        """Every decision as plain values for JSON, with those undone (their ``decision`` is null).

        Raises:
            CacheError: they cannot be read.
        """
        with self._open(writing=False) as file:
            rows = [] if file is None else list(rows_of(file))
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

    @_mending
    def merge(self, plain: Any) -> Imported:
        """Take over what ``exported`` gave, here or elsewhere; on one pair the newest counts.

        Raises:
            InvalidQuery: it is no export of decisions; nothing of it was taken.
            CacheLocked, CacheError: it cannot be written; nothing of it was taken.
        """
        rows = parsed_rows(plain)
        with self._open(writing=True) as file:
            assert file is not None
            taken = merge_rows(file, rows)
        return Imported(taken, len(rows) - taken)

    @contextlib.contextmanager
    def _open(self, *, writing: bool) -> Iterator[sqlite3.Connection | None]:
        """The file; ``None`` where there is none and looking must not make one."""
        self._mend()
        if not writing and (self._unusable or not self._path.exists()):
            yield None
            return
        with database.opened(self._path, _SCHEMA, writing=writing) as file:
            yield file

    def _mend(self) -> None:
        """Before the first use: see that the file is whole; else set it aside and begin a new one
        with what can still be read of it."""
        with self._lock:
            if self._checked or not self._path.exists():
                return
            self._unusable = False
            try:
                without = self.check()
                if without:  # of an earlier version
                    with (
                        contextlib.suppress(CacheError),
                        database.opened(self._path, _SCHEMA, writing=True) as file,
                    ):
                        keep_checksums(file, without)
            except CacheDamaged as damage:
                try:
                    # Another process may be at it; then there is nothing left to do here.
                    with filelock.FileLock(f"{self._path}.lock", timeout=database.PATIENCE):
                        self._replace()
                except (CacheError, OSError) as error:
                    self._unusable = True
                    self._warn(
                        f"The file of decisions {self._path.name} is damaged ({damage}) and cannot "
                        f"be set aside ({error}), so no decision counts."
                    )
            self._checked = True

    def check(self) -> list[Pair]:
        """Read the whole file and compare it with its checksums, changing nothing; the pairs whose
        decision has no checksum yet.

        Raises:
            CacheDamaged: something in it was altered.
            CacheLocked, CacheError: it cannot be read.
        """
        with database.opened(self._path, _SCHEMA, writing=False) as file:
            database.check(file, thorough=True)
            without = check_rows(file)
            try:
                for _ in rows_of(file):
                    pass
            except (TypeError, ValueError, OverflowError) as error:
                raise CacheDamaged(f"a decision in it is malformed ({error})") from error
            return without

    def _replace(self) -> None:
        try:
            self.check()
        except CacheDamaged as error:
            aside = database.set_aside(self._path)
            rescued = rescued_rows(aside)
            with database.opened(self._path, _SCHEMA, writing=True) as file:
                saved = merge_rows(file, rescued.rows)
            self._warn(
                f"The file of decisions {self._path.name} was damaged ({error}) and set aside "
                f"as {aside.name}; the {saved:,} decisions that could still be read from it were "
                f"kept{_losses(rescued)}. Import an export to bring back others."
            )

    def _warn(self, message: str) -> None:
        self.warnings = (*self.warnings, message)
        logger.warning("%s", message)


def _losses(rescued: Rescued) -> str:
    """What is not as it was, in words; empty where nothing is known of that."""
    lost = (
        ""
        if not rescued.lost
        else ", 1 was lost"
        if rescued.lost == 1
        else f", {rescued.lost:,} were lost"
    )
    altered = "; ".join(rescued.altered)
    return lost + (f", and name or time of these were altered: {altered}" if altered else "")
