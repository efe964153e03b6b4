"""Words looked up in the names of files and folders."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.name_search import NameIndex, words_of

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
TEXTS = st.text(alphabet="abAB éÉ_-/.1ß", max_size=12)


def test_words_are_letters_and_digits_in_one_case() -> None:
    assert words_of("Rings/Gold-Ring_No12 (gold).JPG") == (
        "rings", "gold", "ring", "no12", "jpg",
    )  # fmt: skip
    assert words_of(" ,;/_- ") == ()


@pytest.mark.parametrize("form", FORMS)
def test_accents_are_found_however_they_are_written(form: Form) -> None:
    index = NameIndex([unicodedata.normalize(form, "Émaillé/café.png"), "cafe.png"])

    for asked in FORMS:
        words = words_of(unicodedata.normalize(asked, "CAFÉ émaillé"))
        assert index.scores(words).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("gold", [1, 0, 4 / 6]),
        ("gold ring", [1, 1 / 2, 4 / 6 / 2]),
        ("ring gold ring", [1, 1 / 2, 4 / 6 / 2]),
        ("rings", [0, 1, 0]),
        ("old", [0, 0, 0]),
        ("12", [0, 1, 0]),
        ("", [0, 0, 0]),
    ],
)
def test_the_share_of_the_words_that_a_path_holds(text: str, scores: list[float]) -> None:
    index = NameIndex(["gold/ring.png", "rings/ring-12.png", "golden.png"])

    assert index.scores(words_of(text)).tolist() == pytest.approx(scores)


@given(st.lists(TEXTS, max_size=8), TEXTS)
def test_it_agrees_with_looking_at_every_path(paths: list[str], text: str) -> None:
    asked = words_of(text)

    def naive(path: str) -> float:
        best = [
            max(
                (len(word) / len(held) for held in words_of(path) if held.startswith(word)),
                default=0,
            )
            for word in asked
        ]
        return sum(best) / len(asked) if asked else 0

    assert NameIndex(paths).scores(asked).tolist() == pytest.approx([naive(path) for path in paths])
