"""An index brought back from a backup, also under a running service."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from image_search.errors import CacheDamaged, SettingsError
from image_search.labels import label_files
from image_search.maintenance.saving import (
    CHUNK,
    FILES,
    MANIFEST,
    SECRETS,
    STATE,
    Listing,
    OnBytes,
    Stored,
    created,
    in_words,
    read_listing,
)
from image_search.maintenance.verifying import decisions_of
from image_search.settings import Settings
from image_search.storage import CacheWriter, database
from image_search.storage.columns import DESCRIPTION
from image_search.storage.imported import imported_folder
from image_search.storage.safe_pickle import sync_folder
from image_search.storage.snapshot import segment_folder


@dataclass(frozen=True)
class RestoreReport:
    """What was restored, and where the index lies that was there ``before``, if there was one."""

    files: int
    bytes: int
    made: float
    before: str = ""


def restore(
    settings: Settings,
    source: Path,
    *,
    force: bool = False,
    on_progress: OnBytes = lambda _, __: None,
) -> RestoreReport:
    """Bring back the index from the backup in the folder ``source``, whose files are verified
    first. A running service takes it up by itself.

    An index that is there is only replaced by ``force``, and is kept under another name.

    Raises:
        SettingsError: there is an index already.
        CacheDamaged: the backup is damaged; the index is as it was.
        CacheLocked: another process is updating the index.
        CacheError: there is no complete backup, or the index cannot be written.
    """
    with in_words(source, "read"):
        listing = read_listing(source)
        _verify(source, listing, on_progress)
    if not force and settings.cache.exists():
        raise SettingsError(
            f"There is an index {settings.cache} already; --force puts the backup in its place, "
            "and keeps it under another name."
        )
    with CacheWriter(settings.cache, settings.images), in_words(settings.cache, "written"):
        before = _set_aside(settings) if settings.cache.exists() else None
        _place(settings, source, listing)
    size = sum(one.size for one in listing.files.values())
    return RestoreReport(len(listing.files), size, listing.made, str(before or ""))


def _verify(source: Path, listing: Listing, on_progress: OnBytes) -> None:
    total, done = sum(one.size for one in listing.files.values()), 0
    for name, one in listing.files.items():
        digest, size = hashlib.sha256(), 0
        try:
            with (source / FILES / one.sha256).open("rb") as file:
                while piece := file.read(CHUNK):
                    digest.update(piece)
                    size += len(piece)
                    on_progress(min(done + size, total), total)
        except FileNotFoundError:
            size = -1
        if size != one.size or digest.hexdigest() != one.sha256:
            raise CacheDamaged(
                f"The backup {source} is damaged, and nothing was restored: "
                f"{FILES}/{one.sha256}, which holds {name}, is not as it was written."
            )
        done += one.size
    if MANIFEST not in listing.files:
        raise CacheDamaged(f"The backup {source} holds no index; nothing was restored.")


def _set_aside(settings: Settings) -> Path:
    """Keep the index that is there under another name, as it is; the files stay in their place
    too, so that a running service goes on."""
    cache = settings.cache
    # It begins with the name of the index, as a sign that it is none of the images.
    stamp = f"{cache.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}"
    aside = cache.with_name(f"{stamp}.pkl")
    number = 2
    while aside.exists():
        aside = cache.with_name(f"{stamp}-{number}.pkl")
        number += 1
    folder = segment_folder(aside)
    folder.mkdir(parents=True)
    for path in segment_folder(cache).iterdir():
        if path.is_file():
            _link(path, folder / path.name)
    if (imported := imported_folder(cache)).is_dir():
        imported_folder(aside).mkdir()
        for path in imported.iterdir():
            _link(path, imported_folder(aside) / path.name)
    classifier, labels = label_files(settings)
    for database_file in (decisions_of(settings.state_dir), labels):
        if database_file.exists():
            _copy_database(database_file, folder.parent / database_file.name)
    if classifier.exists():
        shutil.copy2(classifier, folder.parent / classifier.name)
    shutil.copy2(cache, aside)
    return aside


def _copy_database(path: Path, target: Path) -> None:
    try:
        with database.opened(path, "", writing=False) as source:
            _write_into(source, target)
    except CacheDamaged:
        shutil.copy2(path, target)  # as it is


def _place(settings: Settings, source: Path, listing: Listing) -> None:
    folder = segment_folder(settings.cache)
    prefix = f"{STATE}/segments/"
    names = {Path(name).name for name in listing.files if name.startswith(prefix)}
    for description in folder.glob(f"*{DESCRIPTION}"):
        # Of a column that was computed again since: it is wrong about the one of the backup.
        if description.name not in names and description.name.removesuffix(".pkl") in names:
            description.unlink()
    for name, one in listing.files.items():
        if name.startswith(prefix):
            _put(source, one, folder / Path(name).name)
    sync_folder(folder)
    imported = imported_folder(settings.cache)
    prefix = f"{STATE}/{imported.name}/"
    # The pickles last: each names a file of rows.
    for name in sorted(listing.files, key=lambda name: (name.endswith(".pkl"), name)):
        if name.startswith(prefix):
            imported.mkdir(exist_ok=True)
            _put(source, listing.files[name], imported / Path(name).name)
    for secret in SECRETS:
        kept = listing.files.get(f"{STATE}/{secret}")
        if kept is not None:
            _put(source, kept, settings.state_dir / secret)
    classifier, labels = label_files(settings)
    for database_file in (decisions_of(settings.state_dir), labels):
        kept = listing.files.get(f"{STATE}/{database_file.name}")
        if kept is not None:
            _restore_database(source / FILES / kept.sha256, database_file)
    kept = listing.files.get(f"{STATE}/{classifier.name}")
    if kept is not None:
        _put(source, kept, classifier)
    # Last: readers go by it.
    _put(source, listing.files[MANIFEST], settings.cache, noticed=True)


def _restore_database(source: Path, target: Path) -> None:
    """Have the database ``target``, which others may have open, hold what ``source`` does."""
    with contextlib.closing(sqlite3.connect(source)) as kept:
        try:
            _write_into(kept, target)
        except CacheDamaged:
            database.set_aside(target)
            _write_into(kept, target)


def _write_into(kept: sqlite3.Connection, target: Path) -> None:
    with (
        database.in_words(target),
        contextlib.closing(sqlite3.connect(target, timeout=database.PATIENCE)) as file,
    ):
        kept.backup(file)


def _put(source: Path, one: Stored, target: Path, *, noticed: bool = False) -> None:
    """Copy a file of the backup to ``target`` in one step; its time is that of the original,
    unless that it is new must be ``noticed``."""
    new = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        private = target.name in SECRETS
        with (
            (source / FILES / one.sha256).open("rb") as file,
            created(new, private=private) as copy,
        ):
            while piece := file.read(CHUNK):
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        if not noticed:
            os.utime(new, ns=(one.mtime_ns, one.mtime_ns))
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except OSError:  # no links here
        shutil.copy2(path, target)
