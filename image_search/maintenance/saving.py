"""A consistent copy of an index, made beside a running service.

A backup is a folder with ``backup.json``, which lists every file by the path that it had, and
``files``, where each lies under its SHA-256. ``backup.json`` is replaced last, so that an
interrupted backup leaves the one before. What can be derived from the rest in minutes is left out:
thumbnails, maps, fingerprints, pairs of duplicates, thresholds, codes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from image_search.duplicates.decisions import Decisions
from image_search.errors import CacheDamaged, CacheError, SettingsError
from image_search.labels import label_files
from image_search.labels.store import LabelStore
from image_search.maintenance.index_files import Manifest, load_manifest
from image_search.maintenance.verifying import decisions_of
from image_search.settings import Settings
from image_search.storage import ExtractorIdentity, database
from image_search.storage.columns import DESCRIPTION, column_path, described, key_of
from image_search.storage.imported import imported_files
from image_search.storage.safe_pickle import sync_folder, write_durably
from image_search.storage.segments import RECORDS, read_segment
from image_search.storage.snapshot import segment_folder

LISTING, FILES = "backup.json", "files"
FORMAT, VERSION = "image_search backup", 1
# What only its owner may read, and what goes with it.
SECRETS = ("secrets.json", "ended_sessions.json")
CHUNK = 1 << 22
# An update may merge segments while they are copied; then it is begun again.
_ATTEMPTS = 5
# The names that files of a backup have for any index.
MANIFEST, STATE = "index.pkl", "index.files"

OnBytes = Callable[[int, int], None]


@dataclass(frozen=True)
class Stored:
    """A file in a backup: the SHA-256 of its content in hex, its size in bytes, and when it was
    last changed, in nanoseconds since 1970."""

    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """What a backup holds: of which index, made when (seconds since 1970), and its files by their
    path beside the index."""

    cache: str
    made: float
    files: dict[str, Stored]


@dataclass
class BackupReport:
    """What was ``copied``, in files and bytes; and the files and bytes of the whole backup."""

    files: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0


def backup(
    settings: Settings,
    target: Path,
    *,
    with_secrets: bool = False,
    on_progress: OnBytes = lambda _, __: None,
) -> BackupReport:
    """Copy the index to the folder ``target``; what the last backup there has already is left as it
    is. A service may go on, and so may an update.

    Columns that are still being added are left out; after a restore an update begins them again.

    Raises:
        SettingsError: ``target`` holds something else, or lies within the index or the images.
        CacheDamaged: a file of the index is damaged.
        CacheError: there is no index, or the backup cannot be written.
    """
    _check_target(settings, target)
    if not settings.cache.exists():
        raise CacheError(f"There is no index {settings.cache} to be backed up.")
    with in_words(target, "written"):
        (target / FILES).mkdir(parents=True, exist_ok=True)
        before = read_listing(target) if (target / LISTING).exists() else None
        if before is not None and before.cache != str(settings.cache.resolve()):
            raise SettingsError(
                f"{target} is a backup of another index, {before.cache}; choose another folder."
            )
        for _ in range(_ATTEMPTS):
            copying = _Copying(settings, target, before, on_progress)
            try:
                return copying.run(with_secrets=with_secrets)
            except FileNotFoundError:
                # Merged away by an update since; what was copied so far is known.
                before = Listing("", 0.0, copying.known)
            except CacheDamaged as error:
                raise CacheDamaged(
                    f"The index {settings.cache} is damaged ({error}), so nothing was backed up, "
                    "and an earlier backup is as it was. To repair it, run image-search verify "
                    "--read-data --repair."
                ) from error
    raise CacheError(
        f"The index {settings.cache} was changed all the time by an update, or lacks a file. Wait "
        "for the update to end, or run image-search verify."
    )


def _check_target(settings: Settings, target: Path) -> None:
    place = target.resolve()
    for inside in (settings.state_dir.resolve(), settings.images.resolve()):
        if place == inside or inside in place.parents:
            raise SettingsError(f"A backup cannot lie within {inside}; choose another folder.")
    if target.exists() and not target.is_dir():
        raise SettingsError(f"{target} is a file; name a folder for the backup.")
    known = {LISTING, FILES}
    if target.is_dir() and not (target / LISTING).exists():
        strange = [path.name for path in target.iterdir() if path.name not in known]
        if strange:
            raise SettingsError(
                f"{target} holds other files, such as {strange[0]}; name an empty folder, or that "
                "of an earlier backup."
            )


@dataclass
class _Copying:
    settings: Settings
    target: Path
    before: Listing | None
    on_progress: OnBytes
    report: BackupReport = field(default_factory=BackupReport)
    known: dict[str, Stored] = field(default_factory=dict)

    def run(self, *, with_secrets: bool) -> BackupReport:
        settings, state = self.settings, self.settings.state_dir
        self.known = dict(self.before.files) if self.before else {}
        for path in (self.target / FILES).glob("*.tmp"):
            path.unlink()
        load_manifest(settings.cache)  # whose errors name it, and not the copy
        manifest_file = self._new()
        # What it names may be replaced by an update at any time, so it is read only once.
        manifest_file.write_bytes(settings.cache.read_bytes())
        manifest = Manifest(manifest_file)
        files: dict[str, Stored] = {}
        work = [
            (path, checksum)
            for name in manifest.rows
            for path, checksum in _files_of(
                settings, name, () if name in manifest.pending else manifest.needed
            )
        ]
        total, done = sum(path.stat().st_size for path, _ in work), 0
        for path, checksum in work:
            name = f"{STATE}/segments/{path.name}"
            files[name] = self.known[name] = self._copied(path, self.known.get(name), checksum)
            done += files[name].size
            self.on_progress(done, total)
        decisions = decisions_of(state)
        files |= self._database(decisions, Decisions(decisions).check)
        classifier, labels = label_files(settings)
        files |= self._database(labels, LabelStore(labels).check)
        if classifier.exists():
            name = f"{STATE}/{classifier.name}"
            files[name] = self._copied(classifier, self.known.get(name), None)
        for path, checksum in imported_files(settings.cache):
            name = f"{STATE}/{path.parent.name}/{path.name}"
            files[name] = self._copied(path, self.known.get(name), checksum)
        for secret in SECRETS if with_secrets else ():
            if (state / secret).exists():
                one = self._copied(state / secret, None, None, private=True)
                files[f"{STATE}/{secret}"] = one
        files[MANIFEST] = self._taken(manifest_file)
        self._finish(files)
        self.report.files, self.report.bytes = len(files), sum(one.size for one in files.values())
        return self.report

    def _database(self, path: Path, check: Callable[[], object]) -> dict[str, Stored]:
        if not path.exists():
            return {}
        new = self._new()
        check()
        with (
            database.opened(path, "", writing=False) as source,
            contextlib.closing(sqlite3.connect(new)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whatever it was
        return {f"{STATE}/{path.name}": self._taken(new)}

    def _new(self) -> Path:
        return self.target / FILES / f"{os.getpid()}-{time.monotonic_ns()}.tmp"

    def _copied(
        self, path: Path, known: Stored | None, checksum: int | None, *, private: bool = False
    ) -> Stored:
        """``path`` in the backup; a column is compared with its ``checksum`` on the way."""
        status = path.stat()
        if known is not None and (known.size, known.mtime_ns) == (
            status.st_size,
            status.st_mtime_ns,
        ):
            there = self.target / FILES / known.sha256
            if there.exists() and there.stat().st_size == known.size:
                return known
        new, digest, found = self._new(), hashlib.sha256(), 0
        with path.open("rb") as source, created(new, private=private) as copy:
            while piece := source.read(CHUNK):
                copy.write(piece)
                digest.update(piece)
                found = zlib.crc32(piece, found)
            copy.flush()
            os.fsync(copy.fileno())
        if checksum is not None and found != checksum:
            raise CacheDamaged(f"{path.name} does not match its checksum")
        return self._placed(new, digest.hexdigest(), status.st_mtime_ns)

    def _taken(self, new: Path) -> Stored:
        digest = hashlib.sha256()
        with new.open("r+b") as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
            os.fsync(file.fileno())
        return self._placed(new, digest.hexdigest(), new.stat().st_mtime_ns)

    def _placed(self, new: Path, sha256: str, mtime_ns: int) -> Stored:
        stored = Stored(sha256, new.stat().st_size, mtime_ns)
        place = self.target / FILES / sha256
        if not place.exists():
            self.report.copied += 1
            self.report.copied_bytes += stored.size
        new.replace(place)
        return stored

    def _finish(self, files: dict[str, Stored]) -> None:
        sync_folder(self.target / FILES)
        plain = {
            "format": FORMAT,
            "version": VERSION,
            "cache": str(self.settings.cache.resolve()),
            "made": time.time(),
            "files": {name: vars(one) for name, one in sorted(files.items())},
        }
        write_durably(self.target / LISTING, json.dumps(plain, indent=1).encode())
        wanted = {one.sha256 for one in files.values()}
        for path in (self.target / FILES).iterdir():
            if path.name not in wanted:
                path.unlink()


def _files_of(
    settings: Settings, name: str, needed: tuple[ExtractorIdentity, ...]
) -> Iterator[tuple[Path, int | None]]:
    """The files of a segment that are complete, each with its checksum if it has one beside it.

    Raises:
        FileNotFoundError, CacheDamaged: one that is ``needed`` is not.
    """
    folder = segment_folder(settings.cache)
    segment = read_segment(folder, name)
    segment.columns(needed)
    yield folder / (name + RECORDS), None
    for description in sorted(folder.glob(f"{name}.*{DESCRIPTION}")):
        known = described(description)
        if known is not None and known.written == segment.rows:
            yield description, None
            yield column_path(folder, name, known.extractor), known.checksum
    for extractor, checksum in segment.born.items():
        path = column_path(folder, name, extractor)
        again = folder / f"{name}.{key_of(extractor)}{DESCRIPTION}"
        if path.exists() and not again.exists():
            yield path, checksum


def created(path: Path, *, private: bool) -> IO[bytes]:
    """A new file, which only its owner may read if it is ``private``."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600 if private else 0o666), "wb")


def read_listing(target: Path) -> Listing:
    """What the backup in ``target`` holds.

    Raises:
        CacheError: there is none that is complete.
        CacheDamaged: it is damaged.
    """
    try:
        plain = json.loads((target / LISTING).read_text("utf-8"))
        if plain["format"] != FORMAT or plain["version"] != VERSION:
            raise ValueError("of another version")
        files = {
            str(name): Stored(str(one["sha256"]), int(one["size"]), int(one["mtime_ns"]))
            for name, one in plain["files"].items()
        }
        if not all(len(one.sha256) == 64 and one.sha256.isalnum() for one in files.values()):
            raise ValueError("a name that cannot be")
        return Listing(str(plain["cache"]), float(plain["made"]), files)
    except FileNotFoundError:
        raise CacheError(
            f"{target} holds no complete backup: there is no {LISTING}. It is written last."
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CacheDamaged(
            f"{target / LISTING} is damaged ({error}), so that the backup cannot be used."
        ) from error


@contextlib.contextmanager
def in_words(place: Path, done: str) -> Iterator[None]:
    """Failures of the system as errors of ours: what could not be ``done`` to ``place``."""
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"{error.filename or place} cannot be {done} ({error.strerror or error}); check its "
            "permissions and make room on the disk."
        ) from error
