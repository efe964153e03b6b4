"""Words looked up in the names of files and folders."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.search.name_search import NameIndex, words_of

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
        assert index.scores(words).tolist() == pytest.approx([(1 + 0.95) / 2, 0.5])
    assert index.scores(words_of("cafe emaille")).tolist() == pytest.approx([0.975, 0.5])


def test_marks_that_make_another_letter_are_no_accents() -> None:
    assert words_of("が") != words_of("か")
    assert words_of("İstanbul") == words_of("istanbul")


@pytest.mark.parametrize(
    ("path", "text", "score"),
    [
        ("ring048.jpg", "ring", 1),
        ("ring048.jpg", "048", 1),
        ("ring048.jpg", "ring048", 1),
        ("GoldRing-No12.jpg", "gold", 1),
        ("GoldRing-No12.jpg", "goldring no12", 1),
        ("ÉtuiBleu.jpg", "bleu", 1),
        ("earring.jpg", "ring", 0),
        ("ring.jpg", "rings", 0.45 + 0.4 * 4 / 5),
        ("watch.jpg", "watches", 0.45 + 0.4 * 5 / 7),
        ("rings/a.jpg", "rings", 0.9),
        ("rings/a.jpg", "ring", 0.05 + 0.35 * 4 / 5),
        ("a-ring.jpg", "a", 1),
        ("animal.jpg", "a", 0),
        ("animal.jpg", "an", 0),
        ("animal.jpg", "ani", 0.45 + 0.4 * 3 / 6),
        ("cat.jpg", "catalogue", 0),
        ("1234.jpg", "12345", 0),
    ],
)
def test_words_are_found_in_what_names_are_made_of(path: str, text: str, score: float) -> None:
    assert NameIndex([path]).scores(words_of(text)).tolist() == pytest.approx([score])


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("gold", [0.9, 0, 0.45 + 0.4 * 4 / 6]),
        ("gold ring", [0.975, 1 / 2, (0.45 + 0.4 * 4 / 6) / 2]),
        ("ring gold ring", [0.975, 1 / 2, (0.45 + 0.4 * 4 / 6) / 2]),
        ("rings", [0.45 + 0.4 * 4 / 5, 0.9, 0]),
        ("old", [0, 0, 0]),
        ("12", [0, 1, 0]),
        ("", [0, 0, 0]),
    ],
)
def test_how_well_a_path_matches_the_words(text: str, scores: list[float]) -> None:
    index = NameIndex(["gold/ring.png", "rings/ring-12.png", "golden.png"])

    assert index.scores(words_of(text)).tolist() == pytest.approx(scores)


@given(st.lists(TEXTS, max_size=8), TEXTS)
def test_it_agrees_with_looking_at_every_path(paths: list[str], text: str) -> None:
    asked = words_of(text)

    def apart(path: str) -> str:
        """With a space between small letters and capitals, letters and digits."""
        path, spaced = unicodedata.normalize("NFKC", path), ""
        for letter in path:
            last = spaced[-1:]
            if letter.isalnum() and (
                (last.islower() and letter.isupper())
                or (last.isalnum() and last.isdigit() != letter.isdigit())
            ):
                spaced += " "
            spaced += letter
        return spaced

    def likeness(word: str, held: str) -> float:
        if held.startswith(word) and (len(word) >= 3 or not word.isascii() or word == held):
            return len(word) / len(held)
        if word.startswith(held) and word.isalpha() and 3 * len(held) >= 2 * len(word):
            return len(held) / len(word)
        return 0

    def graded(word: str, text: str, whole: float, least: float, letters: float) -> float:
        shares = [likeness(word, held) for held in {*words_of(text), *words_of(apart(text))}]
        share = max(shares, default=0)
        return whole if share == 1 else least + letters * share if share else 0

    def naive(path: str) -> float:
        folder, _, name = path.rpartition("/")
        best = [
            max(graded(word, name, 1, 0.45, 0.4), graded(word, folder, 0.9, 0.05, 0.35))
            for word in asked
        ]
        found = sum(map(bool, best))
        return (found - 1 + sum(best) / found) / len(asked) if found else 0

    assert NameIndex(paths).scores(asked).tolist() == pytest.approx([naive(path) for path in paths])


@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, min_size=1, max_size=4))
def test_more_words_come_before_better_ones(paths: list[str], texts: list[str]) -> None:
    words, index = words_of(" ".join(texts)), NameIndex(paths)
    held = [
        sum(float(index.scores([word])[row]) > 0 for word in words) for row in range(len(paths))
    ]
    scores = index.scores(words).tolist()

    for count, score in zip(held, scores, strict=True):
        assert (score > 0) == (count > 0)
        if count:
            assert count - 1 < score * len(words) <= count + 1e-5


def test_the_order_of_matches() -> None:
    paths = [
        "any/gold-ring.png", "rings-gold/ring.png", "gold/ring.png", "gold/rings.png",
        "any/ring.png", "ring/any.png", "any/rings.png", "rings/any.png", "any/any.png",
    ]  # fmt: skip
    scores = NameIndex(paths).scores(words_of("gold ring"))

    order = sorted(range(len(paths)), key=lambda row: -scores[row])
    assert [paths[row] for row in order] == [
        "any/gold-ring.png", "rings-gold/ring.png", "gold/ring.png", "gold/rings.png",
        "any/ring.png", "ring/any.png", "any/rings.png", "rings/any.png", "any/any.png",
    ]  # fmt: skip
    assert scores[order[-1]] == 0
