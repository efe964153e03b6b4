"""What is damaged is rebuilt, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from image_search.duplicates.decisions import Decisions
from image_search.errors import CacheError, CacheLocked
from image_search.indexing.reports import Progress, Report
from image_search.labels import label_files
from image_search.labels.store import LabelStore
from image_search.library import Library
from image_search.maintenance.damage import (
    COLUMN,
    CORRECTIONS,
    DECISIONS,
    FINGERPRINTS,
    MANIFEST,
    PAIRS,
    RECORDS,
    THRESHOLDS,
    Damage,
)
from image_search.maintenance.index_files import load_manifest
from image_search.maintenance.verifying import decisions_of
from image_search.settings import Settings
from image_search.storage import CacheWriter, safe_pickle


@dataclass(frozen=True)
class Repaired:
    """What a repair did: the ``report`` of the update that it took, if it took one; ``warnings``,
    among them what is lost; and whether it was ``cancelled``, so that the next update goes on."""

    report: Report | None = None
    warnings: tuple[str, ...] = ()
    cancelled: bool = False


def repair(
    settings: Settings,
    damage: Iterable[Damage],
    on_progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Repaired:
    """Rebuild exactly what ``damage`` names.

    A running service goes on with what is sound, and takes up the rest when it is done. Vectors are
    computed again from the images with the extractors of ``settings``, by an update.

    Raises:
        CacheLocked: another process is updating the index, or comparing images.
        CacheError: the disk is full or not writable.
        ImageSearchError: what an update raises, see ``image_search.library.Library.update``.
    """
    damage = list(damage)
    kinds = {one.kind for one in damage}
    with CacheWriter(settings.cache, settings.images):
        if PAIRS in kinds:
            with _alone(settings):
                _remove(settings, damage)
        else:
            _remove(settings, damage)
    warnings: tuple[str, ...] = ()
    if DECISIONS in kinds:
        decisions = Decisions(decisions_of(settings.state_dir))
        decisions.all()
        warnings += decisions.warnings
    if CORRECTIONS in kinds:
        labels = LabelStore(label_files(settings)[1])
        labels.all()
        warnings += labels.warnings
    report, library = None, Library.open(settings)
    if kinds & {MANIFEST, RECORDS, COLUMN}:
        report = library.update(on_progress, cancelled, fingerprints=False)
        warnings += report.warnings
        if report.cancelled:
            return Repaired(report, warnings, cancelled=True)
    done = True
    if kinds & {PAIRS, THRESHOLDS}:
        done = library.duplicates.update(on_progress, cancelled)
    elif FINGERPRINTS in kinds:
        done = library.prepare(on_progress, cancelled)
    return Repaired(report, warnings, cancelled=not done)


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """No other process compares images until the end."""
    try:
        with filelock.FileLock(settings.state_dir / "duplicates.lock", timeout=0):
            yield
    except filelock.Timeout:
        raise CacheLocked(
            "Another process is comparing the images; wait until it has finished, or stop it."
        ) from None


def _remove(settings: Settings, damage: Iterable[Damage]) -> None:
    """Remove what is damaged, first from the manifest. The writer's lock is held."""
    lost = {one.segment for one in damage if one.kind == RECORDS}
    incomplete = {one.segment for one in damage if one.kind == COLUMN}
    manifest = [one for one in damage if one.kind == MANIFEST]
    try:
        if not manifest and (lost or incomplete):
            _leave_out(settings.cache, lost, incomplete)
        if manifest and not settings.cache.exists():
            # Without a file an update would begin a new index; with an empty one, it takes over
            # the segments that there are.
            settings.cache.touch()
        for one in damage:
            for path in one.remove:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise CacheError(
            f"{settings.cache} could not be repaired ({error.strerror or error}); check its "
            "permissions and make room on the disk."
        ) from error


def _leave_out(cache: Path, lost: set[str], incomplete: set[str]) -> None:
    """Have the manifest name segments that are ``lost`` no longer, and those that are
    ``incomplete`` as such, so that a running service does not look for their files."""
    plain = load_manifest(cache)
    rows = [row for row in plain["segments"] if row[0] not in lost]
    pending = [row for row in plain["pending"] if row[0] not in lost]
    plain["segments"] = [row for row in rows if row[0] not in incomplete]
    plain["pending"] = pending + [row for row in rows if row[0] in incomplete]
    plain["complete"] = False
    safe_pickle.dump(cache, plain)
