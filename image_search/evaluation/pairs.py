"""Do similar images have similar embeddings? Scores of same-class pairs against all other pairs.

Millions of scores are kept as two fine histograms, so that memory does not depend on their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_search.evaluation.metrics import Bools, Doubles
from image_search.imaging.arrays import Floats

# Cosines are distinguished to 2 / 2**14 = 0.0001, the precision that answers show.
_FINE = 1 << 14
# Bars drawn, and the bins over which the overlap is taken.
BINS = 60


@dataclass(frozen=True)
class PairFigures:
    """How well scores separate pairs of the same class from other pairs.

    ``auc`` is the chance that a pair of the same class scores higher than another pair (0.5: no
    better than guessing; ties count half). ``overlap`` is the area that the two distributions,
    drawn in ``BINS`` bins, share: 0 none, 1 all. ``same`` and ``other`` are the shares of each in
    those bins, whose ``edges`` are BINS + 1 scores.
    """

    auc: float
    overlap: float
    same_pairs: int
    other_pairs: int
    same_mean: float
    other_mean: float
    edges: tuple[float, ...]
    same: tuple[float, ...]
    other: tuple[float, ...]


class PairScores:
    """Collects scores; ``figures`` sums them up."""

    def __init__(self) -> None:
        self._limit = 1.0
        self._counts = np.zeros((2, _FINE), dtype=np.int64)
        self._sums = np.zeros(2)

    def add(self, scores: Floats, same: Bools) -> None:
        """Take up ``scores`` (n,) of pairs, of which those in ``same`` (n,) are of one class."""
        while scores.size and np.abs(scores).max() > self._limit + 1e-4:
            self._widen()
        place = ((scores / self._limit + 1) * (_FINE / 2)).astype(np.int64)
        place = np.clip(place, 0, _FINE - 1)
        for row, chosen in enumerate((same, ~same)):
            self._counts[row] += np.bincount(place[chosen], minlength=_FINE)
            self._sums[row] += scores[chosen].sum(dtype=np.float64)

    def figures(self) -> PairFigures | None:
        """The figures; ``None`` where there are no pairs of one of the two sorts."""
        totals = self._counts.sum(axis=1)
        if not totals.all():
            return None
        shares = self._counts / totals[:, None]
        below = np.cumsum(shares[1]) - shares[1]
        edges, bars = self._bars(shares)
        means = self._sums / totals
        return PairFigures(
            auc=float((shares[0] * (below + shares[1] / 2)).sum()),
            overlap=float(bars.min(axis=0).sum()),
            same_pairs=int(totals[0]),
            other_pairs=int(totals[1]),
            same_mean=float(means[0]),
            other_mean=float(means[1]),
            edges=tuple(edges.tolist()),
            same=tuple(bars[0].tolist()),
            other=tuple(bars[1].tolist()),
        )

    def _widen(self) -> None:
        """Twice the range, each bin twice as wide."""
        quarter = _FINE // 4
        wide = np.zeros_like(self._counts)
        wide[:, quarter : 3 * quarter] = self._counts.reshape(2, -1, 2).sum(axis=2)
        self._counts, self._limit = wide, self._limit * 2

    def _bars(self, shares: Doubles) -> tuple[Doubles, Doubles]:
        """Both distributions over ``BINS`` bins between the lowest and the highest score."""
        used = np.flatnonzero(shares.any(axis=0))
        low, high = int(used[0]), int(used[-1]) + 1
        bounds = np.linspace(low, max(high, low + BINS), BINS + 1).round().astype(np.int64)
        padded = np.zeros((2, int(bounds[-1])))
        padded[:, : min(_FINE, padded.shape[1])] = shares[:, : padded.shape[1]]
        bars = np.add.reduceat(padded, bounds[:-1], axis=1)
        return (bounds / (_FINE / 2) - 1) * self._limit, bars
