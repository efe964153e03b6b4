"""The measures against hand-worked cases, scikit-learn, and what must always hold."""

from __future__ import annotations

import math
from itertools import permutations

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import average_precision_score

from image_search.evaluation import metrics
from image_search.evaluation.metrics import Bools, Ranked
from image_search.imaging.arrays import Floats


def one(scores: list[float], relevant: list[int], left_out: int = -1) -> Ranked:
    """The ranking of one query."""
    return metrics.ranked(
        np.array([scores], np.float32), np.array([relevant], np.bool_), np.array([left_out])
    )


@st.composite
def trials(draw: st.DrawFn) -> tuple[Floats, Bools]:
    """Scores, often equal, and what is relevant; each query has an answer."""
    queries, images = draw(st.integers(1, 4)), draw(st.integers(1, 30))
    # Few different values make many ties.
    levels = st.integers(-3, draw(st.sampled_from([-2, 3, 1000])))
    scores = draw(arrays.arrays(np.int64, (queries, images), elements=levels))
    relevant = draw(arrays.arrays(np.bool_, (queries, images)))
    relevant[:, draw(st.integers(0, images - 1))] = True
    return (scores / 8).astype(np.float32), relevant


def test_a_case_worked_by_hand() -> None:
    # Right answers at places 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3.
    ranking = one([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 1, 0, 0, 1])

    assert metrics.average_precision(ranking).tolist() == pytest.approx([(1 + 2 / 3 + 1 / 2) / 3])
    assert [metrics.precision_at(ranking, k).item() for k in (1, 2, 3, 6)] == [1, 0.5, 2 / 3, 0.5]
    assert [metrics.recall_at(ranking, k).item() for k in (1, 3, 5, 6)] == pytest.approx(
        [1 / 3, 2 / 3, 2 / 3, 1]
    )
    assert metrics.first_answer(ranking).tolist() == [1]


def test_equal_scores_worked_by_hand() -> None:
    # The first place is wrong; then three share a score, of which two are right.
    ranking = one([0.5, 0.9, 0.5, 0.5], [1, 0, 1, 0])

    # scikit-learn counts the whole group at its end: 2 of 4.
    assert metrics.average_precision(ranking).tolist() == [0.5]
    # Shuffled, each place of the group holds 2/3 of an answer.
    assert metrics.precision_at(ranking, 2).tolist() == pytest.approx([1 / 3])
    assert metrics.recall_at(ranking, 3).tolist() == pytest.approx([2 / 3])


def test_precision_divides_by_k_where_there_are_fewer_images() -> None:
    ranking = one([0.9, 0.8], [1, 1])

    assert metrics.precision_at(ranking, 10).tolist() == [0.2]
    assert metrics.recall_at(ranking, 10).tolist() == [1]


def test_the_image_left_out_takes_no_part() -> None:
    ranking = one([1.0, 0.9, 0.8], [1, 0, 1], left_out=0)

    assert ranking.order.tolist() == [[1, 2, 0]]
    assert ranking.answers.tolist() == [1]
    assert metrics.average_precision(ranking).tolist() == [0.5]
    assert metrics.recall_at(ranking, 1).tolist() == [0]


def test_a_query_without_answers_has_no_measure() -> None:
    ranking = one([0.9, 0.8], [0, 0])

    for values in (
        metrics.average_precision(ranking),
        metrics.precision_at(ranking, 1),
        metrics.recall_at(ranking, 1),
    ):
        assert math.isnan(values.item())
    assert metrics.first_answer(ranking).tolist() == [0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        one([0.5, bad], [1, 0])


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        one([], [])


@given(trials())
def test_average_precision_is_that_of_scikit_learn(trial: tuple[Floats, Bools]) -> None:
    scores, relevant = trial

    ours = metrics.average_precision(metrics.ranked(scores, relevant))

    for row, value in enumerate(ours):
        assert value == pytest.approx(average_precision_score(relevant[row], scores[row]))


@given(trials(), st.integers(1, 30))
def test_leaving_one_out_is_the_same_as_deleting_it(
    trial: tuple[Floats, Bools], choice: int
) -> None:
    scores, relevant = trial
    if scores.shape[1] < 2:
        return
    gone = choice % scores.shape[1]
    out = metrics.ranked(scores, relevant, np.full(len(scores), gone))
    without = metrics.ranked(np.delete(scores, gone, 1), np.delete(relevant, gone, 1))

    for k in range(1, scores.shape[1]):
        np.testing.assert_allclose(metrics.recall_at(out, k), metrics.recall_at(without, k))
    np.testing.assert_allclose(metrics.average_precision(out), metrics.average_precision(without))


@given(trials(), st.integers(0, 2**32))
def test_the_order_of_the_files_does_not_matter(trial: tuple[Floats, Bools], seed: int) -> None:
    scores, relevant = trial
    order = np.random.default_rng(seed).permutation(scores.shape[1])
    here = metrics.ranked(scores, relevant)
    there = metrics.ranked(scores[:, order], relevant[:, order])

    np.testing.assert_allclose(metrics.average_precision(here), metrics.average_precision(there))
    for k in (1, 2, 5, 40):
        np.testing.assert_allclose(metrics.precision_at(here, k), metrics.precision_at(there, k))


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.integers(1, 6),
)
def test_ties_are_the_mean_over_every_order(levels: list[int], right: list[bool], k: int) -> None:
    relevant = right[: len(levels)]
    found = []
    for order in permutations(range(len(levels))):
        ranking = sorted(order, key=lambda i: -levels[i])  # stable: ties keep this permutation
        found.append(sum(relevant[i] for i in ranking[:k]))
    ours = metrics.expected_found(one([float(v) for v in levels], [int(r) for r in relevant]), k)

    assert ours.item() == pytest.approx(np.mean(found))


@given(trials())
def test_recall_only_grows_and_reaches_all(trial: tuple[Floats, Bools]) -> None:
    scores, relevant = trial
    ranking = metrics.ranked(scores, relevant)
    images = scores.shape[1]

    curve = np.stack([metrics.recall_at(ranking, k) for k in range(1, images + 1)])

    assert (np.diff(curve, axis=0) >= -1e-12).all()
    np.testing.assert_allclose(curve[-1], 1)


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(1).normal(5, 2, size=(400, 1))
    error = values.std() / math.sqrt(len(values))

    low, high = metrics.interval(metrics.resampled_means(values)[:, 0])

    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_resamples_are_the_same_for_every_column_and_every_run() -> None:
    values = np.random.default_rng(2).random((50, 1))
    both = metrics.resampled_means(np.hstack([values, values + 1]), resamples=250)

    assert both.shape == (250, 2)
    np.testing.assert_allclose(both[:, 1] - both[:, 0], 1)
    alone = metrics.resampled_means(values, resamples=250)
    np.testing.assert_allclose(alone[:, 0], both[:, 0])


@pytest.mark.parametrize("images", [1, 2, 9, 10, 1600])
def test_the_cut_offs_of_a_curve_begin_at_one_and_end_at_all(images: int) -> None:
    found = metrics.cut_offs(images, [4, 5000])

    assert (found[0], found[-1]) == (1, images)
    assert found == sorted(set(found))
    assert (4 in found) == (images >= 4)
