"""Labels that names of files and folders state."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.errors import InvalidQuery
from image_search.labels.naming import clean_label, namer


@pytest.mark.parametrize(
    ("source", "path", "labels"),
    [
        ("folder", "rings/gold/a.jpg", {"gold"}),
        ("folder", "a.jpg", set()),
        ("folders", "rings/gold/a.jpg", {"rings", "gold"}),
        ("people", "rings/a.jpg", set()),
        ("{label}_*.jpg", "x/ring_0231.JPG", {"ring"}),
        ("{label}_*.jpg", "x/ring.jpg", set()),
        ("{label}_*.jpg", "x/_0231.jpg", set()),
        ("{label}-{label}.png", "gold-ring.png", {"gold", "ring"}),
        ("*/{label}/*.png", "2024/ring/1.png", {"ring"}),
        ("*/{label}/*.png", "2024/a/ring/1.png", set()),
        ("ab?_{label}", "abc_ring", {"ring"}),
        ("[{label}]*", "[ring] 1.png", {"ring"}),
        ("{label}.*", "two  words.jpg", {"two words"}),
        ("{label}", "cafe\u0301", {"caf\u00e9"}),
    ],
)
def test_labels_of_a_path(source: str, path: str, labels: set[str]) -> None:
    assert namer(source)(path) == labels


@pytest.mark.parametrize("source", ["", "*.jpg", "{label}*", "{label}{label}", "{label}_" * 9])
def test_a_source_that_cannot_be_is_refused(source: str) -> None:
    with pytest.raises(InvalidQuery, match=r"\{label\}"):
        namer(source)


@given(
    before=st.text("ab_", max_size=4),
    label=st.text("abcd", min_size=1, max_size=5),
    after=st.text("xy", max_size=4),
)
def test_a_label_between_fixed_parts_is_found(before: str, label: str, after: str) -> None:
    assert namer(f"{before}<{{label}}>{after}")(f"{before}<{label}>{after}") == {label}


@given(name=st.text("ab._", max_size=12), pattern=st.text("ab*._", max_size=8))
def test_patterns_match_as_those_of_file_names(name: str, pattern: str) -> None:
    found = namer(f"{{label}}|{pattern}")(f"x|{name}")
    assert (found == {"x"}) == fnmatch.fnmatchcase(f"x|{name}", f"x|{pattern}")


def test_a_long_name_takes_no_time() -> None:
    # With backtracking this would take longer than the age of the universe.
    assert namer("{label}a{label}a{label}a{label}a{label}a*a*ab")("a" * 4000) == set()


@pytest.mark.parametrize("text", ["", "  ", "\x07", "x" * 101])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="label"):
        clean_label(text)


def test_a_label_has_one_form() -> None:
    assert clean_label("  art \t deco ") == "art deco"
