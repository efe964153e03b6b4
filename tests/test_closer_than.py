"""The share of the images that a hit is closer than."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.cli.search import top_of
from image_search.library import Library
from image_search.search.queries import Filter, Query
from image_search.search.search_index import FEWEST_COMPARED, SHARE_DIGITS, closer_than
from image_search.settings import Settings
from tests.drawing import draw_into, picture
from tests.test_regions import pages

# Few different values, so that many are equal.
SCORES = st.lists(st.integers(-10, 10), min_size=FEWEST_COMPARED, max_size=200)


@given(scores=SCORES, k=st.integers(1, 250))
def test_it_is_the_share_of_all_images_with_a_lower_score(scores: list[int], k: int) -> None:
    below = sorted(-score for score in scores)
    found = [one for one in below if k >= len(below) or one <= below[k - 1]]

    shares = closer_than(found, len(scores))

    for share, one in zip(shares, found, strict=True):
        lower = sum(-other > one for other in scores)
        assert share == pytest.approx(lower / len(scores), abs=10**-SHARE_DIGITS)
        assert share is not None
        assert share <= lower / len(scores)


@given(st.integers(0, FEWEST_COMPARED - 1))
def test_of_a_few_images_there_is_none(compared: int) -> None:
    assert closer_than([-0.5] * compared, compared) == [None] * compared


@given(st.integers(1, 10**SHARE_DIGITS))
def test_a_place_in_words_is_never_better_than_it_is(missing: int) -> None:
    words = top_of(1 - missing / 10**SHARE_DIGITS)
    share = float(words.removeprefix("top ").removesuffix("%"))
    true = 100 * missing / 10**SHARE_DIGITS
    assert true * (1 - 1e-5) <= share <= true * 1.1 + 1e-9


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Seventy designs, each of the first ten twice, some in a folder, and a file of five pages."""
    folder = tmp_path_factory.mktemp("closer")
    images = folder / "images"
    draw_into(images, 10)
    draw_into(images / "others", 70)
    first, *others = pages(100, 101, 102, 103, 104)
    first.save(images / "book.tif", save_all=True, append_images=others)
    opened = Library.open(
        Settings(images=images, cache=folder / "image_features.pkl", extractors="hsv,edges")
    )
    opened.update(fingerprints=False)
    return opened


@pytest.mark.parametrize(
    ("query", "images"),
    [
        (Query((picture(3),)), 81),
        (Query((picture(101),)), 81),
        (Query((picture(3),), filter=Filter(folder="others")), 70),
        (Query((picture(200),), weights={"edges": 1.0}), 81),
    ],
    ids=["design", "page", "filtered", "weighed"],
)
@pytest.mark.parametrize("k", [1, 7, 40])
def test_hits_are_closer_than_those_that_follow(
    library: Library, query: Query, images: int, k: int
) -> None:
    everything = library.search(replace(query, k=1000))
    result = library.search(replace(query, k=k))

    assert len(everything.hits) == result.compared == images
    for hit in result.hits:
        lower = sum(other.score < hit.score for other in everything.hits)
        assert hit.closer_than == pytest.approx(lower / images, abs=10**-SHARE_DIGITS)


def test_copies_are_equally_close(library: Library) -> None:
    first, second, third = library.search(Query((picture(3),), k=3)).hits

    assert {first.path, second.path} == {"0003.png", "others/0003.png"}
    assert first.closer_than == second.closer_than == pytest.approx(79 / 81, abs=1e-6)
    assert third.closer_than is not None
    assert third.closer_than < 79 / 81 - 0.01


def test_where_a_filter_leaves_a_few_there_is_none(library: Library) -> None:
    query = Query((picture(3),), k=5, filter=Filter(name="000*"))
    result = library.search(query)
    assert result.compared == 20
    assert [hit.closer_than for hit in result.hits] == [None] * 5
