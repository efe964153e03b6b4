"""One immutable file of fingerprints: columns of plain numbers."""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.duplicates.fingerprints.fingerprint import PREVIEW_SIDE, Fingerprint
from image_search.errors import CacheDamaged
from image_search.storage.safe_pickle import write_durably
from image_search.storage.unmapped import WholeFile

# A fingerprint made in another way has another number, and is never compared with these.
RECIPE = 1
SUFFIX = f".v{RECIPE}.fingerprints"
_MAGIC = b"image_search fp\n"
# Magic, fingerprints, points, a checksum of digests and starts, and one of all that follows (0 in
# files of 0.1).
_HEAD = struct.Struct("<16sQQII")
# A radius is kept as its logarithm between these powers of two of the longest side.
_RADII = (-12.0, 2.0)
DIGEST = 32
DESCRIPTOR = 16

_COLUMNS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("digests", "u1", (DIGEST,)),
    ("hashes", "<u8", (8,)),
    ("aspects", "<f8", ()),
    ("previews", "u1", (PREVIEW_SIDE, PREVIEW_SIDE)),
)


@dataclass(frozen=True, eq=False)
class Columns:
    """``n`` fingerprints, in the order of their digests, with ``p`` points in all.

    ``digests`` (n, 32) uint8, ``hashes`` (n, 8) uint64, ``aspects`` (n,) float64, ``previews``
    (n, 32, 32) uint8, ``starts`` (n + 1,) int64: where each one's points begin, ``points`` (p, 4)
    uint16, ``descriptors`` (p, 16) uint8.
    """

    digests: npt.NDArray[np.uint8]
    hashes: npt.NDArray[np.uint64]
    aspects: npt.NDArray[np.float64]
    previews: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    points: npt.NDArray[np.uint16]
    descriptors: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.digests)

    def fingerprint(self, row: int) -> Fingerprint:
        """The fingerprint in this row."""
        first, last = int(self.starts[row]), int(self.starts[row + 1])
        return Fingerprint(
            np.array(self.hashes[row]),
            _unpacked(self.points[first:last]),
            np.array(self.descriptors[first:last]),
            float(self.aspects[row]),
            np.array(self.previews[row]),
        )

    def rows(self, chosen: npt.NDArray[np.int64]) -> Columns:
        """The columns of some rows, in the order given."""
        lengths = np.diff(self.starts)[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        points = np.repeat(self.starts[chosen] - starts[:-1], lengths) + np.arange(starts[-1])
        return Columns(
            self.digests[chosen],
            self.hashes[chosen],
            self.aspects[chosen],
            self.previews[chosen],
            starts,
            self.points[points],
            self.descriptors[points],
        )


@dataclass(frozen=True, eq=False)
class Segment:
    """A file of fingerprints by name, and its columns."""

    name: str
    columns: Columns
    file: WholeFile

    def find(self, digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """(n,) int64: the row of each digest (n, 32); -1 where it is not here."""
        rows = np.minimum(np.searchsorted(self._keys, _keys(digests)), len(self._keys) - 1)
        same = (self.columns.digests[rows] == digests).all(axis=1)
        return np.where(same, rows, -1)

    @cached_property
    def _keys(self) -> npt.NDArray[np.uint64]:
        return _keys(self.columns.digests)


def columns_of(items: Sequence[tuple[bytes, Fingerprint]]) -> Columns:
    """The columns of fingerprints with their digests; of one digest, the first counts."""
    return _in_order(
        Columns(
            digest_rows([digest for digest, _ in items]),
            np.array([f.hashes for _, f in items], np.uint64).reshape(-1, 8),
            np.array([f.aspect for _, f in items], np.float64),
            np.array([f.preview for _, f in items], np.uint8).reshape(
                -1, PREVIEW_SIDE, PREVIEW_SIDE
            ),
            np.cumsum([0, *(len(f.points) for _, f in items)], dtype=np.int64),
            np.concatenate([np.zeros((0, 4), np.uint16), *(_packed(f.points) for _, f in items)]),
            np.concatenate(
                [np.zeros((0, DESCRIPTOR), np.uint8), *(f.descriptors for _, f in items)]
            ),
        )
    )


def merged(parts: Sequence[Columns]) -> Columns:
    """All of ``parts``; of one digest, the first counts."""
    steps = np.cumsum([0, *(part.starts[-1] for part in parts)], dtype=np.int64)
    starts = [part.starts[:-1] + step for part, step in zip(parts, steps[:-1], strict=True)]
    rest: list[Any] = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("digests", "hashes", "aspects", "previews", "points", "descriptors")
    ]
    all_starts = np.concatenate([*starts, steps[-1:]])
    digests, hashes, aspects, previews, points, bits = rest
    return _in_order(Columns(digests, hashes, aspects, previews, all_starts, points, bits))


def _in_order(columns: Columns) -> Columns:
    _, rows = np.unique(columns.digests.view(f"S{DIGEST}")[:, 0], return_index=True)
    return columns.rows(rows.astype(np.int64))


def digest_rows(digests: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    """Digests as an array (n, 32) uint8.

    Raises:
        ValueError: one of them has not 32 bytes.
    """
    if any(len(digest) != DIGEST for digest in digests):
        raise ValueError(f"a digest must have {DIGEST} bytes")
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST)


def _keys(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """The first 8 bytes of each digest, which sort as the digests do."""
    return np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0].astype(np.uint64)


def _packed(points: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    low, high = _RADII
    radius = (np.log2(np.maximum(points[:, 2], 2.0**low)) - low) / (high - low)
    turn = np.mod(points[:, 3] / (2 * np.pi), 1.0)
    fractions = np.stack([points[:, 0], points[:, 1], radius, turn], axis=1)
    return np.asarray(np.round(np.clip(fractions, 0, 1) * 65535), np.uint16)


def _unpacked(packed: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    low, high = _RADII
    fractions = packed.astype(np.float32) / np.float32(65535)
    radius = np.exp2(fractions[:, 2] * (high - low) + low)
    turn = fractions[:, 3] * np.float32(2 * np.pi)
    return np.stack([fractions[:, 0], fractions[:, 1], radius, turn], axis=1).astype(np.float32)


def write_segment(folder: Path, columns: Columns) -> None:
    """Write a new segment, under a name of its own, into ``folder``.

    Raises:
        OSError: the disk is full or not writable; nothing is left behind.
    """
    name = secrets.token_hex(8)
    arrays = [getattr(columns, column).astype(kind, copy=False) for column, kind, _ in _COLUMNS]
    arrays += [columns.starts.astype("<i8"), columns.points.astype("<u2"), columns.descriptors]
    data = [bytes_of(array) for array in arrays]
    whole = checksum_of(data)
    head = _HEAD.pack(_MAGIC, len(columns), len(columns.points), _checksum(columns), whole)
    write_durably(folder / (name + SUFFIX), head, *data)


def read_segment(folder: Path, name: str) -> Segment:
    """Open a segment.

    Raises:
        FileNotFoundError: it is not there (it may have been merged into another).
        CacheDamaged: it is truncated or altered.
    """
    path = folder / (name + SUFFIX)
    if not path.is_file():
        raise FileNotFoundError(path)
    with path.open("rb") as beginning:
        head = beginning.read(_HEAD.size)
    if len(head) < _HEAD.size or head[: len(_MAGIC)] != _MAGIC:
        raise CacheDamaged(f"{path.name} is not a file of fingerprints")
    _, count, points, checksum, _ = _HEAD.unpack(head)
    shapes = [(kind, (count, *shape)) for _, kind, shape in _COLUMNS]
    shapes += [("<i8", (count + 1,)), ("<u2", (points, 4)), ("u1", (points, DESCRIPTOR))]
    sizes = [int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize for kind, shape in shapes]
    if count == 0 or path.stat().st_size != _HEAD.size + sum(sizes):
        raise CacheDamaged(f"{path.name} is incomplete")
    file = WholeFile(path)
    whole = file.bytes
    if len(whole) != _HEAD.size + sum(sizes):
        raise CacheDamaged(f"{path.name} was changed while it was read")
    arrays: list[Any] = []
    offset = _HEAD.size
    for (kind, shape), size in zip(shapes, sizes, strict=True):
        arrays.append(np.frombuffer(whole, kind, size // np.dtype(kind).itemsize, offset))
        arrays[-1] = arrays[-1].reshape(shape)
        offset += size
    columns = Columns(*arrays)
    if _checksum(columns) != checksum:
        raise CacheDamaged(f"{path.name} was altered on disk")
    steps = np.diff(columns.starts)
    if columns.starts[0] != 0 or columns.starts[-1] != points or (steps < 0).any():
        raise CacheDamaged(f"{path.name} does not say which points belong to which picture")
    return Segment(name, columns, file)


def verify_segment(path: Path) -> bool:
    """Compare all of a file of fingerprints with its checksum; whether it has one, which files of
    0.1 do not.

    Raises:
        FileNotFoundError: it is not there.
        CacheDamaged: it is truncated or altered.
    """
    segment = read_segment(path.parent, path.name.removesuffix(SUFFIX))
    whole = segment.file.bytes
    *_, checksum = _HEAD.unpack(whole[: _HEAD.size].tobytes())
    if checksum and checksum != checksum_of([whole[_HEAD.size :].data]):
        raise CacheDamaged(f"{path.name} was altered on disk")
    return bool(checksum)


def bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """The bytes of ``array``, one after the other."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def checksum_of(pieces: Sequence[memoryview]) -> int:
    """The checksum of all bytes of ``pieces``, never 0."""
    value = 0
    for piece in pieces:
        value = zlib.crc32(piece, value)
    return value or 1  # 0 means that there is none


def _checksum(columns: Columns) -> int:
    """Of what the rest is found by, which is checked at every start; a flipped bit elsewhere costs
    one point, not the program, and is found by ``verify_segment``."""
    value = zlib.crc32(np.ascontiguousarray(columns.digests).data)
    return zlib.crc32(np.ascontiguousarray(columns.starts, dtype="<i8").data, value)
