"""Immutable files read so that one that is changed under us is an error, and never a signal.

A mapped file that another program shortens (``cp`` over a running index does) ends the process with
SIGBUS at the next touch, which Python cannot catch. So rows are read from an open file instead, and
every read sees that the file is still as it was when it was opened.
"""

from __future__ import annotations

import os
import stat
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged

# Files up to this size are held in memory where they are used as one array. Larger ones are mapped,
# for a collection of millions does not fit; that they are unchanged is seen before each use.
IN_MEMORY = 1 << 27
# Pieces that are looked at to see whether all are in memory.
PROBES = 16

Piece = tuple[int, int, int]
"""Bytes to be read: where they begin and end in a buffer, and where they begin in the file."""


class OpenFile:
    """A file held open, whose content must stay what it is."""

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            OSError: it cannot be opened.
            CacheDamaged: it is no regular file.
        """
        if not stat.S_ISREG(path.stat().st_mode):
            raise CacheDamaged(f"{path.name} is no regular file")
        self._path = path
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        # Closed with the last reader. Not at the end of the process, where threads may still read.
        weakref.finalize(self, os.close, self._file).atexit = False
        self._lock = threading.Lock()
        # How to read only what is in memory, where that can be asked for; 0 where it cannot.
        self._flags = getattr(os, "RWF_NOWAIT", 0)
        status = os.fstat(self._file)
        self.size, self.modified = status.st_size, status.st_mtime_ns

    def check(self) -> None:
        """See that the file was not changed since it was opened.

        Raises:
            CacheDamaged: it was.
        """
        status = os.fstat(self._file)
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified):
            raise CacheDamaged(f"the file {self._path.name} was changed while it was in use")

    def read_into(self, target: npt.NDArray[Any], pieces: Iterable[Piece]) -> None:
        """Fill pieces of ``target``, contiguous, given by the bytes where they begin and end in it
        and where they begin in the file.

        Raises:
            CacheDamaged: the file was changed since it was opened.
        """
        bytes_of, read = target.reshape(-1).view(np.uint8).data, self._reader()
        late = self._read_now(bytes_of, pieces)
        self.prefetch(late)
        for first, last, offset in late:
            count = read(bytes_of[first:last], offset)
            while count and first + count < last:
                first, offset = first + count, offset + count
                count = read(bytes_of[first:last], offset)
            if not count and first < last:
                raise CacheDamaged(f"the file {self._path.name} was shortened while it was in use")
        # After the reading: what was changed in between is not used.
        self.check()

    def _read_now(self, target: memoryview, pieces: Iterable[Piece]) -> list[Piece]:
        """Read the pieces that are in memory; return what is left of the others.

        So the system is asked to read ahead only what it must, which takes as long as reading it
        from memory does.
        """
        late, preadv, file = [], getattr(os, "preadv", None), self._file
        for piece in pieces:
            first, last, offset = piece
            count = 0
            if preadv is not None and self._flags:
                try:
                    count = preadv(file, [target[first:last]], offset, self._flags)
                except BlockingIOError:
                    pass
                except OSError:  # not with this file system
                    self._flags = 0
            if first + count < last:
                late.append((first + count, last, offset + count))
        return late

    def prefetch(self, pieces: Iterable[Piece]) -> None:
        """Have pieces, as for ``read_into``, read ahead that will be asked for soon, where the
        system knows how."""
        if hasattr(os, "posix_fadvise"):
            advise, file, soon = os.posix_fadvise, self._file, os.POSIX_FADV_WILLNEED
            for first, last, offset in pieces:
                advise(file, offset, last - first, soon)

    def prefetch_missing(self, pieces: Sequence[Piece]) -> None:
        """As ``prefetch``, unless all of a few of the pieces are in memory; to ask for each would
        take as long as to read them."""
        sample = pieces[:: max(1, len(pieces) // PROBES)]
        if self._read_now(memoryview(bytearray(1)), [(0, 1, offset) for *_, offset in sample]):
            self.prefetch(pieces)

    def _reader(self) -> Callable[[memoryview, int], int]:
        """What fills a buffer from an offset on, and returns how many bytes it read."""
        if not hasattr(os, "preadv"):
            return self._read_in_turn
        preadv, file = os.preadv, self._file
        return lambda target, offset: preadv(file, [target], offset)

    def _read_in_turn(self, target: memoryview, offset: int) -> int:
        with self._lock:  # the position is shared by all threads
            os.lseek(self._file, offset, os.SEEK_SET)
            found = os.read(self._file, len(target))
        target[: len(found)] = found
        return len(found)


class WholeFile:
    """The bytes of a file as one array (n,) uint8, in memory where it is not too large."""

    def __init__(self, path: Path) -> None:
        """Read ``path``, or map it.

        Raises:
            OSError: it cannot be opened.
            CacheDamaged: it is no regular file, or was changed while it was read.
        """
        file = OpenFile(path)
        self.bytes: npt.NDArray[np.uint8]
        self._mapped: OpenFile | None = None
        if file.size <= IN_MEMORY:
            self.bytes = np.empty(file.size, np.uint8)
            file.read_into(self.bytes, [(0, file.size, 0)])
        else:
            self.bytes = np.memmap(path, np.uint8, mode="r")
            self._mapped = file

    def check(self) -> None:
        """See that a mapped file was not changed since it was opened.

        Raises:
            CacheDamaged: it was; no byte of it may be touched.
        """
        if self._mapped is not None:
            self._mapped.check()
