"""Parts of a query as they are written by people and programs: regions, times, folders."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from pathlib import PurePosixPath

from image_search.errors import InvalidQuery
from image_search.search.queries import Region, folded

# Folders that are suggested where the one that is asked for is unknown.
_MEANT = 3
# What every Python reads alike.
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{3}|\.\d{6})?)?([zZ]|[+-]\d\d:\d\d)?)?", re.ASCII
)


def parse_region(text: str) -> Region:
    """The region that ``text`` describes: ``x,y,width,height`` as fractions of the picture.

    Raises:
        InvalidQuery: it has another form, or is not within the picture.
    """
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        x = y = width = height = math.nan
    return Region(x, y, width, height)


def unknown_folder(asked: str, known: Iterable[str]) -> str | None:
    """A message that no image is in the folder ``asked`` for, with up to three of the ``known``
    folders that may be meant; ``None`` if there is such a folder."""
    names = {
        folded(str(place)): str(place)
        for folder in known
        for place in (PurePosixPath(folder), *PurePosixPath(folder).parents)
        if place.name
    }
    wanted = folded(asked.strip("/"))
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


def parse_time(text: str) -> float:
    """The seconds since 1970 of a date (``2026-05-31``) or a date and time in ISO 8601.

    A time without a zone is local to the server.

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
