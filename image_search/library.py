"""The library: what the web and the command line use, its parts built from the settings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from image_search.duplicates import Duplicates
from image_search.duplicates.checking import Checked, Checker, CheckResult, Failed
from image_search.duplicates.checking.fingerprinted import Fingerprinted
from image_search.duplicates.checking.report import render
from image_search.duplicates.decisions import Decisions
from image_search.errors import CacheDamaged, NewerCache, NotACache
from image_search.extractors import REGISTRY
from image_search.extractors.base import QueryExtractors
from image_search.extractors.patches import pool_with_patches
from image_search.extractors.resolve import check_choice
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import FairSemaphore
from image_search.imaging.thumbnails import Thumbnails
from image_search.indexing.availability import Status, is_outdated, status_of, usable_extractors
from image_search.indexing.intake import Added, add_image, check_decodable
from image_search.indexing.originals import Originals
from image_search.indexing.parts import Shard
from image_search.indexing.reports import Progress, Report
from image_search.indexing.scanning import FileState
from image_search.indexing.updating import UpdateOptions, Updater
from image_search.labels import LABEL_PREFIX, label_files
from image_search.labels.labels import Labels
from image_search.search.engines.segment_indexes import is_large
from image_search.search.imported import ask_with_imported
from image_search.search.inside import PartFinder
from image_search.search.queries import WHOLE_IMAGE, Query
from image_search.search.query_objects import ObjectFinder, Objects
from image_search.search.search_index import SearchIndex
from image_search.search.searching import (
    PreparedQuery,
    SearchResult,
    ask,
    needed,
    pixels_of,
    search,
)
from image_search.search.views import Designs
from image_search.settings import Settings
from image_search.storage import Snapshot, read_cache
from image_search.storage.imported import ImportedColumns
from image_search.storage.migrations import upgrade

Result = TypeVar("Result")

# Checks at work at the same time: each decodes pictures at their full size, on two threads.
CHECKS = 2
# Weights are put into their place, or taken away, by hand: a second later is soon enough.
USABLE_SECONDS = 1.0

# The extractors that a query can use, and warnings about the others.
_Extractors = tuple[tuple[str, ...], tuple[str, ...]]


class Library:
    """A folder of images, its cache, and the index over it. Safe to use from many threads.

    Opening is cheap: models are loaded on first need, and the FAISS index is built on the first
    search or by ``warm_up``. A cache that another process has updated is taken up by itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._serving = Serving(settings.cache)
        #: The extractors, each loaded on first need.
        self.pool = pool_with_patches(REGISTRY)
        #: Vectors that other programs made.
        self.imported = ImportedColumns(settings.cache)
        self._objects = ObjectFinder(settings.detector)
        self._turns = FairSemaphore(settings.workers)
        self._usable: tuple[Snapshot, str, float, _Extractors] | None = None
        # Not among the turns of searches, which would wait for whole pages of thumbnails, and for
        # checks, which take several times as long.
        self._checks = FairSemaphore(min(CHECKS, settings.workers))
        self._thumbnails = Thumbnails(
            settings.state_dir / "thumbnails", settings.image_megapixels, settings.workers
        )
        self._updater = Updater(
            settings, self._serving.snapshot, self._sound, self.pool, self._forget
        )
        designs = Designs(settings.views)
        self._designs = designs if settings.views else None
        self._parts = PartFinder(self._look, settings.upload_megapixels, self._designs)
        snapshot = self._serving.snapshot
        #: The files of the indexed images, and thumbnails of them.
        self.originals = Originals(settings.images, snapshot, self._thumbnails)
        self._decisions = decisions = Decisions(settings.state_dir / "decisions.sqlite")
        self._fingerprinted = fingerprinted = Fingerprinted(settings, snapshot, self.originals)
        self._checker = Checker(
            settings, snapshot, self.originals, decisions, fingerprinted, self._ask_of_own, designs
        )
        self._label_files = label_files(settings)
        #: What the images show, as the collection itself names it.
        self.labels = Labels(settings, snapshot, self._embed_files)
        #: The duplicates that the collection holds already, and what people decide about them.
        self.duplicates = Duplicates(
            settings, snapshot, self.originals, decisions, fingerprinted, self._checker
        )

    @classmethod
    def open(cls, settings: Settings) -> Library:
        """The library that ``settings`` describe; empty if there is no cache yet.

        Raises:
            SettingsError: the settings name no extractors, or contradict each other about them; or
                the pattern for views is none.
        """
        check_choice(settings)
        return cls(settings)

    def search(self, query: Query) -> SearchResult:
        """The images closest to ``query``.

        See ``image_search.search.searching.ask`` for what it raises.
        """
        started = time.perf_counter()
        query = self._with_labels(query)
        query.check()  # before it waits for its turn

        def answer() -> SearchResult:
            with self._turns.taken() as turn:
                extractors = QueryExtractors(
                    self.pool.for_queries, None if turn.alone else turn.again
                )
                if query.part != WHOLE_IMAGE:
                    return self._parts.search(self._serving.index(), query, extractors, started)
                index, asked = self._ask(query, self.settings.upload_megapixels, extractors)
                found = search(index, asked, query.k, started, self._designs)
                if not any(path.exists() for path in self._label_files):
                    return found
                return self.labels.labelled(found, query, asked, extractors.embed)

        return self._reopening(answer)

    def _with_labels(self, query: Query) -> Query:
        """``query`` with the images that have the labels it names, if it names any."""
        named = query.filter.label or LABEL_PREFIX in (query.text or "").casefold()
        return self.labels.prepared(query) if named else query

    def _embed_files(self, files: Sequence[bytes], names: Sequence[str]) -> dict[str, Floats]:
        """Unit embeddings (files, dim) of image files, by extractor in ``names``; raises what
        ``decode`` and ``embed`` do."""
        most = self.settings.upload_megapixels
        with self._turns.taken():
            pictures = [pixels_of(data, None, max_megapixels=most) for data in files]
            return QueryExtractors(self.pool.for_queries).embed(pictures, names)

    def objects(self, query: Query) -> Objects:
        """The objects in the one picture of ``query``.

        See ``image_search.search.query_objects.ObjectFinder`` for what it raises.
        """
        query.check()
        with self._turns.taken():
            return self._objects.find(
                query,
                QueryExtractors(self.pool.for_queries),
                max_megapixels=self.settings.upload_megapixels,
                look=self._look,
            )

    def check(self, query: Query) -> CheckResult:
        """The verdict on whether the one picture of ``query`` is in the collection.

        See ``image_search.duplicates.checking.Checker.check`` for what it raises.
        """
        query = self._with_labels(query)

        def answer() -> CheckResult:
            with self._checks.taken():
                return self._checker.check(query)

        return self._reopening(answer)

    def add(self, folder: str, name: str, data: bytes) -> Added:
        """Save the new image ``data`` to ``folder`` of the image folder; the next update indexes
        it.

        It is called ``name``, or similar if there is such a file.

        Raises:
            UnreadableImage, ImageTooLarge: the image could not be indexed.
            InvalidQuery, SettingsError: see ``image_search.indexing.intake.add_image``.
        """
        with self._turns.taken():
            check_decodable(data, name, self.settings.image_megapixels)
        return add_image(self.settings.images, self._serving.snapshot(), folder, name, data)

    def _reopening(self, work: Callable[[], Result]) -> Result:
        """The result of ``work``, which is repeated with all files opened again if one of them
        was changed in between."""
        try:
            return work()
        except CacheDamaged:
            self._serving.reopen()
            self._fingerprinted.reopen()
            return work()

    def wait_for_thresholds(self, seconds: float) -> bool:
        """Wait at most so many ``seconds`` for the thresholds of checks; whether they are there.

        They are measured in the background, see ``duplicates.update_soon``.
        """
        return self._checker.wait(seconds)

    def report(self, checked: Sequence[Checked], failed: Sequence[Failed] = ()) -> str:
        """A printable report of checks as HTML, with the pictures in it."""
        with self._checks.taken():
            most, pixels = self.settings.most_megapixels, self.originals.pixels
            return render(checked, failed, lambda of, side: pixels(of, most, side), most)

    def prepare(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Make the missing fingerprints and thresholds of checks; whether that was completed.

        Raises:
            CacheError: they cannot be written; those made before are kept.
        """
        return self._fingerprinted.catch_up(on_progress, cancelled) and self._checker.fit(
            on_progress, cancelled
        )

    def _ask(
        self, query: Query, max_megapixels: float, extractors: QueryExtractors
    ) -> tuple[SearchIndex, PreparedQuery]:
        # While the index is read, if this is the first query.
        self.pool.begin(needed(query, self._usable_of(self._serving.snapshot())[0]))
        index = self._serving.index()
        usable, warnings = self._usable_of(index.snapshot)

        def prepared(query: Query) -> PreparedQuery:
            return ask(
                index,
                query,
                usable,
                extractors,
                max_megapixels=max_megapixels,
                look=self._look,
                warnings=warnings,
            )

        if query.weights and (columns := self.imported.among(query.weights)):
            return index, ask_with_imported(index, query, columns, usable, prepared)
        return index, prepared(query)

    def _ask_of_own(self, query: Query) -> tuple[SearchIndex, PreparedQuery]:
        """As ``_ask``, for pictures as large as those of the collection may be."""
        extractors = QueryExtractors(self.pool.for_queries)
        return self._ask(query, self.settings.most_megapixels, extractors)

    def _look(self, image_id: str, side: int) -> Pixels | None:
        return self.originals.pixels(image_id, self.settings.image_megapixels, side)

    def update(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        fingerprints: bool = True,
        without: Collection[str] = (),
        shard: Shard | None = None,
        parts: Sequence[Path] = (),
        finished: Mapping[str, FileState] | None = None,
    ) -> Report:
        """Bring the cache and the fingerprints up to date with the image folder; a report of it.

        Thresholds and duplicates are not updated here; see ``duplicates.update``. Without
        ``fingerprints`` these are left for later: only checks and duplicates need them. The vectors
        by extractors named in ``without`` are removed, and the next update computes them again. Of
        the files only those of a ``shard`` count, if there is one; ``parts`` are folders with the
        vectors of such, which are used for files of the same content. With ``finished`` it is an
        automatic update; see ``image_search.indexing.updating.UpdateOptions``.

        See ``image_search.indexing.building.update_cache`` for what it raises, and:

        Raises:
            CacheLocked: another process, or another thread, is updating the cache.
            SettingsError: the extractors named in ``without`` cannot be left out.
        """
        chosen = UpdateOptions(without, shard, parts, finished)
        update = self._updater.update
        report, warnings = self._reopening(lambda: update(on_progress, cancelled, chosen))
        # The codes of a large collection are made now, so that no search waits for them. In a part
        # of an index nothing is searched.
        searched = self._serving.verified is not None or is_large(self._serving.snapshot())
        if searched and shard is None:
            self._serving.index(wait=True)
        if report.removed or report.changed:
            self._thumbnails.sweep(self._serving.snapshot().digests())
        report = replace(report, warnings=warnings + report.warnings)
        if report.cancelled or not fingerprints:
            return report
        return self._fingerprinted.after(report, on_progress, cancelled)

    def _sound(self) -> Collection[str]:
        """The segments whose vectors were verified."""
        return self._serving.verified or ()

    def _forget(self, contents: Collection[bytes]) -> None:
        """Drop what was derived from contents (SHA-256) that are decoded differently now."""
        self._thumbnails.forget(contents)
        self._fingerprinted.store.forget(contents)
        self.duplicates.forget(contents)

    @property
    def outdated(self) -> bool:
        """Whether an update is due: the index is missing, unfinished, or of other extractors."""
        snapshot = self._serving.snapshot()
        return (
            not snapshot.complete
            or bool(self._serving.damage)
            or is_outdated(self.settings, snapshot)
            or bool(self._fingerprinted.missing())
        )

    def warm_up(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Build the indexes and load the models that a search and a check need, so that the first
        one is quick. ``cancelled`` is called now and then; if it returns true, the rest is left."""
        usable, _ = self._usable_of(self._serving.index(wait=True).snapshot)
        self._fingerprinted.index()
        self.pool.warm_up(usable, cancelled)

    def verify(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Compare the vectors of a large collection with their checksums; whether all match.

        Altered ones are no longer searched, and an update, which is then due, computes them
        again. This takes as long as reading all vectors.
        """
        before = self._serving.snapshot()
        self._serving.verify(cancelled)
        return self._serving.snapshot() is before

    def snapshot(self) -> Snapshot:
        """The index as it is now.

        Raises:
            CacheError: it cannot be read.
        """
        return self._serving.snapshot()

    def status(self) -> Status:
        """The state of the index; loads no model."""
        status = status_of(self.settings, self._serving.snapshot(), self._serving.damage)
        warnings = (*status.warnings, *self._decisions.warnings, *self.labels.warnings)
        return replace(status, warnings=warnings, imported=self.imported.names())

    def _usable_of(self, snapshot: Snapshot) -> _Extractors:
        """The extractors that a query can use, and warnings about the others.

        Weights on disk are looked for again after ``USABLE_SECONDS``, not at every search.
        """
        known, now, damage = self._usable, time.monotonic(), self._serving.damage
        if known is not None and known[0] is snapshot and known[1] == damage and now < known[2]:
            return known[3]
        found = usable_extractors(self.settings, snapshot, damage)
        self._usable = snapshot, damage, now + USABLE_SECONDS, found
        return found


def signature(cache: Path) -> tuple[int, int, int] | None:
    """Changes whenever the cache was replaced; ``None`` where there is none."""
    try:
        stat = cache.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class Serving:
    """A cache that many threads can search; updates by other processes are picked up.

    ``damage`` describes what is wrong with the cache; it is empty if nothing is.
    """

    def __init__(self, cache: Path) -> None:
        """Read ``cache``, which may be missing. One of an earlier release is upgraded in place.

        Raises:
            NotACache: the file is another one.
            CacheLocked: it has to be upgraded, and another process is updating it.
            CacheError: the cache cannot be read.
        """
        self._cache = cache
        upgrade(cache)
        self._lock, self._building = threading.Lock(), threading.Lock()
        self._signature = signature(cache)
        self._snapshot, self.damage = read_cache(cache)
        self._index: SearchIndex | None = None
        self._sound: set[str] = set()

    def snapshot(self) -> Snapshot:
        """The cache as it is on disk now, less what is damaged.

        Raises:
            CacheError: the cache cannot be read.
        """
        with self._lock:
            now = signature(self._cache)
            if now != self._signature:
                known = {segment.name: segment for segment in self._snapshot.segments}
                try:
                    self._snapshot, self.damage = read_cache(self._cache, known)
                except (NewerCache, NotACache) as error:
                    # If the file is replaced under a running service, this goes on without index.
                    self._snapshot, self.damage = Snapshot(()), str(error)
                if not self._snapshot.segments:
                    self._index = None
                self._signature = now
            return self._snapshot

    def reopen(self) -> None:
        """Read everything from disk again, since a file was changed."""
        with self._lock:
            self._snapshot, self._index, self._signature = Snapshot(()), None, None
            self._sound = set()
        self.snapshot()

    def index(self, *, wait: bool = False) -> SearchIndex:
        """The index over the cache as it is now, built if necessary.

        While another thread builds it, the previous index is returned, unless ``wait`` is true.
        """
        snapshot, index = self.snapshot(), self._index
        if index is not None and index.snapshot is snapshot:
            return index
        if not self._building.acquire(blocking=wait or index is None):
            assert index is not None
            return index
        try:
            return self._built()
        finally:
            self._building.release()

    @property
    def verified(self) -> tuple[str, ...] | None:
        """The segments whose vectors were verified; ``None`` before there is an index."""
        index = self._index
        return None if index is None else index.verified

    def verify(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Compare the vectors of a large collection with their checksums; whether it was completed.

        This is not done at a start: codes are kept only for files that were verified and not
        touched since. But a disk may still lose bits. Altered vectors are no longer searched and
        are named in ``damage``; an update computes them again.
        """
        snapshot = self.snapshot()
        for segment in snapshot.segments if is_large(snapshot) else ():
            if segment.name in self._sound:
                continue
            try:
                if not segment.verify(cancelled):
                    return False
            except CacheDamaged as error:
                self._leave_out(segment.name, error)
            else:
                self._sound.add(segment.name)
        return True

    def _leave_out(self, name: str, error: CacheDamaged) -> None:
        with self._building:
            with self._lock:
                snapshot, index = self._snapshot, self._index
            left = SearchIndex.of(snapshot.without(name), index)
            self._take(left, snapshot, error)

    def _built(self) -> SearchIndex:
        with self._lock:
            snapshot, index = self._snapshot, self._index
        if index is not None and index.snapshot is snapshot:
            return index  # another thread was quicker
        try:
            return self._take(SearchIndex.of(snapshot, index), snapshot)
        except CacheDamaged as error:
            return self._take(SearchIndex.of(snapshot.without_altered()), snapshot, error)

    def _take(
        self, index: SearchIndex, snapshot: Snapshot, error: CacheDamaged | None = None
    ) -> SearchIndex:
        """Use ``index``, which was made of ``snapshot``, from now on; with an ``error`` if altered
        vectors were left out of it."""
        with self._lock:
            if self._snapshot is snapshot:  # else another update was quicker
                self._snapshot, self._index = index.snapshot, index
                if error is not None:
                    self.damage = f"Part of the cache is damaged: {error}. Reindex to repair it."
        return index
