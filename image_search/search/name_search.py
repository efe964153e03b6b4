"""A search for words in the names of files and folders, which needs no model."""

from __future__ import annotations

import bisect
import functools
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from image_search.imaging.arrays import Floats

_WORD = re.compile(r"[^\W_]+")
# Between letters and digits, and where a capital follows a small letter: ring048, GoldRing.
_SEAM = re.compile(
    r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])",
)
# Accents; marks that make another letter of it in other scripts stay.
_ACCENTS = re.compile("[\u0300-\u036f]")
# Scripts that are written without spaces: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese,
# and Korean, whose words are joined.
_JOINED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
# Characters of a part of such a run that is found; a longer part is found by how it begins.
_LONGEST_PART = 8
# A word asked for is also found by what it begins with, if that is so much of it: an ending more.
_BEGINNING = 2 / 3
# One for all, for most words are only in names of files.
_NOWHERE = np.zeros(0, np.int64)
# Shorter words are not compared with the beginnings of longer ones.
_SHORTEST = 3
# The value of a word that is in the name of a file as it is, and in that of a folder.
_IN_NAME, _IN_FOLDER = 1.0, 0.9
# The same if only its beginning matches, or it has an additional ending: the least, and for all
# its letters.
_PART_OF_NAME, _PART_OF_FOLDER = (0.45, 0.4), (0.05, 0.35)


def words_of(text: str) -> tuple[str, ...]:
    """The words and numbers in ``text``, folded to one case and without accents, each once."""
    folded = text.casefold()
    if not folded.isascii():
        # Full-width and half-width letters (as Japanese keyboards write) become ordinary letters.
        folded = unicodedata.normalize("NFKD", text).casefold()
        # macOS stores accents as separate characters; folding may make some as well.
        letters = _ACCENTS.sub("", unicodedata.normalize("NFD", folded))
        folded = unicodedata.normalize("NFC", letters)
    return tuple(dict.fromkeys(_WORD.findall(folded)))


# Files of a folder follow each other.
@functools.lru_cache(maxsize=8)
def _of_folder(folder: str) -> tuple[str, ...]:
    return _held(folder)


def _held(path: str) -> tuple[str, ...]:
    """The words that are looked up to find ``path``: those in it, and what they are made of."""
    apart = _SEAM.sub(" ", unicodedata.normalize("NFKC", path))
    whole = words_of(f"{path} {apart}" if apart != path else path)
    if path.isascii():
        return whole
    return tuple(dict.fromkeys([*whole, *(part for word in whole for part in _parts(word))]))


def _parts(word: str) -> Iterator[str]:
    """What lies anywhere in a word of a script that has no spaces."""
    runs = _JOINED.findall(word)
    if runs:  # what other letters stand between them
        yield from filter(None, _JOINED.split(word))
    for run in runs:
        for start in range(len(run)):
            for end in range(start + 1, min(len(run), start + _LONGEST_PART) + 1):
                yield run[start:end]


class NameIndex:
    """The words in the paths of some files, for looking up which files hold a word."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._count = len(paths)
        in_names: defaultdict[str, list[int]] = defaultdict(list)
        in_folders: defaultdict[str, list[int]] = defaultdict(list)
        for row, path in enumerate(paths):
            folder, _, name = path.rpartition("/")
            for word in _held(name):
                in_names[word].append(row)
            for word in _of_folder(folder):
                in_folders[word].append(row)
        self._words = sorted(in_names.keys() | in_folders.keys())
        self._in_names, self._in_folders = (
            [np.array(rows[word], np.int64) if word in rows else _NOWHERE for word in self._words]
            for rows in (in_names, in_folders)
        )

    def scores(self, words: Sequence[str]) -> Floats:
        """(files,) float32: how well the path of each file matches ``words``, from 0 to 1.

        What holds more of the words comes first, however well it holds the others: with m of n
        words a score is above (m - 1) / n, and m / n at most. Among those that hold as many, words
        that stand there as they are count more than others, and in names of files more than in
        names of folders. A word also stands there where a longer one is made of it: "ring" in
        "ring048" and "GoldRing". The others begin a longer one, or are a shorter one with an
        ending, "rings" and "ring": these count the more, the more letters are the same.
        """
        found = np.zeros(self._count, dtype=np.float32)
        quality = np.zeros(self._count, dtype=np.float32)
        for word in words:
            best = np.zeros(self._count, dtype=np.float32)
            for place in self._beginning_with(word):
                self._count_for(best, place, len(word) / len(self._words[place]))
            for size in range(math.ceil(_BEGINNING * len(word)), len(word)):
                place = bisect.bisect_left(self._words, word[:size])
                if self._words[place : place + 1] == [word[:size]] and word.isalpha():
                    self._count_for(best, place, size / len(word))
            found += best > 0
            quality += best
        share = found - 1 + quality / np.maximum(found, 1)
        return np.where(found > 0, share / np.float32(max(1, len(words))), 0).astype(np.float32)

    def _beginning_with(self, word: str) -> range:
        first = last = bisect.bisect_left(self._words, word)
        if len(word) < _SHORTEST and word.isascii():
            # A letter or two begin too much: they are looked for as they are.
            return range(first, first + (self._words[first : first + 1] == [word]))
        while last < len(self._words) and self._words[last].startswith(word):
            last += 1
        return range(first, last)

    def _count_for(self, best: Floats, place: int, share: float) -> None:
        for rows, whole, (least, letters) in (
            (self._in_names[place], _IN_NAME, _PART_OF_NAME),
            (self._in_folders[place], _IN_FOLDER, _PART_OF_FOLDER),
        ):
            worth = whole if share == 1 else least + letters * share
            best[rows] = np.maximum(best[rows], np.float32(worth))
