"""What lies in the image folder: a walk that never leaves it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from image_search.errors import SettingsError

Rows = npt.NDArray[np.int64]

# Litter of operating systems and network stores, beside everything that starts with a dot.
LITTER = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "$recycle.bin"})

# Files and folders between two signs of life. A network disk may take milliseconds for each.
TOLD_EVERY = 500


@dataclass(frozen=True)
class Entry:
    """A file: its path relative to the folder, with ``/``; size in bytes; mtime in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


class Entries(Sequence[Entry]):
    """Many entries as three columns: a million files are no million objects until each is asked
    for."""

    def __init__(self, paths: Sequence[str], sizes: Rows, mtimes: Rows) -> None:
        """Columns of one length, as the fields of ``Entry``."""
        self.paths, self.sizes, self.mtimes = paths, sizes, mtimes

    @staticmethod
    def of(entries: Iterable[Entry]) -> Entries:
        """The columns of ``entries``."""
        found = list(entries)
        return Entries(
            [entry.path for entry in found],
            np.array([entry.size for entry in found], np.int64),
            np.array([entry.mtime_ns for entry in found], np.int64),
        )

    def take(self, rows: Rows) -> Entries:
        """Those in these rows."""
        paths = [self.paths[row] for row in rows.tolist()]
        return Entries(paths, self.sizes[rows], self.mtimes[rows])

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, row: int) -> Entry: ...

    @overload
    def __getitem__(self, row: slice) -> Entries: ...

    def __getitem__(self, row: int | slice) -> Entry | Entries:
        if isinstance(row, slice):
            return Entries(self.paths[row], self.sizes[row], self.mtimes[row])
        return Entry(self.paths[row], int(self.sizes[row]), int(self.mtimes[row]))


def scan(
    folder: Path,
    exclude: Collection[Path] = (),
    closed: list[str] | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Entries:
    """Every regular file below ``folder``, in the order of their names.

    Hidden files and operating systems' litter are left out, and so is what lies below the paths in
    ``exclude``. Links to folders are not followed; a link to a file counts where the file lies in
    the folder too. A subfolder that cannot be listed is skipped, and its relative path (ending in
    ``/``) is appended to ``closed``, so that the caller need not take its files for deleted.
    ``on_progress`` is told every now and then how many files were found; what it raises ends the
    walk.

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
    walk = _Walk(root, exclude, [] if closed is None else closed, on_progress)
    walk.into(str(root), "")
    return walk.found()


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
        closed: list[str],
        on_progress: Callable[[int], None],
    ) -> None:
        self._root, self._closed, self._on_progress = root, closed, on_progress
        # By folder, the names in it that are left out.
        self._shut: dict[str, set[str]] = {}
        for path in (path.resolve() for path in exclude):
            self._shut.setdefault(str(path.parent), set()).add(path.name)
        self._looked = 0
        self._paths: list[str] = []
        self._sizes: list[int] = []
        self._mtimes: list[int] = []

    def found(self) -> Entries:
        sizes, mtimes = np.array(self._sizes, np.int64), np.array(self._mtimes, np.int64)
        return Entries(self._paths, sizes, mtimes)

    def into(self, folder: str, prefix: str) -> None:
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except FileNotFoundError:
            return  # deleted since its parent was listed
        except OSError:
            self._closed.append(prefix)
            return
        shut = self._shut.get(folder, ())
        for entry in entries:
            self._looked += 1
            if not self._looked % TOLD_EVERY:
                self._on_progress(len(self._paths))
            name = entry.name
            if name[0] == "." or name in shut or name.lower() in LITTER:
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    self.into(entry.path, f"{prefix}{name}/")
                    continue
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISLNK(state.st_mode):
                    state = entry.stat()
                    if is_outside(self._root, Path(entry.path)):
                        continue
            except OSError:
                continue  # vanished between the listing and the look
            if stat.S_ISREG(state.st_mode):
                self._paths.append(prefix + name)
                self._sizes.append(state.st_size)
                self._mtimes.append(state.st_mtime_ns)
