"""Blocks, weights and scores, against the same sums done plainly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.errors import InvalidQuery
from image_search.extractors.base import unit_rows
from image_search.imaging.arrays import Floats
from image_search.search.ranking.fusion import (
    Layout,
    pooled,
    query_vector,
    shares_of,
    stored_vectors,
)

DIMS = {"clip": 5, "hsv": 3, "edges": 8}
weight = st.one_of(
    st.floats(min_value=1e-3, max_value=1e3), st.sampled_from([1e-300, 1e-12, 1e12, 1e308])
)


def blocks_of(names: list[str], rows: int, seed: int) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    return {name: unit_rows(rng.normal(size=(rows, DIMS[name]))) for name in names}


def layout_of(names: list[str]) -> Layout:
    return Layout(tuple(names), tuple(DIMS[name] for name in names))


@given(
    names=st.lists(st.sampled_from(list(DIMS)), min_size=1, unique=True),
    rows=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_stored_vectors_have_length_one(names: list[str], rows: int, seed: int) -> None:
    vectors = stored_vectors(layout_of(names), blocks_of(names, rows, seed))

    assert vectors.shape == (rows, sum(DIMS[name] for name in names))
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(rows), abs=1e-5)


@given(data=st.data(), rows=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_the_fused_score_is_the_weighted_mean_of_the_cosines(
    data: st.DataObject, rows: int, seed: int
) -> None:
    names = data.draw(st.lists(st.sampled_from(list(DIMS)), min_size=1, unique=True))
    asked = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    weights = {name: data.draw(weight) for name in asked}
    stored = blocks_of(names, rows, seed)
    query = {name: block[0] for name, block in blocks_of(asked, 1, seed + 1).items()}
    layout = layout_of(names)
    vectors = stored_vectors(layout, stored)

    scores = vectors @ query_vector(layout, query, shares_of(query, weights))

    cosines = {name: stored[name].astype(np.float64) @ query[name] for name in asked}
    expected = np.average(
        [cosines[name] for name in asked],
        axis=0,
        weights=[weights[name] / max(weights.values()) for name in asked],
    )
    assert scores == pytest.approx(expected, abs=1e-5)


def test_weights_that_are_all_zero_are_refused() -> None:
    query = {name: block[0] for name, block in blocks_of(["hsv", "clip"], 1, 0).items()}

    with pytest.raises(InvalidQuery, match="zero"):
        query_vector(layout_of(["hsv", "clip"]), query, {"hsv": 0.0, "clip": 0.0})


def test_an_extractor_of_weight_zero_has_no_say() -> None:
    layout = layout_of(["hsv", "clip"])
    query = {name: block[0] for name, block in blocks_of(["hsv", "clip"], 1, 0).items()}

    alone = query_vector(layout, {"hsv": query["hsv"]}, shares_of(["hsv"], {"hsv": 0.3}))
    with_zero = query_vector(layout, query, shares_of(query, {"hsv": 7.0, "clip": 0.0}))

    assert with_zero == pytest.approx(alone)


@given(count=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_several_vectors_pool_to_their_mean_direction(count: int, seed: int) -> None:
    rows = blocks_of(["edges"], count, seed)["edges"]

    one = pooled(list(rows))

    mean = rows.astype(np.float64).mean(axis=0)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one == pytest.approx(mean / np.linalg.norm(mean), abs=1e-4)


def test_vectors_that_cancel_out_pool_to_the_first() -> None:
    row = np.array([0.6, 0.8], np.float32)

    assert pooled([row, -row]) == pytest.approx(row)
