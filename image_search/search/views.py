"""Files that are views of one design, by their names: found, and shown, as one item."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from image_search.errors import SettingsError
from image_search.search.queries import DesignView, Hit
from image_search.storage import Segment, Snapshot
from image_search.storage.records import READABLE, Records, image_id

FOLDER: Final = "folder"
DESIGN: Final = "{design}"
VIEW: Final = "{view}"
# Hits that are ranked for each design that is wanted at first: most designs have no more views.
DEPTH: Final = 4
# Views of a design that a hit lists at most.
MAX_LISTED: Final = 100

_Item = TypeVar("_Item")
_Keys = npt.NDArray[np.uint64]


class Designs:
    """Which design each file is a view of, by its path.

    With the pattern ``folder`` all files of a folder are views of one design, but those that lie in
    no folder. In a pattern such as ``{design}_{view}``, which is compared with the name of a file
    without its ending, files of one folder whose names have the same ``{design}`` are; where the
    text between the two is there several times, the last one counts. A name without a view, such
    as ``ring.jpg`` beside ``ring_side.jpg``, is that of the design itself.
    """

    def __init__(self, pattern: str | None) -> None:
        """Designs by ``pattern``; each file on its own where there is none.

        Raises:
            SettingsError: it is no such pattern.
        """
        self._by_folder = pattern is not None and pattern.strip().lower() == FOLDER
        self._name = None if pattern is None or self._by_folder else _compiled(pattern)
        self._lock = threading.Lock()
        # By segment: the keys of the designs of its files, ascending, and the files in that order.
        self._known: dict[str, tuple[_Keys, npt.NDArray[np.intp]]] = {}

    @property
    def _apart(self) -> bool:
        """Whether each file is a design on its own."""
        return not (self._by_folder or self._name)

    def design_of(self, path: str) -> str:
        """Return the design that the file at ``path`` is a view of: its folder; or its folder and
        the part of its name that names the design; the path itself where files are not grouped."""
        folder, _, name = path.rpartition("/")
        if self._name is None:
            return folder or path if self._by_folder else path
        stem = name.rpartition(".")[0] or name
        found = self._name.fullmatch(stem)
        return f"{folder}/{stem if found is None else found['design']}".lstrip("/")

    def grouped(
        self, snapshot: Snapshot, search: Callable[[int], tuple[list[Hit], int]], k: int
    ) -> tuple[list[Hit], int]:
        """The best view of each of the ``k`` best designs, best first, and what ``search`` returns
        beside its hits. ``search`` is given how many hits are wanted."""
        if self._apart:
            return search(k)
        depth = k * DEPTH
        while True:
            hits, compared = search(depth)
            best = self.once(hits, lambda hit: hit.path)
            if len(best) >= k or len(hits) < depth:
                break
            depth *= DEPTH
        best = self.with_views(snapshot, best[:k])
        return [replace(hit, rank=rank) for rank, hit in enumerate(best, start=1)], compared

    def once(self, items: Iterable[_Item], path_of: Callable[[_Item], str]) -> list[_Item]:
        """The first of ``items`` of each design."""
        first: dict[str, _Item] = {}
        for item in items:
            first.setdefault(self.design_of(path_of(item)), item)
        return list(first.values())

    def with_views(self, snapshot: Snapshot, hits: Iterable[Hit]) -> list[Hit]:
        """``hits``, each with all the views of its design where there are several."""
        if self._apart:
            return list(hits)
        found = []
        for hit in hits:
            design = self.design_of(hit.path)
            views = sorted(self._views(snapshot, design), key=lambda view: view.path)
            if len(views) > 1:
                hit = replace(hit, design=design, views=tuple(views[:MAX_LISTED]))
            found.append(hit)
        self._forget(snapshot)
        return found

    def _views(self, snapshot: Snapshot, design: str) -> Iterable[DesignView]:
        key = np.uint64(image_id(design))
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            keys, order = self._keys_of(segment)
            low, high = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
            records = segment.records
            for row in order[low:high].tolist():
                if live[row] and records.verdicts[row] == READABLE:
                    yield _view(records, row)

    def _keys_of(self, segment: Segment) -> tuple[_Keys, npt.NDArray[np.intp]]:
        with self._lock:
            known = self._known.get(segment.name)
            if known is None:
                paths = segment.records.paths
                keys = np.array([image_id(self.design_of(path)) for path in paths], np.uint64)
                order = np.argsort(keys, kind="stable")
                known = self._known[segment.name] = keys[order], order
            return known

    def _forget(self, snapshot: Snapshot) -> None:
        """Drop what is known of segments that are no longer there."""
        with self._lock:
            names = {segment.name for segment in snapshot.segments}
            self._known = {name: one for name, one in self._known.items() if name in names}


def _compiled(pattern: str) -> re.Pattern[str]:
    before, design, rest = pattern.strip().partition(DESIGN)
    between, view, after = rest.partition(VIEW)
    usable = design and view and between and DESIGN not in rest and VIEW not in before + after
    if not usable or "/" in pattern:
        raise SettingsError(
            f"IMAGE_SEARCH_VIEWS must be {FOLDER}, or a pattern for names such as {DESIGN}_{VIEW}, "
            f"with some text between both, not {pattern[:80]!r}."
        )
    literal = [re.escape(text) for text in (before, between, after)]
    return re.compile(f"{literal[0]}(?P<design>.+){literal[1]}.+{literal[2]}", re.IGNORECASE)


def _view(records: Records, row: int) -> DesignView:
    return DesignView(
        id=f"{int(records.ids[row]):016x}",
        path=records.paths[row],
        width=int(records.widths[row]),
        height=int(records.heights[row]),
        size=int(records.sizes[row]),
        modified=int(records.mtimes[row]) / 1e9,
        note=records.notes.get(row, ""),
    )
