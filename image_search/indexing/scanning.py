"""What lies in the image folder: a walk that never leaves it."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from image_search.errors import SettingsError

Rows = npt.NDArray[np.int64]

# Litter of operating systems, network stores (Synology, QNAP, NetApp) and archives, beside what
# starts with a dot: thumbnails, recycle bins, and snapshots that hold every image once more.
LITTER = frozenset({
    "thumbs.db", "desktop.ini", "ehthumbs.db", "$recycle.bin", "recycler", "recycled",
    "system volume information", "lost+found", "__macosx", "#recycle", "#snapshot", "#tmp",
    "@eadir", "@recycle", "@recently-snapshot", "@snapshot", "@synoeastream", "@synoresource",
    "@sharebin", "@tmp", "~snapshot", "lost.dir", "network trash folder", "temporary items",
})  # fmt: skip
# Folders within folders that are looked into; more come from a program that ran wild.
MAX_DEPTH = 2_000

_FIRST, _LAST = -(1 << 63), (1 << 63) - 1

# Files and folders between two reports of progress. A network disk may take milliseconds for each.
REPORT_EVERY = 500


class FileState(NamedTuple):
    """What shows that a file was changed: its size in bytes, and times as in ``Entry``."""

    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class Entry:
    """A file: its path relative to the folder, with ``/``; size in bytes; times in nanoseconds: of
    its last change, and where the system has it (else 0), when that or anything else about the file
    was written down."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0


@dataclass
class Remarks:
    """What a walk has met that a person may want to know: ``closed`` folders (relative paths ending
    in ``/``) that could not be looked into, how many links lead out of the folder, and ``emptied``
    folders (as ``closed``), which may be on a disk that is not mounted."""

    closed: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    links_out: int = 0

    def in_words(self) -> list[str]:
        """What is wrong with the folder, in words for people."""
        found = []
        if self.closed:
            found.append(
                f"Could not look into {len(self.closed)} folders, whose images were kept as they "
                f"were: {_named(self.closed)}"
            )
        if self.emptied:
            found.append(
                f"{_named(self.emptied)} {'is' if len(self.emptied) == 1 else 'are'} empty now. "
                "What lay there stays in the index: if its disk is not mounted, mount it; if you "
                "emptied it, update the index yourself."
            )
        if self.links_out:
            found.append(
                f"{self.links_out:,} links lead out of the image folder and were not followed; put "
                "the files themselves into it."
            )
        return found


def _named(folders: Sequence[str]) -> str:
    """The first of these folders, in words."""
    return ", ".join(path if len(path) < 100 else f"{path[:80]}..." for path in folders[:5])


def times_of(state: os.stat_result) -> tuple[int, int]:
    """When a file was changed, and when the system wrote anything down about it, in nanoseconds
    since 1970. Dates that no clock shows (the year 2299) are brought into the range of 64 bits."""
    changed = max(_FIRST, min(_LAST, state.st_mtime_ns))
    # On Windows this is when the file was made, which says nothing.
    noted = 0 if os.name == "nt" else max(_FIRST, min(_LAST, state.st_ctime_ns))
    return changed, noted


class Entries(Sequence[Entry]):
    """Many entries as columns: a million files are no million objects until each is asked for."""

    def __init__(
        self, paths: Sequence[str], sizes: Rows, mtimes: Rows, ctimes: Rows | None = None
    ) -> None:
        """Columns of one length, as the fields of ``Entry``."""
        self.paths, self.sizes, self.mtimes = paths, sizes, mtimes
        self.ctimes = np.zeros(len(paths), np.int64) if ctimes is None else ctimes

    @staticmethod
    def of(entries: Iterable[Entry]) -> Entries:
        """The columns of ``entries``."""
        found = list(entries)
        return Entries(
            [entry.path for entry in found],
            np.array([entry.size for entry in found], np.int64),
            np.array([entry.mtime_ns for entry in found], np.int64),
            np.array([entry.ctime_ns for entry in found], np.int64),
        )

    def state(self, row: int) -> FileState:
        """The state of the file in this row."""
        return FileState(int(self.sizes[row]), int(self.mtimes[row]), int(self.ctimes[row]))

    def take(self, rows: Rows) -> Entries:
        """Those in these rows."""
        paths = [self.paths[row] for row in rows.tolist()]
        return Entries(paths, self.sizes[rows], self.mtimes[rows], self.ctimes[rows])

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, row: int) -> Entry: ...

    @overload
    def __getitem__(self, row: slice) -> Entries: ...

    def __getitem__(self, row: int | slice) -> Entry | Entries:
        if isinstance(row, slice):
            return Entries(self.paths[row], self.sizes[row], self.mtimes[row], self.ctimes[row])
        times = int(self.mtimes[row]), int(self.ctimes[row])
        return Entry(self.paths[row], int(self.sizes[row]), *times)


def scan(
    folder: Path,
    exclude: Collection[Path] = (),
    remarks: Remarks | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    ignore: Sequence[str] = (),
) -> Entries:
    """Every regular file below ``folder``, in the order of their names.

    Hidden files and litter are left out, and so is what lies below the paths in ``exclude``, and
    what matches a pattern in ``ignore`` (``*`` and ``?``, in any case; with a ``/`` the path within
    the folder, else any name). Links to folders are not followed; a link to a file counts where the
    file lies in the folder too, else ``remarks`` counts it. A subfolder that cannot be listed, or
    lies too deep, is skipped and noted there, so that the caller need not take its files for
    deleted. ``on_progress`` is given every now and then how many files were found; what it raises
    ends the walk.

    Raises:
        SettingsError: the folder is not there or cannot be read.
    """
    root = folder.resolve()
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise SettingsError(
            f"The image folder {folder} cannot be read ({error.strerror}); create it, mount it, or "
            "name another one with --images or IMAGE_SEARCH_IMAGES."
        ) from error
    walk = _Walk(root, exclude, remarks or Remarks(), on_progress, _ignored(ignore))
    walk.run()
    return walk.found()


def _ignored(patterns: Sequence[str]) -> Callable[[str, str], bool] | None:
    """Whether a name, or the path that ends in it, matches one of the patterns."""
    kinds: tuple[list[str], list[str]] = ([], [])
    for pattern in filter(None, (text.strip() for text in patterns)):
        kinds["/" in pattern].append(fnmatch.translate(pattern.strip("/").lower()))
    if not any(kinds):
        return None
    names, paths = (re.compile("|".join(kind) or r"(?!)") for kind in kinds)
    return lambda name, path: bool(names.match(name.lower()) or paths.match(path.lower()))


def is_outside(root: Path, path: Path) -> bool:
    """Whether ``path``, all links resolved, lies outside ``root``."""
    return not path.resolve().is_relative_to(root.resolve())


class _Walk:
    """Gathers columns on its way. In a folder of a million files every step counts a million times:
    no objects are made, and the system is asked once about each file."""

    def __init__(
        self,
        root: Path,
        exclude: Collection[Path],
        remarks: Remarks,
        on_progress: Callable[[int], None],
        ignored: Callable[[str, str], bool] | None,
    ) -> None:
        self._root, self._remarks, self._on_progress = root, remarks, on_progress
        self._ignored = ignored
        # By folder, the names in it that are left out.
        self._shut: dict[str, set[str]] = {}
        for path in (path.resolve() for path in exclude):
            self._shut.setdefault(str(path.parent), set()).add(path.name)
        self._looked = 0
        self._paths: list[str] = []
        self._sizes: list[int] = []
        self._mtimes: list[int] = []
        self._ctimes: list[int] = []

    def found(self) -> Entries:
        columns = [
            np.array(column, np.int64) for column in (self._sizes, self._mtimes, self._ctimes)
        ]
        return Entries(self._paths, *columns)

    def run(self) -> None:
        """Look through the folders, each where its name stands among its neighbours. A stack of our
        own, for a thousand folders within each other are more than Python's."""
        waiting = [self._listed(str(self._root), "")]
        while waiting:
            folder = next(waiting[-1], None)
            if folder is None:
                waiting.pop()
            elif len(waiting) > MAX_DEPTH:
                self._remarks.closed.append(folder[1])
            else:
                waiting.append(self._listed(*folder))

    def _listed(self, folder: str, prefix: str) -> Iterator[tuple[str, str]]:
        """Gather the files of a folder; its folders, with the prefix of what lies in them."""
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except FileNotFoundError:
            return  # deleted since its parent was listed
        except OSError:
            self._remarks.closed.append(prefix)
            return
        shut, ignored = self._shut.get(folder, ()), self._ignored
        for entry in entries:
            self._looked += 1
            if not self._looked % REPORT_EVERY:
                self._on_progress(len(self._paths))
            name = entry.name
            if name[0] == "." or name in shut or name.lower() in LITTER:
                continue
            if ignored is not None and ignored(name, prefix + name):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield entry.path, f"{prefix}{name}/"
                    continue
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISLNK(state.st_mode):
                    if is_outside(self._root, Path(entry.path)):
                        self._remarks.links_out += os.path.exists(entry.path)  # noqa: PTH110
                        continue
                    state = entry.stat()
            except (OSError, RuntimeError):
                continue  # vanished between the listing and the look, or a link to itself
            if stat.S_ISREG(state.st_mode):
                self._paths.append(prefix + name)
                self._sizes.append(state.st_size)
                changed, noted = times_of(state)
                self._mtimes.append(changed)
                self._ctimes.append(noted)
