"""Same-class against other-class scores, held against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from image_search.evaluation.metrics import Bools
from image_search.evaluation.pairs import BINS, PairFigures, PairScores
from image_search.imaging.arrays import Floats


def figures(scores: Floats, same: Bools, chunks: int = 3) -> PairFigures:
    collected = PairScores()
    for part, which in zip(
        np.array_split(scores, chunks), np.array_split(same, chunks), strict=True
    ):
        collected.add(part, which)
    found = collected.figures()
    assert found is not None
    return found


def drawn(seed: int, gap: float, scale: float = 0.2) -> tuple[Floats, Bools]:
    rng = np.random.default_rng(seed)
    same = rng.random(5000) < 0.2
    scores = np.clip(rng.normal(0.1, scale, 5000) + gap * same, -1, 1)
    return scores.astype(np.float32), same


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.5])
def test_auc_is_that_of_scikit_learn(gap: float) -> None:
    scores, same = drawn(1, gap)

    assert figures(scores, same).auc == pytest.approx(roc_auc_score(same, scores), abs=5e-4)


@pytest.mark.parametrize("scale", [1.5, 3, 50])
def test_scores_beyond_one_are_taken_too(scale: float) -> None:
    scores, same = drawn(2, 0.2)
    scores = scores * np.float32(scale)

    found = figures(scores, same)

    assert found.auc == pytest.approx(roc_auc_score(same, scores), abs=2e-3)
    assert found.same_mean == pytest.approx(scores[same].mean(), abs=1e-4 * scale)
    assert found.edges[0] <= scores.min() + 1e-2 * scale
    assert found.edges[-1] >= scores.max() - 1e-2 * scale


def test_a_clear_case_and_a_hopeless_one() -> None:
    same = np.array([True, True, False, False])
    apart = figures(np.array([0.9, 0.8, 0.1, 0.2], np.float32), same)
    equal = figures(np.full(4, 0.5, np.float32), same)

    assert (apart.auc, apart.overlap) == (1, 0)
    assert (equal.auc, equal.overlap) == (0.5, 1)
    assert (apart.same_pairs, apart.other_pairs) == (2, 2)
    assert (apart.same_mean, apart.other_mean) == pytest.approx((0.85, 0.15))


def test_the_bars_are_all_there_is() -> None:
    scores, same = drawn(3, 0.3)

    found = figures(scores, same)

    assert (len(found.same), len(found.other), len(found.edges)) == (BINS, BINS, BINS + 1)
    assert sum(found.same) == pytest.approx(1)
    assert sum(found.other) == pytest.approx(1)
    assert list(found.edges) == sorted(set(found.edges))
    by_numpy, _ = np.histogram(scores[same], bins=found.edges)
    np.testing.assert_allclose(found.same, by_numpy / same.sum(), atol=2e-3)


def test_the_highest_and_the_lowest_cosine_have_bars() -> None:
    found = figures(np.array([1.0, -1.0, 1.00001], np.float32), np.array([True, False, True]))

    assert (found.auc, found.same[-1], found.other[0]) == (1, 1, 1)


@pytest.mark.parametrize("same", [True, False])
def test_one_sort_of_pairs_alone_says_nothing(same: bool) -> None:
    collected = PairScores()
    collected.add(np.array([0.5, 0.6], np.float32), np.array([same, same]))

    assert collected.figures() is None
