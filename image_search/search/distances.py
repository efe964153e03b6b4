"""Searches by one extractor and a textbook metric: exact, over the raw features of all images.

Default searches centre and normalise what extractors see, and fuse several of them. Here nothing is
fitted to the collection and nothing is re-ranked, so the first results are those that any other
program finds that compares the same features by the same metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from image_search.errors import InvalidQuery, UnknownImage
from image_search.extractors.base import QueryExtractors, unit_rows
from image_search.imaging.arrays import Floats, Pixels
from image_search.search.queries import COSINE, DOT_PRODUCT, Filter, Hit, Query
from image_search.search.search_index import DIGITS, Found, Scored, SearchIndex
from image_search.storage.columns import Block
from image_search.storage.records import KINDS, WHOLE, parse_id

# Bytes of raw features, as float32, that are compared at a time.
_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class RawQuery:
    """The raw ``feature`` (dim,) by one ``extractor``, to be compared by a ``metric`` with the
    images that ``condition`` admits."""

    extractor: str
    metric: str
    feature: Floats
    condition: Filter


def similarity(metric: str, units: Floats, norms: Floats, feature: Floats) -> Floats:
    """How similar raw features are to one raw ``feature`` (dim,), (n,); higher is more similar.

    The features are ``units`` (n, dim) of length 1 times their ``norms`` (n,). By ``cosine`` and
    ``dotproduct`` it is what they are called, by ``euclidean`` the distance below 0.
    """
    if metric == COSINE:
        return np.asarray(units @ unit_rows(feature[None])[0], np.float32)
    if metric == DOT_PRODUCT:
        return np.asarray((units @ feature) * norms, np.float32)
    # Not from inner products: of two features that are nearly equal these leave only rounding.
    difference = units * norms[:, None]
    difference -= feature
    return np.asarray(-np.sqrt(np.vecdot(difference, difference)), np.float32)


def chosen_extractor(query: Query, names: Sequence[str]) -> str:
    """The one extractor among the ``names`` that take part in a ``query`` with a metric.

    Raises:
        InvalidQuery: there are none, or several.
    """
    if len(names) == 1:
        return names[0]
    raise InvalidQuery(
        f"metric={query.metric} compares the features of one extractor, and "
        f"{', '.join(names) or 'none'} would take part; name one in weights, for example "
        f'{{"{names[0] if names else "hsv"}": 1}}.'
    )


def raw_query(
    index: SearchIndex,
    query: Query,
    name: str,
    pictures: Sequence[Pixels],
    extractors: QueryExtractors,
) -> RawQuery:
    """The raw feature of ``query`` by the extractor ``name``: the mean of those of its
    ``pictures`` (RGB pixels) and of the indexed images it names.

    Raises:
        UnknownImage: the query names an image that is not indexed.
        InvalidQuery: the length of the raw feature of such an image is not known.
        ModelUnavailable: the extractor cannot be loaded.
    """
    seen = extractors.embed(pictures, [name] if pictures else [])
    features = [*extractors.raw.get(name, seen.get(name, ()))]
    for image_id in query.like:
        units, norms = _stored(index, image_id, name)
        if query.metric == COSINE:
            norms = np.ones(1, np.float32)
        check_norms(norms, name)
        features.append(units[0] * norms[0])
    if query.metric == COSINE:
        features = [*unit_rows(np.stack(features))]
    mean = np.mean(np.stack(features), axis=0, dtype=np.float64)
    return RawQuery(name, query.metric, np.asarray(mean, np.float32), query.filter)


def nearest(index: SearchIndex, asked: RawQuery, k: int) -> tuple[list[Hit], int]:
    """The ``k`` most similar images, best first, ties by path; and how many were compared: all that
    the filter admits.

    Raises:
        InvalidQuery: the lengths of raw features that the metric needs are not known.
        CacheDamaged: a file of the index was changed.
    """
    found, compared = list[Scored](), 0
    for part in index.parts:
        records = part.of.segment.records
        fits = asked.condition.mask(records)
        keep = part.keep if fits is None else part.keep & fits[records.owners]
        rows = np.flatnonzero(keep)
        scores = np.empty(len(rows), np.float32)
        [column] = [one for one in part.of.columns if one.extractor.name == asked.extractor]
        step = max(1, _CHUNK // (4 * column.extractor.dim))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            block = column.block(some)
            if asked.metric != COSINE:
                check_norms(block.norms, asked.extractor)
            scores[start : start + step] = _compared(asked, block)
        by = {asked.extractor: scores}
        one = Scored(part.of.segment, rows, by, by).best_regions()
        compared += len(one.rows)
        found.append(one)
    best = _best(found, k)
    # In this order, which more digits decided than are shown.
    hits = [one.hit(rank) for rank, one in enumerate(best, start=1)]
    return [replace(hit, score=round(hit.score, DIGITS)) for hit in hits], compared


def _compared(asked: RawQuery, block: Block) -> Floats:
    # After the rounding to half precision they are of length 1 no more.
    units = unit_rows(block.units.astype(np.float32), in_place=True)
    return similarity(asked.metric, units, block.norms, asked.feature)


def _best(found: Sequence[Scored], k: int) -> list[Found]:
    every = np.concatenate([np.zeros(0, np.float32), *[one.fused for one in found]])
    least = np.partition(every, -k)[-k] if k < len(every) else -np.inf
    rows = []
    for one in found:
        records = one.segment.records
        for place in np.flatnonzero(one.fused >= least).tolist():
            owner = int(records.owners[one.rows[place]])
            rows.append(Found(-float(one.fused[place]), records.paths[owner], owner, place, one))
    return sorted(rows)[:k]


def _stored(index: SearchIndex, image_id: str, name: str) -> tuple[Floats, Floats]:
    """The unit vector (1, dim) and the length (1,) of the raw feature of an indexed image."""
    wanted, number = parse_id(image_id) or (-1, 0)
    for part in index.parts if wanted >= 0 else ():
        records = part.of.segment.records
        for row in np.flatnonzero(records.ids[records.owners] == np.uint64(wanted)).tolist():
            region = records.regions[row]
            is_it = not number or (region.number == number and region.kind != KINDS[WHOLE])
            if part.keep[row] and is_it:
                [column] = [one for one in part.of.columns if one.extractor.name == name]
                return column.units([row]), column.block([row]).norms
    raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")


def check_norms(norms: Floats, name: str) -> None:
    """Check that the lengths of raw features by the extractor ``name`` are known.

    Raises:
        InvalidQuery: some are not.
    """
    if (norms <= 0).any():
        raise InvalidQuery(
            f"The lengths of the features by {name} are unknown: this index comes from release "
            "0.1, which did not keep them, and the metrics euclidean and dotproduct need them. "
            f"Run `image-search index --renew {name}`, which computes its vectors again."
        )
