"""The cache brought up to date with the image folder, under the writer's lock."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, resolve
from image_search.extractors.base import ExtractorPool
from image_search.indexing.availability import kept_in_reserve
from image_search.indexing.building import IndexingContext, update_cache
from image_search.indexing.reports import Progress, Report
from image_search.search.engines.segment_indexes import verified_segments
from image_search.settings import Settings
from image_search.storage import CacheWriter, ExtractorIdentity, Snapshot


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
        self, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
    ) -> tuple[Report, tuple[str, ...]]:
        """Return the report of an update, and warnings about extractors.

        Raises:
            CacheLocked: another process, or another thread, is updating the cache.
            ImageSearchError: see ``image_search.indexing.building.update_cache``.
        """
        with CacheWriter(self.settings.cache, self.settings.images) as writer:
            # With the lock held, so that a second writer is turned away at once.
            on_progress(Progress("resolving"))
            return self._updated(writer, on_progress, cancelled)

    def _updated(
        self,
        writer: CacheWriter,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        refused: ModelUnavailable | None = None,
    ) -> tuple[Report, tuple[str, ...]]:
        settings, snapshot = self.settings, self.snapshot()
        resolution = resolve(settings.chosen_models, fetch=True, timeout=settings.hub_timeout)
        identities = tuple(identity_of(name) for name in resolution.names)
        # What was computed is not thrown away because weights are not here today, or because it
        # was not named this time.
        kept = tuple(map(identity_of, REGISTRY)) if settings.automatic else ()
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
        )
        try:
            report = update_cache(means, writer)
        except ModelUnavailable as error:
            # Loading found weights that are damaged, and set them aside. They are fetched again, or
            # done without where the choice is free; but only once.
            if refused is not None or not settings.automatic:
                raise
            return self._updated(writer, on_progress, cancelled, error)
        notes: tuple[str, ...] = () if refused is None else (str(refused),)
        notes += resolution.warnings + kept_in_reserve(settings, snapshot, identities, kept)
        return replace(report, notes=resolution.notes), notes


def identity_of(name: str) -> ExtractorIdentity:
    """Return the extractor of this name as this version has it."""
    return ExtractorIdentity(name, REGISTRY[name].model, REGISTRY[name].dim)
