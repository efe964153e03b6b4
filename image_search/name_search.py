"""Words matched with the names of files and folders: it needs no model and works always."""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from image_search.extractors.base import Floats

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> tuple[str, ...]:
    """The words and numbers in ``text``, folded to one case, each once."""
    # macOS writes names with accents as characters of their own.
    return tuple(dict.fromkeys(_WORD.findall(unicodedata.normalize("NFC", text.casefold()))))


class NameIndex:
    """The words in the paths of some files, for looking up which files hold a word."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._count = len(paths)
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, path in enumerate(paths):
            for word in words_of(path):
                rows[word].append(row)
        self._words = sorted(rows)
        self._rows = [np.array(rows[word], dtype=np.int64) for word in self._words]

    def scores(self, words: Sequence[str]) -> Floats:
        """(files,) float32: the share of ``words`` that the path of each file holds.

        A word counts in full where it stands as it is, and by the share of its letters where it
        begins a longer one: "ring" is four fifths of "rings".
        """
        total = np.zeros(self._count, dtype=np.float32)
        for word in words:
            best = np.zeros(self._count, dtype=np.float32)
            place = bisect.bisect_left(self._words, word)
            while place < len(self._words) and self._words[place].startswith(word):
                share = np.float32(len(word) / len(self._words[place]))
                rows = self._rows[place]
                best[rows] = np.maximum(best[rows], share)
                place += 1
            total += best
        return total / np.float32(max(1, len(words)))
