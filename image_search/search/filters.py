"""Which images may be answers at all: folder, name, date, size, orientation. Exact, whatever the
index."""

from __future__ import annotations

import fnmatch
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery
from image_search.storage import Records

Mask = npt.NDArray[np.bool_]
ORIENTATIONS = ("portrait", "landscape", "square")
# Characters that are compared with every path: a file name has 255 at most, a path 4,096.
MAX_NAME = 300
MAX_FOLDER = 4096
# Sides that differ by less than this share count as equal.
_SQUARE = 0.05
# Folders that are told of where the one that is asked for is unknown.
_MEANT = 3
# What every Python reads alike.
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{3}|\.\d{6})?)?([zZ]|[+-]\d\d:\d\d)?)?", re.ASCII
)


@dataclass(frozen=True)
class Filter:
    """What an image must fulfil; what is ``None`` is not asked for.

    ``folder``: it lies in this folder or below, relative to the image folder. ``name``: its file
    name matches this pattern (``*`` and ``?``) or holds this text; case does not count. ``after``
    and ``before``: it was altered at or after, and before, these times (seconds since 1970).
    ``min_side``: its shorter side has at least so many pixels. ``orientation``: one of
    ``ORIENTATIONS``.
    """

    folder: str | None = None
    name: str | None = None
    after: float | None = None
    before: float | None = None
    min_side: int | None = None
    orientation: str | None = None

    def __post_init__(self) -> None:
        for what, text, most in (
            ("name", self.name, MAX_NAME),
            ("folder", self.folder, MAX_FOLDER),
        ):
            if len(text or "") > most:
                raise InvalidQuery(f"{what} is too long; use at most {most:,} characters.")
        if self.after is not None and self.before is not None and self.after >= self.before:
            raise InvalidQuery("`after` must be earlier than `before`; no image can fulfil both.")
        if self.min_side is not None and self.min_side < 1:
            raise InvalidQuery(f"min_side must be at least 1 pixel, not {self.min_side}.")
        if self.orientation is not None and self.orientation not in ORIENTATIONS:
            raise InvalidQuery(
                f"orientation must be one of {', '.join(ORIENTATIONS)}, not "
                f"{self.orientation[:40]!r}."
            )

    @property
    def limits(self) -> bool:
        """Whether anything is asked for."""
        return self != Filter()

    def may_admit(self, path: str, modified: float) -> bool:
        """Whether a file of which nothing but its path and its time (seconds since 1970) is known
        may fulfil it."""
        after, before = self.after or 0.0, math.inf if self.before is None else self.before
        return after <= modified < before and self._path_fits(path)

    def mask(self, records: Records) -> Mask | None:
        """(facts,) bool: which facts fulfil it; ``None`` where nothing is asked for."""
        if not self.limits:
            return None
        wanted = np.ones(len(records), dtype=np.bool_)
        modified = records.mtimes / 1e9
        if self.after is not None:
            wanted &= modified >= self.after
        if self.before is not None:
            wanted &= modified < self.before
        if self.min_side is not None:
            wanted &= np.minimum(records.widths, records.heights) >= self.min_side
        if self.orientation is not None:
            wanted &= _oriented(records, self.orientation)
        if self.folder is not None or self.name is not None:
            rows = np.flatnonzero(wanted)
            wanted[rows] = [self._path_fits(records.paths[row]) for row in rows]
        return wanted

    def _path_fits(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if self.folder is not None:
            asked = _folded(self.folder.strip("/"))
            if asked and not (_folded(folder) + "/").startswith(asked + "/"):
                return False
        if self.name is None:
            return True
        asked, name = _folded(self.name), _folded(name)
        if "*" in asked or "?" in asked:
            # Brackets stand for themselves.
            return fnmatch.fnmatchcase(name, asked.replace("[", "[[]"))
        return asked in name


def unknown_folder(asked: str, known: Iterable[str]) -> str | None:
    """What to say where a filter's folder holds nothing, with up to three of the ``known`` folders
    that may be meant; ``None`` where there is such a folder."""
    names = {
        _folded(str(place)): str(place)
        for folder in known
        for place in (PurePosixPath(folder), *PurePosixPath(folder).parents)
        if place.name
    }
    wanted = _folded(asked.strip("/"))
    if not wanted or wanted in names:
        return None
    ends = [name for name in sorted(names) if name.endswith("/" + wanted)]
    last = {name.rpartition("/")[2]: name for name in sorted(names, reverse=True)}
    close = get_close_matches(wanted, names, _MEANT) or [
        last[name] for name in get_close_matches(wanted, last, _MEANT)
    ]
    meant = ", ".join(names[name] for name in (ends or close)[:_MEANT])
    return (
        f"The image folder holds no images in a folder {asked!r}; folders are written as they lie "
        "below it" + (f", and you may mean {meant}." if meant else ".")
    )


def _folded(text: str) -> str:
    """One form for all ways to write a name: either case, accents composed or, as by macOS, not."""
    return unicodedata.normalize("NFC", text.casefold())


def parse_time(text: str) -> float:
    """A date (``2026-05-31``) or a date and time in ISO 8601, to seconds since 1970.

    Without a zone it is the time of the machine that serves.

    Raises:
        InvalidQuery: it is neither.
    """
    try:
        if _TIME.fullmatch(text.strip()) is None:
            raise ValueError
        # Python 3.10 does not know the Z that JavaScript writes.
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip())).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvalidQuery(
            f"{text[:40]!r} is not a date; write 2026-05-31 or 2026-05-31T14:30."
        ) from None


def _oriented(records: Records, orientation: str) -> Mask:
    widths = records.widths.astype(np.float64)
    heights = records.heights.astype(np.float64)
    square = np.abs(widths - heights) < _SQUARE * np.maximum(widths, heights)
    if orientation == "square":
        return square
    taller = heights > widths
    return ~square & (taller if orientation == "portrait" else ~taller)
