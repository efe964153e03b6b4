"""The one object behind the web and the command line: settings in, wired parts out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from image_search.cache import CacheWriter, ExtractorIdentity, Fact, Snapshot
from image_search.errors import ModelUnavailable, UnknownImage
from image_search.extractors import REGISTRY, TextExtractor, resolve
from image_search.extractors.loading import ExtractorPool
from image_search.extractors.resolve import AUTO
from image_search.indexing import Means, update_cache
from image_search.queries import Query
from image_search.reports import Progress, Report, Unreadable
from image_search.scanning import is_outside
from image_search.searching import SearchResult, search
from image_search.segment_indexes import is_large, vouched
from image_search.serving import Serving
from image_search.settings import Settings
from image_search.thumbnails import Thumbnails


@dataclass(frozen=True)
class Status:
    """The state of the index. ``updated`` is in seconds since 1970.

    ``ready`` says that there is something to search; ``complete`` that the last update went to its
    end. ``fingerprint`` changes whenever what can be found changes.
    """

    ready: bool
    complete: bool
    images: int
    unreadable: int
    failures: tuple[Unreadable, ...]
    extractors: tuple[str, ...]
    models: dict[str, str]
    warnings: tuple[str, ...]
    updated: float | None
    images_folder: str
    cache: str
    fingerprint: str


class Library:
    """A folder of images, its cache, and the index over it. Safe to use from many threads.

    Opening is cheap: models are loaded on first need, and the FAISS index is built on the first
    search or by ``warm_up``. A cache that another process has updated is taken up by itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._serving = Serving(settings.cache)
        self._pool = ExtractorPool()
        self._thumbnails = Thumbnails(settings.state_dir / "thumbnails", settings.image_megapixels)

    @classmethod
    def open(cls, settings: Settings) -> Library:
        """The library that ``settings`` describe; where there is no cache yet, an empty one."""
        return cls(settings)

    def search(self, query: Query) -> SearchResult:
        """The images closest to ``query``; see ``image_search.searching.search`` for what it
        raises."""
        index = self._serving.index()
        usable, warnings = self._usable(index.snapshot)
        return search(
            index,
            query,
            usable,
            self._pool.get,
            max_megapixels=self.settings.upload_megapixels,
            warnings=warnings,
        )

    def update(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Bring the cache up to date with the image folder, then search what it holds.

        See ``image_search.indexing.update_cache`` for what it raises, and:

        Raises:
            CacheLocked: another process, or another thread, is updating the cache.
        """
        with CacheWriter(self.settings.cache, self.settings.images) as writer:
            # With the lock held, so that a second writer is turned away at once.
            on_progress(Progress("resolving"))
            report, warnings = self._update(writer, on_progress, cancelled)
        # The codes of a large collection are made now rather than when somebody waits for them.
        if self._serving.verified is not None or is_large(self._serving.snapshot()):
            self._serving.index(wait=True)
        if report.removed or report.changed:
            self._thumbnails.sweep(self._serving.snapshot().digests())
        return replace(report, warnings=warnings + report.warnings)

    def _update(
        self,
        writer: CacheWriter,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        refused: ModelUnavailable | None = None,
    ) -> tuple[Report, tuple[str, ...]]:
        resolution = resolve(
            self.settings.extractors, fetch=True, timeout=self.settings.hub_timeout
        )
        self._keep_models(resolution.names)
        identities = tuple(
            ExtractorIdentity(name, REGISTRY[name].model, REGISTRY[name].dim)
            for name in resolution.names
        )
        means = Means(
            self.settings,
            identities,
            lambda: [self._pool.get(name) for name in resolution.names],
            on_progress,
            cancelled,
            vouched(self._serving.snapshot()) | set(self._serving.verified or ()),
        )
        try:
            report = update_cache(means, writer)
        except ModelUnavailable as error:
            # Loading found weights that are damaged, and set them aside. They are fetched anew, or
            # done without where the choice is free; but only once.
            if refused is not None or not self._chooses_freely:
                raise
            return self._update(writer, on_progress, cancelled, error)
        notes = () if refused is None else (str(refused),)
        return report, notes + resolution.warnings

    @property
    def _chooses_freely(self) -> bool:
        return self.settings.extractors.strip().lower() == AUTO

    @property
    def outdated(self) -> bool:
        """Whether an update is due: there is no index, it is unfinished, or of other extractors."""
        snapshot = self._serving.snapshot()
        try:
            names = resolve(self.settings.extractors, fetch=False, timeout=0).names
        except ModelUnavailable:
            return True
        wanted = tuple((name, REGISTRY[name].model) for name in names)
        held = tuple((extractor.name, extractor.model) for extractor in snapshot.extractors)
        return not snapshot.complete or bool(self._serving.damage) or wanted != held

    def warm_up(self) -> None:
        """Build the index and load the models that a search needs, so that the first one is
        quick."""
        usable, _ = self._usable(self._serving.index(wait=True).snapshot)
        grey = np.full((64, 64, 3), 127, dtype=np.uint8)
        for name in usable:
            extractor = self._pool.get(name)
            extractor.embed([extractor.prepare(grey)])
            if isinstance(extractor, TextExtractor):
                extractor.embed_text(["a picture"])

    def status(self) -> Status:
        """The state of the index; loads no model."""
        snapshot = self._serving.snapshot()
        _, warnings = self._usable(snapshot)
        failures = tuple(Unreadable(fact.path, fact.reason) for fact in snapshot.failures)
        return Status(
            ready=snapshot.images > 0,
            complete=snapshot.complete,
            images=snapshot.images,
            unreadable=len(failures),
            failures=failures,
            extractors=tuple(extractor.name for extractor in snapshot.extractors),
            models={extractor.name: extractor.model for extractor in snapshot.extractors},
            warnings=warnings,
            updated=snapshot.updated,
            images_folder=str(self.settings.images),
            cache=str(self.settings.cache),
            fingerprint=snapshot.fingerprint,
        )

    def original(self, image_id: str) -> Path:
        """The file of an indexed image.

        Raises:
            UnknownImage: no such id, or the file is gone or no longer inside the image folder.
        """
        return self._file(self._fact(image_id))

    def thumbnail(self, image_id: str, side: int = 320) -> Path:
        """A WebP file of an indexed image, at most ``side`` pixels on its longest side.

        Raises:
            UnknownImage: as for ``original``.
            UnreadableImage: the original was damaged since it was indexed.
            CacheError: the thumbnail cannot be written.
        """
        fact = self._fact(image_id)
        return self._thumbnails.get(self._file(fact), fact.digest, side)

    def _fact(self, image_id: str) -> Fact:
        well_formed = len(image_id) == 16 and set(image_id) <= set("0123456789abcdef")
        fact = self._serving.snapshot().find(int(image_id, 16)) if well_formed else None
        if fact is None or fact.reason:
            raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")
        return fact

    def _file(self, fact: Fact) -> Path:
        path = self.settings.images.resolve() / fact.path
        if not path.is_file() or is_outside(self.settings.images, path):
            raise UnknownImage(
                f"The file {fact.path} is no longer in the image folder; reindex to forget it."
            )
        return path

    def _usable(self, snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The extractors of the index that a query can use here, and what to tell about the
        rest."""
        usable = []
        warnings = [self._serving.damage] if self._serving.damage else []
        for identity in snapshot.extractors:
            spec = REGISTRY.get(identity.name)
            if spec is None or spec.model != identity.model:
                warnings.append(
                    f"The index holds {identity.name} vectors of another model "
                    f"({identity.model}), which are not used; reindex to renew them."
                )
            elif spec.weights is not None and spec.weights.lack():
                continue  # the resolution below says so
            else:
                usable.append(identity.name)
        warnings += self._resolved(usable if snapshot.images else None)
        if snapshot.images and not snapshot.complete:
            warnings.append("The last indexing was interrupted; reindex to go on where it stopped.")
        return tuple(usable), tuple(dict.fromkeys(warnings))

    def _resolved(self, used: list[str] | None) -> list[str]:
        """What the choice of extractors comes to on this machine now, against those in use."""
        try:
            resolution = resolve(self.settings.extractors, fetch=False, timeout=0)
        except ModelUnavailable as error:
            return [str(error)]
        unused = [name for name in resolution.names if used is not None and name not in used]
        return [
            *resolution.warnings,
            *(
                f"{name} is available but not in the index yet; reindex to use it."
                for name in unused
            ),
        ]

    def _keep_models(self, names: tuple[str, ...]) -> None:
        """Refuse to throw away vectors of a model only because its weights cannot be had today."""
        if not self._chooses_freely:
            return
        snapshot = self._serving.snapshot()
        held = [identity.name for identity in snapshot.extractors]
        lost = [
            name
            for name in held
            if name not in names and name in REGISTRY and REGISTRY[name].weights is not None
        ]
        if lost and snapshot.images:
            raise ModelUnavailable(
                f"The index was made with {', '.join(lost)}, whose weights are no longer here and "
                "cannot be fetched now. Run `image-search models fetch` where there is internet "
                "access, or set IMAGE_SEARCH_EXTRACTORS to "
                f"{','.join(names)} to rebuild the index without."
            )
