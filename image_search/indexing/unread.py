"""The files of a folder that are not searched, as the interfaces list them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from image_search.imaging.formats.kinds import ending
from image_search.indexing.reports import Unreadable
from image_search.storage import FileRecord
from image_search.storage.records import NOT_READ, RETRY

_KINDS = {NOT_READ: "not read", RETRY: "refused"}


def unreadable_of(record: FileRecord) -> Unreadable:
    """A picture that could not be read, and why."""
    return Unreadable(record.path, record.reason, _KINDS.get(record.verdict, "damaged"))


def by_ending(records: Iterable[FileRecord]) -> dict[str, int]:
    """How many files there are of each ending, the most common first."""
    return dict(Counter(f".{ending(record.path)}".rstrip(".") for record in records).most_common())
