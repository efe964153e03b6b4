"""Which of several files of one picture to keep, by a rule that a person chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from image_search.duplicates.checking.verdict import EXACT
from image_search.duplicates.decisions import SAME
from image_search.duplicates.groups import Group, Link
from image_search.errors import InvalidQuery
from image_search.indexing.originals import id_of
from image_search.storage import FileRecord

#: What each rule keeps, in words; ties are broken by size and path.
RULES: Mapping[str, str] = MappingProxyType(
    {
        "largest": "the picture with the most pixels",
        "heaviest": "the largest file",
        "oldest": "the file that was altered first",
        "newest": "the file that was altered last",
        "shortest": "the file with the shortest path",
    }
)
_KEYS: Mapping[str, Callable[[FileRecord], float]] = MappingProxyType(
    {
        "largest": lambda record: -record.width * record.height,
        "heaviest": lambda record: -record.size,
        "oldest": lambda record: record.mtime_ns,
        "newest": lambda record: -record.mtime_ns,
        "shortest": lambda record: len(record.path),
    }
)

COLUMNS = ("group", "keep", "path", "same_as", "id", "width", "height", "size", "modified")


@dataclass(frozen=True)
class KeepChoice:
    """Files that show one picture: the one to ``keep``, and the ``others``, by path."""

    keep: FileRecord
    others: tuple[FileRecord, ...]


def kept(groups: Iterable[Group], rule: str) -> list[KeepChoice]:
    """What to keep of all files that are the same picture for certain.

    These are exact duplicates, unless a person decided otherwise, and images that a person decided
    to be the same; near-duplicates without a decision are none of them.

    Raises:
        InvalidQuery: there is no such rule.
    """
    if rule not in RULES:
        raise InvalidQuery(f"rule must be one of {', '.join(RULES)}, not {rule[:40]!r}.")
    found = []
    for group in groups:
        for members in _same(group):
            keep, *others = sorted(members, key=lambda one: _rank(one, rule))
            found.append(KeepChoice(keep, tuple(sorted(others, key=lambda one: one.path))))
    return sorted(found, key=lambda one: one.keep.path)


def parts_of(groups: Iterable[Group]) -> dict[str, str]:
    """For the id of each image that shows the same picture as another, as far as is known, a name
    that all of them share. What a person decided to be anything but the same is not."""
    found = {}
    for group in groups:
        for members in _joined(group, lambda pair: pair.decision in (None, SAME)):
            ids = sorted(id_of(record) for record in members)
            found.update(dict.fromkeys(ids, ids[0]))
    return found


def rows(found: Sequence[KeepChoice]) -> Iterator[Sequence[object]]:
    """A table with a line for each file, the one to keep first; ``COLUMNS`` are its head."""
    for number, one in enumerate(found, start=1):
        for record in (one.keep, *one.others):
            is_kept = record is one.keep
            yield [
                number, "yes" if is_kept else "no", record.path,
                "" if is_kept else one.keep.path, id_of(record), record.width, record.height,
                record.size, round(record.mtime_ns / 1e9),
            ]  # fmt: skip


def to_plain(found: Sequence[KeepChoice], rule: str) -> dict[str, Any]:
    """The list as plain values for JSON."""
    return {
        "rule": rule,
        "keeps": RULES[rule],
        "groups": [
            {"keep": _plain(one.keep), "others": [_plain(record) for record in one.others]}
            for one in found
        ],
    }


def _plain(record: FileRecord) -> dict[str, Any]:
    return {
        "id": id_of(record), "path": record.path, "width": record.width, "height": record.height,
        "size": record.size, "modified": record.mtime_ns / 1e9,
    }  # fmt: skip


def _rank(record: FileRecord, rule: str) -> tuple[float, int, str]:
    return _KEYS[rule](record), -record.size, record.path


def _is_same(pair: Link) -> bool:
    return pair.decision == SAME or (pair.relation == EXACT and pair.decision is None)


def _same(group: Group) -> list[list[FileRecord]]:
    """The members of a group that are the same picture for certain, together."""
    return _joined(group, _is_same)


def _joined(group: Group, joins: Callable[[Link], bool]) -> list[list[FileRecord]]:
    """The members of a group that pairs join, together."""
    of = {id_of(record): {id_of(record)} for record in group.members}
    for pair in filter(joins, group.pairs):
        joined = of[pair.a] | of[pair.b]
        for one in joined:
            of[one] = joined
    records = {id_of(record): record for record in group.members}
    parts = {min(part): part for part in of.values() if len(part) > 1}
    return [[records[one] for one in part] for part in parts.values()]
