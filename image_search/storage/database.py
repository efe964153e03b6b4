"""SQLite files beside the cache: opened for one piece of work, their failures put into words.

A file is opened, used and closed within one ``with``, so that any thread and any process may come
next. Write-ahead logging (sqlite.org/wal.html) lets readers go on during a write, and a kill
at any instant leaves the last whole transaction.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from image_search.errors import CacheDamaged, CacheError, CacheLocked

# Seconds to wait for another writer: a transaction here takes milliseconds.
PATIENCE = 5.0
# What SQLite keeps beside a file while it is open.
_BESIDE = ("-wal", "-shm", "-journal")


@contextlib.contextmanager
def opened(path: Path, schema: str, *, writing: bool) -> Iterator[sqlite3.Connection]:
    """A connection to ``path``, made by ``schema`` (``CREATE TABLE IF NOT EXISTS`` and the like)
    where there is none; one transaction where ``writing``, undone by any exception. A file that
    there is can also be read on a disk that is full or not writable.

    Raises:
        CacheDamaged: the file is no database, altered, or not of this ``schema``.
        CacheLocked: another process has been writing for longer than ``PATIENCE``.
        CacheError: the system does not let it be read or written.
    """
    with in_words(path), contextlib.ExitStack() as stack:
        _check_header(path)
        if not writing:
            yield _to_read(path, schema, stack)
            return
        connection = stack.enter_context(_connected(path, schema))
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


@contextlib.contextmanager
def _connected(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Transactions are begun here and not behind the scenes.
    with contextlib.closing(
        sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(schema)
        yield connection


def _to_read(path: Path, schema: str, stack: contextlib.ExitStack) -> sqlite3.Connection:
    try:
        connection = stack.enter_context(_connected(path, schema))
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection
    except (OSError, sqlite3.OperationalError) as error:
        if not path.is_file() or _is_busy(error):
            raise
    # Readers of a log write files beside it, for which there is no room, or no permission. Then
    # the others cannot write either, and the file stays as it is; a copy is read with its log.
    log = path.with_name(path.name + _BESIDE[0])
    if log.is_file() and log.stat().st_size:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for file in (path, log):
            shutil.copyfile(file, folder / file.name)
        return stack.enter_context(_connected(folder / path.name, schema))
    address = f"{path.absolute().as_uri()}?immutable=1"
    return stack.enter_context(
        contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None))
    )


def _check_header(path: Path) -> None:
    """See that the file, if there is one, does not ask to be left unwritten: with other numbers of
    versions than these (sqlite.org/fileformat.html), one could be read, but never written again.

    Raises:
        CacheDamaged: it does.
    """
    with contextlib.suppress(OSError), path.open("rb") as file:
        header = file.read(20)
        if header and not {*header[18:20]} <= {1, 2}:
            raise CacheDamaged("its header was altered")


def _is_busy(error: Exception) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def check(connection: sqlite3.Connection, *, thorough: bool = False) -> None:
    """Read the whole file; with its indexes, if ``thorough``.

    Raises:
        CacheDamaged: a page of it is not as it was written.
    """
    query = "PRAGMA integrity_check(1)" if thorough else "PRAGMA quick_check(1)"
    (found,) = connection.execute(query).fetchone()
    if found != "ok":
        raise CacheDamaged(str(found).strip().splitlines()[-1])  # after a heading


def set_aside(path: Path) -> Path:
    """Rename a damaged file, and what belongs to it, so that nothing of it is lost.

    Raises:
        CacheError: the system does not let it be renamed.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for number in range(2, 1000):
        if not aside.exists():
            break
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    with in_words(path):
        path.replace(aside)
        for end in _BESIDE:
            beside = path.with_name(path.name + end)
            if beside.exists():
                beside.replace(aside.with_name(aside.name + end))
    return aside


@contextlib.contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Failures of SQLite and of the system as errors of ours, in words."""
    try:
        yield
    except UnicodeDecodeError as error:  # of a message of SQLite with what it read
        raise CacheDamaged("a text in it was altered") from error
    except sqlite3.OperationalError as error:
        message = str(error)
        if _is_busy(error):
            raise CacheLocked(
                f"Another program is writing {path}; try again in a moment."
            ) from error
        if "decode to UTF-8" in message:
            raise CacheDamaged("a text in it was altered") from error
        if "no such" in message or "no column" in message:
            raise CacheDamaged(f"it is not of this version of the program ({message})") from error
        raise CacheError(
            f"{path} cannot be read or written ({message}); check its permissions and make room on "
            "the disk."
        ) from error
    except sqlite3.DatabaseError as error:
        raise CacheDamaged(str(error)) from error
    except OSError as error:
        raise CacheError(
            f"{path} cannot be written ({error.strerror or error}); check its permissions and make "
            "room on the disk."
        ) from error
