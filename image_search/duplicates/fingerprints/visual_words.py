"""Inverted lists: for a part of the bits of a descriptor, who has a point with just these.

A word is 20 of a descriptor's 128 bits, so there is no vocabulary to be learnt or kept. Beside each
entry lie 64 bits that show whether the points are similar (Hamming embedding: Jegou, Douze and
Schmid, "Hamming embedding and weak geometric consistency", ECCV 2008).
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints.segments import Columns, bytes_of, checksum_of
from image_search.errors import CacheDamaged
from image_search.storage.safe_pickle import write_durably
from image_search.storage.unmapped import WholeFile

# Bits, by their place in a descriptor, that are nearly independent and are ones about half the
# time: chosen one after the other on descriptors of photos.
WORD_BITS = (
    81, 103, 14, 31, 78, 41, 4, 54, 107, 105, 0, 52, 118, 17, 91, 66, 37, 120, 100, 11,
)  # fmt: skip
# How names of files end that hold lists; another number where words are made otherwise.
SUFFIX = ".v1.words"
# Entries, a checksum of the rows, and one of all that follows (0 in files of 0.1).
_HEAD = struct.Struct("<QII")
# From so many entries on, a table of all words (4 MiB) is quicker to ask than the entries.
_TABLED = 1 << 18
_EVEN = np.uint64(0x5555555555555555)


@dataclass(frozen=True, eq=False)
class Lists:
    """Entries in the order of their words: ``words`` (p,) uint32, ``signatures`` (p,) uint64, and
    ``rows`` (p,) uint32, the fingerprints that the points belong to."""

    words: npt.NDArray[np.uint32]
    signatures: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.uint32]
    file: WholeFile | None = None

    def check(self) -> None:
        """See that the file they are read from was not changed.

        Raises:
            CacheDamaged: it was.
        """
        if self.file is not None:
            self.file.check()

    def find(
        self, queried: npt.NDArray[np.uint32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each word that is ``queried`` for, its first entry and how many it has."""
        if len(self.words) < _TABLED:
            first = np.searchsorted(self.words, queried)
            return first, np.searchsorted(self.words, queried, side="right") - first
        first = self._starts[queried].astype(np.int64)
        return first, self._starts[queried + np.uint32(1)] - first

    @cached_property
    def _starts(self) -> npt.NDArray[np.uint32]:
        """The first entry of every word there can be, and the end."""
        counts = np.bincount(self.words, minlength=1 << len(WORD_BITS))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)


def words(descriptors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """(n,) uint32: the words of descriptors (n, 16)."""
    found = np.zeros(len(descriptors), np.uint32)
    for place, bit in enumerate(WORD_BITS):
        one = descriptors[:, bit // 8] >> np.uint8(7 - bit % 8) & np.uint8(1)
        found |= one.astype(np.uint32) << np.uint32(place)
    return found


def signatures(descriptors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """(n,) uint64: every second bit of descriptors (n, 16)."""
    halves = np.ascontiguousarray(descriptors).view("<u8").reshape(-1, 2) & _EVEN
    return np.asarray(halves[:, 0] | halves[:, 1] << np.uint64(1))


def lists_of(columns: Columns) -> Lists:
    """The lists of all points of ``columns``."""
    found = words(columns.descriptors)
    order = np.argsort(found, kind="stable")
    rows = np.repeat(np.arange(len(columns), dtype=np.uint32), np.diff(columns.starts))
    return Lists(found[order], signatures(columns.descriptors)[order], rows[order])


def load_lists(folder: Path, name: str, columns: Columns) -> Lists:
    """The lists of the segment ``name``, from beside it, or made and put there.

    A disk that is full or not writable only makes the next start slower.
    """
    path = folder / (name + SUFFIX)
    found = _read(path, columns)
    if found is None:
        made = lists_of(columns)
        arrays = [made.signatures.astype("<u8"), made.words.astype("<u4"), made.rows.astype("<u4")]
        data = [bytes_of(array) for array in arrays]
        head = _HEAD.pack(len(made.words), _checksum(made), checksum_of(data))
        with contextlib.suppress(OSError):
            write_durably(path, head, *data)
            found = _read(path, columns)
        return found or made
    return found


def _read(path: Path, columns: Columns) -> Lists | None:
    count = len(columns.descriptors)
    try:
        if path.stat().st_size != _HEAD.size + 16 * count:
            return None
        with path.open("rb") as file:
            written, checksum, _ = _HEAD.unpack(file.read(_HEAD.size))
        kept = WholeFile(path)
    except (CacheDamaged, OSError, struct.error):
        return None
    whole = kept.bytes
    if len(whole) != _HEAD.size + 16 * count:
        return None
    signed = np.frombuffer(whole, "<u8", count, _HEAD.size)
    word = np.frombuffer(whole, "<u4", count, _HEAD.size + 8 * count)
    rows = np.frombuffer(whole, "<u4", count, _HEAD.size + 12 * count)
    found = Lists(word, signed, rows, kept)
    if (written, checksum) != (count, _checksum(found)):
        return None
    # What is made by others may name pictures that there are not.
    return found if not count or int(rows.max()) < len(columns) else None


def verify_lists(path: Path) -> bool:
    """Compare all of a file of lists with its checksum; whether it has one, which files of 0.1 do
    not.

    Raises:
        FileNotFoundError: it is not there.
        CacheDamaged: it is truncated or altered.
    """
    whole = WholeFile(path).bytes
    if len(whole) < _HEAD.size:
        raise CacheDamaged(f"{path.name} is incomplete")
    count, of_rows, checksum = _HEAD.unpack(whole[: _HEAD.size].tobytes())
    if len(whole) != _HEAD.size + 16 * count:
        raise CacheDamaged(f"{path.name} is incomplete")
    whole_is_right = not checksum or checksum == checksum_of([whole[_HEAD.size :].data])
    if not whole_is_right or of_rows != zlib.crc32(whole[_HEAD.size + 12 * count :].data):
        raise CacheDamaged(f"{path.name} was altered on disk")
    return bool(checksum)


def _checksum(lists: Lists) -> int:
    """Of the rows alone: a wrong word or signature loses a vote, a wrong row would not exist."""
    return zlib.crc32(np.ascontiguousarray(lists.rows, dtype="<u4").data)
