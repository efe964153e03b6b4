"""The tokenizer of CLIP's text tower, as in open_clip, without PyTorch.

Byte-pair encoding (Sennrich and others, ACL 2016) over the vocabulary that open_clip ships.
Importing open_clip itself, for this one file, would import PyTorch: seconds, for three words.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

LENGTH = 77
"""Tokens per text; what is longer is cut off."""

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
# The vocabulary's first line is a title; of the merges, only so many were used in training.
_MERGES = 49152 - 256 - 2
_START, _END = "<start_of_text>", "<end_of_text>"
# The end of a word is part of its last symbol, so that "cat" in "cats" is another token.
_WORD_END = "</w>"
_PIECES = (
    rf"{_START}|{_END}|'s|'t|'re|'ve|'m|'ll|'d"  # what English contracts stands alone
    r"|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"  # words, single digits, runs of signs
)


def tokens(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """The tokens of ``texts``, (len(texts), 77) int64, zero after the end."""
    import regex

    ids, _ = _vocabulary()
    rows = np.zeros((len(texts), LENGTH), dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        pieces = regex.findall(_PIECES, _clean(text), flags=regex.IGNORECASE)
        body = [token for piece in pieces for token in _encoded(piece)][: LENGTH - 2]
        row[: len(body) + 2] = [ids[_START], *body, ids[_END]]
    return rows


def repaired(text: str) -> str:
    """``text`` with wrong decoding undone and HTML's escapes replaced."""
    import ftfy

    return html.unescape(html.unescape(ftfy.fix_text(text)))


def _clean(text: str) -> str:
    """``text`` repaired, single-spaced, in lower case."""
    return " ".join(repaired(text).split()).lower()


@lru_cache(maxsize=4096)
def _encoded(piece: str) -> tuple[int, ...]:
    """The tokens of one word: adjacent symbols are merged, in the order of training."""
    ids, ranks = _vocabulary()
    if piece in (_START, _END):
        return (ids[piece],)
    letters = _letters()
    symbols = [letters[byte] for byte in piece.encode("utf-8", errors="replace")]
    symbols[-1] += _WORD_END
    while len(symbols) > 1:
        pairs = list(pairwise(symbols))
        best = min(pairs, key=lambda pair: ranks.get(pair, _MERGES))
        if best not in ranks:
            break
        merged, position = [], 0
        while position < len(symbols):
            found = tuple(symbols[position : position + 2]) == best
            merged.append("".join(best) if found else symbols[position])
            position += 2 if found else 1
        symbols = merged
    return tuple(ids[symbol] for symbol in symbols)


@cache
def _vocabulary() -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Token numbers by symbol, and the rank of each merge."""
    found = find_spec("open_clip")
    assert found is not None, "open_clip is not installed"
    assert found.origin is not None
    packed = Path(found.origin).with_name(_VOCABULARY).read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")[1 : 1 + _MERGES]
    merges = [(one, two) for one, two in (line.split() for line in lines)]
    single = list(_letters().values())
    symbols = [
        *single,
        *(letter + _WORD_END for letter in single),
        *(one + two for one, two in merges),
        _START,
        _END,
    ]
    ids = {symbol: number for number, symbol in enumerate(symbols)}
    return ids, {pair: rank for rank, pair in enumerate(merges)}


@cache
def _letters() -> dict[int, str]:
    """A visible character for every byte, in the order of the vocabulary: those of Latin-1 that can
    be seen stand for themselves, the rest for characters from 256 on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {
        **{byte: chr(byte) for byte in visible},
        **{byte: chr(256 + number) for number, byte in enumerate(hidden)},
    }
