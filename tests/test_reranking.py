"""How drawings' answers are ranked: emphasis and expansion, against the same sums done plainly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.calibration import Calibration, fit
from image_search.extractors.base import Floats, unit_rows
from image_search.fusion import Layout, stored_vectors
from image_search.reranking import Reranking, reranking
from image_search.weighting import PHOTO, SKETCH

LAYOUT = Layout(("design", "edges", "hsv"), (6, 10, 4))
SHARES = {"design": 0.4, "edges": 0.6}


def collection(count: int = 60, seed: int = 0) -> tuple[dict[str, Floats], Calibration]:
    """Centred unit blocks by extractor, and what they were centred by."""
    dice = np.random.default_rng(seed)
    blocks = {
        name: unit_rows(dice.normal(0.2, 1, (count, dim)).astype(np.float32))
        for name, dim in zip(LAYOUT.names, LAYOUT.dims, strict=True)
    }
    vectors = stored_vectors(LAYOUT, blocks)
    calibration = fit(LAYOUT, vectors, count)
    centred = calibration.centred(vectors) * np.float32(np.sqrt(3))
    return {name: centred[:, place] for name, place in LAYOUT.slices().items()}, calibration


BLOCKS, CALIBRATION = collection()
RERANKING = Reranking(CALIBRATION, SHARES)


def test_photos_and_small_collections_are_ranked_by_the_plain_sum() -> None:
    assert reranking(CALIBRATION, PHOTO, SHARES) is None
    assert reranking(Calibration.none(LAYOUT), SKETCH, SHARES) is None
    assert reranking(CALIBRATION, SKETCH, SHARES) is not None


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=9))
def test_emphasis_keeps_the_order_and_the_range(cosines: list[float]) -> None:
    given_, added = np.array(cosines, np.float32), {}
    for name in SHARES:
        added[name] = RERANKING.contribution(name, given_)
        order = np.argsort(given_, kind="stable")
        assert (np.diff(added[name][order]) >= -1e-6).all()
    total = np.sum(list(added.values()), axis=0)
    assert (np.abs(total) <= 1 + 1e-5).all()


def test_equal_cosines_of_one_add_up_to_one() -> None:
    one = np.ones(1, np.float32)
    assert sum(float(RERANKING.contribution(n, one)[0]) for n in SHARES) < 1
    assert float(RERANKING.contribution("edges", one)[0]) == pytest.approx(SHARES["edges"])


def test_what_is_far_above_chance_counts_several_times() -> None:
    spread = CALIBRATION.spreads["edges"]
    low, high = (
        RERANKING.contribution("edges", np.array([at * spread, (at + 0.1) * spread], np.float32))
        for at in (0.5, 2.0)
    )
    assert np.diff(high)[0] > 5 * np.diff(low)[0]


@given(st.integers(0, 50), st.integers(1, 5))
def test_the_expansion_is_the_mean_of_what_the_first_answers_show(start: int, few: int) -> None:
    first = {name: rows[start : start + few] for name, rows in BLOCKS.items()}
    scores = np.linspace(0.9, 0.3, few, dtype=np.float32)
    expansion = RERANKING.expansion(first, scores)
    assert expansion is not None

    # Plainly: the mean of the only network heard; drawings' layout and colour say nothing.
    mean = scores @ first["design"] / scores.sum()
    cosines = BLOCKS["design"] @ mean / np.linalg.norm(mean)
    assert expansion.likeness(BLOCKS) == pytest.approx(cosines, abs=1e-4)
    # At most as much as the network itself, less where the answers do not agree.
    network = SHARES["design"] / RERANKING.whole
    assert 0 < expansion.weight <= network
    alone = RERANKING.expansion({n: rows[:1] for n, rows in first.items()}, scores[:1])
    assert alone is not None
    assert expansion.weight == pytest.approx(alone.weight * np.linalg.norm(mean), rel=1e-4)
    assert 0 < expansion.share < 1


def test_answers_that_score_nothing_or_no_network_say_nothing() -> None:
    first = {name: rows[:3] for name, rows in BLOCKS.items()}
    assert RERANKING.expansion(first, np.array([-0.1, 0, -1], np.float32)) is None
    only = Reranking(CALIBRATION, {"edges": 1.0})
    assert only.expansion(first, np.ones(3, np.float32)) is None
    opposite = {n: np.concatenate([rows[:1], -rows[:1]]) for n, rows in BLOCKS.items()}
    assert RERANKING.expansion(opposite, np.ones(2, np.float32)) is None
