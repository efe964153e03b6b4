"""What lies in the image folder: a walk that never leaves it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from image_search.errors import SettingsError

# Litter of operating systems and network stores, beside everything that starts with a dot.
LITTER = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "$recycle.bin"})


@dataclass(frozen=True)
class Entry:
    """A file: its path relative to the folder, with ``/``; size in bytes; mtime in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


def scan(
    folder: Path, exclude: Collection[Path] = (), closed: list[str] | None = None
) -> Iterator[Entry]:
    """Every regular file below ``folder``, in the order of their names.

    Hidden files and operating systems' litter are left out, and so is what lies below the paths in
    ``exclude``. Links to folders are not followed; a link to a file counts where the file lies in
    the folder too. A subfolder that cannot be listed is skipped, and its relative path (ending in
    ``/``) is appended to ``closed``, so that the caller need not take its files for deleted.

    Raises:
        SettingsError: the folder is not there or cannot be read.
    """
    root = folder.resolve()
    shut = {path.resolve() for path in exclude}
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise SettingsError(
            f"The image folder {folder} cannot be read ({error.strerror}); create it, mount it, or "
            "name another one with --images or IMAGE_SEARCH_IMAGES."
        ) from error
    yield from _walk(root, "", root, shut, [] if closed is None else closed)


def is_outside(root: Path, path: Path) -> bool:
    """Whether ``path``, all links resolved, lies outside ``root``."""
    return not path.resolve().is_relative_to(root.resolve())


def _walk(
    folder: Path, prefix: str, root: Path, shut: set[Path], closed: list[str]
) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # deleted since its parent was listed
    except OSError:
        closed.append(prefix)
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in LITTER:
            continue
        path = Path(entry.path)
        try:
            if entry.is_dir(follow_symlinks=False):
                if path not in shut:
                    yield from _walk(path, f"{prefix}{entry.name}/", root, shut, closed)
            elif entry.is_file() and path not in shut:
                if entry.is_symlink() and is_outside(root, path):
                    continue
                stat = entry.stat()
                yield Entry(prefix + entry.name, stat.st_size, stat.st_mtime_ns)
        except OSError:
            continue  # vanished between the listing and the look
