"""The files of a folder that are not searched, as the interfaces tell of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from image_search.imaging.formats.kinds import ending
from image_search.indexing.reports import Unreadable
from image_search.storage import FileRecord
from image_search.storage.records import NOT_READ, RETRY

_KINDS = {NOT_READ: "not read", RETRY: "refused"}


def unreadable_of(fact: FileRecord) -> Unreadable:
    """A picture that could not be read, and why."""
    return Unreadable(fact.path, fact.reason, _KINDS.get(fact.verdict, "damaged"))


def by_ending(facts: Iterable[FileRecord]) -> dict[str, int]:
    """How many files there are of each ending, the most common first."""
    return dict(Counter(f".{ending(fact.path)}".rstrip(".") for fact in facts).most_common())
