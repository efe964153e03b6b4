"""The images of an index as people look through them without a query: by folder, in an order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery
from image_search.imaging.arrays import Floats
from image_search.search.queries import MAX_FOLDER, Filter, Mask, folded
from image_search.storage import FileRecord, Segment, Snapshot

NEWEST, OLDEST, NAME, LARGEST, SMALLEST, SHAPE, COLOUR = (
    "newest", "oldest", "name", "largest", "smallest", "shape", "colour",
)  # fmt: skip
ORDERS = (NEWEST, OLDEST, NAME, LARGEST, SMALLEST, SHAPE, COLOUR)
"""``largest`` and ``smallest`` count pixels, ``shape`` goes from tall to wide, and ``colour``
follows the hue of what is coloured; grey images come last, the dark ones first."""

MOST_IMAGES = 500
MOST_FOLDERS = 500

# The extractor whose histogram tells the colours of an image: 8 hues, saturations and values.
_HISTOGRAM, _BINS = "hsv", 8
# Rows of it read at a time.
_ROWS = 4096
# Pixels below this saturation or value count as grey, as do images with less colour than this.
_LEAST_BIN, _LEAST_COLOUR = 2, 0.02

_Order = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Folder:
    """A folder by its path; so many ``images`` and ``folders`` lie in it or below."""

    path: str
    images: int
    folders: int


@dataclass(frozen=True)
class Images:
    """Some of the ``total`` images that were asked for."""

    records: tuple[FileRecord, ...]
    total: int


@dataclass(frozen=True)
class Folders:
    """Some of the ``total`` folders that were asked for; ``images`` lie in all of them or beside
    them."""

    folders: tuple[Folder, ...]
    total: int
    images: int


class Catalogue:
    """The images of one snapshot, (n,) of each column. Safe to use from many threads.

    ``known`` are the main colours of segments, by name, which other snapshots share.
    """

    def __init__(self, snapshot: Snapshot, known: dict[str, Floats] | None = None) -> None:
        """Look through what ``snapshot`` holds."""
        self._snapshot, self._known = snapshot, {} if known is None else known
        pairs = zip(snapshot.segments, snapshot.live, strict=True)
        self._rows = [
            (segment, np.flatnonzero(live & (segment.vector_of >= 0))) for segment, live in pairs
        ]
        self._starts = np.cumsum([0, *[len(rows) for _, rows in self._rows]])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def orders(self) -> tuple[str, ...]:
        """The orders that there are; by colour only where the index holds colours."""
        by = {extractor.name for extractor in self._snapshot.extractors}
        return ORDERS if _HISTOGRAM in by else ORDERS[:-1]

    def images(self, condition: Filter, order: str, offset: int, limit: int) -> Images:
        """``limit`` images that fulfil ``condition``, from the one numbered ``offset`` on.

        Raises:
            InvalidQuery: a number is out of range, or there is no such order.
        """
        if offset < 0 or not 1 <= limit <= MOST_IMAGES:
            raise InvalidQuery(f"offset must be 0 or more, and limit 1 to {MOST_IMAGES}.")
        if order not in self.orders:
            known = ", ".join(self.orders)
            raise InvalidQuery(f"order must be one of {known}, not {order[:40]!r}.")
        ordered = self._ordered(order)
        wanted = self._mask(condition)
        if wanted is not None:
            ordered = ordered[wanted[ordered]]
        chosen = ordered[offset : offset + limit].tolist()
        return Images(tuple(self._record(number) for number in chosen), len(ordered))

    def folders(self, below: str = "") -> Folders:
        """The folders directly below one, by name; at most ``MOST_FOLDERS`` of them.

        Raises:
            InvalidQuery: there is no such folder.
        """
        wanted = below.strip("/")
        if wanted not in self._tree:
            raise InvalidQuery(f"There is no folder {below[:80]!r} with images in it.")
        children = self._children.get(wanted, [])
        shown = tuple(self._tree[path] for path in children[:MOST_FOLDERS])
        return Folders(shown, len(children), self._tree[wanted].images)

    def folders_like(self, text: str) -> Folders:
        """The folders whose path holds ``text``, those whose own name begins with it first."""
        if len(text) > MAX_FOLDER:
            raise InvalidQuery(f"like is too long; use at most {MAX_FOLDER:,} characters.")
        asked = folded(text.strip("/"))

        def rank(path: str) -> tuple[bool, int, str]:
            return not folded(path.rpartition("/")[2]).startswith(asked), path.count("/"), path

        found = sorted((path for path in self._tree if path and asked in folded(path)), key=rank)
        shown = tuple(self._tree[path] for path in found[:MOST_FOLDERS])
        return Folders(shown, len(found), len(self))

    @cached_property
    def _paths(self) -> list[str]:
        return [segment.records.paths[row] for segment, rows in self._rows for row in rows.tolist()]

    @cached_property
    def _folder_of(self) -> tuple[list[str], npt.NDArray[np.int32]]:
        """The paths of all folders that hold images, and (n,) which of them each image lies in."""
        numbers: dict[str, int] = {}
        of = [numbers.setdefault(path.rpartition("/")[0], len(numbers)) for path in self._paths]
        return list(numbers), np.array(of, np.int32)

    @cached_property
    def _tree(self) -> dict[str, Folder]:
        """Every folder by its path, those included that hold nothing but folders."""
        paths, of = self._folder_of
        images, folders = {"": 0}, {"": 0}
        for path, count in zip(paths, np.bincount(of, minlength=len(paths)).tolist(), strict=True):
            above = path
            while True:
                images[above] = images.get(above, 0) + count
                if not above:
                    break
                above = above.rpartition("/")[0]
        for path in images:
            above = path
            while above:
                above = above.rpartition("/")[0]
                folders[above] = folders.get(above, 0) + 1
        return {path: Folder(path, images[path], folders.get(path, 0)) for path in images}

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        """The paths directly below each folder, by name."""
        found: dict[str, list[str]] = {}
        for path in sorted(self._tree, key=folded):
            if path:
                found.setdefault(path.rpartition("/")[0], []).append(path)
        return found

    def _mask(self, condition: Filter) -> Mask | None:
        if not condition.limits:
            return None
        # Folders are few and images many, so the path of each folder is compared once.
        folder, rest = condition.folder, replace(condition, folder=None)
        wanted = np.ones(len(self), np.bool_)
        if rest.limits:
            found = [(rest.mask(segment.records), rows) for segment, rows in self._rows]
            wanted = np.concatenate(
                [np.zeros(0, np.bool_), *[mask[rows] for mask, rows in found if mask is not None]]
            )
        if folder is not None:
            asked, (paths, of) = folded(folder.strip("/")), self._folder_of
            inside = [(folded(path) + "/").startswith(asked + "/") for path in paths]
            if asked:
                wanted &= np.array(inside, np.bool_)[of]
        return wanted

    def _column(self, of: Callable[[Segment], npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
        found = [of(segment)[rows].astype(np.int64) for segment, rows in self._rows]
        return np.concatenate([np.zeros(0, np.int64), *found])

    @cached_property
    def _by_name(self) -> _Order:
        names = [folded(path) for path in self._paths]
        return np.array(sorted(range(len(names)), key=lambda at: (names[at], at)), np.int64)

    @cached_property
    def _orders(self) -> dict[str, _Order]:
        return {}

    def _ordered(self, order: str) -> _Order:
        """The numbers of all images in an order; those that are equal go by name."""
        if order == NAME:
            return self._by_name
        found = self._orders.get(order)
        if found is None:
            key = self._key(order)
            by_name = self._by_name
            found = self._orders[order] = by_name[np.argsort(key[by_name], kind="stable")]
        return found

    def _key(self, order: str) -> npt.NDArray[np.int64] | Floats:
        """(n,) what an order is by, ascending."""
        if order in (NEWEST, OLDEST):
            times = self._column(lambda segment: segment.records.mtimes)
            return times if order == OLDEST else -times
        if order in (LARGEST, SMALLEST):
            return self._pixels() if order == SMALLEST else -self._pixels()
        return self._shapes() if order == SHAPE else self._hues()

    def _pixels(self) -> npt.NDArray[np.int64]:
        def of(segment: Segment) -> npt.NDArray[np.int64]:
            return segment.records.widths.astype(np.int64) * segment.records.heights

        return self._column(of)

    def _shapes(self) -> Floats:
        def of(segment: Segment) -> npt.NDArray[np.int64]:
            records = segment.records
            shape = records.widths / np.maximum(records.heights, 1)
            return np.round(1e4 * shape).astype(np.int64)

        return self._column(of).astype(np.float32)

    def _hues(self) -> Floats:
        [histogram] = [one for one in self._snapshot.extractors if one.name == _HISTOGRAM]
        found = [np.zeros(0, np.float32)]
        for segment, rows in self._rows:
            if segment.name not in self._known:
                [column] = segment.columns([histogram])
                parts = [np.zeros(0, np.float32)]
                for start in range(0, segment.rows, _ROWS):
                    some = np.arange(start, min(start + _ROWS, segment.rows), dtype=np.int64)
                    parts.append(colour_places(column.units(some)))
                self._known[segment.name] = np.concatenate(parts)
            found.append(self._known[segment.name][segment.vector_of[rows]])
        return np.concatenate(found)

    def _record(self, number: int) -> FileRecord:
        at = int(np.searchsorted(self._starts, number, side="right")) - 1
        segment, rows = self._rows[at]
        return segment.records.record(int(rows[number - self._starts[at]]))


def colour_places(histograms: Floats) -> Floats:
    """Where images stand in the order of colours.

    Args:
        histograms: (n, 512) embeddings by ``hsv``.

    Returns:
        (n,) 0 to 1 for coloured images, by the mean hue of what is coloured in them, from red over
        green and blue to pink; 2 to 3 for the others, by how light they are.
    """
    shares = histograms.reshape(-1, _BINS, _BINS, _BINS) ** 2
    middles = (np.arange(_BINS, dtype=np.float32) + np.float32(0.5)) / np.float32(_BINS)
    weights = np.outer(middles, middles)
    weights[:_LEAST_BIN] = weights[:, :_LEAST_BIN] = 0
    of_hue = np.tensordot(shares, weights, axes=([2, 3], [0, 1]))
    angles = 2 * np.pi * middles
    across, up = of_hue @ np.cos(angles), of_hue @ np.sin(angles)
    # Half a bin further, so that reds, which lie on both sides of 0, stand together.
    hue = (np.arctan2(up, across) / (2 * np.pi) + 0.5 / _BINS) % 1
    light = 2 + shares.sum(axis=(1, 2)) @ middles
    coloured = of_hue.sum(axis=1) >= _LEAST_COLOUR
    places: Floats = np.where(coloured, hue, light).astype(np.float32)
    return places


class Catalogues:
    """The catalogue of the index as it is now, made when it is first looked through."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        """Follow what ``snapshot`` returns."""
        self._snapshot, self._lock = snapshot, threading.Lock()
        self._colours: dict[str, Floats] = {}
        self._current: tuple[Snapshot, Catalogue] | None = None

    def current(self) -> Catalogue:
        """The catalogue of the index as it is now."""
        snapshot = self._snapshot()
        with self._lock:
            if self._current is None or self._current[0] is not snapshot:
                names = {segment.name for segment in snapshot.segments}
                self._colours = {n: of for n, of in self._colours.items() if n in names}
                self._current = snapshot, Catalogue(snapshot, self._colours)
            return self._current[1]
