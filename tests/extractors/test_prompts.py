"""Words are asked for in several phrasings, whose embeddings are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.extractors.prompts import PROMPTS, described
from image_search.imaging.arrays import Floats


class Reader:
    """Knows the embedding of every phrasing by heart."""

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        self.rows, self.asked = np.array(rows, np.float32), [""]

    def embed_text(self, texts: Sequence[str]) -> Floats:
        self.asked = list(texts)
        return self.rows[: len(texts)]


def test_the_phrasings_are_averaged_and_the_mean_has_length_one() -> None:
    # One phrasing lies along the second axis, all others along the first: (n - 1, 1) / n.
    rows = [[0.0, 1.0]] + [[1.0, 0.0]] * (len(PROMPTS) - 1)
    reader = Reader(rows)

    vector = described(reader, "gold ring")

    others = len(PROMPTS) - 1
    assert vector == pytest.approx(np.array([others, 1]) / np.hypot(others, 1), abs=1e-6)
    assert reader.asked[:2] == ["gold ring", "a photo of gold ring"]


def test_phrasings_that_cancel_out_leave_a_unit_vector_all_the_same() -> None:
    rows = unit_rows(np.array([[1.0, 1.0], [-1.0, -1.0]] * len(PROMPTS)))[: len(PROMPTS)]
    rows[0] = 0

    vector = described(Reader(rows.tolist()), "ring")

    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_braces_in_the_words_are_words() -> None:
    reader = Reader([[1.0]] * len(PROMPTS))

    described(reader, "{0} {x} {}")

    assert all("{0} {x} {}" in text for text in reader.asked)


def test_every_phrasing_is_another_and_holds_the_words_once() -> None:
    assert len(set(PROMPTS)) == len(PROMPTS) > 3
    assert all(prompt.count("{}") == 1 for prompt in PROMPTS)
