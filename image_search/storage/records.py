"""File records as columns: a million of them are a dozen arrays, not objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from image_search.imaging.clock import clock

# How models end whose rows are whole numbers from -127 to 127.
WHOLE_NUMBERS = "/int8"
# Verdicts on a file, kept so that a bad file is not tried again until it changes.
READABLE = 0
UNREADABLE = 1
# Bytes of a SHA-256.
DIGEST = 32
# Extractors of one index, and numbers in the block of each; every known one has a few thousand.
MOST_EXTRACTORS, MOST_DIM = 64, 1 << 16
# Unreadable for a reason outside the file (permission, a limit in the settings): tried every time.
RETRY = 2
# In a format that is not read (yet), and no image at all: no picture of the studio's is lost.
NOT_READ = 3
NOT_AN_IMAGE = 4


@dataclass(frozen=True)
class ExtractorIdentity:
    """Which extractor made a block of the stored vectors, down to the exact model."""

    name: str
    model: str
    dim: int

    @property
    def number(self) -> str:
        """What the numbers of a stored row are, as numpy writes it: halves, or whole numbers of 8
        bits where the model ends so."""
        return "i1" if self.model.endswith(WHOLE_NUMBERS) else "<f2"


def identities(plain: Any) -> tuple[ExtractorIdentity, ...]:
    """The extractors that a file of the cache names.

    Raises:
        TypeError, ValueError: they cannot be.
    """
    found = tuple(ExtractorIdentity(*row) for row in plain)
    if len(found) > MOST_EXTRACTORS:
        raise ValueError("too many extractors")
    for one in found:
        if not (type(one.name) is type(one.model) is str and type(one.dim) is int):
            raise TypeError("an extractor without a name, a model or a length")
        if not 1 <= one.dim <= MOST_DIM:
            raise ValueError(f"an extractor of length {one.dim}")
    return found


# What a vector was computed from: all of an image, a page of a document, a frame of an animation or
# film, an object in it, or another part of it.
KINDS = ("whole", "page", "frame", "object", "part")
WHOLE = 0


class Region(NamedTuple):
    """What a vector was computed from.

    ``kind`` is one of those above, ``box`` left, top, width and height as fractions of the image.
    ``number`` is that of the page or frame, from 1, and 0 where there are none; ``time`` is in
    seconds from the beginning. That which represents its file is whole, and may have a number.
    """

    kind: str = KINDS[WHOLE]
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    time: float = 0.0
    number: int = 0

    def note(self, of_file: str) -> str:
        """Return the note of this region, from the note ``of_file`` on the page or frame that
        represents it: "page 2 of 12", "at 0:12 of 1:30"."""
        if self.kind == KINDS[WHOLE] or not self.number:
            return of_file
        if of_file.startswith("at "):
            return f"at {clock(self.time)}{of_file[of_file.find(' of ') :]}"
        return f"{self.kind} {self.number}{of_file[of_file.find(' of ') :]}"


_WHOLE = (Region(),)


@dataclass(frozen=True)
class FileRecord:
    """One file: its path relative to the image folder (with ``/``), and what is known of it.

    ``size`` in bytes, ``mtime_ns`` and ``ctime_ns`` (0 where it is unknown) in nanoseconds since
    1970, ``digest`` the SHA-256 of its content
    (empty where it could not be read), ``width`` and ``height`` in pixels, upright. ``reason`` says
    why it could not be read, in words, where ``verdict`` is not ``READABLE``. ``note`` says what
    else should be known about what is shown, such as "page 2 of 12". A readable file has a vector
    for each of its ``regions``.
    """

    path: str
    size: int
    mtime_ns: int
    digest: bytes = b""
    width: int = 0
    height: int = 0
    verdict: int = READABLE
    reason: str = ""
    note: str = ""
    ctime_ns: int = 0
    regions: tuple[Region, ...] = _WHOLE


def image_id(path: str) -> int:
    """The id of an image: 64 bits of its relative path's SHA-256, stable as long as the path is."""
    encoded = path.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(encoded).digest()[:8], "big")


_ID = re.compile(r"([0-9a-f]{16})(?::([1-9]\d{0,5}))?", re.ASCII)


def parse_id(text: str) -> tuple[int, int] | None:
    """Return the id of an image and the number of its page or frame, 0 for the image itself, from
    ``0123456789abcdef`` or ``0123456789abcdef:7``; ``None`` if it is neither."""
    found = _ID.fullmatch(text)
    return found and (int(found[1], 16), int(found[2] or 0))


@dataclass(frozen=True)
class Regions:
    """The regions of ``n`` vectors as columns: (n,), and ``boxes`` (n, 4)."""

    kinds: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    times: npt.NDArray[np.float32]
    numbers: npt.NDArray[np.int32]

    @staticmethod
    def of(regions: Sequence[Region]) -> Regions:
        """Return the columns of ``regions``."""
        return Regions(
            np.array([KINDS.index(one.kind) for one in regions], np.uint8),
            np.array([one.box for one in regions], np.float32).reshape(-1, 4),
            np.array([one.time for one in regions], np.float32),
            np.array([one.number for one in regions], np.int32),
        )

    @staticmethod
    def whole(count: int) -> Regions:
        """Return the regions of so many images, each of which is whole; takes no memory."""
        box = np.array(Region().box, np.float32)
        return Regions(
            np.broadcast_to(np.uint8(WHOLE), count),
            np.broadcast_to(box, (count, 4)),
            np.broadcast_to(np.float32(0), count),
            np.broadcast_to(np.int32(0), count),
        )

    def __getitem__(self, row: int) -> Region:
        box = self.boxes[row].tolist()
        return Region(
            KINDS[self.kinds[row]],
            (box[0], box[1], box[2], box[3]),
            float(self.times[row]),
            int(self.numbers[row]),
        )

    def to_plain(self) -> dict[str, bytes] | None:
        """Return plain values for the pickle, ``None`` where all are whole."""
        if not (self.kinds.any() or self.numbers.any()):
            return None
        return {
            "kinds": self.kinds.tobytes(),
            "boxes": self.boxes.astype("<f4").tobytes(),
            "times": self.times.astype("<f4").tobytes(),
            "numbers": self.numbers.astype("<i4").tobytes(),
        }

    @staticmethod
    def from_plain(plain: dict[str, bytes] | None, count: int) -> Regions:
        """Return the inverse of ``to_plain``, of so many vectors.

        Raises:
            KeyError, TypeError, ValueError: a column is missing or of another length.
        """
        if plain is None:
            return Regions.whole(count)
        found = Regions(
            np.frombuffer(plain["kinds"], np.uint8).copy(),
            np.frombuffer(plain["boxes"], "<f4").astype(np.float32).reshape(-1, 4),
            np.frombuffer(plain["times"], "<f4").astype(np.float32),
            np.frombuffer(plain["numbers"], "<i4").astype(np.int32),
        )
        columns = (found.kinds, found.boxes, found.times, found.numbers)
        if any(len(column) != count for column in columns):
            raise ValueError("regions that do not fit their vectors")
        if not (np.isfinite(found.boxes).all() and np.isfinite(found.times).all()):
            raise ValueError("a region without a place")
        if (found.kinds >= len(KINDS)).any():
            raise ValueError("a region of an unknown kind")
        return found


@dataclass(frozen=True)
class Records:
    """``n`` file records as columns, and for every vector row the record it belongs to.

    ``owners`` (vectors,) int32 ascends; a readable file owns a row for each of its ``regions``.
    """

    paths: tuple[str, ...]
    ids: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.int64]
    mtimes: npt.NDArray[np.int64]
    digests: tuple[bytes, ...]
    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    verdicts: npt.NDArray[np.uint8]
    reasons: dict[int, str]
    owners: npt.NDArray[np.int32]
    notes: dict[int, str] = field(default_factory=dict)
    ctimes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    regions: Regions = field(default_factory=lambda: Regions.whole(0))

    @staticmethod
    def of(records: Sequence[FileRecord]) -> Records:
        """Columns of ``records``; the readable ones own a vector for each region, in this order."""
        verdicts = np.array([record.verdict for record in records], dtype=np.uint8)
        counts = [len(r.regions) if r.verdict == READABLE else 0 for r in records]
        regions = [one for r in records if r.verdict == READABLE for one in r.regions]
        return Records(
            paths=tuple(record.path for record in records),
            ids=np.array([image_id(record.path) for record in records], dtype=np.uint64),
            sizes=np.array([record.size for record in records], dtype=np.int64),
            mtimes=np.array([record.mtime_ns for record in records], dtype=np.int64),
            digests=tuple(record.digest for record in records),
            widths=np.array([record.width for record in records], dtype=np.int32),
            heights=np.array([record.height for record in records], dtype=np.int32),
            verdicts=verdicts,
            reasons={i: record.reason for i, record in enumerate(records) if record.reason},
            owners=np.repeat(np.arange(len(records), dtype=np.int32), counts),
            notes={i: record.note for i, record in enumerate(records) if record.note},
            ctimes=np.array([record.ctime_ns for record in records], dtype=np.int64),
            regions=Regions.of(regions),
        )

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def several(self) -> bool:
        """Whether a file owns more than one vector."""
        return bool((np.diff(self.owners) == 0).any())

    def record(self, row: int) -> FileRecord:
        """Row ``row`` as a ``FileRecord``."""
        return FileRecord(
            path=self.paths[row],
            size=int(self.sizes[row]),
            mtime_ns=int(self.mtimes[row]),
            digest=self.digests[row],
            width=int(self.widths[row]),
            height=int(self.heights[row]),
            verdict=int(self.verdicts[row]),
            reason=self.reasons.get(row, ""),
            note=self.notes.get(row, ""),
            ctime_ns=int(self.ctimes[row]),
            regions=self.regions_of(row),
        )

    def regions_of(self, row: int) -> tuple[Region, ...]:
        """Return the regions of the record in this ``row``."""
        # Of the same type: numpy would convert all owners otherwise.
        bounds = np.array([row, row + 1], self.owners.dtype)
        first, last = np.searchsorted(self.owners, bounds).tolist()
        if last - first == 1 and not (self.regions.kinds[first] or self.regions.numbers[first]):
            return _WHOLE
        # What could not be read has none, and is compared by the rest of its record.
        return tuple(self.regions[at] for at in range(first, last)) or _WHOLE

    def __iter__(self) -> Iterator[FileRecord]:
        return (self.record(row) for row in range(len(self)))

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the pickle: arrays as bytes, little-endian."""
        return {
            "paths": list(self.paths),
            "sizes": self.sizes.astype("<i8").tobytes(),
            "mtimes": self.mtimes.astype("<i8").tobytes(),
            "digests": list(self.digests),
            "widths": self.widths.astype("<i4").tobytes(),
            "heights": self.heights.astype("<i4").tobytes(),
            "verdicts": self.verdicts.tobytes(),
            "reasons": dict(self.reasons),
            "ids": self.ids.astype("<u8").tobytes(),
            "owners": self.owners.astype("<i4").tobytes(),
            "notes": dict(self.notes),
            "ctimes": self.ctimes.astype("<i8").tobytes(),
            "regions": self.regions.to_plain(),
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Records:
        """The inverse of ``to_plain``.

        Raises:
            KeyError, TypeError, ValueError: a column is missing or does not fit the others.
        """
        owners = np.frombuffer(plain["owners"], "<i4").astype(np.int32)
        records = Records(
            paths=tuple(plain["paths"]),
            ids=np.frombuffer(plain["ids"], "<u8").astype(np.uint64),
            sizes=np.frombuffer(plain["sizes"], "<i8").astype(np.int64),
            mtimes=np.frombuffer(plain["mtimes"], "<i8").astype(np.int64),
            digests=tuple(plain["digests"]),
            widths=np.frombuffer(plain["widths"], "<i4").astype(np.int32),
            heights=np.frombuffer(plain["heights"], "<i4").astype(np.int32),
            verdicts=np.frombuffer(plain["verdicts"], np.uint8).copy(),
            reasons=dict(plain["reasons"]),
            owners=owners,
            regions=Regions.from_plain(plain.get("regions"), len(owners)),
            # Added later than the rest.
            notes=dict(plain.get("notes", {})),
            ctimes=np.frombuffer(plain.get("ctimes", bytes(len(plain["sizes"]))), "<i8").astype(
                np.int64
            ),
        )
        columns = (
            records.ids, records.sizes, records.mtimes, records.digests,
            records.widths, records.heights, records.verdicts, records.ctimes,
        )  # fmt: skip
        if any(len(column) != len(records) for column in columns):
            raise ValueError("columns of different length")
        if len(records.owners) and not 0 <= records.owners.min() <= records.owners.max() < len(
            records
        ):
            raise ValueError("a vector without a file")
        if (np.diff(records.owners) < 0).any():
            raise ValueError("vectors that are not in the order of their files")
        if not {str}.issuperset(map(type, records.paths)):
            raise TypeError("a path that is no text")
        if not {bytes}.issuperset(map(type, records.digests)):
            raise TypeError("a content hash that is no bytes")
        # What could not be read at all has none.
        if not {0, DIGEST}.issuperset(map(len, records.digests)):
            raise ValueError("a content hash of another length")
        if not all(records.digests[owner] for owner in records.owners.tolist()):
            raise ValueError("an image without a content hash")
        if not all(0 <= row < len(records) for row in records.reasons):
            raise ValueError("a reason without a file")
        if not {str}.issuperset(map(type, records.reasons.values())):
            raise TypeError("a reason that is no text")
        return records
