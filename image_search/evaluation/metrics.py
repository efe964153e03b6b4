"""Measures of a ranking: pure functions of arrays.

Average precision is scikit-learn's ``average_precision_score``; P@k and recall@k are those of
information retrieval (Manning, Raghavan and Schuetze, *Introduction to Information Retrieval*,
2008, section 8.4). Images of equal score have no order among themselves: average precision counts
all of them at the precision reached at the last one, as scikit-learn does; P@k and recall@k are
what is to be expected when each such group is shuffled. So no figure depends on the order of the
files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

# Resamples held in memory at once by the bootstrap.
_BLOCK = 100


@dataclass(frozen=True, eq=False)
class Ranked:
    """Rankings of ``n`` images for ``q`` queries, best first; all arrays are (q, n).

    ``order`` holds the images' numbers, ``relevant`` whether the image at a place is an answer, and
    ``found`` how many answers there are up to and with that place. ``starts`` and ``ends`` are the
    first and last place of the group of equal scores that a place belongs to.
    """

    order: Integers
    relevant: Bools
    found: Integers
    starts: Integers
    ends: Integers

    @property
    def answers(self) -> Integers:
        """How many right answers each query has, (q,)."""
        return self.found[:, -1]


def ranked(scores: Floats, relevant: Bools, left_out: Integers | None = None) -> Ranked:
    """Order images by score; ``scores`` and ``relevant`` are (q, n), higher scores are better.

    ``left_out`` (q,) is, for each query, the number of the one image that takes no part (the query
    itself), or -1. It comes last in the ranking and is never an answer.

    Raises:
        ValueError: a score is not a finite number, or there is no image.
    """
    if scores.shape[1] == 0 or not np.isfinite(scores).all():
        raise ValueError("scores must be finite numbers, and at least one a query")
    if left_out is not None:
        rows = np.flatnonzero(left_out >= 0)
        scores, relevant = scores.copy(), relevant.copy()
        scores[rows, left_out[rows]] = -np.inf
        relevant[rows, left_out[rows]] = False
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    relevant = np.take_along_axis(relevant, order, axis=1)
    edge = np.ones((len(scores), 1), dtype=np.bool_)
    change = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(scores.shape[1])
    starts = np.maximum.accumulate(np.where(np.hstack([edge, change]), places, 0), axis=1)
    lasts = np.where(np.hstack([change, edge]), places, len(places))
    ends = np.minimum.accumulate(lasts[:, ::-1], axis=1)[:, ::-1]
    return Ranked(order, relevant, np.cumsum(relevant, axis=1, dtype=np.int64), starts, ends)


def average_precision(ranking: Ranked) -> Doubles:
    """Average precision of each query, (q,); NaN where a query has no answer."""
    precision = np.take_along_axis(ranking.found, ranking.ends, axis=1) / (ranking.ends + 1)
    return _share((precision * ranking.relevant).sum(axis=1), ranking.answers)


def expected_found(ranking: Ranked, k: int) -> Doubles:
    """How many answers are to be expected among the first ``k``, (q,)."""
    last = min(k, ranking.found.shape[1]) - 1
    rows = np.arange(len(ranking.found))
    start, end = ranking.starts[:, last], ranking.ends[:, last]
    before = ranking.found[rows, start] - ranking.relevant[rows, start]
    group = ranking.found[rows, end] - before
    return np.asarray(before + group * (last + 1 - start) / (end - start + 1), dtype=np.float64)


def precision_at(ranking: Ranked, k: int) -> Doubles:
    """P@k, (q,): the share of answers among the first ``k``, also where there are fewer images;
    NaN where a query has no answer."""
    return np.where(ranking.answers > 0, expected_found(ranking, k) / k, np.nan)


def recall_at(ranking: Ranked, k: int) -> Doubles:
    """Recall@k, (q,): the share of the query's answers that are among the first ``k``; NaN where a
    query has no answer. With one answer a query it is the share of queries that find it."""
    return _share(expected_found(ranking, k), ranking.answers)


def first_answer(ranking: Ranked) -> Integers:
    """The place, from 1, of each query's best answer, (q,); 0 where a query has none."""
    return np.where(ranking.answers > 0, ranking.relevant.argmax(axis=1) + 1, 0)


def resampled_means(values: Doubles, *, resamples: int = 2000, seed: int = 0) -> Doubles:
    """Bootstrap over queries: (resamples, m) means of the columns of ``values`` (q, m).

    Each resample draws q queries with replacement, the same ones for every column, so that columns
    can be compared in pairs.
    """
    chance = np.random.default_rng(seed)
    count = len(values)
    means = []
    for begin in range(0, resamples, _BLOCK):
        times = chance.multinomial(
            count, np.full(count, 1 / count), size=min(_BLOCK, resamples - begin)
        )
        means.append(times @ values / count)
    return np.concatenate(means)


def interval(resampled: Doubles) -> tuple[float, float]:
    """The percentile interval that holds 95 % of resampled values (resamples,)."""
    low, high = np.percentile(resampled, [2.5, 97.5]).tolist()
    return low, high


def cut_offs(images: int, wanted: Sequence[int] = ()) -> list[int]:
    """Values of k for a recall curve over ``images``: 1, 2, 5, 10, 20, 50, ... and ``wanted``."""
    steps = {
        digit * 10**power
        for power in range(len(str(images)))
        for digit in (1, 2, 3, 5, 7)
        if digit * 10**power < images
    }
    return sorted(steps | {images} | {k for k in wanted if k <= images})


def _share(part: npt.NDArray[np.generic], whole: Integers) -> Doubles:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
