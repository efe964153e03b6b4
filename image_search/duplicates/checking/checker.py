"""Checks over one collection: its fingerprints, its thresholds, and what people decided."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from image_search.duplicates.checking import calibrating, drawings, drawn
from image_search.duplicates.checking.checks import Collection, check, see
from image_search.duplicates.checking.drawings import DrawingLine
from image_search.duplicates.checking.fingerprinted import Fingerprinted
from image_search.duplicates.checking.thresholds import (
    Scores,
    Threshold,
    Thresholds,
    fit,
    load,
    save,
)
from image_search.duplicates.checking.verdict import EXACT, CheckResult
from image_search.duplicates.decisions import Decisions
from image_search.duplicates.fingerprints import FINGERPRINT_VERSION
from image_search.errors import IndexEmpty, NotReady, UnknownImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import decode
from image_search.indexing.originals import Originals, id_of
from image_search.indexing.reports import Progress
from image_search.search.queries import Query
from image_search.search.search_index import SearchIndex
from image_search.search.searching import PreparedQuery
from image_search.search.views import Designs
from image_search.settings import Settings
from image_search.storage import Snapshot

# Seconds between two looks for thresholds that another thread or process fits.
_LOOK = 0.1

PrepareQuery = Callable[[Query], tuple[SearchIndex, PreparedQuery]]


class Checker:
    """Checks whether a picture is in the collection already. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        snapshot: Callable[[], Snapshot],
        originals: Originals,
        decisions: Decisions,
        fingerprinted: Fingerprinted,
        prepare_query: PrepareQuery,
        designs: Designs,
    ) -> None:
        """``prepare_query`` prepares a query for the index as it is at that moment; hits are one
        for each of ``designs``."""
        self._designs = designs
        self._settings, self._snapshot, self._originals = settings, snapshot, originals
        self._decisions, self.prepare_query = decisions, prepare_query
        self._fingerprinted = fingerprinted
        self._path = settings.state_dir / "thresholds.pkl"
        self._lock = threading.Lock()
        self._thresholds: tuple[tuple[int, int] | None, Thresholds | None] = (None, None)
        self._sampled: tuple[Snapshot | None, dict[bytes, str]] = (None, {})
        self._unmeasurable: Snapshot | None = None

    def check(self, query: Query) -> CheckResult:
        """The verdict on the one picture of ``query``, an image or one that is like an indexed one,
        which is then left out itself.

        Raises:
            InvalidQuery: the query is not about exactly one picture, or makes no sense.
            UnreadableImage, ImageTooLarge: the picture cannot be used.
            UnknownImage: the query names an image that is not indexed.
            ModelUnavailable: no extractor of the index can be used here.
            IndexEmpty: there is nothing to compare with.
            NotReady: the thresholds are not fitted yet, and the picture is not in the collection as
                it is; see ``fit`` and ``wait``.
        """
        see(query)
        if not self._snapshot().images:
            raise IndexEmpty(
                "The index holds no images yet. Put images into the image folder and reindex."
            )
        own = "".join(query.like)
        data = self._originals.read(self._originals.record(own)) if own else query.images[0]
        index, prepared = self.prepare_query(replace(query, images=(data,), like=()))
        collection = Collection(
            index,
            self._fingerprinted,
            self._originals,
            self._decisions,
            self.threshold,
            self.line(),
            self.sample(),
            self._settings.most_megapixels,
            self._designs,
        )
        ready = self.ready
        result = check(collection, query, data, prepared, own)
        if not ready and result.verdict != EXACT:
            raise NotReady(
                "It cannot be judged yet: how copies and drawings differ from other pictures is "
                "still being measured on this collection. Ask again in some seconds."
            )
        return result

    def threshold(self, kind: str) -> tuple[Threshold, bool]:
        """The threshold for a kind of query, and whether it was fitted to this collection."""
        thresholds = self._current_thresholds()
        fitted = {} if thresholds is None else thresholds.by_kind
        if kind in fitted:
            return fitted[kind], True
        return fit(Scores((), (), ())), False

    def line(self) -> DrawingLine | None:
        """What was fitted to this collection for drawings; ``None`` where nothing was."""
        thresholds = self._current_thresholds()
        return None if thresholds is None else thresholds.drawings

    @property
    def ready(self) -> bool:
        """Whether all that a verdict rests on is there, or cannot be made of these images."""
        return not self.unfitted or self._unmeasurable is self._snapshot()

    def wait(self, seconds: float) -> bool:
        """Wait at most so many ``seconds`` for whoever fits the thresholds; whether they are
        there."""
        until = time.monotonic() + seconds
        while not self.ready:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK)
        return True

    @property
    def unfitted(self) -> bool:
        """Whether the collection has outgrown its thresholds, or has none yet."""
        images = self._snapshot().images
        thresholds = self._current_thresholds()
        return images > 0 and (thresholds is None or thresholds.outdated(images, self._version()))

    def fit(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        hurry: bool = True,
    ) -> bool:
        """Fit the thresholds if the collection has outgrown them, for which it needs fingerprints.

        Args:
            on_progress: called with the progress.
            cancelled: asked now and then whether to stop.
            hurry: use all threads instead of half of them.

        Returns:
            Whether it finished.

        Raises:
            CacheError: they cannot be written.
        """
        if not self.unfitted:
            return True
        on_progress(Progress("thresholds"))
        snapshot = self._snapshot()
        context = self.context(
            calibrating.SECONDS if hurry else calibrating.UNHURRIED,
            self._settings.workers if hurry else self._settings.spare_workers,
            lambda done, of: on_progress(Progress("thresholds", done, of)),
            cancelled,
        )
        measured = calibrating.measure(context)
        of_drawings = None if measured is None else drawn.measure(context)
        if measured is None or of_drawings is None:
            return False
        fitted = {kind: fit(scores) for kind, scores in measured.items() if scores.copies}
        if not fitted:  # no image could be read, which may be better next time
            self._unmeasurable = snapshot
            return True
        line = drawings.fit(of_drawings) if of_drawings else None
        save(self._path, Thresholds(fitted, snapshot.images, self._version(), line))
        return True

    def context(
        self,
        seconds: float,
        threads: int = 1,
        on_progress: Callable[[int, int], None] = lambda _done, _of: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> calibrating.CalibrationContext:
        """Return what measuring needs, for the collection as it is now."""
        snapshot = self._snapshot()
        return calibrating.CalibrationContext(
            contents=sorted(snapshot.contents()),
            read=lambda content: self._pixels(snapshot, content),
            id_of=lambda content: id_of(snapshot.files_of(content)[0]),
            store=self._fingerprinted.store,
            index=self._fingerprinted.index(),
            prepare_query=self.prepare_query,
            threads=threads,
            seconds=seconds,
            on_progress=on_progress,
            cancelled=cancelled,
        )

    def _pixels(self, snapshot: Snapshot, content: bytes) -> Pixels:
        for record in snapshot.files_of(content):
            data = self._originals.read(record)
            return decode(data, max_megapixels=self._settings.image_megapixels).pixels
        raise UnknownImage("The image is gone.")

    def sample(self) -> dict[bytes, str]:
        """Contents that stand for the collection as it is now."""
        snapshot = self._snapshot()
        with self._lock:
            if self._sampled[0] is not snapshot:
                self._sampled = snapshot, drawings.sample_of(snapshot)
            return self._sampled[1]

    def _version(self) -> str:
        """What the scores depend on beside the images."""
        extractors = [(e.name, e.model) for e in self._snapshot().extractors]
        return f"{FINGERPRINT_VERSION} {extractors}"

    def _current_thresholds(self) -> Thresholds | None:
        try:
            stat = self._path.stat()
            now = stat.st_mtime_ns, stat.st_ino
        except OSError:
            return None
        with self._lock:
            if self._thresholds[0] != now:
                self._thresholds = now, load(self._path)
            return self._thresholds[1]
