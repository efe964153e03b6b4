"""A picture and words that change it: what the words say, and where they move the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.library import Library
from image_search.search.changing import (
    READING_SHARE,
    Change,
    changed,
    changed_block,
    parse_change,
    reading_weights,
    reclassified_block,
)
from image_search.search.queries import Filter, Query
from image_search.search.reading import NOTHING_LIKE_IT
from image_search.settings import Settings
from tests.drawing import draw_into
from tests.test_class_words import FRUIT


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("this, but with leaves", Change(added=("with leaves",))),
        ("This, without stones.", Change(without=("stones",))),
        ("but a vase", Change(instead=("a vase",))),
        ("this but a vase", Change(instead=("a vase",))),
        ("like this, but in blue", Change(added=("in blue",))),
        ("the same as a brooch", Change(instead=("a brooch",))),
        ("without stones", Change(without=("stones",))),
        ("no stones", Change(without=("stones",))),
        ("this, but not gold", Change(without=("gold",))),
        (
            "this but with leaves, and without stones",
            Change(added=("with leaves",), without=("stones",)),
        ),
        ("this, but a hat with a ribbon", Change(instead=("a hat",), added=("with a ribbon",))),
        ("this one with leaves but without stones", Change((), ("with leaves",), ("stones",))),
    ],
)
def test_words_that_change_a_picture_are_taken_apart(text: str, change: Change) -> None:
    assert parse_change(text) == change


@pytest.mark.parametrize("text", ["leaf ring", "ring with leaves", "this", "", "but", "button"])
def test_other_words_describe_a_picture(text: str) -> None:
    assert parse_change(text) is None


def test_only_beside_a_picture_do_words_change_it() -> None:
    assert changed(Query(text="without stones")).change is None

    asked = changed(Query((FRUIT,), text="this, but with leaves", not_text="stones"))

    assert asked.change == Change(added=("with leaves",), without=("stones",))
    assert (asked.text, asked.not_text) == ("leaves", "stones")
    assert changed(asked) is asked


class Reader:
    """Has an axis for each word that it knows, among (8,) float32."""

    words = ("something", "ring", "vase", "leaves", "stones", "orange", "lemon")

    def embed_text(self, texts: Sequence[str]) -> Floats:
        rows = [[float(word in text.split()) for word in self.words] + [0.1] for text in texts]
        return unit_rows(np.array(rows, np.float32))


def moved(change: Change, subject: str = "") -> dict[str, float]:
    start = np.zeros(8, np.float32)
    start[1] = 1
    block = changed_block(start, change, Reader(), subject)
    assert np.linalg.norm(block) == pytest.approx(1, abs=1e-6)
    return dict(zip(Reader.words, (block - start).tolist(), strict=False))


def test_what_is_added_moves_towards_it_and_what_is_left_out_moves_away() -> None:
    added = moved(Change(added=("with leaves",)), "ring")
    assert added["leaves"] > 0.3
    assert added["stones"] == pytest.approx(0, abs=1e-6)
    without = moved(Change(without=("stones",)), "ring")
    assert without["stones"] < -0.3
    assert without["leaves"] == pytest.approx(0, abs=1e-6)


def test_another_subject_takes_the_place_of_the_one_that_is_shown() -> None:
    known, unknown = moved(Change(instead=("vase",)), "ring"), moved(Change(instead=("vase",)))

    assert min(known["vase"], unknown["vase"]) > 0.5
    assert known["ring"] < unknown["ring"]


def test_a_classifier_is_asked_for_classes_alone() -> None:
    start = unit_rows(np.ones((1, 8), np.float32))[0]

    def of(change: Change) -> Floats:
        return reclassified_block(start, change, Reader())

    assert of(Change(added=("with filigree",))) == pytest.approx(start, abs=1e-6)
    assert of(Change(added=("with a lemon",)))[6] > start[6] > of(Change((), (), ("a lemon",)))[6]


def test_who_reads_has_the_larger_share_of_the_score_and_never_less_than_before() -> None:
    std = {"clip": 0.1, "hsv": 0.2}
    raised = reading_weights({"clip": 1.0, "hsv": 2.0}, std, ("clip",))

    assert raised["hsv"] == 2.0
    assert raised["clip"] * 0.1 / (raised["clip"] * 0.1 + 0.4) == pytest.approx(READING_SHARE)
    most = {"clip": 90.0, "hsv": 1.0}
    assert reading_weights(most, std, ("clip",)) == most
    assert reading_weights(most, std, ()) == most


@pytest.fixture
def library(settings: Settings, folder: Path) -> Library:
    draw_into(folder, 5)
    (folder / "a1.png").write_bytes(FRUIT)
    library = Library.open(replace(settings, extractors="imagenet,hsv"))
    library.update(fingerprints=False)
    return library


def test_another_subject_is_looked_for_among_the_images_that_show_it(library: Library) -> None:
    asked = library.search(Query(text="0001")).hits[0]
    like = Query(like=(asked.id,), k=9)

    assert len(library.search(like).hits) == 6
    result = library.search(replace(like, text="this, but an orange"))

    assert [hit.path for hit in result.hits] == ["a1.png"]
    assert (result.compared, result.named, result.warnings) == (1, ("orange",), ())
    # Its score is that of the picture as it is, which no word has moved.
    plain = next(hit for hit in library.search(like).hits if hit.path == "a1.png")
    assert result.hits[0].scores["imagenet"] == pytest.approx(plain.scores["imagenet"], abs=1e-3)


def test_where_nothing_shows_the_other_subject_the_answer_says_so(library: Library) -> None:
    result = library.search(Query((FRUIT,), text="this, but a screwdriver"))

    assert (len(result.hits), result.hits[0].path) == (6, "a1.png")
    assert result.warnings == (NOTHING_LIKE_IT,)


def test_filters_limit_the_images_that_show_it(library: Library) -> None:
    asked = Query((FRUIT,), text="this, but an orange", filter=Filter(name="0001"))

    assert library.search(asked).warnings == (NOTHING_LIKE_IT,)
    assert [hit.path for hit in library.search(asked).hits] == ["0001.png"]


def test_what_is_added_moves_the_picture_as_a_classifier_has_it(library: Library) -> None:
    like = Query(like=(library.search(Query(text="0001")).hits[0].id,), k=9)

    def likeness(text: str) -> float:
        hits = library.search(replace(like, text=text)).hits
        return next(hit.scores["imagenet"] for hit in hits if hit.path == "a1.png")

    assert likeness("with an orange") > likeness("without an orange")


def test_words_of_a_change_that_are_unknown_are_named(library: Library) -> None:
    result = library.search(Query((FRUIT,), text="this, but with filigree"))

    assert "does not know 'filigree'" in result.warnings[0]
    assert result.hits[0].path == "a1.png"
