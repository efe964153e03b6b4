"""What an update has to do: the folder as it is, held against the cache as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from image_search.cache import Fact, Snapshot
from image_search.cache.records import READABLE, RETRY
from image_search.errors import SettingsError
from image_search.extractors.base import Floats
from image_search.scanning import Entry
from image_search.settings import Settings


@dataclass
class Known:
    """What the cache holds: facts by path, and by content (SHA-256) with their vector."""

    by_path: dict[str, Fact] = field(default_factory=dict)
    by_digest: dict[bytes, tuple[Fact, Floats]] = field(default_factory=dict)

    @staticmethod
    def of(snapshot: Snapshot) -> Known:
        """Everything in ``snapshot`` that counts."""
        known = Known()
        for number, row, fact in snapshot.facts():
            known.by_path[fact.path] = fact
            segment = snapshot.segments[number]
            vector = int(segment.vector_of[row])
            if vector >= 0:
                known.by_digest[fact.digest] = (fact, segment.vectors[vector])
        return known

    def twin(self, digest: bytes) -> Fact | None:
        """A readable file of this very content."""
        found = self.by_digest.get(digest)
        return found[0] if found else None


@dataclass(frozen=True)
class Plan:
    """``work``: files to look at; ``gone``: paths whose file is no more; the rest is
    ``unchanged``."""

    work: tuple[Entry, ...]
    gone: tuple[str, ...]
    unchanged: int


def make_plan(
    entries: Iterable[Entry], known: Mapping[str, Fact], closed: tuple[str, ...] = ()
) -> Plan:
    """Compare ``entries`` with ``known``, facts by path.

    A file counts as unchanged while its size and modification time are what they were, as in rsync
    and make. What lies below the folders in ``closed`` is unknown, so nothing of it is gone.
    """
    work, seen, unchanged = [], set(), 0
    for entry in entries:
        seen.add(entry.path)
        fact = known.get(entry.path)
        if (
            fact is None
            or fact.verdict == RETRY
            or (fact.size, fact.mtime_ns) != (entry.size, entry.mtime_ns)
        ):
            work.append(entry)
        elif fact.verdict == READABLE:
            unchanged += 1
    gone = tuple(path for path in known if path not in seen and not path.startswith(closed))
    return Plan(tuple(work), gone, unchanged)


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
    if folder and folder != str(settings.images.resolve()):
        raise SettingsError(
            f"{settings.cache} is the index of another image folder, {folder}: {none}. Name "
            f"another cache with --cache, or delete it."
        )
