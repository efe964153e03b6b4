"""The cache brought up to date with the image folder, under the writer's lock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from image_search.errors import ModelUnavailable, SettingsError
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.base import ExtractorPool
from image_search.indexing.availability import kept_in_reserve, patches_beside
from image_search.indexing.building import IndexingContext, update_cache
from image_search.indexing.parts import Shard, read_parts
from image_search.indexing.reports import Progress, Report
from image_search.indexing.scanning import FileState
from image_search.search.engines.segment_indexes import verified_segments
from image_search.settings import Settings
from image_search.storage import CacheWriter, ExtractorIdentity, Snapshot


class UpdateOptions(NamedTuple):
    """What an update does besides: the vectors by extractors named in ``without`` are removed, of
    the files only those of a ``shard`` count, and ``parts`` are folders with vectors that were made
    elsewhere. In an automatic update, ``finished`` has the files to look at; see
    ``Plan.cautious``."""

    without: Collection[str] = ()
    shard: Shard | None = None
    parts: Sequence[Path] = ()
    finished: Mapping[str, FileState] | None = None


@dataclass(frozen=True, eq=False)
class Updater:
    """Updates the cache, which holds ``snapshot()`` so far, with the extractors of ``pool``.

    Vectors of the segments that ``verified()`` names need not be compared with their checksums.
    ``forget`` drops what was derived from contents (SHA-256 digests) that are shown in another way
    now.
    """

    settings: Settings
    snapshot: Callable[[], Snapshot]
    verified: Callable[[], Collection[str]]
    pool: ExtractorPool
    forget: Callable[[Collection[bytes]], None]

    def update(
        self,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        chosen: UpdateOptions,
    ) -> tuple[Report, tuple[str, ...]]:
        """Return the report of an update as it is ``chosen``, and warnings about extractors.

        Raises:
            SettingsError: an extractor in ``without`` could not be added again, or is the only one;
                or the index is not that of the ``shard``.
            CacheError: a part cannot be used.
            CacheLocked: another process, or another thread, is updating the cache.
            ImageSearchError: see ``image_search.indexing.building.update_cache``.
        """
        with CacheWriter(self.settings.cache, self.settings.images) as writer:
            # With the lock held, so that a second writer is turned away at once.
            on_progress(Progress("resolving"))
            return self._updated(writer, on_progress, cancelled, chosen)

    def _updated(
        self,
        writer: CacheWriter,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        chosen: UpdateOptions,
        refused: ModelUnavailable | None = None,
    ) -> tuple[Report, tuple[str, ...]]:
        settings, snapshot = self.settings, self.snapshot()
        resolution = resolve(settings.chosen_models, fetch=True, timeout=settings.hub_timeout)
        check_removable(chosen.without, resolution.names)
        names = [name for name in resolution.names if name not in chosen.without]
        identities = tuple(map(identity_of, names))
        # What was computed is not thrown away because weights are not here today, or because it
        # was not named this time.
        others = [name for name in REGISTRY if name not in chosen.without]
        kept = tuple(map(identity_of, others)) if settings.automatic else ()
        beside = patches_beside(settings, names)
        means = IndexingContext(
            settings,
            identities,
            self.pool.load,
            on_progress,
            cancelled,
            verified_segments(snapshot) | set(self.verified()),
            {segment.name: segment for segment in snapshot.segments},
            self.forget,
            kept,
            beside,
            chosen.shard,
            read_parts(chosen.parts, (*identities, *beside)),
            chosen.finished,
        )
        try:
            report = update_cache(means, writer)
        except ModelUnavailable as error:
            # Loading found weights that are damaged, and set them aside. They are fetched again, or
            # done without where the choice is free; but only once.
            if refused is not None or not settings.automatic:
                raise
            return self._updated(writer, on_progress, cancelled, chosen, error)
        notes: tuple[str, ...] = () if refused is None else (str(refused),)
        notes += resolution.warnings + kept_in_reserve(settings, snapshot, identities, kept)
        return replace(report, notes=resolution.notes), notes


def check_removable(names: Collection[str], used: Sequence[str]) -> None:
    """Check that the vectors by the extractors ``names`` can be removed and computed again, where
    those ``used`` are available.

    Raises:
        SettingsError: they cannot.
    """
    if unknown := [name for name in names if name not in used]:
        raise SettingsError(
            f"{unknown[0]} is not in use here, so its vectors cannot be computed again; in use "
            f"are: {', '.join(used)}."
        )
    if names and not set(used) - set(names):
        raise SettingsError(
            f"Searches need an extractor while the vectors by {', '.join(names)} are computed "
            "again, and there is no other; add one, or index into another --cache."
        )


def identity_of(name: str) -> ExtractorIdentity:
    """Return the extractor of this name as this version has it."""
    return ExtractorIdentity(name, REGISTRY[name].model, REGISTRY[name].dim)
