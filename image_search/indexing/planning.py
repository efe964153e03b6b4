"""What an update has to do: the folder as it is, held against the cache as it was."""

from __future__ import annotations

import bisect
import glob
import itertools
import operator
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.errors import SettingsError
from image_search.imaging.version import DECODING
from image_search.indexing.scanning import LITTER, Entries, FileState, Remarks, scan
from image_search.settings import Settings
from image_search.storage import Blocks, FileRecord, Segment, Snapshot
from image_search.storage.records import READABLE, RETRY
from image_search.storage.snapshot import companion

Rows = npt.NDArray[np.int64]


class IndexedFiles(Mapping[str, FileRecord]):
    """What the cache holds: records by path; by content (SHA-256), a record and its vectors.

    A million files are a sorted list and a few arrays; a record is made when it is asked for.
    """

    def __init__(self, snapshot: Snapshot, parts: Sequence[Snapshot] = ()) -> None:
        """Everything in ``snapshot`` that counts; ``parts`` know more contents."""
        self._parts = parts
        #: Files whose vectors were taken from each of the parts.
        self.taken = [0] * len(parts)
        self._segments, self._live = snapshot.segments, snapshot.live
        self._extractors = (*snapshot.wanted, *snapshot.beside)
        paths: list[str] = []
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            paths.extend(itertools.compress(segment.records.paths, live.tolist()))
        order = _order(paths)
        self._paths = [paths[place] for place in order.tolist()]
        # Beside each path, the segment and the row in it.
        rows = [np.flatnonzero(live) for live in snapshot.live]
        numbers = np.repeat(np.arange(len(rows)), [len(found) for found in rows])
        self._numbers = numbers[order]
        # Segments of an earlier version of the readers; none once every file was looked at.
        outdated = [
            snapshot.decoding < DECODING and segment.decoding < DECODING
            for segment in snapshot.segments
        ]
        #: Whether files are looked at again that an earlier version of the readers made out.
        self.outdated = any(outdated)
        self._stale = np.array([*outdated, False], np.bool_)[self._numbers]
        self._rows = np.concatenate([*rows, np.zeros(0, np.int64)])[order]
        columns = [
            [
                column[found]
                for column in (records.verdicts, records.sizes, records.mtimes, records.ctimes)
            ]
            for records, found in zip((s.records for s in snapshot.segments), rows, strict=True)
        ]
        nothing = np.zeros(0, np.int64)
        self._states = tuple(
            np.concatenate([nothing, *(column[i] for column in columns)])[order] for i in range(4)
        )

    def __getitem__(self, path: str) -> FileRecord:
        place = bisect.bisect_left(self._paths, path)
        if self._paths[place : place + 1] != [path]:
            raise KeyError(path)
        return self._segments[int(self._numbers[place])].records.record(int(self._rows[place]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def paths(self) -> Sequence[str]:
        """Every path, sorted."""
        return self._paths

    def states(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Verdict, size in bytes, and mtime and ctime in nanoseconds, of each of ``paths``."""
        verdicts, sizes, mtimes, ctimes = self._states
        return verdicts, sizes, mtimes, ctimes

    def stale(self) -> npt.NDArray[np.bool_]:
        """Which of ``paths`` an earlier version of the readers made out."""
        return self._stale

    def twin(self, digest: bytes) -> FileRecord | None:
        """A readable file of this very content that has vectors by all extractors wanted."""
        place = self._holder(digest)
        return None if place is None else place[0].records.record(place[1])

    def blocks(self, digest: bytes) -> Blocks:
        """The stored vectors of all regions of the file that ``twin`` gives."""
        place = self._holder(digest)
        if place is None:
            raise KeyError(digest.hex())
        segment, row, part = place
        if part is not None:
            self.taken[part] += 1
        rows = segment.rows_of(np.array([row]))
        columns = segment.columns(self._extractors)
        return {column.extractor.name: column.block(rows) for column in columns}

    def _holder(self, digest: bytes) -> tuple[Segment, int, int | None] | None:
        """The segment and the row of a readable file of this content, and the number of the part
        that it is in, if it is in none of the cache's own."""
        own = zip(reversed(self._segments), reversed(self._live), itertools.repeat(None))
        others = (
            (segment, live, number)
            for number, part in enumerate(self._parts)
            for segment, live in zip(part.segments, part.live, strict=True)
        )
        for segment, live, part in itertools.chain(own, others):
            for row in segment.holding(digest):
                if live[row] and segment.has(self._extractors):
                    return segment, row, part
        return None


def _order(paths: Sequence[str]) -> Rows:
    """The places of ``paths`` in the order of their characters. Quick where they are nearly in that
    order, as the walk gives them and the cache keeps them."""
    if all(map(operator.le, paths, itertools.islice(paths, 1, None))):
        return np.arange(len(paths))
    return np.array(sorted(range(len(paths)), key=paths.__getitem__), np.int64)


@dataclass(frozen=True)
class Plan:
    """``work``: files to look at; ``gone``: paths whose file is no more; the rest is
    ``unchanged``. ``again`` ((work,) bool) marks files that did not change themselves, but were
    made out by an earlier version of the readers. ``kept`` known paths are there still, or may be,
    and ``files`` lie in the folder."""

    work: Entries
    gone: tuple[str, ...]
    unchanged: int
    kept: int
    files: int
    again: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def cautious(self, folder: Path, finished: Mapping[str, FileState], remarks: Remarks) -> Plan:
        """This plan for an automatic update: files that are not as ``finished`` says
        are left for later, and nothing of an emptied folder is gone, which ``remarks`` note."""
        work = self.work
        ready = [finished.get(path) == work.state(row) for row, path in enumerate(work.paths)]
        rows = np.flatnonzero(np.array(ready, np.bool_))
        emptied = emptied_folders(folder, self.gone)
        remarks.emptied.extend(emptied)
        gone = tuple(path for path in self.gone if not path.startswith(emptied))
        kept = self.kept + len(self.gone) - len(gone)
        return replace(self, work=work.take(rows), again=self.again[rows], gone=gone, kept=kept)


def entries_in(
    settings: Settings,
    remarks: Remarks,
    on_progress: Callable[[int], None] = lambda _: None,
    exclude: Collection[Path] = (),
) -> Entries:
    """The files in the image folder that an update looks at; for the rest see ``scan``."""
    # The cache may lie among the images, and so may a rebuild and what was set aside.
    cache = settings.cache
    ours = [*cache.parent.glob(f"{glob.escape(cache.name)}*"), companion(cache)]
    return scan(settings.images, [*ours, *exclude], remarks, on_progress, settings.ignored)


def emptied_folders(root: Path, gone: Sequence[str]) -> tuple[str, ...]:
    """The folders below ``root``, as relative paths that end in ``/``, that held files which are
    ``gone``, and are there without any file or folder; a disk that is not mounted looks like it."""
    empty: dict[str, bool] = {}
    found = set()
    for folder in {path.rpartition("/")[0] for path in gone}:
        while folder and not (root / folder).is_dir():
            folder = folder.rpartition("/")[0]
        if folder not in empty:
            empty[folder] = _is_empty(root / folder)
        if folder and empty[folder]:
            found.add(folder + "/")
    return tuple(sorted(found))


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            names = (entry.name for entry in entries)
            return all(name.startswith(".") or name.lower() in LITTER for name in names)
    except OSError:
        return False  # such folders are dealt with as closed ones


def make_plan(entries: Entries, known: IndexedFiles, closed: tuple[str, ...] = ()) -> Plan:
    """Compare ``entries`` with what is ``known``.

    A file counts as unchanged while its size and modification time are what they were, as in rsync
    and make; and, where the system has it, the time of its last change of any kind, as in git: a
    program that sets back the modification time cannot set back that. What lies below the folders
    in ``closed`` is unknown, so nothing of it is gone.
    """
    order = _order(entries.paths)
    places = np.full(len(entries), -1, np.int64)
    places[order] = _matched([entries.paths[row] for row in order.tolist()], known.paths)
    old = places >= 0
    verdicts, sizes, mtimes, ctimes = (column[places[old]] for column in known.states())
    noted = entries.ctimes[old]
    same = old.copy()
    same[old] = (
        (verdicts != RETRY)
        & (sizes == entries.sizes[old])
        & (mtimes == entries.mtimes[old])
        & ((ctimes == noted) | (ctimes == 0) | (noted == 0))
    )
    again = np.zeros(len(entries), np.bool_)
    again[old] = same[old] & known.stale()[places[old]]
    same &= ~again
    again[old] &= verdicts == READABLE
    left = np.ones(len(known), np.bool_)
    left[places[old]] = False
    missing = (known.paths[place] for place in np.flatnonzero(left).tolist())
    gone = tuple(path for path in missing if not path.startswith(closed))
    return Plan(
        work=entries.take(np.flatnonzero(~same)),
        gone=gone,
        unchanged=int(np.count_nonzero(verdicts[same[old]] == READABLE)),
        kept=len(known) - len(gone),
        files=len(entries),
        again=again[~same],
    )


def _matched(paths: Sequence[str], known: Sequence[str]) -> Rows:
    """For each of ``paths`` its place in ``known``, -1 where it is not there; both are sorted.

    Stretches that are equal in both are found by comparing slices, so a million unchanged paths
    cost a few hundred steps and a hundred new ones among them a few thousand.
    """
    places = np.full(len(paths), -1, np.int64)
    here = there = 0
    while here < len(paths) and there < len(known):
        if paths[here] == known[there]:
            length = _equal_stretch(paths, known, here, there)
            places[here : here + length] = np.arange(there, there + length)
            here, there = here + length, there + length
        elif paths[here] < known[there]:
            here = bisect.bisect_left(paths, known[there], here)
        else:
            there = bisect.bisect_left(known, paths[here], there)
    return places


def _equal_stretch(one: Sequence[str], other: Sequence[str], here: int, there: int) -> int:
    """How many items are equal from ``here`` and ``there`` on, the first one being so."""
    most = min(len(one) - here, len(other) - there)
    good, step = 1, 1
    while step and good < most:
        step = min(step, most - good)
        begin, end = here + good, there + good
        if one[begin : begin + step] == other[end : end + step]:
            good, step = good + step, step * 2
        else:
            step //= 2
            # From here on it can only become shorter.
            while step:
                begin, end = here + good, there + good
                if one[begin : begin + step] == other[end : end + step]:
                    good += step
                step //= 2
    return good


# The index of so few files, such as the demo's, is built again in a minute or so, so no
# confirmation is asked for when another folder takes its place.
QUICKLY_MADE = 1000


def check_mass_deletion(settings: Settings, folder: str, known: int, plan: Plan) -> None:
    """A disk that is not mounted, or a mistyped folder, must not cost hours of embedding.

    ``folder``, the number of ``known`` files, and ``plan`` are those of the index that serves.
    """
    if not known or plan.kept:
        return
    none = f"{settings.images} holds none of the {known:,} files that are in the index"
    if not plan.files:
        raise SettingsError(
            f"The image folder is empty: {none}. If it is on another disk, mount it; if you really "
            f"emptied it, delete {settings.cache}."
        )
    if folder and folder != str(settings.images.resolve()) and known > QUICKLY_MADE:
        raise SettingsError(
            f"{settings.cache} is the index of another image folder, {folder}: {none}. Name "
            f"another cache with --cache, or delete it."
        )
