"""What an update has to do: the folder as it is, held against the cache as it was."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.cache import Fact, Snapshot
from image_search.cache.records import READABLE, RETRY
from image_search.errors import SettingsError
from image_search.extractors.base import Floats
from image_search.scanning import Entry
from image_search.settings import Settings


class Known(Mapping[str, Fact]):
    """What the cache holds: facts by path; by content (SHA-256), a fact and its vector.

    Facts are made when they are asked for: a million of them are a few arrays until then.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        """Everything in ``snapshot`` that counts."""
        self._segments = snapshot.segments
        self._places: dict[str, int] = {}
        self._contents: dict[bytes, int] = {}
        numbers, rows, states = [], [], []
        count = 0
        for number, (segment, live) in enumerate(
            zip(snapshot.segments, snapshot.live, strict=True)
        ):
            records, chosen = segment.records, live.tolist()
            found = np.flatnonzero(live)
            places = range(count, count + len(found))
            count += len(found)
            self._places.update(zip(itertools.compress(records.paths, chosen), places, strict=True))
            readable = (segment.vector_of[found] >= 0).tolist()
            contents = zip(itertools.compress(records.digests, chosen), places, strict=True)
            self._contents.update(itertools.compress(contents, readable))
            numbers.append(np.full(len(found), number))
            rows.append(found)
            columns = (records.verdicts, records.sizes, records.mtimes)
            states.append([column[found] for column in columns])
        self._numbers = np.concatenate([*numbers, np.zeros(0, np.int64)])
        self._rows = np.concatenate([*rows, np.zeros(0, np.int64)])
        self._states = [np.concatenate(column).tolist() for column in zip(*states, strict=True)]

    def __getitem__(self, path: str) -> Fact:
        return self._fact(self._places[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def state(self, path: str) -> tuple[int, int, int] | None:
        """The verdict, size in bytes and time in nanoseconds of a file; ``None`` if unknown."""
        place = self._places.get(path)
        if place is None:
            return None
        verdicts, sizes, mtimes = self._states
        return verdicts[place], sizes[place], mtimes[place]

    def twin(self, digest: bytes) -> Fact | None:
        """A readable file of this very content."""
        place = self._contents.get(digest)
        return None if place is None else self._fact(place)

    def vector(self, digest: bytes) -> Floats:
        """The stored vector (dim,) of the file that ``twin`` gives."""
        place = self._contents[digest]
        segment = self._segments[int(self._numbers[place])]
        return np.asarray(segment.vectors[segment.vector_of[self._rows[place]]])

    def _fact(self, place: int) -> Fact:
        records = self._segments[int(self._numbers[place])].records
        return records.fact(int(self._rows[place]))


@dataclass(frozen=True)
class Plan:
    """``work``: files to look at; ``gone``: paths whose file is no more; the rest is
    ``unchanged``."""

    work: tuple[Entry, ...]
    gone: tuple[str, ...]
    unchanged: int


def make_plan(entries: Iterable[Entry], known: Known, closed: tuple[str, ...] = ()) -> Plan:
    """Compare ``entries`` with what is ``known``.

    A file counts as unchanged while its size and modification time are what they were, as in rsync
    and make. What lies below the folders in ``closed`` is unknown, so nothing of it is gone.
    """
    work, seen, unchanged = [], set(), 0
    for entry in entries:
        seen.add(entry.path)
        state = known.state(entry.path)
        if state is None or state[0] == RETRY or state[1:] != (entry.size, entry.mtime_ns):
            work.append(entry)
        elif state[0] == READABLE:
            unchanged += 1
    gone = tuple(path for path in known if path not in seen and not path.startswith(closed))
    return Plan(tuple(work), gone, unchanged)


# The index of so few files, such as the demo's, is made anew in a minute or so; to move on from it
# to another folder needs no ceremony.
QUICKLY_MADE = 1000


def refuse_to_forget_all(
    settings: Settings,
    folder: str,
    known: Collection[str],
    entries: Sequence[Entry],
    closed: Sequence[str],
) -> None:
    """A disk that is not mounted, or a mistyped folder, must not cost hours of embedding.

    ``folder`` and the paths in ``known`` are those of the index that serves.
    """
    here = {entry.path for entry in entries}
    if not known or any(path in here or path.startswith(tuple(closed)) for path in known):
        return
    none = f"{settings.images} holds none of the {len(known):,} files that are in the index"
    if not here:
        raise SettingsError(
            f"The image folder is empty: {none}. If it is on another disk, mount it; if you really "
            f"emptied it, delete {settings.cache}."
        )
    if folder and folder != str(settings.images.resolve()) and len(known) > QUICKLY_MADE:
        raise SettingsError(
            f"{settings.cache} is the index of another image folder, {folder}: {none}. Name "
            f"another cache with --cache, or delete it."
        )
