"""Checks over one collection: its fingerprints, its thresholds, and what people decided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from image_search.cache import Snapshot
from image_search.checking import calibrating
from image_search.checking.checks import Collection, check, see
from image_search.checking.fingerprinted import Fingerprinted
from image_search.checking.thresholds import (
    Scores,
    Threshold,
    Thresholds,
    fit,
    keep,
    kept,
)
from image_search.checking.verdict import CheckResult
from image_search.decisions import Decisions
from image_search.errors import IndexEmpty, UnknownImage
from image_search.extractors.base import Pixels
from image_search.fingerprints import WAY
from image_search.images import decode
from image_search.originals import Originals, id_of
from image_search.queries import Query
from image_search.reports import Progress
from image_search.search_index import SearchIndex
from image_search.searching import Asked
from image_search.settings import Settings

Ask = Callable[[Query], tuple[SearchIndex, Asked]]


class Checker:
    """Tells whether a picture is in the collection already. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        snapshot: Callable[[], Snapshot],
        originals: Originals,
        decisions: Decisions,
        ask: Ask,
    ) -> None:
        """``ask`` makes out a query for the index as it is at that moment."""
        self._settings, self._snapshot, self._originals = settings, snapshot, originals
        self._decisions, self._ask = decisions, ask
        self.fingerprinted = Fingerprinted(settings, snapshot, originals)
        self._path = settings.state_dir / "thresholds.pkl"
        self._lock = threading.Lock()
        self._thresholds: tuple[tuple[int, int] | None, Thresholds | None] = (None, None)

    def check(self, query: Query) -> CheckResult:
        """The verdict on the one picture of ``query``, an image or one that is like an indexed one,
        which is then left out itself.

        Raises:
            InvalidQuery: the query is not about exactly one picture, or makes no sense.
            UnreadableImage, ImageTooLarge: the picture cannot be used.
            UnknownImage: the query names an image that is not indexed.
            ModelUnavailable: no extractor of the index can be used here.
            IndexEmpty: there is nothing to compare with.
        """
        see(query)
        if not self._snapshot().images:
            raise IndexEmpty(
                "The index holds no images yet. Put images into the image folder and reindex."
            )
        own = "".join(query.like)
        data = self._originals.read(self._originals.fact(own)) if own else query.images[0]
        index, asked = self._ask(replace(query, images=(data,), like=()))
        collection = Collection(
            index,
            self.fingerprinted,
            self._originals,
            self._decisions,
            self.threshold,
            self._settings.most_megapixels,
        )
        return check(collection, query, data, asked, own)

    def threshold(self, kind: str) -> tuple[Threshold, bool]:
        """The threshold for a kind of query, and whether it was fitted to this collection."""
        thresholds = self._kept()
        fitted = {} if thresholds is None else thresholds.by_kind
        if kind in fitted:
            return fitted[kind], True
        return fit(Scores((), (), ())), False

    @property
    def unfitted(self) -> bool:
        """Whether the collection has outgrown its thresholds, or has none yet."""
        images = self._snapshot().images
        thresholds = self._kept()
        return images > 0 and (thresholds is None or thresholds.outdated(images, self._way()))

    def fit(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        hurry: bool = True,
    ) -> bool:
        """Fit the thresholds where the collection has outgrown them, for which it needs
        fingerprints; whether that went to its end. In no ``hurry``, half of the threads do it.

        Raises:
            CacheError: they cannot be written.
        """
        if not self.unfitted:
            return True
        on_progress(Progress("thresholds"))
        snapshot = self._snapshot()
        measured = calibrating.measure(
            calibrating.Means(
                contents=sorted(snapshot.contents()),
                read=lambda content: self._pixels(snapshot, content),
                id_of=lambda content: id_of(snapshot.files_of(content)[0]),
                store=self.fingerprinted.store,
                index=self.fingerprinted.index(),
                ask=self._ask,
                threads=self._settings.workers if hurry else self._settings.spare_workers,
                seconds=calibrating.SECONDS if hurry else calibrating.UNHURRIED,
                on_progress=lambda done, of: on_progress(Progress("thresholds", done, of)),
                cancelled=cancelled,
            )
        )
        if measured is None:
            return False
        fitted = {kind: fit(scores) for kind, scores in measured.items() if scores.copies}
        if fitted:  # else no image could be read, which may be better next time
            keep(self._path, Thresholds(fitted, snapshot.images, self._way()))
        return True

    def _pixels(self, snapshot: Snapshot, content: bytes) -> Pixels:
        for fact in snapshot.files_of(content):
            data = self._originals.read(fact)
            return decode(data, max_megapixels=self._settings.image_megapixels).pixels
        raise UnknownImage("The image is gone.")

    def _way(self) -> str:
        """What the scores depend on beside the images."""
        extractors = [(e.name, e.model) for e in self._snapshot().extractors]
        return f"{WAY} {extractors}"

    def _kept(self) -> Thresholds | None:
        try:
            stat = self._path.stat()
            now = stat.st_mtime_ns, stat.st_ino
        except OSError:
            return None
        with self._lock:
            if self._thresholds[0] != now:
                self._thresholds = now, kept(self._path)
            return self._thresholds[1]
