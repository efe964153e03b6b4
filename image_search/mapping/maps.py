"""Maps of one collection: made once, kept beside the index, and used on as images come and go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged, CacheError, IndexEmpty, InvalidQuery
from image_search.imaging.arrays import Floats
from image_search.labels.labels import embeddings_of
from image_search.mapping.layout import (
    METHODS,
    MOST_LANDMARKS,
    NEAREST,
    ROUNDS,
    Cancelled,
    Progress,
    arranged,
    between,
    nearest,
)
from image_search.search.queries import Hit
from image_search.search.ranking.fusion import PHOTO, Calibration, Layout, default_weights
from image_search.settings import Settings
from image_search.storage import Snapshot, safe_pickle
from image_search.storage.records import ExtractorIdentity, parse_id

# The share of the images that are least like any other: shown as standing alone.
_ALONE = 0.01
# Images whose vectors are in memory at the same time.
_AT_ONCE = 4096
_FORMAT, _VERSION = "image_search map", 1
_DIGEST = 32
_SEED = 0


@dataclass(frozen=True, eq=False)
class Map:
    """Where images lie: ``places`` (n, 2) within 0 and 1, by the SHA-256 of their contents
    (``digests``); which are least like any other (``alone``, (n,)); by which ``extractor`` and
    ``method`` it was ``made``, and when (unix seconds)."""

    extractor: ExtractorIdentity
    method: str
    made: float
    digests: tuple[bytes, ...]
    places: Floats
    alone: npt.NDArray[np.bool_]

    def save(self, path: Path) -> None:
        """Write the map to ``path``, in one step.

        Raises:
            OSError: the disk is full or not writable.
        """
        one = self.extractor
        path.parent.mkdir(parents=True, exist_ok=True)
        plain = {
            "format": _FORMAT,
            "version": _VERSION,
            "extractor": (one.name, one.model, one.dim),
            "method": self.method,
            "made": self.made,
            "digests": b"".join(self.digests),
            "places": self.places.astype("<f4").tobytes(),
            "alone": np.packbits(self.alone).tobytes(),
        }
        safe_pickle.dump(path, plain)

    @staticmethod
    def load(path: Path) -> Map | None:
        """The map in ``path``; ``None`` where there is none that can be used."""
        try:
            return _from_plain(safe_pickle.load(path))
        except (CacheDamaged, KeyError, TypeError, ValueError, OverflowError, OSError):
            return None  # it is made again within a minute


def _from_plain(plain: Any) -> Map:
    if plain["format"] != _FORMAT or plain["version"] != _VERSION:
        raise ValueError("it is another file")
    joined, method = plain["digests"], plain["method"]
    digests = tuple(joined[at : at + _DIGEST] for at in range(0, len(joined), _DIGEST))
    places = np.frombuffer(plain["places"], "<f4").astype(np.float32).reshape(len(digests), 2)
    alone = np.unpackbits(np.frombuffer(plain["alone"], np.uint8), count=len(digests)) > 0
    if method not in METHODS or not np.isfinite(places).all():
        raise ValueError("it is no map")
    name, model, dim = plain["extractor"]
    identity = ExtractorIdentity(str(name), str(model), int(dim))
    return Map(identity, method, float(plain["made"]), digests, places, alone)


@dataclass(frozen=True, eq=False)
class PlacedImages:
    """The images of a snapshot on a map: their ``ids`` (n,), ``paths``, ``places`` (n, 2) within 0
    and 1, and which stand ``alone`` (n,); ``new`` of them were not there when the map was made, and
    were placed among those that they are like."""

    map: Map
    ids: npt.NDArray[np.uint64]
    paths: Sequence[str]
    places: Floats
    alone: npt.NDArray[np.bool_]
    new: int
    rows: Sequence[tuple[int, int]] = field(repr=False)

    def among(self, hits: Sequence[Hit]) -> tuple[float, float] | None:
        """The place of a query with these ``hits``: between the first of them, by their scores;
        ``None`` if none of them is on the map."""
        where = {number: row for row, number in enumerate(self.ids.tolist())}
        found = [
            (where[known[0]], hit.score)
            for hit in hits
            if (known := parse_id(hit.id)) and known[0] in where
        ][:NEAREST]
        if not found:
            return None
        rows = np.array([[row for row, _ in found]], np.int64)
        scores = np.array([[score for _, score in found]], np.float32)
        x, y = between(rows, scores, self.places)[0].tolist()
        return x, y


class Maps:
    """The maps of one collection, one by each extractor at most. Safe to use from many threads."""

    def __init__(self, settings: Settings, snapshot: Callable[[], Snapshot]) -> None:
        """Keep maps beside the cache of ``settings``; ``snapshot`` returns the index as it is."""
        self._folder, self._snapshot = settings.state_dir / "maps", snapshot
        self._making, self._lock = threading.Lock(), threading.Lock()
        self._placed: dict[str, tuple[Snapshot, float, PlacedImages]] = {}

    def extractors(self) -> tuple[str, ...]:
        """The extractors that a map can be made by; first the one that counts most for photos.

        Raises:
            IndexEmpty: nothing is indexed.
        """
        snapshot = self._snapshot()
        if not snapshot.images:
            raise IndexEmpty("The index holds no images yet. Index them before a map is made.")
        names = tuple(one.name for one in snapshot.extractors)
        layout = Layout(names, tuple(one.dim for one in snapshot.extractors))
        calibration = Calibration.from_plain(layout, snapshot.calibration)
        weights = default_weights(PHOTO, names, calibration)
        return tuple(sorted(names, key=lambda name: -weights[name] * calibration.std[name]))

    def chosen(self, extractor: str = "") -> str:
        """The ``extractor`` if a map can be made by it; of an empty name the first.

        Raises:
            InvalidQuery: there is none of this name.
            IndexEmpty: nothing is indexed.
        """
        known = self.extractors()
        if extractor and extractor not in known:
            raise InvalidQuery(
                f"There is no extractor {extractor[:40]!r} in the index; a map can be made by "
                f"{', '.join(known)}."
            )
        return extractor or known[0]

    def placed(self, extractor: str) -> PlacedImages | None:
        """The images of the index on the map by ``extractor``; ``None`` where none was made, or
        none by the model that is in use now. Images that are not on it yet are placed.

        Raises:
            InvalidQuery, IndexEmpty: as for ``chosen``.
        """
        extractor = self.chosen(extractor)
        snapshot, path = self._snapshot(), self._path(extractor)
        try:
            written = path.stat().st_mtime
        except OSError:
            return None
        with self._lock:
            known = self._placed.get(extractor)
        if known is not None and known[0] is snapshot and known[1] == written:
            return known[2]
        found = Map.load(path)
        known_models = [one for one in snapshot.extractors if one.name == extractor]
        if found is None or [found.extractor] != known_models or not len(found.places):
            return None
        placed = _on_map(found, snapshot)
        with self._lock:
            self._placed[extractor] = snapshot, written, placed
        return placed

    def make(
        self,
        extractor: str = "",
        on_progress: Progress = lambda *_: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> PlacedImages | None:
        """Make the map by ``extractor`` from all images of the index, and keep it; ``None`` if that
        was cancelled, and then the one before stays.

        Args:
            extractor: as for ``chosen``.
            on_progress: is given how many steps of how many are done.
            cancelled: is asked between the steps.

        Raises:
            InvalidQuery, IndexEmpty: as for ``chosen``.
            CacheError: the map cannot be written.
        """
        extractor = self.chosen(extractor)
        with self._making:
            snapshot = self._snapshot()
            identity = next(one for one in snapshot.extractors if one.name == extractor)
            rows = rows_of(snapshot)
            try:
                made = _made(snapshot, rows, identity, on_progress, cancelled)
            except Cancelled:
                return None
            try:
                made.save(self._path(extractor))
            except OSError as error:
                raise CacheError(
                    f"The map cannot be written to {self._folder} ({error.strerror or error}); "
                    "check its permissions and make room on the disk."
                ) from error
        return _on_map(made, snapshot)

    def _path(self, extractor: str) -> Path:
        return self._folder / f"{extractor}.pkl"


def rows_of(snapshot: Snapshot) -> list[tuple[int, int]]:
    """The images of an index, each as the number of its segment and of its record there."""
    return [
        (number, row)
        for number, (segment, live) in enumerate(zip(snapshot.segments, snapshot.live, strict=True))
        for row in np.flatnonzero(live & (segment.vector_of >= 0)).tolist()
    ]


def _made(
    snapshot: Snapshot,
    rows: Sequence[tuple[int, int]],
    extractor: ExtractorIdentity,
    on_progress: Progress,
    cancelled: Callable[[], bool],
) -> Map:
    order = np.random.default_rng(_SEED).permutation(len(rows))
    chosen = np.sort(order[:MOST_LANDMARKS])
    known = _vectors(snapshot, [rows[at] for at in chosen], extractor.name)
    # The rest, in as many steps as it is long, after those of the layout.
    chunks = -(-len(rows) // _AT_ONCE)
    places, method = arranged(
        known, lambda done, total: on_progress(done, total + chunks), cancelled
    )
    of_all = np.zeros((len(rows), 2), np.float32)
    likeness = np.ones(len(rows), np.float32)
    is_chosen = np.zeros(len(rows), np.bool_)
    is_chosen[chosen] = True
    for number, start in enumerate(range(0, len(rows), _AT_ONCE)):
        if cancelled():
            raise Cancelled
        part = slice(start, start + _AT_ONCE)
        found, cosines = nearest(_vectors(snapshot, rows[part], extractor.name), known, NEAREST + 1)
        of_all[part] = between(found[:, :NEAREST], cosines[:, :NEAREST], places)
        # One that was laid out is the nearest of itself.
        own = is_chosen[part]
        likeness[part] = np.where(
            own, cosines[:, -1], cosines[:, min(NEAREST, cosines.shape[1]) - 1]
        )
        on_progress(ROUNDS + number, ROUNDS + chunks)
    of_all[chosen] = places
    alone = np.zeros(len(rows), np.bool_)
    alone[np.argsort(likeness, kind="stable")[: int(_ALONE * len(rows))]] = True
    digests = tuple(snapshot.segments[n].records.digests[row] for n, row in rows)
    return Map(extractor, method, time.time(), digests, of_all, alone)


def _on_map(of: Map, snapshot: Snapshot) -> PlacedImages:
    where = {digest: row for row, digest in enumerate(of.digests)}
    rows = rows_of(snapshot)
    segments = snapshot.segments
    at = np.array([where.get(segments[n].records.digests[row], -1) for n, row in rows], np.int64)
    places = np.full((len(rows), 2), 0.5, np.float32)
    alone = np.zeros(len(rows), np.bool_)
    known, new = np.flatnonzero(at >= 0), np.flatnonzero(at < 0)
    places[known], alone[known] = of.places[at[known]], of.alone[at[known]]
    if len(new) and len(known):
        some = known[:: -(-len(known) // MOST_LANDMARKS)]
        vectors = _vectors(snapshot, [rows[row] for row in some], of.extractor.name)
        for chunk in _chunks(new):
            asked = _vectors(snapshot, [rows[row] for row in chunk], of.extractor.name)
            places[chunk] = between(*nearest(asked, vectors), places[some])
    ids = np.array([segments[n].records.ids[row] for n, row in rows], np.uint64)
    paths = [segments[n].records.paths[row] for n, row in rows]
    return PlacedImages(of, ids, paths, places, alone, len(new), rows)


def _chunks(rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))


def _vectors(snapshot: Snapshot, rows: Sequence[tuple[int, int]], extractor: str) -> Floats:
    return embeddings_of(snapshot, rows, (extractor,))[extractor]
