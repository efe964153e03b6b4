"""Groups of images that show the same picture, as people look through them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from image_search.duplicates.checking.verdict import EXACT, NEAR, SAME_BYTES, Evidence
from image_search.duplicates.decisions import DIFFERENT, Pair
from image_search.duplicates.pairs import SamePicture, grouped
from image_search.indexing.originals import id_of
from image_search.storage import FileRecord

# What can be listed: all but what was decided to be different; what still has to be decided;
# what was decided, to look it through and undo it.
ALL, OPEN, DECIDED = "all", "open", "decided"


@dataclass(frozen=True)
class Link:
    """Two images of a group, ``a`` as against ``b``, by id; see ``checking.Evidence``."""

    a: str
    b: str
    relation: str
    words: str
    evidence: Evidence
    decision: str | None


@dataclass(frozen=True)
class Group:
    """Images that show the same picture: ``kind`` is exact where all of them have the very same
    pixels, else near. Each of the ``members`` is reached by some of the ``pairs``."""

    id: str
    kind: str
    members: tuple[FileRecord, ...]
    pairs: tuple[Link, ...]

    @property
    def undecided(self) -> bool:
        """Whether a pair of it still needs a decision."""
        return any(pair.decision is None for pair in self.pairs)


@dataclass(frozen=True)
class Page:
    """Some of the ``total`` groups, those with something to decide first.

    ``undecided`` of all the groups wait for a decision; ``images`` are in a group. ``state`` is
    ready, or building while images are still being compared, ``done`` of ``to_do`` in this
    ``phase``.
    """

    groups: tuple[Group, ...]
    total: int
    undecided: int
    images: int
    state: str = "ready"
    phase: str = ""
    done: int = 0
    to_do: int = 0
    warnings: tuple[str, ...] = field(default=())


def form_groups(
    files_of: Callable[[bytes], Sequence[FileRecord]],
    copied: Iterable[bytes],
    pairs: Iterable[SamePicture],
    decisions: Mapping[Pair, str],
    which: str,
) -> list[Group]:
    """The groups by verified ``pairs`` and contents that are ``copied``, held by several files.

    ``files_of`` gives the images of a content. The largest come first, of those with something to
    decide, then the others.
    """
    known = {pair.key: pair for pair in pairs}
    links: dict[Pair, SamePicture | None] = {(content, content): None for content in copied}
    links.update(known)
    wanted = {
        key: link
        for key, link in links.items()
        if which == DECIDED or decisions.get(key) != DIFFERENT
    }
    by_content: dict[bytes, list[Pair]] = {}
    for key in wanted:
        by_content.setdefault(key[0], []).append(key)
    groups = [
        _group(contents, files_of, by_content, wanted, decisions) for contents in grouped(wanted)
    ]
    found = [group for group in groups if len(group.members) > 1 and _is_included(group, which)]
    found.sort(key=lambda group: (not group.undecided, -len(group.members), group.members[0].path))
    return found


def _is_included(group: Group, which: str) -> bool:
    if which == OPEN:
        return group.undecided
    return which == ALL or any(pair.decision is not None for pair in group.pairs)


def _group(
    contents: set[bytes],
    files_of: Callable[[bytes], Sequence[FileRecord]],
    by_content: Mapping[bytes, Sequence[Pair]],
    links: Mapping[Pair, SamePicture | None],
    decisions: Mapping[Pair, str],
) -> Group:
    files = {content: list(files_of(content)) for content in contents}
    pairs: list[Link] = []
    for content in sorted(contents):
        for key in by_content.get(content, ()):
            pairs += _links(key, links[key], files, decisions.get(key))
    members = sorted((record for records in files.values() for record in records), key=_best_first)
    kind = EXACT if all(pair.relation == EXACT for pair in pairs) else NEAR
    name = hashlib.sha256(b"".join(sorted(contents))).hexdigest()[:16]
    return Group(name, kind, tuple(members), tuple(pairs))


def _links(
    key: Pair,
    pair: SamePicture | None,
    files: Mapping[bytes, Sequence[FileRecord]],
    decision: str | None,
) -> list[Link]:
    if pair is None:
        if not files[key[0]]:
            return []
        first, *copies = files[key[0]]
        same = Evidence.of(None, SAME_BYTES)
        return [
            Link(id_of(copy), id_of(first), EXACT, SAME_BYTES, same, decision) for copy in copies
        ]
    one, other = files[pair.query], files[pair.other]
    if not one or not other:
        return []
    words = pair.evidence.words
    return [Link(id_of(one[0]), id_of(other[0]), pair.relation, words, pair.evidence, decision)]


def _best_first(record: FileRecord) -> tuple[int, int, str]:
    """The largest picture first: it is likeliest to be the original."""
    return -record.width * record.height, -record.size, record.path


def to_plain(page: Page) -> dict[str, Any]:
    """The groups as plain values, one and the same for HTTP and the command line."""
    plain: dict[str, Any] = {
        "groups": [_to_json(group) for group in page.groups],
        "total": page.total,
        "undecided": page.undecided,
        "images": page.images,
        "state": page.state,
        "warnings": list(page.warnings),
    }
    if page.state != "ready":
        plain["progress"] = {"phase": page.phase, "done": page.done, "total": page.to_do}
    return plain


def _to_json(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "kind": group.kind,
        "members": [
            {
                "id": id_of(record), "path": record.path, "size": record.size,
                "width": record.width, "height": record.height,
                "modified": record.mtime_ns / 1e9,
            }
            for record in group.members
        ],
        "pairs": [
            {
                "a": pair.a, "b": pair.b, "relation": pair.relation, "words": pair.words,
                "outline_a": pair.evidence.outline_query, "outline_b": pair.evidence.outline_hit,
                "decision": pair.decision, "score": pair.evidence.score,
                "inliers": pair.evidence.inliers, "mirrored": pair.evidence.mirrored,
                "rotation": pair.evidence.rotation, "scale": pair.evidence.scale,
            }
            for pair in group.pairs
        ],
    }  # fmt: skip
