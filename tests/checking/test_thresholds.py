"""Thresholds fitted to measured scores: between copies and other pictures, saved, and outgrown."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.duplicates.checking.thresholds import (
    FALSE_ALARMS,
    Scores,
    Threshold,
    Thresholds,
    fit,
    load,
    save,
)
from image_search.errors import CacheError

SCORES = st.lists(st.floats(0, 500), min_size=30, max_size=80)


def scores(
    others: float, copies: float, duplicates: int = 0, count: int = 300, seed: int = 0
) -> Scores:
    """Copies about ``copies``, and others whose excess is ``others`` in the mean."""
    rng = np.random.default_rng(seed)
    measured = rng.exponential(others, count).tolist() + [copies * 1.2] * duplicates
    return Scores(
        rng.normal(copies, copies / 10, count).tolist(), measured, rng.random(50).tolist()
    )


def test_the_threshold_lies_between_others_and_copies() -> None:
    fitted = fit(scores(others=0.5, copies=15, count=1000))

    assert 2 < fitted.duplicate_threshold < 12
    assert fitted.misses < 0.01
    assert fitted.false_alarms <= FALSE_ALARMS
    assert fitted.measured_on == 1000


def test_others_that_score_higher_need_a_higher_threshold() -> None:
    near = [fit(scores(others=spread, copies=30)).duplicate_threshold for spread in (0.5, 2, 4)]
    assert near == sorted(near)
    assert near[2] > 2 * near[0]


def test_a_collection_whose_copies_score_lower_gets_a_lower_threshold() -> None:
    near = [fit(scores(others=0.2, copies=copies)).duplicate_threshold for copies in (20, 4, 3)]
    assert near == sorted(near, reverse=True)
    assert near[2] < near[0]


def test_a_few_duplicates_in_the_collection_do_not_move_it() -> None:
    without, with_some = fit(scores(1, 20)), fit(scores(1, 20, duplicates=20))
    assert with_some.duplicate_threshold == pytest.approx(without.duplicate_threshold, rel=0.02)
    assert with_some.false_alarms == pytest.approx(without.false_alarms, abs=1e-3)


def test_others_that_look_like_copies_are_reported_and_no_reason_to_overlook_copies() -> None:
    # As in a collection of colourways, where each picture has others of the same rendering.
    fitted = fit(scores(others=3, copies=8))
    assert 0.05 < fitted.misses < 0.2
    assert 0.03 < fitted.false_alarms < 0.2
    apart = fit(scores(others=0.5, copies=8))
    assert apart.false_alarms < 0.01


def test_on_others_of_another_day_it_errs_as_often_as_it_says() -> None:
    fitted = fit(scores(others=1, copies=9))
    again = scores(others=1, copies=9, count=20_000, seed=1)
    alarms = float(np.mean(np.array(again.others) >= fitted.duplicate_threshold))
    assert alarms <= 3 * fitted.false_alarms
    assert float(np.mean(np.array(again.copies) < fitted.duplicate_threshold)) == pytest.approx(
        fitted.misses, abs=0.05
    )


def test_few_measurements_promise_little() -> None:
    few, many = (fit(scores(0.5, 15, count=count)).false_alarms for count in (10, 1000))
    assert few > 0.05
    assert many < 0.005


def test_without_any_measurement_there_is_a_cautious_threshold() -> None:
    nothing = fit(Scores((), (), ()))
    assert nothing.duplicate_threshold > 3
    assert nothing.similar_threshold == math.inf
    assert nothing.measured_on == 0
    # A handful of pictures among which nothing matches say little against that.
    few = fit(Scores([20.0] * 5, [0.0] * 3, [0.1]))
    assert few.duplicate_threshold > 0.8 * nothing.duplicate_threshold


def test_in_a_small_collection_more_of_it_may_be_alike() -> None:
    likeness = np.linspace(0, 1, 1001).tolist()
    alike = [
        Scores((), (), likeness, contents).similar_threshold
        for contents in (10, 300, 1500, 100_000)
    ]
    assert alike == pytest.approx([0.75, 0.99, 0.998, 0.998], abs=1e-3)


@given(SCORES, SCORES, st.floats(0.5, 20))
def test_its_figures_are_shares_and_it_is_finite(
    copies: list[float], others: list[float], more: float
) -> None:
    fitted = fit(Scores(copies, others, [0.5]))

    assert math.isfinite(fitted.duplicate_threshold)
    assert fitted.duplicate_threshold > 0
    assert 0 <= fitted.false_alarms <= 1
    assert 0 <= fitted.misses <= 1
    better = fit(Scores([score + more * 100 for score in copies], others, [0.5]))
    assert better.misses <= 1


@pytest.mark.parametrize(
    ("images", "way", "outdated"),
    [(100, "a", False), (199, "a", False), (51, "a", False), (200, "a", True), (50, "a", True),
     (100, "b", True)],
)  # fmt: skip
def test_it_is_fitted_again_when_the_collection_has_doubled(
    images: int, way: str, outdated: bool
) -> None:
    assert Thresholds({}, 100, "a").outdated(images, way) is outdated


def test_what_was_fitted_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "thresholds.pkl"
    assert load(path) is None
    made = Thresholds({"photo": Threshold(30.5, 0.4, 0.001, 0.02, 300)}, 1000, "way")

    save(path, made)
    assert load(path) == made

    path.write_bytes(path.read_bytes()[:-3])
    assert load(path) is None, "damaged thresholds are measured again"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheError, match="cannot be written"):
        save(tmp_path / "file" / "thresholds.pkl", made)
