"""Parts of an index that were made elsewhere, each from a share of the files.

A part is an index like any other: file records, regions, and a column of unit vectors and norms for
each extractor. An index takes up what it needs by content: the vectors of every file whose SHA-256
is that of a file in the part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from image_search.errors import CacheDamaged, CacheError, SettingsError
from image_search.imaging.version import DECODING
from image_search.indexing.scanning import Entries
from image_search.storage import ExtractorIdentity, Snapshot, read_snapshot
from image_search.storage.records import image_id
from image_search.storage.snapshot import segment_folder

# What the manifest in the folder of a part is called.
NAME = "image_features.pkl"
# Computers or processes that an index is divided among.
MOST_SHARDS = 100_000


class Shard(NamedTuple):
    """One of so many ``shares`` of the files, by ``number`` from 1. A file's share follows from its
    path alone, so that every computer divides a folder alike."""

    number: int
    shares: int

    def of(self, entries: Entries) -> Entries:
        """Return the files of this share."""
        rows = [row for row, path in enumerate(entries.paths) if self.holds(path)]
        return entries.take(np.array(rows, np.int64))

    def holds(self, path: str) -> bool:
        """Whether the file of this relative ``path`` is of this share."""
        return image_id(path) % self.shares == self.number - 1

    def check_holds(self, paths: Iterable[str]) -> None:
        """See that an index of these ``paths`` is this part, and may be brought up to date.

        Raises:
            SettingsError: it is another part, or a whole index, which would lose the rest.
        """
        if not all(map(self.holds, paths)):
            raise SettingsError(
                f"The index that is there is not part {self.number} of {self.shares}, and is left "
                "as it is; write to another folder."
            )


def parse_shard(text: str) -> Shard:
    """Return the share that ``3/16`` names.

    Raises:
        SettingsError: it is no such share.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip(), re.ASCII)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.shares <= MOST_SHARDS:
        raise SettingsError(
            f"A share of the files is written like 3/16, the third of sixteen, not {text[:20]!r}."
        )
    return shard


@dataclass(frozen=True, eq=False)
class Part:
    """A part in the folder ``path``, opened."""

    path: Path
    snapshot: Snapshot


def read_parts(paths: Sequence[Path], wanted: Sequence[ExtractorIdentity]) -> tuple[Part, ...]:
    """Open parts, and verify the vectors of the extractors that are ``wanted``.

    Raises:
        CacheError: one of them is missing, damaged, made by another version, or lacks vectors by an
            extractor that is wanted.
    """
    return tuple(_read(path, wanted) for path in paths)


def _read(path: Path, wanted: Sequence[ExtractorIdentity]) -> Part:
    manifest = path / NAME if path.is_dir() else path
    try:
        snapshot = read_snapshot(manifest, segment_folder(manifest))
        if snapshot is None:
            raise CacheError(f"there is no {NAME} in it, as image-search embed writes")
        _check_comparable(snapshot, wanted)
        for segment in snapshot.segments:
            segment.searched_by(tuple(wanted)).verify()
    except CacheDamaged as error:
        raise CacheError(_refused(path, f"it is damaged: {_clause(error)}")) from error
    except (CacheError, OSError) as error:
        raise CacheError(_refused(path, _clause(error))) from error
    return Part(path, snapshot)


def _check_comparable(snapshot: Snapshot, wanted: Sequence[ExtractorIdentity]) -> None:
    """See that the vectors of a part may stand beside those that are made here.

    Raises:
        CacheError: they may not.
    """
    held = {one.name: one for one in (*snapshot.extractors, *snapshot.beside)}
    lacking = [one.name for one in wanted if one.name not in held]
    if lacking:
        raise CacheError(f"it lacks vectors by {', '.join(lacking)}, which this index needs")
    other = [one.name for one in wanted if held[one.name] != one]
    if other:
        raise CacheError(f"its vectors by {', '.join(other)} were made by another model")
    if any(segment.decoding != DECODING for segment in snapshot.segments):
        raise CacheError("another version made it, which decodes pictures in another way")


def _clause(error: Exception) -> str:
    return str(error).rstrip(".")


def _refused(path: Path, reason: str) -> str:
    return f"The part {path} cannot be taken up: {reason}. The index is as it was."
