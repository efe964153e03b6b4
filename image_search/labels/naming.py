"""Labels that the name of a file or of its folders states."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_search.errors import InvalidQuery

FOLDER, FOLDERS, PEOPLE = "folder", "folders", "people"
# What a pattern has where the label is.
PLACE = "{label}"
# As long as the name of a folder may be on most systems; more is no name for a kind of thing.
MOST_CHARACTERS = 100
_MOST_PLACES = 8
_MOST_PATTERN = 300

Namer = Callable[[str], frozenset[str]]
"""Returns the labels of a path relative to the image folder, written with ``/``."""


def clean_label(text: str) -> str:
    """Return ``text`` as a label: in one form of Unicode, with single spaces.

    Raises:
        InvalidQuery: nothing is left of it, or it is too long or not printable.
    """
    label = " ".join(unicodedata.normalize("NFC", text).split())
    if not label or not label.isprintable():
        raise InvalidQuery("A label needs at least one letter or digit.")
    if len(label) > MOST_CHARACTERS:
        raise InvalidQuery(f"A label has at most {MOST_CHARACTERS} characters.")
    return label


def namer(source: str) -> Namer:
    """Return what finds the labels of a path.

    Args:
        source: ``folder`` for the name of the folder that the file lies in, ``folders`` for the
            names of all folders above it, ``people`` for none, or a pattern such as
            ``{label}_*.jpg``. A pattern without ``/`` is compared with the name of the file, one
            with ``/`` with the whole path; ``*`` and ``?`` stand for any characters but ``/``.

    Raises:
        InvalidQuery: it is none of these.
    """
    if source == FOLDER:
        return lambda path: _labels(path.split("/")[-2:-1])
    if source == FOLDERS:
        return lambda path: _labels(path.split("/")[:-1])
    if source == PEOPLE:
        return lambda _: frozenset()
    pattern = _pattern(source)
    whole = "/" in source

    def of_pattern(path: str) -> frozenset[str]:
        return _labels(pattern.labels(path if whole else path.rpartition("/")[2]))

    return of_pattern


def _labels(texts: Sequence[str]) -> frozenset[str]:
    found = set()
    for text in texts:
        label = " ".join(unicodedata.normalize("NFC", text).split())
        if label and label.isprintable():
            found.add(label[:MOST_CHARACTERS])
    return frozenset(found)


@dataclass(frozen=True)
class _Pattern:
    """Parts of fixed ``lengths`` with something in between; where ``takes`` is true, a label.

    Each part is looked for behind the one before, so a comparison never goes back, and takes time
    in proportion to the name.
    """

    fixed: tuple[re.Pattern[str], ...]
    lengths: tuple[int, ...]
    takes: tuple[bool, ...]

    def labels(self, name: str) -> list[str]:
        """Return what stands in the places of labels; empty where the pattern does not match."""
        first = self.fixed[0].match(name)
        if first is None:
            return []
        at, last, found = first.end(), len(self.fixed) - 1, []
        for number, takes in enumerate(self.takes, start=1):
            part = self.fixed[number]
            # There is at least one character where a label is.
            start = len(name) - self.lengths[number] if number == last else at + takes
            match = None if start < at + takes else part.search(name, start)
            if match is None:
                return []
            between = name[at : match.start()]
            if "/" in between:
                return []
            if takes:
                found.append(between)
            at = match.end()
        return found if at == len(name) else []


def _pattern(source: str) -> _Pattern:
    places = source.count(PLACE)
    parts = re.split(r"(\{label\}|\*)", re.sub(r"\*+", "*", source))
    fixed, between = parts[::2], parts[1::2]
    if not 1 <= places <= _MOST_PLACES or len(source) > _MOST_PATTERN:
        raise InvalidQuery(
            f"Labels come from {FOLDER}, {FOLDERS}, {PEOPLE}, or a pattern that holds {PLACE}, "
            f"such as {PLACE}_*.jpg; not from {source[:40]!r}."
        )
    if not all(fixed[1:-1]):
        raise InvalidQuery(f"In the pattern, put something between {PLACE} and what follows it.")
    return _Pattern(
        tuple(
            re.compile("".join("[^/]" if c == "?" else re.escape(c) for c in part), re.IGNORECASE)
            for part in fixed
        ),
        tuple(map(len, fixed)),
        tuple(part == PLACE for part in between),
    )
