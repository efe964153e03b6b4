"""What a verification found."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST, RECORDS = "manifest", "records"
# A column that searches use or that is being added, and one of an extractor that is not in use.
COLUMN, RESERVE = "column", "reserve"
CODES, FINGERPRINTS, PAIRS = "codes", "fingerprints", "pairs"
THRESHOLDS, DECISIONS = "thresholds", "decisions"
LABELS, CORRECTIONS = "classifier of labels", "labels by people"
IMPORTED = "imported vectors"


@dataclass(frozen=True)
class Depth:
    """How much is read: all checksums if ``read``, and of ``parts`` of the data only this ``part``,
    from 1. A file belongs to the same part every time."""

    read: bool = False
    part: int = 1
    parts: int = 1

    def covers(self, path: Path) -> bool:
        """Whether the whole of a file of this name is read."""
        return self.read and zlib.crc32(path.name.encode()) % self.parts == self.part - 1


@dataclass(frozen=True)
class Damage:
    """One damaged file of a ``kind``: the ``problem`` and the ``cost`` of a repair, in words.

    A repair removes the files in ``remove``, so that they are made again. ``segment`` names the one
    it belongs to, if any.
    """

    kind: str
    path: Path
    problem: str
    cost: str
    remove: tuple[Path, ...] = ()
    segment: str = ""


@dataclass
class Verified:
    """What was found so far: ``damage``, ``notes`` on what cannot be verified, how many ``files``
    were looked at, and how many ``bytes_read`` of ``bytes_to_read``."""

    depth: Depth
    on_progress: Callable[[int, int], None] = lambda _, __: None
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    images: int = 0
    bytes_read: int = 0
    bytes_to_read: int = 0

    def looked_at(self, path: Path) -> bool:
        """Count a file; return whether the whole of it is to be read."""
        self.files += 1
        return self.depth.covers(path)

    def read(self, size: int) -> None:
        """Note that so many bytes were read."""
        self.bytes_read += size
        self.on_progress(min(self.bytes_read, self.bytes_to_read), self.bytes_to_read)
