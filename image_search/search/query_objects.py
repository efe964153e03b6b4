"""The objects in the picture of a query, each of which can be asked for by its region."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from image_search.errors import InvalidQuery, ModelUnavailable, UnreadableImage
from image_search.extractors import REGISTRY
from image_search.extractors.base import Labeller, QueryExtractors, Shared, unit_rows
from image_search.extractors.detectors import DETECTORS, Detection, Detector, load
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import WORKING_SIDE, decode
from image_search.imaging.objects.proposals import MOST, SAME, overlaps, proposals_in
from image_search.imaging.page_pictures import Shares
from image_search.search.marking import Look, part_of
from image_search.search.queries import Query, Region

# From this probability on, a proposal is called by the name of its class. A box is less sure than a
# whole picture, whose labels are shown from ``searching.SURE``.
NAMED = 0.8
# The shortest side at which objects are looked for, in pixels: a small one is still as large as
# what a network takes.
_SIDE = 2 * WORKING_SIDE


@dataclass(frozen=True)
class FoundObject:
    """An object: its ``region``, its ``name``, empty where none is sure, and a ``score`` from 0 to
    1, how sure it is that there is one."""

    region: Region
    name: str
    score: float


@dataclass(frozen=True)
class Objects:
    """The ``objects`` in a picture, the surest first, and what to know about them."""

    objects: tuple[FoundObject, ...]
    took_ms: float
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The same as plain values; regions as a search takes them."""
        return {
            "objects": [
                {"region": str(one.region), "name": one.name, "score": one.score}
                for one in self.objects
            ],
            "took_ms": self.took_ms,
            "warnings": list(self.warnings),
        }


class ObjectFinder:
    """Finds the objects in pictures, with the detector of this name, or without one. Safe to use
    from many threads."""

    def __init__(self, detector: str) -> None:
        self._name, self._turn = detector, threading.Lock()
        self._detector: Detector | None = None
        self._missing, self._failed = "", False

    def find(
        self, query: Query, extractors: QueryExtractors, *, max_megapixels: float, look: Look
    ) -> Objects:
        """The objects in the one picture of ``query``, an uploaded or an indexed one.

        Args:
            query: what is looked at.
            extractors: load and embed; a classifier gives names, where its weights are here.
            max_megapixels: larger pictures are refused.
            look: gives the pixels of indexed images.

        Raises:
            InvalidQuery: the query is not about one picture.
            UnreadableImage, ImageTooLarge: the picture cannot be used.
            UnknownImage: the query names an image that is not indexed.
            ModelUnavailable: the classifier cannot be loaded.
        """
        started = time.perf_counter()
        if len(query.images) + len(query.like) != 1:
            raise InvalidQuery(
                "Objects are looked for in one picture: send one image, or one like."
            )
        if query.images:
            pixels = decode(
                query.images[0], max_megapixels=max_megapixels, side=_SIDE, stills=True
            ).pixels
        elif (known := look(query.like[0], _SIDE)) is None:
            raise UnreadableImage("The file of that image is gone or was changed; reindex first.")
        else:
            pixels = known
        detector, warnings = self._loaded()
        detected = [] if detector is None else detector.detect(pixels)[:MOST]
        found = [FoundObject(Region(*one.box), one.name, one.score) for one in detected]
        proposed = [one for one in proposals_in(pixels) if not _is_among(one.box, detected)]
        regions = [Region(*one.box) for one in proposed[: MOST - len(found)]]
        if regions:
            names = _names([part_of(pixels, region) for region in regions], extractors)
            found += [
                FoundObject(region, name, one.score)
                for region, name, one in zip(regions, names, proposed, strict=False)
            ]
        took_ms = round((time.perf_counter() - started) * 1000, 1)
        return Objects(tuple(found), took_ms, warnings)

    def _loaded(self) -> tuple[Detector | None, tuple[str, ...]]:
        """The detector, if there is one here; and what to say about it, once."""
        if self._name not in DETECTORS:
            return None, ()
        with self._turn:
            if self._detector is not None or self._failed:
                return self._detector, ()
            weights, missing = DETECTORS[self._name].weights, ""
            if reason := weights.missing_reason():
                missing = f"{weights.title}: {reason}. {weights.hint()}"
            else:
                try:
                    self._detector = load(self._name)
                except ModelUnavailable as error:
                    # Not tried at every query: it takes as long as reading the file.
                    self._failed, missing = True, str(error)
            if not missing or missing == self._missing:
                return self._detector, ()
            self._missing = missing
            return None, (f"Objects are looked for without {self._name}. {missing}",)


def _is_among(box: Shares, detected: Sequence[Detection]) -> bool:
    """Whether a box is that of something ``detected``."""
    if not detected:
        return False
    others = np.array([one.box for one in detected])
    return bool(overlaps(np.array([box]), others).max() >= SAME)


def _names(parts: Sequence[Pixels], extractors: QueryExtractors) -> list[str]:
    """What each of ``parts`` is called; empty where that is not sure."""
    for name, spec in REGISTRY.items():
        if not spec.classifies or (spec.weights is not None and spec.weights.missing_reason()):
            continue
        extractor = extractors.load(name)
        inner = extractor.extractor if isinstance(extractor, Shared) else extractor
        if isinstance(inner, Labeller):
            rows = extractors.embed(parts, [name])[name]
            raw = extractors.raw.get(name)
            lengths = None if raw is None else np.sqrt(np.vecdot(raw, raw))
            labels = inner.labels(unit_rows(rows), lengths)
            return [next((n for n, sure in of.items() if sure >= NAMED), "") for of in labels]
    return [""] * len(parts)
