"""The objects in the picture of a query, each of which can be asked for by its region."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

import numpy as np

from image_search.errors import InvalidQuery, UnreadableImage
from image_search.extractors import REGISTRY
from image_search.extractors.base import Labeller, QueryExtractors, Shared, unit_rows
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import WORKING_SIDE, decode
from image_search.imaging.objects.proposals import proposals_in
from image_search.search.marking import Look, part_of
from image_search.search.queries import Query, Region

# From this probability on, an object is called by the name of its class. A box is less sure than a
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


def objects_of(
    query: Query,
    extractors: QueryExtractors,
    *,
    max_megapixels: float,
    look: Look,
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
        raise InvalidQuery("Objects are looked for in one picture: send one image, or one like.")
    if query.images:
        pixels = decode(
            query.images[0], max_megapixels=max_megapixels, side=_SIDE, stills=True
        ).pixels
    elif (known := look(query.like[0], _SIDE)) is None:
        raise UnreadableImage("The file of that image is gone or was changed; reindex first.")
    else:
        pixels = known
    found = proposals_in(pixels)
    regions = list(starmap(Region, (one.box for one in found)))
    names = [""] * len(found)
    if regions:
        names = _names([part_of(pixels, region) for region in regions], extractors)
    return Objects(
        tuple(
            FoundObject(region, name, one.score)
            for one, region, name in zip(found, regions, names, strict=True)
        ),
        took_ms=round((time.perf_counter() - started) * 1000, 1),
    )


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
