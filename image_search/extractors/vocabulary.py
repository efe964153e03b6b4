"""The tokenizer of SigLIP 2, whose vocabulary comes with the weights.

Importing this imports no library for it; that comes with the first text.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from image_search.errors import ModelUnavailable
from image_search.extractors.tokenizer import repaired
from image_search.extractors.weights.files import Weights

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_END, _NOTHING = "<eos>", "<pad>"
_PUNCTUATION = str.maketrans("_", " ", string.punctuation.replace("_", ""))


def reader(
    weights: Weights, name: str, length: int
) -> Callable[[Sequence[str]], npt.NDArray[np.int64]]:
    """From texts to tokens (texts, ``length``) by the file ``name`` beside ``weights``: those of
    the words, one for the end, and one for nothing until the row is full. What is longer is cut
    off before the end.

    The function that is returned raises:
        ModelUnavailable: the file is not on disk, or is no vocabulary.
    """

    @cache
    def opened() -> tuple[Tokenizer, int, int]:
        from tokenizers import Tokenizer

        file = (weights.path() or weights.ready()).with_name(name)
        try:
            found = Tokenizer.from_file(str(file))
        except Exception as error:  # the library knows only the most general one
            raise ModelUnavailable(
                f"{weights.title}: the vocabulary {file} cannot be read ({error}). Delete that "
                f"file. {weights.hint()}"
            ) from error
        end, nothing = found.token_to_id(_END), found.token_to_id(_NOTHING)
        if end is None or nothing is None:
            raise ModelUnavailable(
                f"{weights.title}: the vocabulary {file} is that of another model. Delete that "
                f"file. {weights.hint()}"
            )
        found.no_truncation()
        found.no_padding()
        return found, end, nothing

    def tokens(texts: Sequence[str]) -> npt.NDArray[np.int64]:
        vocabulary, end, nothing = opened()
        rows = np.full((len(texts), length), nothing, dtype=np.int64)
        read = vocabulary.encode_batch(
            [canonical(text) for text in texts], add_special_tokens=False
        )
        for row, one in zip(rows, read, strict=True):
            body = one.ids[: length - 1]
            row[: len(body) + 1] = [*body, end]
        return rows

    return tokens


def canonical(text: str) -> str:
    """``text`` repaired, in lower case, without punctuation and extra blanks, as SigLIP 2 was
    trained."""
    return " ".join(repaired(text).translate(_PUNCTUATION).lower().split())
